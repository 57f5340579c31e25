//! All SQL of the transitions, each statement under a name.
//!
//! `:t` is T, the store's clock. The guards of a statement stand in its own text, so that a mutant
//! is a text with one guard less: `probe.rs` lets tests replace a text by name.

/// A statement of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Statement {
    /// Inserts one job.
    Insert,
    /// Remembers that there is a queue.
    KnowQueue,
    /// Finds a job by its id: whether an insert was sent before.
    FindId,
    /// Finds the unfinished job that has a unique key.
    FindUnique,
    /// Finds the job that runs after the one that has a unique key.
    FindSuccessor,
    /// Lets a ready job take over what another one brought.
    Replace,
    /// Finds the kind whose jobs have their unique keys in common with those of a kind.
    UniqueKind,
    /// Remembers that two kinds have their unique keys in common.
    KeepKind,
    /// Lets kinds whose keys were those of one kind have those of another one.
    MergeKinds,
    /// Lets unfinished jobs of such kinds have their keys there, where none has them yet.
    MergeKeys,
    /// Claims jobs that no worker was lost with.
    Claim,
    /// Whether a job of another kind is the first one of a lane.
    OthersFirst,
    /// Claims as `Claim` does, and goes to the jobs of each kind by themselves.
    ClaimByKind,
    /// Claims one job that a worker was lost with.
    ClaimSuspect,
    /// Chooses jobs with limit keys, of keys that have places.
    ChooseKeyed,
    /// Claims jobs that were chosen so.
    ClaimKeyed,
    /// Claims one job that a worker was lost with, and whose limit key has a place.
    ClaimKeyedSuspect,
    /// Reads the jobs that a claim of the same transaction has taken.
    Claimed,
    /// Answers a claim again: jobs that it took and that still run.
    ClaimedBy,
    /// The kind of the first suspect that is due.
    DueSuspect,
    /// Whether jobs with limit keys are due, and the kind of the first suspect among them whose key
    /// has a place.
    DueKeyed,
    /// The claims of a queue that its rate counts.
    Begun,
    /// Keeps them.
    KeepBegun,
    /// When the next thing happens in a queue.
    Next,
    /// Takes the fence that the transaction has given out.
    TakeFence,
    /// Keeps the highest T.
    KeepClock,
    /// Completes a job with no key and that none awaits, so that no other row follows it.
    CompleteLone,
    /// Completes any job.
    Complete,
    /// Writes down an attempt that did not complete.
    KeepAttempt,
    /// Ends an attempt in any other way.
    Settle,
    /// Whether a fence has settled a job already.
    SettledBefore,
    /// Lets the successor of a settled unique job go.
    ReleaseSuccessor,
    /// Begins the count of those that a job awaits.
    AwaitMembers,
    /// Adds a member to a count.
    AddMember,
    /// Ends the wait of a job that awaits nothing, at its insert.
    EndEmpty,
    /// Counts a member that is settled.
    CountMember,
    /// Lets a job go whose members have ended.
    LetGo,
    /// Cancels a job whose members are not all done.
    CancelAwaiting,
    /// Takes a member that runs again out of an open count.
    UncountMember,
    /// Lets a job wait again that was cancelled since this member was not done.
    AwaitAgain,
    /// Opens the count of a job that waits again.
    Reopen,
    /// Renews one lease.
    Renew,
    /// Keeps progress.
    KeepProgress,
    /// Keeps the value of a step.
    KeepStep,
    /// Whether the caller holds a job.
    Holds,
    /// Writes down the attempts that ended with their workers.
    KeepLostAttempts,
    /// Takes expired leases from lost workers.
    Rescue,
    /// Ends the leases of a former owner of the file.
    EndLeasesOf,
    /// Fails ready jobs that have expired in total.
    Expire,
    /// Deletes old settled jobs of one queue.
    Prune,
    /// Lets a settled job run again, by hand.
    RetryByHand,
    /// Sets when a ready job may run, by hand.
    Reschedule,
    /// Cancels a ready job, by hand.
    CancelReady,
    /// Asks the holder of a running job to stop.
    AskToStop,
    /// Deletes a job that does not run, by hand.
    DeleteByHand,
    /// Keeps a schedule as a worker's code has it.
    KeepSchedule,
    /// Moves a schedule that is due on to its next instant.
    MoveSchedule,
    /// Keeps an instant that is fired.
    KeepFire,
    /// Notes that an instant found the job of an earlier one unfinished.
    NoteUnfinished,
    /// Deletes the oldest fires of one schedule.
    PruneFires,
}

