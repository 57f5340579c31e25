//! Does the page on crash points tell of every transition, and of a test for each?

use std::fmt::Write;
use std::fs;

use laneway_jobs::sqlite::Transition;

/// The rules that hold where the writer is lost at a transition.
struct Row {
    transition: Transition,
    /// Before the commit, and after it.
    before: &'static str,
    after: &'static str,
    /// Then, in any case.
    then: &'static str,
    test: &'static str,
}

const ROWS: [Row; 13] = [
    Row {
        transition: Transition::Insert,
        before: "there is no job",
        after: "the job is there",
        then: "the insert is sent again under the same id: one job, which runs once",
        test: "lost_inserts_claims_and_settlements_run_no_job_twice",
    },
    Row {
        transition: Transition::Claim,
        before: "the job is ready, uncharged",
        after: "the job runs, charged",
        then: "the claim is asked about by its id: it runs once, and no worker counts as lost",
        test: "lost_inserts_claims_and_settlements_run_no_job_twice",
    },
    Row {
        transition: Transition::InsertAndClaim,
        before: "there is no job",
        after: "the job runs, charged",
        then: "each half is asked about alone: one job, which runs once",
        test: "lost_inserts_claims_and_settlements_run_no_job_twice",
    },
    Row {
        transition: Transition::ClaimedBy,
        before: "the leases are as the claim left them",
        after: "the leases are longer",
        then: "it is asked again: the same jobs, fences and charges",
        test: "a_claim_that_is_asked_about_again_has_its_jobs_whatever_is_lost",
    },
    Row {
        transition: Transition::Settle,
        before: "the job runs",
        after: "the job has ended, and what waited for it is let go",
        then: "it is sent again with the same fence: one completion, and what follows runs once",
        test: "a_batch_and_a_chain_go_on_once_whatever_is_lost",
    },
    Row {
        transition: Transition::Renew,
        before: "the lease is as it was",
        after: "the lease is longer",
        then: "the next renewal comes before its end: no lease is lost",
        test: "a_lost_renewal_loses_no_lease",
    },
    Row {
        transition: Transition::Note,
        before: "no progress and no step is kept",
        after: "it is kept",
        then: "a step is kept again under its name: its first value stands",
        test: "lost_notes_and_reads_lose_no_job",
    },
    Row {
        transition: Transition::Rescue,
        before: "the lease has ended, and the job still counts as running",
        after: "the job is ready, with one crash more",
        then: "the next rescue finds it or not: one crash is charged",
        test: "a_lost_rescue_is_made_again_and_charges_one_crash",
    },
    Row {
        transition: Transition::Prune,
        before: "old jobs are there",
        after: "some are deleted",
        then: "the next pruning deletes the rest, and no job that is not old",
        test: "a_lost_pruning_deletes_old_jobs_and_no_others",
    },
    Row {
        transition: Transition::Change,
        before: "nothing is changed",
        after: "the change is made",
        then: "it is sent again: done, or the state that it led to",
        test: "a_lost_change_that_is_sent_again_is_as_if_it_was_sent_once",
    },
    Row {
        transition: Transition::Fire,
        before: "the instant is due, and has no job",
        after: "the instant is fired, has its job, and the schedule waits for the next one",
        then: "it is fired again or not: each instant has one job",
        test: "a_lost_firing_fires_each_instant_once",
    },
    Row {
        transition: Transition::Read,
        before: "nothing is changed",
        after: "nothing is changed",
        then: "it is asked again",
        test: "lost_notes_and_reads_lose_no_job",
    },
    Row {
        transition: Transition::Transact,
        before: "neither the caller's rows nor the job are there",
        after: "both are there",
        then: "the caller is told that the outcome is unknown, and looks",
        test: "a_lost_transaction_keeps_the_purse_and_the_job_or_neither",
    },
];

const HEAD: &str = "# Crash points

The writer of a store on SQLite comes to four moments in the life of each command: its transaction
has begun; its statements have run and nothing is committed; the commit has come back and the caller
has no answer; the caller has its answer. At each of them a test lets it lose its work, as a killed
process does. This table tells what has to hold then; the tests are in `tests/crash_points.rs` and
`tests/lost_steps.rs`, `tests/killed.rs` kills processes, and `tests/crash_point_page.rs` writes
this page.

| transition | lost before the commit | lost after it | then | test |
|---|---|---|---|---|
";

fn page() -> String {
    let mut page = HEAD.to_owned();
    for row in &ROWS {
        let Row {
            transition,
            before,
            after,
            then,
            test,
        } = row;
        writeln!(
            page,
            "| {transition:?} | {before} | {after} | {then} | `{test}` |"
        )
        .unwrap();
    }
    page
}

const WAY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/CRASH_POINTS.md");

#[test]
fn the_page_is_that_of_the_table() {
    if std::env::var_os("LANEWAY_WRITE_PAGES").is_some() {
        fs::write(WAY, page()).unwrap();
    }
    let found = fs::read_to_string(WAY).unwrap();
    assert_eq!(found, page(), "LANEWAY_WRITE_PAGES=1 writes it anew");
}

#[test]
fn every_transition_has_its_row_and_every_row_its_test() {
    let probe = include_str!("../src/sqlite/probe.rs");
    let (_, variants) = probe.split_once("pub enum Transition {").unwrap();
    let (variants, _) = variants.split_once("\n}").unwrap();
    let names = variants
        .lines()
        .filter_map(|line| line.trim().strip_suffix(','));
    let rows: Vec<String> = ROWS
        .iter()
        .map(|row| format!("{:?}", row.transition))
        .collect();
    let missing: Vec<&str> = names
        .clone()
        .filter(|name| !rows.iter().any(|row| row == name))
        .collect();
    assert_eq!((names.count(), missing), (ROWS.len(), Vec::new()));
    let tests = [
        include_str!("crash_points.rs"),
        include_str!("lost_steps.rs"),
    ]
    .concat();
    for row in &ROWS {
        assert!(
            tests.contains(&format!("fn {}()", row.test)),
            "{}",
            row.test
        );
        let named = format!("Transition::{:?}", row.transition);
        assert!(tests.contains(&named), "no test loses {named}");
    }
}
