use crate::program::Place;

/// The program must refuse these arguments with this in its message, and write nothing.
#[track_caller]
fn check(arguments: &str, message: &str) {
    let place = Place::new();
    let refused = place.run(arguments);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains(message), "{}", refused.stderr);
    assert!(refused.stderr.starts_with("error: "), "{}", refused.stderr);
    assert_eq!(refused.stdout, "");
    assert!(place.files().is_empty(), "{:?}", place.files());
}

#[test]
fn names_that_are_not_known_are_refused_with_those_that_are() {
    check(
        "--topologies Dense,Torus",
        "unknown topology \"Torus\": expected one of Dense, Star, Ring, Line, BinaryTree, Lattice, \
         Modular, Random",
    );
    check("--rule nand", "unknown rule \"nand\": expected one of majority, and, or, xor, logistic");
    check(
        "--estimator magic",
        "unknown estimator \"magic\": expected one of hdc, hdc-limit, spectral",
    );
    check("--formalism iit5", "unknown formalism \"iit5\": expected one of iit3");
    check("--state sideways", "unknown state \"sideways\": expected one of off, on, a string");
}

#[test]
fn numbers_out_of_range_are_refused_with_the_range() {
    check("--sizes 1", "size 1: expected at least 2 units");
    check("--sizes 5,five", "invalid value 'five' for '--sizes");
    check("--sizes 5,5", "size 5 is listed twice");
    check("--seeds=-1", "invalid value '-1' for '--seeds <S,S>'");
    check("--jobs 0", "invalid value '0' for '--jobs <N>'");
    check("--jobs 60000", "60000 is not in 1..=1024");
    check("--rule logistic --gain inf", "gain inf: expected a finite number");
    check("--seeds 18446744073709551616", "number too large to fit in target type");
    check("--gain 2", "gain 2 with the rule majority: expected --rule logistic");
    check("--rule logistic --gain NaN", "gain NaN: expected a finite number");
    check("--sizes 5,6 --state 10000", "state 10000 has 5 units, but the sizes include 6");
}

#[test]
fn networks_that_cannot_be_held_are_refused_with_the_memory_they_need() {
    check("--topologies Ring --sizes 14", "Ring n = 14 seed 42: 14 units would need ");
    check("--sizes 26", "size 26: its transition probabilities alone need 14.50 GiB");
    check("--sizes 100", "size 100: expected at most 32 units");
}

#[test]
fn a_state_that_cannot_be_reached_is_refused_before_the_run() {
    // A leaf of a star copies the centre, so leaves differ never.
    check(
        "--topologies Ring,Star --sizes 4 --state 0100",
        "Star n = 4 seed 42: state: (0,1,0,0) of the units {0,1,2,3} is unreachable",
    );
}

#[test]
fn outputs_that_cannot_be_written_are_refused_before_the_run() {
    check("--sizes 4 --out missing/results.csv", "cannot write missing/results.csv: No such file");
    check("--sizes 4 --out .", "output .: ");
    check("--resume --force", "cannot be used with");
    let place = Place::new();
    place.write("file", "");
    let refused = place.run("--sizes 4 --out file/results.csv");
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("file/results.csv: Not a directory"), "{}", refused.stderr);
}

#[cfg(unix)]
#[test]
fn a_folder_without_permission_is_refused_before_the_run() {
    use std::os::unix::fs::PermissionsExt;

    let place = Place::new();
    let folder = place.path("locked");
    std::fs::create_dir(&folder).unwrap();
    let set = |mode| {
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    set(0o555);
    let is_root = std::fs::write(folder.join("probe"), "").is_ok();
    let refused = place.run("--topologies Line --sizes 4 --seeds 42 --out locked/results.csv");
    set(0o755);
    if is_root {
        // Permissions do not bind the superuser: the run succeeds, and that is right.
        refused.succeeded();
        return;
    }
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    let message = "cannot write locked/results.csv: Permission denied";
    assert!(refused.stderr.contains(message), "{}", refused.stderr);
}

#[test]
fn usage_is_refused() {
    check("--no-such-flag", "unexpected argument '--no-such-flag'");
    check("phi", "--network <FILE>");
    check("phi --network a.json --sizes 5", "unexpected argument '--sizes'");
}
