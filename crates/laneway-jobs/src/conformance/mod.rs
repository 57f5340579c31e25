//! The body of cases that every store passes, each a function of a fresh store.
//!
//! A case knows the trait [`Store`](crate::store::Store) and the worker, and no database. Its waits
//! go by [`laneway::time`], so that the same case runs against a clock on the wall and within a
//! simulation. `stage.rs` is what a case is given; the other files are the questions.
//!
//! ```
//! use laneway_jobs::conformance::{CASES, Stage};
//! use laneway_jobs::sqlite::SqliteStore;
//!
//! let case = CASES.iter().find(|case| case.name() == "claims::the_fence_grows").unwrap();
//! laneway::block_on(case.run(Stage::new(SqliteStore::memory()?)));
//! # Ok::<(), laneway_jobs::sqlite::OpenError>(())
//! ```

mod batches;
mod by_hand;
mod case;
mod chains;
mod claims;
mod fences;
mod inserts;
mod limits;
mod losing;
mod lost_answers;
mod lost_workers;
mod pruning;
mod renamed_kinds;
mod reports;
mod schedules;
mod settlements;
mod stage;
mod taken_along;
mod uniqueness;
mod views;
mod waits;
mod workers;

pub use case::Case;
pub use stage::Stage;

macro_rules! cases {
    ($($file:ident { $($case:ident,)* })*) => {
        /// All cases, in the order in which a new store should come to pass them.
        pub const CASES: &[Case] = &[$($(
            Case::new(
                concat!(stringify!($file), "::", stringify!($case)),
                |stage| Box::pin($file::$case(stage)),
            ),
        )*)*];
    };
}

