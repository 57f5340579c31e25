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
const PROLONGS: &str = "fences::a_lost_holder_prolongs_no_other_lease";
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
    assert_caught(Statement::Renew, FENCE, "", PROLONGS);
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
    assert_caught(Statement::Claimed, " AND claim = :claim", "", others);
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

/// The innocents that were lost along with a poison job would go to quarantine with it.
#[test]
fn blame_without_suspects_is_caught() {
    let case = "reports::good_job_922_a_poison_job_is_quarantined_and_no_innocent";
    let (from, to) = ("LIMIT min(1, :limit)", "LIMIT :limit");
    assert_caught(Statement::ClaimSuspect, from, to, case);
    let case = "workers::a_suspect_runs_alone_of_its_kind";
    assert_caught(Statement::Claim, " AND crashes = 0", "", case);
}

#[test]
fn a_firing_with_a_guard_less_is_caught() {
    for (guard, case) in [
        (
            " AND next_at = :at",
            "a_firing_of_another_instant_does_not_happen",
        ),
        (
            " AND next_at <= :t",
            "a_firing_before_its_instant_does_not_happen",
        ),
        (
            " AND pattern = :pattern",
            "an_older_pattern_does_not_fire_at_an_instant_that_both_have",
        ),
        (
            " AND zone = :zone",
            "an_older_pattern_does_not_fire_at_an_instant_that_both_have",
        ),
        (
            "paused = 0",
            "a_paused_schedule_does_not_fire_until_it_is_resumed",
        ),
    ] {
        let to = if guard.starts_with(" AND") { "" } else { "1" };
        let case = format!("schedules::{case}");
        assert_caught(Statement::MoveSchedule, guard, to, &case);
    }
}

#[test]
fn the_next_instant_from_now_on_is_caught() {
    let case = "schedules::many_workers_fire_each_instant_once";
    let to = "next_at = :t + (:next - :at)";
    assert_caught(Statement::MoveSchedule, "next_at = :next", to, case);
}

#[test]
fn an_instant_that_is_fired_again_is_caught() {
    let case = "schedules::an_instant_that_was_fired_gets_no_second_job";
    let to = "DO UPDATE SET fired_at = :t";
    assert_caught(Statement::KeepFire, "DO NOTHING", to, case);
}

#[test]
fn a_deploy_that_forgets_what_is_due_is_caught() {
    let case = "schedules::the_same_pattern_keeps_its_instant_and_another_does_not";
    let (from, to) = ("THEN next_at ELSE", "THEN excluded.next_at ELSE");
    assert_caught(Statement::KeepSchedule, from, to, case);
}

#[test]
fn a_pruning_of_young_jobs_is_caught() {
    let case = "pruning::only_settled_jobs_that_are_old_enough_are_deleted";
    assert_caught(Statement::Prune, "finished_at <= :t - :age", "1", case);
    let case = "pruning::no_more_are_deleted_at_a_time_than_was_asked_for";
    assert_caught(Statement::Prune, "LIMIT :limit", "", case);
}

#[test]
fn an_expiry_before_its_time_is_caught() {
    let case = "lost_workers::a_job_that_expires_before_it_is_begun_fails";
    assert_caught(
        Statement::Expire,
        "expires_at <= :t",
        "expires_at > 0",
        case,
    );
    assert_caught(Statement::Claim, "expires_at > :t", "expires_at > 0", case);
}

#[test]
fn a_quarantine_that_comes_late_is_caught() {
    let case = "lost_workers::the_third_crash_quarantines";
    let (from, to) = (
        "crashes + 1 >= :max_crashes THEN 5",
        "crashes >= :max_crashes THEN 5",
    );
    assert_caught(Statement::Rescue, from, to, case);
}

