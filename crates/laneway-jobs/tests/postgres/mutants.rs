//! Does the conformance body turn red on mistakes in the statements for Postgres?

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use laneway::Runtime;
use laneway::time::timeout;
use laneway_jobs::conformance::{CASES, Stage};
use laneway_jobs::postgres::{PostgresOptions, Probe};

use crate::server::{self, Server};

/// A case that takes longer waits for what a mutant never does.
const LIMIT: Duration = Duration::from_secs(60);

/// A text, and the one that stands for it.
type Edit = (&'static str, &'static str);

/// A statement in which some texts stand for others.
#[derive(Debug)]
struct Mutant {
    statement: &'static str,
    edits: Vec<Edit>,
    was_used: AtomicBool,
}

impl Probe for Mutant {
    fn text(&self, name: &str, text: String) -> String {
        if name != self.statement {
            return text;
        }
        self.was_used.store(true, Relaxed);
        self.edits.iter().fold(text, |text, (from, to)| {
            assert!(text.contains(from), "{self:?} is no mutant of {text}");
            text.replace(from, to)
        })
    }
}

fn run(server: &Server, mutant: Arc<Mutant>, case: &str) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let case = CASES.iter().find(|one| one.name() == case).unwrap();
    let schema = format!("mutant {}", NUMBER.fetch_add(1, Relaxed));
    let options = PostgresOptions::new().schema(schema).probe(mutant);
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(async {
        let store = options.connect(&server.url()).await.unwrap();
        let ended = timeout(LIMIT, case.run(Stage::new(store))).await;
        assert!(ended.is_ok(), "it waits");
    });
}

fn assert_caught(statement: &'static str, from: &'static str, to: &'static str, case: &str) {
    assert_all_caught(statement, vec![(from, to)], case);
}

fn assert_all_caught(statement: &'static str, edits: Vec<Edit>, case: &str) {
    let Some(server) = server::shared() else {
        return;
    };
    let mutant = Arc::new(Mutant {
        statement,
        edits,
        was_used: AtomicBool::new(false),
    });
    let ended = catch_unwind(AssertUnwindSafe(|| run(server, mutant.clone(), case)));
    assert!(ended.is_err(), "{case} does not see {mutant:?}");
    assert!(mutant.was_used.load(Relaxed), "{mutant:?} was not used");
}

const OLDER: &str = "fences::an_older_fence_is_refused_by_every_transition";
const PROLONGS: &str = "fences::a_lost_holder_prolongs_no_other_lease";
const ENDED: &str = "fences::a_lease_that_has_ended_is_refused_by_every_transition";

#[test]
fn every_transition_by_id_alone_is_caught() {
    for (statement, fence) in [
        ("CompleteLone", " AND job.fence = given.fence"),
        ("Settle", " AND job.fence = given.fence"),
        ("KeepStep", " AND fence = $2"),
        ("KeepProgress", " AND fence = $2"),
    ] {
        // The parameter keeps its type.
        let to = match fence.contains("$2") {
            true => " AND $2::bigint IS NOT NULL",
            false => "",
        };
        assert_caught(statement, fence, to, OLDER);
    }
    // Its answer is right all the same, since it tells the fence of the row.
    let fence = " AND job.fence = given.fence";
    assert_caught("Renew", fence, "", PROLONGS);
}

#[test]
fn every_transition_after_the_end_of_the_lease_is_caught() {
    for (statement, lease) in [
        (
            "CompleteLone",
            "AND job.lease_until > (SELECT t FROM clock)",
        ),
        ("Settle", "AND job.lease_until > (SELECT t FROM clock)"),
        ("Renew", "AND lease_until > (SELECT t FROM clock)"),
        ("KeepStep", "AND lease_until > (SELECT t FROM clock)"),
        ("KeepProgress", "AND lease_until > (SELECT t FROM clock)"),
    ] {
        assert_caught(statement, lease, "", ENDED);
    }
}

#[test]
fn a_rescue_without_guard_or_fence_is_caught() {
    let case = "lost_workers::an_expired_lease_is_rescued_with_a_crash";
    let guard = "lease_until <= (SELECT t FROM clock)";
    assert_caught("Rescue", guard, "lease_until > 0", case);
    let case = "fences::a_lost_holder_does_not_take_a_rescue_for_its_own_settlement";
    let fence = "fence = (SELECT fence FROM number), lease_until";
    assert_caught("Rescue", fence, "lease_until", case);
}

#[test]
fn the_attempt_as_fence_is_caught() {
    let fence = "fence = (SELECT fence FROM number)";
    let case = "claims::the_fence_grows";
    assert_caught("Claim", fence, "fence = attempt + 1", case);
}

/// The rows are found, and taken whatever has become of them.
#[test]
fn a_claim_as_two_statements_is_caught() {
    let edits = vec![
        ("FOR UPDATE SKIP LOCKED", ""),
        ("SELECT ctid", "SELECT id"),
        (
            "job.ctid = picked.ctid AND job.state = 0",
            "job.id = picked.id",
        ),
    ];
    let case = "workers::no_job_runs_twice_among_sixteen_workers";
    assert_all_caught("Claim", edits, case);
}

#[test]
fn blame_without_suspects_is_caught() {
    let case = "lost_workers::a_suspect_is_claimed_alone";
    assert_caught(
        "Claim",
        "crashes = 0 AND queue = $1 AND lane",
        "queue = $1 AND lane",
        case,
    );
    let case = "reports::good_job_922_a_poison_job_is_quarantined_and_no_innocent";
    assert_caught(
        "ClaimSuspect",
        "LIMIT least(1, $3::bigint)",
        "LIMIT $3::bigint",
        case,
    );
}

#[test]
fn uniqueness_that_is_not_kept_is_caught() {
    let case = "uniqueness::keep_gives_the_existing_one";
    let from = "    parent, t, payload, held, unique_key,";
    assert_caught(
        "InsertPlaced",
        from,
        "    parent, t, payload, held, NULL,",
        case,
    );
    let case = "uniqueness::run_again_runs_once_more_after_the_running_one";
    assert_caught("ReleaseSuccessors", "job.held = 1", "job.held = 2", case);
}

#[test]
fn a_firing_with_a_guard_less_is_caught() {
    for (from, to, case) in [
        (
            "AND next_at <= t",
            "",
            "schedules::a_firing_before_its_instant_does_not_happen",
        ),
        (
            "AND NOT paused",
            "",
            "schedules::a_paused_schedule_does_not_fire_until_it_is_resumed",
        ),
        (
            "pattern = $2",
            "$2::text IS NOT NULL",
            "schedules::an_older_pattern_does_not_fire_at_an_instant_that_both_have",
        ),
    ] {
        assert_caught("MoveSchedule", from, to, case);
    }
}

#[test]
fn a_settlement_of_another_fence_that_is_taken_for_ones_own_is_caught() {
    let case = "fences::what_another_fence_has_settled_is_none_of_its_own";
    let from = "WHERE job.id = given.id AND job.fence = given.fence AND state <> 1)";
    assert_caught(
        "SettledBefore",
        from,
        "WHERE job.id = given.id AND state <> 1)",
        case,
    );
}