impl Statement {
    /// Its text.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Statement::Insert => INSERT,
            Statement::KnowQueue => "INSERT OR IGNORE INTO laneway_queue (name) VALUES (:queue)",
            Statement::FindId => "SELECT 1 FROM laneway_job WHERE id = :id",
            Statement::FindUnique => FIND_UNIQUE,
            Statement::FindSuccessor => FIND_SUCCESSOR,
            Statement::Replace => REPLACE,
            Statement::UniqueKind => "SELECT unique_kind FROM laneway_kind WHERE name = :kind",
            Statement::KeepKind => {
                "INSERT OR REPLACE INTO laneway_kind (name, unique_kind) VALUES (:from, :to)"
            }
            Statement::MergeKinds => {
                "UPDATE laneway_kind SET unique_kind = :to WHERE unique_kind = :from"
            }
            Statement::MergeKeys => MERGE_KEYS,
            Statement::Claim => CLAIM,
            Statement::OthersFirst => OTHERS_FIRST,
            Statement::ClaimByKind => CLAIM_BY_KIND,
            Statement::ClaimSuspect => CLAIM_SUSPECT,
            Statement::ChooseKeyed => CHOOSE_KEYED,
            Statement::ClaimKeyed => CLAIM_KEYED,
            Statement::ClaimKeyedSuspect => CLAIM_KEYED_SUSPECT,
            Statement::Claimed => CLAIMED,
            Statement::ClaimedBy => CLAIMED_BY,
            Statement::DueSuspect => DUE_SUSPECT,
            Statement::DueKeyed => DUE_KEYED,
            Statement::Begun => "SELECT begun FROM laneway_queue WHERE name = :queue",
            Statement::KeepBegun => "UPDATE laneway_queue SET begun = :begun WHERE name = :queue",
            Statement::Next => NEXT,
            Statement::TakeFence => "UPDATE laneway_meta SET fence = fence + 1",
            Statement::KeepClock => "UPDATE laneway_meta SET clock = max(clock, :t)",
            Statement::CompleteLone => COMPLETE_LONE,
            Statement::Complete => COMPLETE,
            Statement::KeepAttempt => KEEP_ATTEMPT,
            Statement::Settle => SETTLE,
            Statement::SettledBefore => SETTLED_BEFORE,
            Statement::ReleaseSuccessor => RELEASE_SUCCESSOR,
            Statement::AwaitMembers => {
                "INSERT INTO laneway_batch (job, awaits) VALUES (:job, :awaits) ON CONFLICT DO NOTHING"
            }
            Statement::AddMember => ADD_MEMBER,
            Statement::EndEmpty => END_EMPTY,
            Statement::CountMember => COUNT_MEMBER,
            Statement::LetGo => LET_GO,
            Statement::CancelAwaiting => CANCEL_AWAITING,
            Statement::UncountMember => UNCOUNT_MEMBER,
            Statement::AwaitAgain => AWAIT_AGAIN,
            Statement::Reopen => REOPEN,
            Statement::Renew => RENEW,
            Statement::KeepProgress => KEEP_PROGRESS,
            Statement::KeepStep => KEEP_STEP,
            Statement::Holds => HOLDS,
            Statement::KeepLostAttempts => KEEP_LOST_ATTEMPTS,
            Statement::Rescue => RESCUE,
            Statement::EndLeasesOf => {
                "UPDATE laneway_job SET lease_until = :t WHERE state = 1 AND instance = :instance"
            }
            Statement::Expire => EXPIRE,
            Statement::Prune => PRUNE,
            Statement::RetryByHand => RETRY_BY_HAND,
            Statement::Reschedule => RESCHEDULE,
            Statement::CancelReady => CANCEL_READY,
            Statement::AskToStop => {
                "UPDATE laneway_job SET cancel = 1 WHERE id = :id AND state = 1"
            }
            Statement::DeleteByHand => DELETE_BY_HAND,
            Statement::KeepSchedule => KEEP_SCHEDULE,
            Statement::MoveSchedule => MOVE_SCHEDULE,
            Statement::KeepFire => KEEP_FIRE,
            Statement::NoteUnfinished => NOTE_UNFINISHED,
            Statement::PruneFires => PRUNE_FIRES,
        }
    }
}