#[test]
fn changes_by_hand_of_jobs_in_other_states_are_caught() {
    let running = "by_hand::a_deleted_job_is_gone_and_a_running_one_is_not_deleted";
    assert_caught(Statement::DeleteByHand, " AND state <> 1", "", running);
    let asked = "by_hand::a_ready_job_is_cancelled_and_a_running_one_is_asked";
    assert_caught(Statement::CancelReady, " AND state = 0", "", asked);
    let again = "by_hand::a_quarantined_job_runs_again_by_hand";
    assert_caught(Statement::RetryByHand, " AND state >= 3", "", again);
    assert_caught(Statement::RetryByHand, "crashes = 0, ", "", again);
}

#[test]
fn uniqueness_that_is_not_kept_is_caught() {
    let case = "uniqueness::keep_gives_the_existing_one";
    assert_caught(Statement::Insert, ":unique_key,", "NULL,", case);
    let case = "uniqueness::run_again_runs_once_more_after_the_running_one";
    let (from, to) = ("AND held = 1", "AND held = 2");
    assert_caught(Statement::ReleaseSuccessor, from, to, case);
}

#[test]
fn a_claim_that_leaves_no_place_to_the_other_lane_is_caught() {
    let case = "claims::low_first_leaves_half_of_its_places_to_high";
    for (from, to) in [
        ("LIMIT :of_first)", "LIMIT :limit)"),
        (" OFFSET :of_first", ""),
        ("lane = 1 - :first", "lane = :first"),
    ] {
        assert_caught(Statement::Claim, from, to, case);
    }
}

#[test]
fn an_insert_that_is_taken_along_by_a_claim_with_a_guard_less_is_caught() {
    // A job of another kind is in the way of each claim.
    let case = "taken_along::what_no_claim_may_take_stays_ready";
    for (from, to) in [
        ("run_at <= :t", "1"),
        ("paused = 1", "paused = 2"),
        ("AND kind = known.value", ""),
        ("queue = :queue\n", "1\n"),
    ] {
        assert_caught(Statement::ClaimByKind, from, to, case);
    }
}

#[test]
fn a_claim_with_a_guard_less_is_caught() {
    for (from, to, case) in [
        (
            "run_at <= :t",
            "1",
            "a_job_of_the_future_is_not_claimed_and_next_tells_when",
        ),
        (
            "paused = 1",
            "paused = 2",
            "a_paused_queue_gives_nothing_until_it_is_resumed",
        ),
    ] {
        assert_caught(Statement::Claim, from, to, &format!("claims::{case}"));
    }
    let (kind, unknown) = (
        "AND kind = known.value",
        "claims::an_unknown_kind_is_not_claimed",
    );
    assert_caught(Statement::ClaimByKind, kind, "", unknown);
    let behind = "claims::jobs_behind_those_of_another_kind_come_in_order";
    let (order, age) = ("ORDER BY run_at, seq", "ORDER BY seq");
    assert_caught(Statement::ClaimByKind, order, age, behind);
}

#[test]
fn a_job_that_runs_again_although_it_was_cancelled_is_caught() {
    let settled = "by_hand::a_job_that_was_asked_to_stop_does_not_run_again";
    let from = "CASE WHEN :state = 0 AND cancel = 1 THEN 4 ELSE :state END";
    assert_caught(Statement::Settle, from, ":state", settled);
    let lost = "by_hand::a_job_that_was_asked_to_stop_ends_with_its_worker";
    assert_caught(Statement::Rescue, " WHEN cancel = 1 THEN 4", "", lost);
}

#[test]
fn a_suspect_that_none_may_have_is_caught() {
    let case = "lost_workers::a_suspect_that_none_may_have_is_neither_told_nor_claimed";
    for statement in [Statement::ClaimSuspect, Statement::DueSuspect] {
        for (from, to) in [
            ("queue = :queue\n", "1\n"),
            ("run_at <= :t", "1"),
            ("expires_at > :t", "1"),
            ("kind IN (SELECT value FROM json_each(:kinds))", "1"),
            ("paused = 1", "paused = 2"),
        ] {
            assert_caught(statement, from, to, case);
        }
    }
    assert_caught(Statement::ClaimSuspect, "crashes > 0", "1", case);
    let fence = "fence = (SELECT fence + 1 FROM laneway_meta), ";
    let own = "lost_workers::a_suspect_gets_a_fence_and_a_holder_of_its_own";
    assert_caught(Statement::ClaimSuspect, fence, "", own);
    assert_caught(Statement::ClaimSuspect, "worker = :worker, ", "", own);
}