cases! {
    inserts {
        an_inserted_job_is_ready_and_has_all_that_was_given,
        an_insert_that_is_sent_again_is_one_job,
        a_batch_is_answered_in_its_order,
        a_large_payload_is_refused_and_says_what_to_do,
        a_deep_payload_is_refused_at_every_entrance,
        a_name_that_not_every_store_keeps_is_refused_and_says_what_to_do,
        the_longest_names_are_kept,
        a_list_is_bounded_and_goes_on_before_its_last_job,
    }
    claims {
        the_fence_grows,
        a_claim_takes_no_more_than_its_limit_in_order,
        high_comes_before_low_and_low_first_turns_it_round,
        an_unknown_kind_is_not_claimed,
        a_job_of_the_future_is_not_claimed_and_next_tells_when,
        a_paused_queue_gives_nothing_until_it_is_resumed,
        an_empty_store_knows_no_next,
        low_first_leaves_half_of_its_places_to_high,
        no_part_of_a_claim_takes_what_none_may_have,
        jobs_come_by_their_time_and_not_by_their_age,
        jobs_behind_those_of_another_kind_come_in_order,
        next_is_the_first_of_all_that_come,
    }
    limits {
        no_more_of_a_key_run_than_have_places,
        a_claim_without_a_bound_takes_all_of_a_key,
        keys_of_other_queues_are_others,
        other_claims_pass_over_jobs_with_keys_and_tell_of_them,
        what_no_claim_may_take_is_not_told_and_not_taken,
        the_time_of_a_job_with_a_key_is_told,
        keys_take_turns,
        a_claim_looks_at_so_many_keys_and_tells_where_to_go_on,
        high_comes_before_low_among_the_keys_of_a_claim,
        a_job_that_is_tried_again_gives_its_place_away,
        a_lost_worker_keeps_its_places_until_the_rescue_and_no_longer,
        a_suspect_waits_for_a_place_of_its_key,
        a_claim_of_an_older_fence_settles_no_job_with_a_key,
        a_claim_whose_answer_was_lost_is_answered_again,
        a_job_with_a_key_keeps_it_through_retries_by_hand_and_waits,
        a_job_with_a_key_is_cancelled_deleted_and_counted_as_any_other,
        a_unique_job_keeps_no_limit_key,
        a_rate_holds_over_all_claims_and_tells_when_it_allows_more,
        a_rate_counts_jobs_with_keys_and_suspects,
        workers_run_no_more_of_a_key_and_all_jobs_in_the_end,
    }
    taken_along {
        it_is_inserted_and_held_by_a_fence,
        they_are_claimed_as_any_others_are,
        the_next_job_that_is_due_is_told,
        those_that_wait_come_first_and_its_turn_is_told,
        what_no_claim_may_take_stays_ready,
        a_key_that_is_taken_gives_the_existing_one,
        each_half_can_be_asked_about_alone,
        a_worker_that_is_lost_with_it_is_charged,
    }
    lost_answers {
        a_claim_is_answered_again_and_charges_nothing,
        a_claim_that_was_never_made_has_no_jobs_and_takes_none,
        each_claim_has_its_own_jobs,
        a_job_that_was_settled_or_claimed_since_is_not_answered,
        the_answer_has_a_lease_of_its_own,
        a_lease_that_has_ended_goes_on_where_no_rescue_came,
        a_job_that_was_rescued_is_not_answered,
        workers_run_each_job_once_where_claims_are_lost_before_the_commit,
        workers_run_each_job_once_where_claims_are_lost_after_the_commit,
        a_claim_that_is_made_after_the_question_goes_back_without_charge,
        a_shutdown_returns_the_jobs_of_a_claim_whose_answer_was_lost,
    }
    settlements {
        a_completed_job_keeps_its_result,
        a_retry_waits_and_keeps_its_error,
        a_return_charges_nothing_and_keeps_its_place,
        a_snooze_charges_nothing,
        a_settlement_that_is_sent_again_is_held,
        a_completed_job_keeps_nothing_of_what_went_wrong,
    }
    fences {
        an_older_fence_is_refused_by_every_transition,
        a_lost_holder_prolongs_no_other_lease,
        a_lease_that_has_ended_is_refused_by_every_transition,
        a_renewal_after_the_end_is_refused,
        a_renewed_lease_goes_on,
        a_lost_holder_does_not_take_a_rescue_for_its_own_settlement,
        the_first_value_of_a_step_stays,
        steps_are_those_of_their_job,
        a_step_is_kept_under_its_own_name_or_refused,
        what_another_fence_has_settled_is_none_of_its_own,
        progress_is_that_of_its_holder,
    }
    uniqueness {
        keep_gives_the_existing_one,
        replace_changes_a_ready_job_and_no_running_one,
        run_again_runs_once_more_after_the_running_one,
        a_settled_job_gives_its_key_back,
        kinds_have_keys_of_their_own,
        keys_of_one_kind_are_apart,
        beside_a_successor_the_running_one_is_the_existing_one,
        a_settled_job_of_the_key_is_not_the_existing_one,
        a_settled_job_that_is_deleted_lets_no_successor_go,
        a_job_that_is_replaced_forgets_its_steps,
        a_job_that_is_retried_by_hand_has_its_key_again,
        the_successor_of_the_key_alone_is_let_go,
        replace_takes_over_all_but_the_queue,
    }
    renamed_kinds {
        a_job_type_that_was_renamed_keeps_its_keys,
        a_key_spans_the_names_whichever_comes_first,
        other_kinds_keep_their_keys_apart,
        a_successor_of_another_name_follows,
        replace_takes_over_the_kind_of_the_payload,
        names_whose_jobs_were_apart_have_their_keys_in_common_from_then_on,
        names_that_were_merged_before_are_merged_with_others,
        a_successor_that_waits_while_its_kind_is_renamed_follows,
        a_job_that_failed_before_the_renaming_is_retried_with_its_key,
    }
    batches {
        it_follows_when_the_last_member_is_settled,
        an_empty_batch_has_ended_at_once,
        every_way_to_end_is_counted,
        a_member_that_expires_has_ended,
        what_does_not_settle_a_member_is_not_counted,
        what_is_sent_again_is_counted_once,
        a_lost_holder_counts_nothing,
        a_member_that_is_added_is_awaited,
        pruned_members_stay_counted,
        a_member_that_is_retried_by_hand_is_awaited_until_the_end,
        a_settled_member_that_is_deleted_is_counted_once,
        what_follows_can_be_cancelled_and_waits_again_when_it_is_retried,
        an_existing_unique_job_is_no_member,
        what_awaits_nothing_has_no_counts,
        ten_thousand_members_are_followed_once,
        members_and_their_children_are_followed_once_by_a_worker,
        what_follows_cannot_be_unique,
        what_follows_is_due_from_the_end_of_its_wait_on,
        a_member_of_an_empty_batch_comes_too_late,
        a_member_that_is_retried_is_taken_out_of_its_count,
    }
    chains {
        links_run_one_after_the_other,
        a_link_that_fails_cancels_those_behind_it,
        a_link_that_is_retried_by_hand_brings_back_those_behind_it,
        a_link_that_was_cancelled_by_hand_is_not_brought_back,
        a_cancelled_link_that_is_retried_runs_without_the_one_before_it,
        a_link_that_is_deleted_cancels_those_behind_it,
        a_child_of_a_link_holds_up_the_next_one,
        the_end_of_a_long_chain_is_cancelled_and_brought_back,
        links_cannot_be_unique,
        a_link_that_waits_again_is_as_it_was,
    }
    lost_workers {
        an_expired_lease_is_rescued_with_a_crash,
        the_third_crash_quarantines,
        the_last_attempt_is_not_run_again,
        a_suspect_is_claimed_alone,
        a_job_that_expires_before_it_is_begun_fails,
        a_job_that_expires_after_an_attempt_says_so,
        a_backoff_without_end_is_a_long_one,
        a_suspect_that_none_may_have_is_neither_told_nor_claimed,
        a_suspect_gets_a_fence_and_a_holder_of_its_own,
        suspects_come_one_after_the_other,
        what_a_rescue_has_settled_says_when_and_why,
        a_rescue_in_part_leaves_the_others_as_they_are,
        the_backoff_doubles_with_each_crash,
    }
    by_hand {
        a_quarantined_job_runs_again_by_hand,
        a_ready_job_is_cancelled_and_a_running_one_is_asked,
        a_job_that_was_asked_to_stop_does_not_run_again,
        a_job_that_was_asked_to_stop_ends_with_its_worker,
        a_job_of_later_runs_now_by_hand,
        a_job_that_is_put_off_by_hand_runs_later,
        a_failed_attempt_need_not_wait_and_stays_charged,
        a_job_that_waits_for_members_is_not_let_go_by_hand,
        a_deleted_job_is_gone_and_a_running_one_is_not_deleted,
        a_queue_of_no_name_is_not_paused,
    }
    pruning {
        only_settled_jobs_that_are_old_enough_are_deleted,
        no_more_are_deleted_at_a_time_than_was_asked_for,
    }
    schedules {
        a_firing_that_is_sent_twice_happens_once,
        a_firing_before_its_instant_does_not_happen,
        a_firing_of_another_instant_does_not_happen,
        the_same_pattern_keeps_its_instant_and_another_does_not,
        an_older_pattern_does_not_fire_at_an_instant_that_both_have,
        an_instant_that_was_fired_gets_no_second_job,
        a_paused_schedule_does_not_fire_until_it_is_resumed,
        a_removed_schedule_is_gone_and_an_unknown_one_is_missing,
        a_schedule_of_a_name_that_none_has_is_missing,
        an_unfinished_job_skips_or_queues_the_next_one,
        an_instant_whose_job_cannot_be_made_is_kept_with_the_reason,
        many_workers_fire_each_instant_once,
        missed_instants_are_fired_once_for_the_last_of_them,
        missed_instants_are_fired_each_up_to_a_number,
        many_missed_instants_are_fired_once_each,
        instants_of_a_pause_are_not_made_up_for,
        a_schedule_of_no_worker_stays_until_a_worker_removes_it,
    }
    views {
        queues_tell_what_is_paused_and_what_is_due,
        a_search_finds_what_its_filter_says,
        a_search_finds_keys_and_times,
        the_unfinished_job_of_a_key_is_found,
        a_search_by_state_finds_each_state,
        a_search_goes_on_where_it_stopped,
        a_search_is_bounded_and_tells_where_to_go_on,
        the_members_of_a_batch_are_found,
        a_story_tells_of_each_attempt,
        failed_attempts_come_newest_first,
        leases_tell_which_worker_runs_what,
        activity_counts_by_lane_and_measures_waits,
        activity_measures_the_waits_of_both_lanes,
        activity_counts_so_many_and_tells_in_which_time,
    }
    workers {
        no_job_runs_twice_among_sixteen_workers,
        a_job_has_the_results_of_those_that_it_waited_for,
        low_is_not_starved,
        a_failed_job_runs_again_until_it_succeeds,
        a_panic_and_an_undecodable_payload_are_the_jobs_errors,
        a_timeout_is_an_error,
        a_step_is_made_once,
        texts_of_a_handler_are_bounded_and_lose_their_zeros,
        shutdown_returns_what_runs_and_charges_nothing,
        a_suspect_runs_alone_of_its_kind,
        a_suspect_runs_alone_of_all_names_of_its_kind,
        an_idle_worker_hears_of_a_job,
        a_worker_at_rest_takes_inserts_along_and_runs_each_once,
        a_full_worker_rescues_the_jobs_of_lost_ones,
    }
    waits {
        a_job_that_is_not_there_is_missing,
        a_job_that_is_deleted_meanwhile_is_missing,
        a_job_that_is_cancelled_meanwhile_is_cancelled,
        a_job_that_fails_tells_its_last_error,
        a_job_in_quarantine_is_not_waited_for,
        a_result_of_another_type_is_an_error,
        a_wait_that_is_dropped_disturbs_no_other,
        each_end_of_a_job_is_hinted_at,
        a_settlement_that_is_sent_again_is_hinted_at_again,
        what_follows_a_settlement_that_is_sent_again_is_hinted_at,
    }
    reports {
        river_1302_a_rescue_leaves_a_completed_job_alone,
        river_1373_a_rescue_leaves_the_next_holder_alone,
        river_1258_no_lost_job_stays_running,
        river_1105_a_job_of_others_is_rescued_for_others,
        river_1290_a_return_in_the_last_attempt_discards_nothing,
        river_1290_what_comes_after_a_completion_changes_nothing,
        river_1318_leases_that_go_on_hide_no_expired_ones,
        river_619_a_unique_job_is_no_rival_of_itself,
        river_121_each_job_of_many_keeps_its_time,
        rapina_793_the_job_of_a_lost_worker_is_run_by_another,
        oban_1488_workers_of_one_name_fire_each_instant_once,
        oban_1505_all_callers_of_one_key_get_its_id,
        oban_652_a_snooze_in_the_last_attempt_leaves_one,
        oban_635_a_running_job_is_not_replaced,
        pg_boss_367_one_of_a_key_runs_and_one_waits,
        pg_boss_535_a_retry_and_a_successor_block_no_claim,
        pg_boss_492_a_rescue_beside_a_successor_succeeds,
        graphile_worker_204_a_dropped_worker_leaves_its_jobs_to_others,
        graphile_worker_222_a_lost_job_keeps_no_other_from_running,
        graphile_worker_449_a_claimed_job_has_a_holder,
        graphile_worker_313_a_rescued_job_comes_after_those_that_waited,
        fang_146_a_key_is_never_there_twice,
        good_job_922_a_poison_job_is_quarantined_and_no_innocent,
        solid_queue_568_a_job_that_ends_at_a_shutdown_ends_once,
        solid_queue_761_a_lost_holder_lets_no_successor_go,
        bull_308_of_two_holders_the_later_one_completes,
        que_web_28_a_running_job_is_not_retried_by_hand,
        work_67_what_is_enqueued_again_during_a_run_is_run,
        procrastinate_1518_a_name_that_comes_back_keeps_no_lost_job,
        sidekiq_4112_a_failure_after_a_return_makes_no_second_job,
        db_scheduler_433_times_are_those_of_the_store,
    }
}
