//! The readers of what comes from outside, on the corpora of the fuzz targets and on inputs made of
//! them.

use phi_validation::fuzzing;

#[path = "../../fuzz/mutations.rs"]
mod mutations;

#[test]
fn readers_take_or_refuse_whatever_comes() {
    mutations::check("study_networks", 2_000, fuzzing::networks);
    mutations::check("study_suite", 2_000, fuzzing::suite);
    mutations::check("study_settings", 2_000, fuzzing::settings);
    mutations::check("study_cluster_documents", 5_000, fuzzing::cluster_documents);
    mutations::check("study_timeline", 5_000, fuzzing::timeline);
    mutations::check("study_names", 5_000, fuzzing::names);
}

#[test]
fn what_the_files_of_a_data_set_say_is_read_or_refused() {
    mutations::check("study_dataset", 5_000, fuzzing::dataset);
}

#[test]
fn what_a_journal_of_a_search_says_is_read_or_refused() {
    mutations::check("study_search", 5_000, fuzzing::search);
}

#[test]
fn what_a_journal_says_can_be_shown_or_is_refused() {
    mutations::check("study_journal", 300, fuzzing::journal);
}
