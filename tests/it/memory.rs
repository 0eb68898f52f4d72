//! A computation that needs more memory than this process may take is not begun. It costs nothing
//! that is done.

use std::process::Command;

use crate::own_network::dense;
use crate::program::{Finished, Place, program};

/// Runs the program here with so many MiB of address space (`-v`) or of data (`-d`).
fn with_limit(place: &Place, limit: &str, mib: u64, arguments: &str) -> Finished {
    let mut command = Command::new("sh");
    command.current_dir(place.path("."));
    command.args(["-c", r#"ulimit "$1" "$2"; shift 2; exec "$@""#, "sh", limit]);
    command.arg((mib << 10).to_string()).arg(program());
    command.args(arguments.split_whitespace());
    command.output().unwrap().into()
}

/// Checks that the message names what is needed and what there is.
#[track_caller]
fn names_both(finished: &Finished, needed: &str) {
    assert_eq!(finished.code, Some(2), "stderr: {}", finished.stderr);
    let expected = format!("needs {needed} of memory with one thread, expected at most ");
    let stderr = &finished.stderr;
    assert!(stderr.contains(&expected) && stderr.contains("which are available"), "{stderr}");
}

#[test]
fn an_analysis_that_does_not_fit_is_not_begun() {
    let place = Place::new();
    // A generic network: nothing is interchangeable, no state is impossible.
    let mut network = dense(12);
    network["cm"] = vec![vec![1; 12]; 12].into();
    for (s, row) in network["tpm"].as_array_mut().unwrap().iter_mut().enumerate() {
        for (j, p) in row.as_array_mut().unwrap().iter_mut().enumerate() {
            *p = ((s * 31 + j * 17) % 97 + 1).into();
            *p = (p.as_f64().unwrap() / 100.0).into();
        }
    }
    place.write("twelve.json", network.to_string());
    for (arguments, needed) in [
        ("", "2.1 GiB"),
        ("--ties", "6.9 GiB"),
        ("--complexes", "2.1 GiB"),
        ("--formalism iit4-2023", "651 MiB"),
    ] {
        let mib = if needed.ends_with("GiB") { 1500 } else { 600 };
        let command = format!("phi --network twelve.json --jobs 1 {arguments}");
        let finished = with_limit(&place, "-v", mib, &command);
        names_both(&finished, needed);
        assert_eq!(finished.stdout, "");
    }
}

#[test]
fn rows_that_do_not_fit_are_left_out_of_a_study_and_the_others_are_there() {
    let place = Place::new();
    let study = "--sizes 3,12 --topologies Dense,Ring --seeds 1 --tie-orders 0 --jobs 1";
    let finished = with_limit(&place, "-v", 1500, &format!("{study} --out rows.csv"));
    names_both(&finished, "2.1 GiB");
    let note = "of 2 exact problems with 2 rows that were left out for want of memory it is the \
                first: 2 of 4 rows are in";
    assert!(finished.stderr.contains(note), "{}", finished.stderr);
    assert_eq!(place.read("rows.csv").lines().count(), 3, "{}", place.read("rows.csv"));
    // With the same settings it goes on, and says it again.
    let again = with_limit(&place, "-v", 1500, &format!("{study} --out rows.csv --resume"));
    names_both(&again, "2.1 GiB");
    assert_eq!(place.read("rows.csv").lines().count(), 3);
}

#[test]
fn what_fits_on_fewer_threads_is_done_on_those() {
    let place = Place::new();
    place.write("eight.json", dense(8).to_string());
    let expected = place.run("phi --network eight.json --jobs 1 --format json").succeeded();
    // A thread more takes some 5 MiB for its tables: there is not enough for 40.
    let finished =
        with_limit(&place, "-d", 200, "phi --network eight.json --jobs 40 --format json");
    assert_eq!(finished.succeeded().stdout, expected.stdout);
}