/// The instance of a job that was never claimed is a text that is as long as what a claim and a
/// completion write: rows that grew would not fit into their pages any more.
const INSERT: &str = "
INSERT INTO laneway_job (id, kind, queue, lane, held, run_at, max_attempts, timeout, expires_at,
    unique_key, unique_kind, parent, awaited_by, created_at, payload, instance, limit_key)
VALUES (:id, :kind, :queue, :lane, :held, :run_at, :max_attempts, :timeout, :expires_at,
    :unique_key,
    CASE WHEN :unique_key IS NOT NULL
        THEN (SELECT unique_kind FROM laneway_kind WHERE name = :kind) END,
    :parent, :awaited_by, :t, :payload,
    'not claimed yet; this is room for what claims and completions write here....', :limit_key)
ON CONFLICT DO NOTHING";

const FIND_UNIQUE: &str = "
SELECT id, state FROM laneway_job
WHERE coalesce(unique_kind, kind)
        = coalesce((SELECT unique_kind FROM laneway_kind WHERE name = :kind), :kind)
    AND unique_key = :key AND held = 0 AND unique_key IS NOT NULL AND state <= 1";

const FIND_SUCCESSOR: &str = "
SELECT id, state FROM laneway_job
WHERE coalesce(unique_kind, kind)
        = coalesce((SELECT unique_kind FROM laneway_kind WHERE name = :kind), :kind)
    AND unique_key = :key AND held = 1 AND unique_key IS NOT NULL AND state <= 1";

const REPLACE: &str = "
UPDATE laneway_job SET kind = :kind, unique_kind = coalesce(unique_kind, kind), lane = :lane,
    run_at = :run_at, max_attempts = :max_attempts, timeout = :timeout, expires_at = :expires_at,
    payload = :payload
WHERE id = :id AND state = 0
RETURNING queue";

const MERGE_KEYS: &str = "
UPDATE OR IGNORE laneway_job SET unique_kind = :to
WHERE coalesce(unique_kind, kind) = :from AND unique_key IS NOT NULL AND state <= 1";

/// Takes from the first lane, at most `:of_first` jobs, then from the other one, and fills up from
/// the first one again. The low-water mark of each lane is the index itself: rows that are claimed
/// leave it.
const CLAIM: &str = "
UPDATE laneway_job SET state = 1, attempt = attempt + 1, lease_until = :t + :lease,
    fence = (SELECT fence + 1 FROM laneway_meta), worker = :worker, instance = :instance,
    claim = :claim, started_at = :t
WHERE seq IN (
    SELECT seq FROM (
        SELECT seq FROM laneway_job
        WHERE state = 0 AND held = 0 AND crashes = 0 AND queue = :queue AND lane = :first
            AND run_at <= :t AND (expires_at IS NULL OR expires_at > :t)
            AND kind IN (SELECT value FROM json_each(:kinds))
        ORDER BY run_at, seq LIMIT :of_first)
    UNION ALL
    SELECT seq FROM (
        SELECT seq FROM laneway_job
        WHERE state = 0 AND held = 0 AND crashes = 0 AND queue = :queue AND lane = 1 - :first
            AND run_at <= :t AND (expires_at IS NULL OR expires_at > :t)
            AND kind IN (SELECT value FROM json_each(:kinds))
        ORDER BY run_at, seq LIMIT :limit)
    UNION ALL
    SELECT seq FROM (
        SELECT seq FROM laneway_job
        WHERE state = 0 AND held = 0 AND crashes = 0 AND queue = :queue AND lane = :first
            AND run_at <= :t AND (expires_at IS NULL OR expires_at > :t)
            AND kind IN (SELECT value FROM json_each(:kinds))
        ORDER BY run_at, seq LIMIT :limit OFFSET :of_first)
    LIMIT :limit)
AND NOT EXISTS (SELECT 1 FROM laneway_queue WHERE name = :queue AND paused = 1)";

/// The kind of the first job of a lane, where the worker has no handler for it or may not run it.
macro_rules! other_first {
    ($lane:literal) => {
        concat!(
            "
SELECT 1 FROM (SELECT kind FROM laneway_job
    WHERE state = 0 AND held = 0 AND crashes = 0 AND queue = :queue AND lane = ",
            $lane,
            " AND run_at <= :t
    ORDER BY run_at, seq LIMIT 1)
WHERE kind NOT IN (SELECT value FROM json_each(:kinds))"
        )
    };
}

const OTHERS_FIRST: &str = concat!(other_first!("0"), " UNION ALL", other_first!("1"));