#[test]
fn an_order_by_age_is_caught() {
    let (from, to) = ("ORDER BY run_at, seq", "ORDER BY seq");
    let case = "claims::jobs_come_by_their_time_and_not_by_their_age";
    assert_caught(Statement::Claim, from, to, case);
    let case = "lost_workers::suspects_come_one_after_the_other";
    assert_caught(Statement::ClaimSuspect, from, to, case);
}

#[test]
fn a_wrong_next_is_caught() {
    let case = "claims::next_is_the_first_of_all_that_come";
    for (from, to) in [
        ("held = 0", "1"),
        ("queue = :queue", "1"),
        ("crashes > 0 AND queue", "crashes > 9 AND queue"),
        ("lane = 0", "0"),
        ("lane = 1", "0"),
        ("min(run_at)", "max(run_at)"),
    ] {
        assert_caught(Statement::Next, from, to, case);
    }
}

#[test]
fn an_end_that_charges_wrongly_is_caught() {
    let (from, to) = ("attempt = attempt - :uncharged", "attempt = attempt");
    for case in [
        "settlements::a_snooze_charges_nothing",
        "settlements::a_return_charges_nothing_and_keeps_its_place",
        "reports::river_1290_a_return_in_the_last_attempt_discards_nothing",
        "reports::oban_652_a_snooze_in_the_last_attempt_leaves_one",
    ] {
        assert_caught(Statement::Settle, from, to, case);
    }
    let case = "lost_workers::an_expired_lease_is_rescued_with_a_crash";
    let (from, to) = ("crashes = crashes + 1", "crashes = crashes");
    assert_caught(Statement::Rescue, from, to, case);
}

#[test]
fn a_key_that_is_taken_for_another_is_caught() {
    let key = " AND unique_key = :key";
    let apart = "uniqueness::keys_of_one_kind_are_apart";
    assert_caught(Statement::FindUnique, key, "", apart);
    let again = "uniqueness::a_job_that_is_retried_by_hand_has_its_key_again";
    assert_caught(Statement::FindUnique, " AND state <= 1", "", again);
    let alone = "uniqueness::the_successor_of_the_key_alone_is_let_go";
    assert_caught(Statement::FindSuccessor, key, "", alone);
    assert_caught(Statement::ReleaseSuccessor, key, "", alone);
    let kind = "coalesce(unique_kind, kind) = :unique_kind AND ";
    assert_caught(Statement::ReleaseSuccessor, kind, "", alone);
}

#[test]
fn keys_that_a_renaming_sets_apart_are_caught() {
    let known = "(SELECT unique_kind FROM laneway_kind WHERE name = :kind)";
    let known_late = "(SELECT unique_kind FROM laneway_kind WHERE name = kind)";
    let spans = "renamed_kinds::a_key_spans_the_names_whichever_comes_first";
    assert_caught(Statement::Insert, known, "NULL", spans);
    let follows = "renamed_kinds::a_successor_of_another_name_follows";
    let released = ("coalesce(unique_kind, kind)", "kind");
    assert_caught(Statement::ReleaseSuccessor, released.0, released.1, follows);
    assert_caught(Statement::Complete, released.0, released.1, follows);
    let replaced = "renamed_kinds::replace_takes_over_the_kind_of_the_payload";
    assert_caught(Statement::Replace, "kind = :kind, ", "", replaced);
    let stays = "unique_kind = coalesce(unique_kind, kind), ";
    assert_caught(Statement::Replace, stays, "", replaced);
    let retried = "renamed_kinds::a_job_that_failed_before_the_renaming_is_retried_with_its_key";
    assert_caught(Statement::RetryByHand, known_late, "NULL", retried);
    let common =
        "renamed_kinds::names_whose_jobs_were_apart_have_their_keys_in_common_from_then_on";
    let (state, none) = ("state <= 1", "state < 0");
    assert_caught(Statement::MergeKeys, state, none, common);
    assert_caught(Statement::MergeKeys, "OR IGNORE ", "", common);
    let chained = "renamed_kinds::names_that_were_merged_before_are_merged_with_others";
    let to = ("unique_kind = :to", "unique_kind = unique_kind");
    assert_caught(Statement::MergeKinds, to.0, to.1, chained);
}

