use serde_json::Value;

use crate::program::Place;

/// 24 rows of 15 exact problems.
const STUDY: &str = "--topologies Star,Ring,Line,Random --sizes 3,4,5 --seeds 1,2 --jobs 1";

/// A summary without what no two runs share: times and counters.
fn timeless(place: &Place, run: &str) -> Value {
    let mut summary = place.json(&format!("runs/{run}/summary.json"));
    for problem in summary["exact_problems"].as_array_mut().unwrap() {
        problem["duration_ms"].take();
        problem["range"]["duration_ms"].take();
        problem["counters"].take();
    }
    summary
}

#[test]
fn merged_shards_are_the_run_of_the_whole() {
    let place = Place::new();
    let whole = place.run(&format!("{STUDY} --run whole")).succeeded();
    let mut n_solved = 0;
    for index in 1..=3 {
        place.run(&format!("{STUDY} --shard {index}/3 --run part-{index}")).succeeded();
        let summary = place.json(&format!("runs/part-{index}/summary.json"));
        assert_eq!(summary["settings"]["shard"], format!("{index}/3"));
        n_solved += summary["n_exact_problems"].as_u64().unwrap();
        let page = place.read(&format!("runs/part-{index}/report.md"));
        assert!(page.contains(&format!("This is shard {index}/3 of a larger study")));
    }
    assert_eq!(place.json("runs/whole/summary.json")["n_exact_problems"], n_solved);

    let merged = place.run("merge part-3 runs/part-1 part-2 --run merged").succeeded();
    // Not only the same rows when sorted: the same rows in the same order, and the same statistics to the
    // last bit.
    assert_eq!(place.untimed("runs/merged/results.csv"), place.untimed("runs/whole/results.csv"));
    assert_eq!(timeless(&place, "merged"), timeless(&place, "whole"));
    assert_eq!(merged.stdout, whole.stdout);
    assert_eq!(place.read("runs/merged/settings.json"), place.read("runs/whole/settings.json"));
    assert!(place.path("runs/merged/report.html").exists());
    // It is a finished run of the whole.
    let again = place.run(&format!("{STUDY} --run merged")).succeeded();
    assert!(again.stderr.contains("; 24 rows are done"), "{}", again.stderr);
}

#[test]
fn what_does_not_fit_together_is_refused_by_name() {
    let place = Place::new();
    let short = "--topologies Ring,Line --sizes 4 --seeds 42,123";
    place.run(&format!("{short} --shard 1/2 --run one")).succeeded();
    place.run(&format!("{short} --shard 2/2 --run two")).succeeded();
    place.run(&format!("{short} --shard 2/2 --rule xor --run xor")).succeeded();
    let check = |arguments: &str, message: &str| {
        let refused = place.run(arguments);
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert_eq!(refused.stderr, format!("error: {message}\n"));
        assert!(!place.path("runs/merged").exists());
    };
    check(
        "merge one --run merged",
        "cannot merge: 2 rows of 4 are in none of the runs: Line n = 4 seed 42, Line n = 4 seed 123; there \
         is no run of shard 2/2",
    );
    check(
        "merge one two two --run merged",
        "cannot merge: 2 rows are in more than one run: Line n = 4 seed 42 (runs/two, line 2 and \
         runs/two, line 2), Line n = 4 seed 123 (runs/two, line 3 and runs/two, line 3)",
    );
    check(
        "merge one xor --run merged",
        "cannot merge: runs/one (shard 1/2) and runs/xor (shard 2/2) differ in their settings (rule: \
         majority, not xor)",
    );
    check(
        "merge one nothing --run merged",
        "runs/nothing: is not the folder of a run: expected a settings.json in it",
    );
    check(
        "merge one two --run one/two",
        "run \"one/two\": expected a name that can be that of a folder, without separators and \
         control characters",
    );
    let refused = place.run("merge one two --run two");
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("runs/two: exists: choose another name"), "{}", refused.stderr);
    // The shard is a setting.
    let refused = place.run(&format!("{short} --shard 1/2 --run two"));
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("other settings (shard: 2/2, not 1/2)"), "{}", refused.stderr);
    let refused = place.run(&format!("{short} --shard 3/2 --run three"));
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("expected i/k, the i-th of k shards"), "{}", refused.stderr);
}
