//! Does the conformance body turn red on the mistakes that it is for?

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use laneway::sim::Sim;
use laneway_jobs::conformance::{CASES, Stage};
use laneway_jobs::sqlite::{Probe, SqliteOptions, Statement};

/// A statement in which one text stands for another.
#[derive(Clone, Copy, Debug)]
struct Mutant {
    statement: Statement,
    from: &'static str,
    to: &'static str,
}

impl Probe for Mutant {
    fn text(&self, statement: Statement) -> Cow<'static, str> {
        let text = statement.text();
        match statement == self.statement {
            true => Cow::Owned(text.replace(self.from, self.to)),
            false => Cow::Borrowed(text),
        }
    }
}

const LEASE: &str = " AND lease_until > :t";
const FENCE: &str = " AND fence = :fence";

fn assert_caught(statement: Statement, from: &'static str, to: &'static str, case: &str) {
    let mutant = Mutant {
        statement,
        from,
        to,
    };
    assert_ne!(
        mutant.text(statement),
        statement.text(),
        "the mutant is one"
    );
    let case = CASES.iter().find(|one| one.name() == case).unwrap();
    let run = || {
        Sim::seed(0).run(async {
            let options = SqliteOptions::new().probe(Arc::new(mutant));
            case.run(Stage::new(options.memory().unwrap())).await;
        })
    };
    let ended = catch_unwind(AssertUnwindSafe(run));
    assert!(
        !matches!(ended, Ok(Ok(_))),
        "{case:?} does not see {mutant:?}"
    );
}

const OLDER: &str = "fences::an_older_fence_is_refused_by_every_transition";
const ENDED: &str = "fences::a_lease_that_has_ended_is_refused_by_every_transition";

#[test]
fn every_transition_by_id_alone_is_caught() {
    for statement in [
        Statement::Complete,
        Statement::CompleteLone,
        Statement::Settle,
        Statement::Renew,
        Statement::KeepStep,
        Statement::KeepProgress,
    ] {
        assert_caught(statement, FENCE, "", OLDER);
        assert_caught(statement, LEASE, "", ENDED);
    }
}

#[test]
fn the_attempt_as_fence_is_caught() {
    let from = "(SELECT fence + 1 FROM laneway_meta)";
    assert_caught(
        Statement::Claim,
        from,
        "attempt + 1",
        "claims::the_fence_grows",
    );
}

#[test]
fn a_renewal_after_the_end_is_caught() {
    let case = "fences::a_renewal_after_the_end_is_refused";
    assert_caught(Statement::Renew, LEASE, "", case);
}

#[test]
fn a_rescue_without_guard_is_caught() {
    let case = "lost_workers::an_expired_lease_is_rescued_with_a_crash";
    assert_caught(
        Statement::Rescue,
        "lease_until <= :t",
        "lease_until > 0",
        case,
    );
}

#[test]
fn a_rescue_that_keeps_the_fence_is_caught() {
    let case = "fences::a_lost_holder_does_not_take_a_rescue_for_its_own_settlement";
    let from = "fence = (SELECT fence + 1 FROM laneway_meta), ";
    assert_caught(Statement::Rescue, from, "", case);
}

#[test]
fn an_answer_that_is_given_again_to_the_wrong_claim_is_caught() {
    let statement = Statement::ClaimedBy;
    let others = "lost_answers::each_claim_has_its_own_jobs";
    assert_caught(statement, " AND claim = :claim", "", others);
    let settled = "lost_answers::a_job_that_was_settled_or_claimed_since_is_not_answered";
    assert_caught(statement, "state = 1 AND ", "", settled);
    let lease = "lost_answers::the_answer_has_a_lease_of_its_own";
    assert_caught(statement, ":t + :lease", "lease_until", lease);
}

#[test]
fn counts_of_members_that_go_wrong_are_caught() {
    let follows = "batches::it_follows_when_the_last_member_is_settled";
    let lone = " AND awaited_by IS NULL";
    assert_caught(Statement::CompleteLone, lone.trim_start(), "AND 1", follows);
    let retried = "batches::a_member_that_is_retried_by_hand_is_awaited_until_the_end";
    assert_caught(Statement::CountMember, " AND ended = 0", "", retried);
    assert_caught(Statement::UncountMember, " AND ended = 0", "", retried);
    let added = "batches::a_member_that_is_added_is_awaited";
    assert_caught(
        Statement::AddMember,
        "left = left + 1",
        "left = left",
        added,
    );
    assert_caught(Statement::AddMember, " AND ended = 0", "", added);
    let cancelled = "chains::a_link_that_was_cancelled_by_hand_is_not_brought_back";
    assert_caught(Statement::AwaitAgain, " AND held = 2", "", cancelled);
    let fails = "chains::a_link_that_fails_cancels_those_behind_it";
    assert_caught(
        Statement::CountMember,
        "awaits = 1 AND done < total",
        "0",
        fails,
    );
}

#[test]
fn suspects_among_innocents_are_caught() {
    let case = "lost_workers::a_suspect_is_claimed_alone";
    assert_caught(Statement::Claim, " AND crashes = 0", "", case);
}