#[test]
fn a_settlement_of_another_fence_that_is_taken_for_ones_own_is_caught() {
    let case = "fences::what_another_fence_has_settled_is_none_of_its_own";
    let from = "id = :id AND fence = :fence AND state";
    assert_caught(Statement::SettledBefore, from, "id = :id AND state", case);
}

#[test]
fn a_replacement_in_part_is_caught() {
    let case = "uniqueness::replace_takes_over_all_but_the_queue";
    for (from, to) in [
        ("lane = :lane,", ""),
        ("run_at = :run_at, ", ""),
        ("max_attempts = :max_attempts,", ""),
        ("timeout = :timeout, ", ""),
        ("expires_at = :expires_at,", ""),
        ("payload = :payload", "payload = payload"),
    ] {
        assert_caught(Statement::Replace, from, to, case);
    }
}

#[test]
fn a_rescue_that_says_too_little_or_too_much_is_caught() {
    let says = "lost_workers::what_a_rescue_has_settled_says_when_and_why";
    for (statement, from, to) in [
        (Statement::Rescue, "crashes + 1 >= :max_crashes OR", "0 OR"),
        (
            Statement::Rescue,
            "attempt >= max_attempts THEN :t",
            "0 THEN :t",
        ),
        (
            Statement::Rescue,
            "error = 'the worker was lost'",
            "error = NULL",
        ),
        (Statement::Rescue, "lease_until = NULL, ", ""),
        (Statement::Expire, "finished_at = :t, ", ""),
    ] {
        assert_caught(statement, from, to, says);
    }
    let part = "lost_workers::a_rescue_in_part_leaves_the_others_as_they_are";
    assert_caught(Statement::KeepLostAttempts, " LIMIT :limit", "", part);
    let by_age = ("ORDER BY lease_until", "ORDER BY seq");
    assert_caught(Statement::Rescue, by_age.0, by_age.1, part);
    let doubles = "lost_workers::the_backoff_doubles_with_each_crash";
    assert_caught(Statement::Rescue, " << min(crashes, 20))", ")", doubles);
}

#[test]
fn limits_that_do_not_hold_are_caught() {
    let case = "limits::no_more_of_a_key_run_than_have_places";
    assert_caught(
        Statement::ChooseKeyed,
        "AND state >= 1",
        "AND state > 1",
        case,
    );
    let elsewhere = "limits::keys_of_other_queues_are_others";
    assert_caught(Statement::ChooseKeyed, "queue = :queue", "1", elsewhere);
    let turns = "limits::keys_take_turns";
    assert_caught(
        Statement::ChooseKeyed,
        "limit_key > :after",
        "limit_key > ''",
        turns,
    );
    let suspect = "limits::a_suspect_waits_for_a_place_of_its_key";
    for statement in [Statement::ClaimKeyedSuspect, Statement::DueKeyed] {
        assert_caught(statement, "< :per_key", "< 9", suspect);
    }
    let kept = "limits::a_job_with_a_key_keeps_it_through_retries_by_hand_and_waits";
    let (keyed, held) = (
        "iif(limit_key IS NULL, 0, 3)",
        " WHEN limit_key IS NOT NULL THEN 3",
    );
    assert_caught(Statement::LetGo, keyed, "0", kept);
    assert_caught(Statement::RetryByHand, held, "", kept);
    let rate = "limits::a_rate_holds_over_all_claims_and_tells_when_it_allows_more";
    assert_caught(Statement::KeepBegun, ":begun", "begun", rate);
    let told = "limits::the_time_of_a_job_with_a_key_is_told";
    assert_caught(Statement::Next, "held = 3", "held = 9", told);
}