/// The first ready jobs of a lane that are of some kinds. Of each kind it reads as many as are
/// wanted in all, and then takes the first ones of these.
macro_rules! ready_by_kind {
    ($lane:literal, $part:literal) => {
        concat!(
            "
    SELECT seq FROM (
        SELECT job.seq, job.run_at FROM json_each(:kinds) AS known
        CROSS JOIN laneway_job AS job ON job.seq IN (
            SELECT seq FROM laneway_job
            WHERE state = 0 AND held = 0 AND crashes = 0 AND kind >= '' AND queue = :queue
                AND kind = known.value AND lane = ",
            $lane,
            " AND run_at <= :t
                AND (expires_at IS NULL OR expires_at > :t)
            ORDER BY run_at, seq LIMIT :limit)
        ORDER BY job.run_at, job.seq LIMIT ",
            $part,
            ")"
        )
    };
}

/// Jobs of other kinds cost it nothing, however many there are. It is for where they are in the way
/// of `CLAIM`, which takes the same jobs.
const CLAIM_BY_KIND: &str = concat!(
    "
UPDATE laneway_job SET state = 1, attempt = attempt + 1, lease_until = :t + :lease,
    fence = (SELECT fence + 1 FROM laneway_meta), worker = :worker, instance = :instance,
    claim = :claim, started_at = :t
WHERE seq IN (",
    ready_by_kind!(":first", ":of_first"),
    "
    UNION ALL",
    ready_by_kind!("1 - :first", ":limit"),
    "
    UNION ALL",
    ready_by_kind!(":first", ":limit OFFSET :of_first"),
    "
    LIMIT :limit)
AND NOT EXISTS (SELECT 1 FROM laneway_queue WHERE name = :queue AND paused = 1)"
);

const CLAIM_SUSPECT: &str = "
UPDATE laneway_job SET state = 1, attempt = attempt + 1, lease_until = :t + :lease,
    fence = (SELECT fence + 1 FROM laneway_meta), worker = :worker, instance = :instance,
    claim = :claim, started_at = :t
WHERE seq IN (
    SELECT seq FROM laneway_job
    WHERE state = 0 AND held = 0 AND crashes > 0 AND queue = :queue
        AND run_at <= :t AND (expires_at IS NULL OR expires_at > :t)
        AND kind IN (SELECT value FROM json_each(:kinds))
    ORDER BY run_at, seq LIMIT min(1, :limit))
AND NOT EXISTS (SELECT 1 FROM laneway_queue WHERE name = :queue AND paused = 1)";

/// Looks at the keys behind `:after` and then at those before it, `:keys` at most: a step of the
/// index for each, however many jobs a key has. Of each key it takes as many jobs as have places,
/// those of the first lane first; then the first jobs of all keys come before the second ones.
/// Beside each row it tells the last key and how many there were, also where there is no job. Those
/// that run are of `state <= 1 AND state >= 1`: the index finds them so, and not among the ready.
const CHOOSE_KEYED: &str = "
WITH RECURSIVE behind (name, place) AS (
    SELECT (SELECT limit_key FROM laneway_job
        WHERE limit_key IS NOT NULL AND state <= 1 AND queue = :queue AND limit_key > :after
        ORDER BY limit_key LIMIT 1), 1
    UNION ALL
    SELECT (SELECT limit_key FROM laneway_job
        WHERE limit_key IS NOT NULL AND state <= 1 AND queue = :queue AND limit_key > name
        ORDER BY limit_key LIMIT 1), place + 1
    FROM behind WHERE name IS NOT NULL AND place < :keys),
before (name, place) AS (
    SELECT (SELECT limit_key FROM laneway_job
        WHERE limit_key IS NOT NULL AND state <= 1 AND queue = :queue AND limit_key <= :after
        ORDER BY limit_key LIMIT 1), (SELECT count(name) FROM behind) + 1
    UNION ALL
    SELECT (SELECT limit_key FROM laneway_job
        WHERE limit_key IS NOT NULL AND state <= 1 AND queue = :queue AND limit_key > name
            AND limit_key <= :after
        ORDER BY limit_key LIMIT 1), place + 1
    FROM before WHERE name IS NOT NULL AND place < :keys),
round (name, place) AS MATERIALIZED (
    SELECT name, place FROM behind WHERE name IS NOT NULL
    UNION ALL SELECT name, place FROM before WHERE name IS NOT NULL AND place <= :keys),
key (name, place, free) AS MATERIALIZED (
    SELECT name, place, :per_key - (SELECT count(*) FROM (
        SELECT 1 FROM laneway_job
        WHERE limit_key IS NOT NULL AND state <= 1 AND queue = :queue AND limit_key = name
            AND state >= 1
        LIMIT :per_key))
    FROM round),
turned (seq, name, lane, turn, place, free) AS (
    SELECT seq, name, lane, row_number() OVER (PARTITION BY place ORDER BY lane <> :first, run_at,
        seq), place, free
    FROM key CROSS JOIN laneway_job ON free > 0 AND seq IN (
        SELECT seq FROM (
            SELECT seq FROM laneway_job
            WHERE limit_key IS NOT NULL AND state <= 1 AND queue = :queue AND limit_key = name
                AND state = 0 AND lane = 0 AND held = 3 AND crashes = 0
                AND run_at <= :t AND (expires_at IS NULL OR expires_at > :t)
                AND kind IN (SELECT value FROM json_each(:kinds))
            ORDER BY run_at LIMIT min(:per_key, :limit))
        UNION ALL
        SELECT seq FROM (
            SELECT seq FROM laneway_job
            WHERE limit_key IS NOT NULL AND state <= 1 AND queue = :queue AND limit_key = name
                AND state = 0 AND lane = 1 AND held = 3 AND crashes = 0
                AND run_at <= :t AND (expires_at IS NULL OR expires_at > :t)
                AND kind IN (SELECT value FROM json_each(:kinds))
            ORDER BY run_at LIMIT min(:per_key, :limit)))),
chosen (seq, name, turn, place, part) AS (
    SELECT seq, name, turn, place, CASE WHEN lane <> :first THEN 1
        WHEN row_number() OVER (PARTITION BY lane ORDER BY turn, place) <= :of_first THEN 0
        ELSE 2 END
    FROM turned WHERE turn <= free)
SELECT chosen.seq, chosen.name, chosen.turn, chosen.place, (SELECT count(*) FROM round),
    (SELECT name FROM round ORDER BY place DESC LIMIT 1)
FROM (SELECT 1) LEFT JOIN (
    SELECT * FROM chosen ORDER BY part, turn, place LIMIT :limit) AS chosen ON 1";

/// The rows are found by their places, and not among all that wait.
const CLAIM_KEYED: &str = "
UPDATE laneway_job SET state = 1, attempt = attempt + 1, lease_until = :t + :lease,
    fence = (SELECT fence + 1 FROM laneway_meta), worker = :worker, instance = :instance,
    claim = :claim, started_at = :t
WHERE seq IN (SELECT value FROM json_each(:chosen)) AND state + 0 = 0 AND held + 0 = 3
AND NOT EXISTS (SELECT 1 FROM laneway_queue WHERE name = :queue AND paused = 1)";

const CLAIM_KEYED_SUSPECT: &str = "
UPDATE laneway_job SET state = 1, attempt = attempt + 1, lease_until = :t + :lease,
    fence = (SELECT fence + 1 FROM laneway_meta), worker = :worker, instance = :instance,
    claim = :claim, started_at = :t
WHERE seq IN (
    SELECT seq FROM laneway_job AS suspect
    WHERE state = 0 AND held = 3 AND crashes > 0 AND queue = :queue
        AND run_at <= :t AND (expires_at IS NULL OR expires_at > :t)
        AND kind IN (SELECT value FROM json_each(:kinds))
        AND (SELECT count(*) FROM laneway_job AS job
            WHERE job.limit_key IS NOT NULL AND job.state <= 1 AND job.queue = :queue
                AND job.limit_key = suspect.limit_key AND job.state >= 1) < :per_key
    ORDER BY run_at, seq LIMIT min(1, :limit))
AND NOT EXISTS (SELECT 1 FROM laneway_queue WHERE name = :queue AND paused = 1)";

const DUE_KEYED: &str = "
SELECT (SELECT kind FROM laneway_job AS suspect
    WHERE state = 0 AND held = 3 AND crashes > 0 AND queue = :queue
        AND run_at <= :t AND (expires_at IS NULL OR expires_at > :t)
        AND kind IN (SELECT value FROM json_each(:kinds))
        AND (SELECT count(*) FROM laneway_job AS job
            WHERE job.limit_key IS NOT NULL AND job.state <= 1 AND job.queue = :queue
                AND job.limit_key = suspect.limit_key AND job.state >= 1) < :per_key
    ORDER BY run_at, seq LIMIT 1)
FROM (SELECT 1 FROM json_each(:kinds) AS known
    WHERE EXISTS (SELECT 1 FROM laneway_job
            WHERE state = 0 AND held = 3 AND queue = :queue AND kind = known.value
                AND run_at <= :t AND (expires_at IS NULL OR expires_at > :t))
        AND NOT EXISTS (SELECT 1 FROM laneway_queue WHERE name = :queue AND paused = 1)
    LIMIT 1)";

/// The jobs that have just been claimed, found by their lease. An answer of the claim itself would
/// cost SQLite another row for each, in a table of its own.
const CLAIMED: &str = "
SELECT run_at, seq, id, fence, kind, lane, attempt, max_attempts, crashes, timeout, payload,
    awaited_by
FROM laneway_job WHERE state = 1 AND lease_until = :t + :lease AND claim = :claim";

/// The index over what runs is read as a whole: an answer is seldom lost.
const CLAIMED_BY: &str = "
UPDATE laneway_job SET lease_until = :t + :lease
WHERE state = 1 AND claim = :claim
RETURNING run_at, seq, id, fence, kind, lane, attempt, max_attempts, crashes, timeout, payload,
    awaited_by";

const DUE_SUSPECT: &str = "
SELECT kind FROM laneway_job
WHERE state = 0 AND held = 0 AND crashes > 0 AND queue = :queue
    AND run_at <= :t AND (expires_at IS NULL OR expires_at > :t)
    AND kind IN (SELECT value FROM json_each(:kinds))
    AND NOT EXISTS (SELECT 1 FROM laneway_queue WHERE name = :queue AND paused = 1)
ORDER BY run_at, seq LIMIT 1";

/// The next time at which a job is due. Jobs that are due already and were not claimed are left
/// out: a settlement or a hint comes first.
const NEXT: &str = "
SELECT min(at) FROM (
    SELECT min(run_at) AS at FROM laneway_job
        WHERE state = 0 AND held = 0 AND crashes = 0 AND queue = :queue AND lane = 0 AND run_at > :t
    UNION ALL
    SELECT min(run_at) FROM laneway_job
        WHERE state = 0 AND held = 0 AND crashes = 0 AND queue = :queue AND lane = 1 AND run_at > :t
    UNION ALL
    SELECT min(run_at) FROM laneway_job
        WHERE state = 0 AND held = 0 AND crashes > 0 AND queue = :queue AND run_at > :t
    UNION ALL
    SELECT min(run_at) FROM laneway_job
        WHERE state = 0 AND held = 3 AND queue = :queue AND run_at > :t
    UNION ALL SELECT min(lease_until) FROM laneway_job WHERE state = 1
    UNION ALL SELECT min(expires_at) FROM laneway_job WHERE state = 0 AND expires_at IS NOT NULL)";

/// It answers nothing: an answer of rows would cost SQLite a table of its own for each job.
const COMPLETE_LONE: &str = "
UPDATE laneway_job SET state = 2, result = :result, error = NULL, finished_at = :t,
    lease_until = NULL
WHERE id = :id AND state = 1 AND fence = :fence AND lease_until > :t AND unique_key IS NULL
    AND awaited_by IS NULL AND limit_key IS NULL";

const COMPLETE: &str = "
UPDATE laneway_job SET state = 2, result = :result, error = NULL, finished_at = :t,
    lease_until = NULL
WHERE id = :id AND state = 1 AND fence = :fence AND lease_until > :t
RETURNING state, coalesce(unique_kind, kind) AS unique_kind, unique_key, limit_key, queue,
    awaited_by";

const KEEP_ATTEMPT: &str = "
INSERT INTO laneway_attempt (job, fence, attempt, worker, started_at, ended_at, error)
SELECT id, fence, attempt, worker, started_at, :t, :error FROM laneway_job
WHERE id = :id AND state = 1 AND fence = :fence AND lease_until > :t";

/// `:delay` is NULL where the job keeps its place in the queue. A job that was asked to stop is not
/// ready again.
const SETTLE: &str = "
UPDATE laneway_job SET state = CASE WHEN :state = 0 AND cancel = 1 THEN 4 ELSE :state END,
    attempt = attempt - :uncharged,
    run_at = CASE WHEN :delay IS NULL THEN run_at ELSE :t + :delay END,
    error = coalesce(:error, error), finished_at = CASE WHEN :state >= 2 OR cancel = 1 THEN :t END,
    lease_until = NULL, worker = NULL
WHERE id = :id AND state = 1 AND fence = :fence AND lease_until > :t
RETURNING state, coalesce(unique_kind, kind) AS unique_kind, unique_key, limit_key, queue,
    awaited_by";

/// A rescue and a retry by hand take a fence of their own, so that a lost holder does not find
/// its fence here.
const SETTLED_BEFORE: &str = "
SELECT state = 0 OR awaited_by IS NOT NULL OR unique_key IS NOT NULL AS followed
    FROM laneway_job WHERE id = :id AND fence = :fence AND state <> 1
UNION ALL SELECT 0 FROM laneway_attempt
    WHERE job = :id AND fence = :fence AND error <> 'the worker was lost'
LIMIT 1";

const RELEASE_SUCCESSOR: &str = "
UPDATE laneway_job SET held = 0
WHERE coalesce(unique_kind, kind) = :unique_kind AND unique_key = :key AND held = 1
    AND unique_key IS NOT NULL AND state <= 1
RETURNING queue";

const ADD_MEMBER: &str = "
UPDATE laneway_batch SET total = total + 1, left = left + 1 WHERE job = :job AND ended = 0";

const END_EMPTY: &str = "
UPDATE laneway_batch SET ended = 1 WHERE job = :job AND left = 0 AND ended = 0";

const COUNT_MEMBER: &str = "
UPDATE laneway_batch SET left = left - 1, ended = left <= 1, done = done + (:state = 2),
    failed = failed + (:state = 3), cancelled = cancelled + (:state = 4),
    quarantined = quarantined + (:state = 5)
WHERE job = :job AND ended = 0
RETURNING ended, awaits = 1 AND done < total";

const LET_GO: &str = "
UPDATE laneway_job SET held = iif(limit_key IS NULL, 0, 3), run_at = max(run_at, :t)
WHERE id = :job AND state = 0 AND held = 2
RETURNING queue";

/// It stays held, which tells it from a job that was cancelled by hand.
const CANCEL_AWAITING: &str = "
UPDATE laneway_job SET state = 4, finished_at = :t,
    error = 'a job before it in the chain was not done'
WHERE id = :job AND state = 0 AND held = 2
RETURNING awaited_by";

const UNCOUNT_MEMBER: &str = "
UPDATE laneway_batch SET left = left + 1, failed = failed - (:state = 3),
    cancelled = cancelled - (:state = 4), quarantined = quarantined - (:state = 5)
WHERE job = :job AND ended = 0";

const AWAIT_AGAIN: &str = "
UPDATE laneway_job SET state = 0, finished_at = NULL, error = NULL
WHERE id = :job AND state = 4 AND held = 2
RETURNING awaited_by";

const REOPEN: &str = "UPDATE laneway_batch SET ended = 0 WHERE job = :job";

const RENEW: &str = "
UPDATE laneway_job SET lease_until = :t + :lease
WHERE id = :id AND state = 1 AND fence = :fence AND lease_until > :t
RETURNING cancel";

const KEEP_PROGRESS: &str = "
UPDATE laneway_job SET progress = :part, progress_text = :text
WHERE id = :id AND state = 1 AND fence = :fence AND lease_until > :t";

const KEEP_STEP: &str = "
INSERT INTO laneway_step (job, name, value)
SELECT id, :name, :value FROM laneway_job
WHERE id = :id AND state = 1 AND fence = :fence AND lease_until > :t
ON CONFLICT DO NOTHING";

const HOLDS: &str = "
SELECT 1 FROM laneway_job
WHERE id = :id AND state = 1 AND fence = :fence AND lease_until > :t";

const KEEP_LOST_ATTEMPTS: &str = "
INSERT INTO laneway_attempt (job, fence, attempt, worker, started_at, ended_at, error)
SELECT id, fence, attempt, worker, started_at, :t, 'the worker was lost' FROM laneway_job
WHERE state = 1 AND lease_until <= :t ORDER BY lease_until LIMIT :limit
ON CONFLICT DO NOTHING";

const RESCUE: &str = "
UPDATE laneway_job SET crashes = crashes + 1,
    state = CASE WHEN crashes + 1 >= :max_crashes THEN 5 WHEN cancel = 1 THEN 4
        WHEN attempt >= max_attempts THEN 3 ELSE 0 END,
    finished_at = CASE
        WHEN crashes + 1 >= :max_crashes OR cancel = 1 OR attempt >= max_attempts THEN :t END,
    run_at = :t + (min(:backoff, (1 << 61) >> min(crashes, 20)) << min(crashes, 20)),
    fence = (SELECT fence + 1 FROM laneway_meta), lease_until = NULL, worker = NULL,
    error = 'the worker was lost'
WHERE seq IN (SELECT seq FROM laneway_job
    WHERE state = 1 AND lease_until <= :t ORDER BY lease_until LIMIT :limit)
RETURNING state, coalesce(unique_kind, kind) AS unique_kind, unique_key, limit_key, queue,
    awaited_by, id";

const EXPIRE: &str = "
UPDATE laneway_job SET state = 3, finished_at = :t, error = CASE attempt
        WHEN 0 THEN 'it expired before it was begun'
        ELSE 'it expired before its next attempt' END
WHERE seq IN (SELECT seq FROM laneway_job
    WHERE state = 0 AND expires_at IS NOT NULL AND expires_at <= :t LIMIT :limit)
RETURNING state, coalesce(unique_kind, kind) AS unique_kind, unique_key, limit_key, queue,
    awaited_by, id";

const PRUNE: &str = "
DELETE FROM laneway_job
WHERE seq IN (SELECT seq FROM laneway_job
    WHERE state >= 2 AND queue = :queue AND state = :state AND finished_at <= :t - :age
    LIMIT :limit)
RETURNING id";

const RETRY_BY_HAND: &str = "
UPDATE laneway_job SET state = 0, run_at = :t,
    held = CASE WHEN EXISTS (SELECT 1 FROM laneway_batch WHERE job = :id AND ended = 0)
        THEN 2 WHEN limit_key IS NOT NULL THEN 3 ELSE 0 END, attempt = 0, crashes = 0, cancel = 0,
    fence = (SELECT fence + 1 FROM laneway_meta), finished_at = NULL, expires_at = NULL,
    unique_kind = (SELECT unique_kind FROM laneway_kind WHERE name = kind)
WHERE id = :id AND state >= 3
RETURNING state, coalesce(unique_kind, kind) AS unique_kind, unique_key, limit_key, queue,
    awaited_by";

const RESCHEDULE: &str = "
UPDATE laneway_job SET run_at = :run_at WHERE id = :id AND state = 0
RETURNING state, coalesce(unique_kind, kind) AS unique_kind, unique_key, limit_key, queue,
    awaited_by";

const CANCEL_READY: &str = "
UPDATE laneway_job SET state = 4, held = 0, finished_at = :t WHERE id = :id AND state = 0
RETURNING state, coalesce(unique_kind, kind) AS unique_kind, unique_key, limit_key, queue,
    awaited_by";

/// A member that was settled before has been counted, and the key of such a job may be another
/// one's by now: only a ready one is named as awaited, and has a key.
const DELETE_BY_HAND: &str = "
DELETE FROM laneway_job WHERE id = :id AND state <> 1
RETURNING CASE state WHEN 0 THEN 4 ELSE state END AS state,
    coalesce(unique_kind, kind) AS unique_kind, CASE state WHEN 0 THEN unique_key END AS unique_key,
    NULL AS limit_key, queue, CASE state WHEN 0 THEN awaited_by END AS awaited_by";

const KEEP_SCHEDULE: &str = "
INSERT INTO laneway_schedule (name, pattern, zone, kind, next_at, served_at)
VALUES (:name, :pattern, :zone, :kind, :next, :t)
ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, served_at = excluded.served_at,
    next_at = CASE WHEN pattern = excluded.pattern AND zone = excluded.zone
        THEN next_at ELSE excluded.next_at END,
    pattern = excluded.pattern, zone = excluded.zone";

const MOVE_SCHEDULE: &str = "
UPDATE laneway_schedule SET next_at = :next
WHERE name = :name AND next_at = :at AND pattern = :pattern AND zone = :zone
    AND paused = 0 AND next_at <= :t";

/// A worker that did not know of a fire, since the pattern changed meanwhile, finds it here.
const KEEP_FIRE: &str = "
INSERT INTO laneway_fire (schedule, at, fired_at, job, error)
VALUES (:name, :at, :t, :job, :error)
ON CONFLICT DO NOTHING";

const NOTE_UNFINISHED: &str = "
UPDATE laneway_fire SET job = :job, unfinished = 1 WHERE schedule = :name AND at = :at";

const PRUNE_FIRES: &str = "
DELETE FROM laneway_fire WHERE schedule = :name AND at <= (
    SELECT at FROM laneway_fire WHERE schedule = :name ORDER BY at DESC LIMIT 1 OFFSET :kept)";
