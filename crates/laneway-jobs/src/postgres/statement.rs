//! All SQL of the transitions, each statement under a name.
//!
//! `@` stands for the schema with its dot, `#fence` for the name of the sequence as a text. T is
//! `clock_timestamp()`, read once for each statement; `now()` would be the start of the
//! transaction. Where a statement changes many rows it goes through them by the order of its
//! arrays, which the caller has sorted, so that two such statements do not wait for each other in
//! a circle.
//!
//! A transition of a holder finds its rows by their ids. `state + 0 = 1` is `state = 1` for all but
//! the planner, which would take the index over all running jobs for a short way: it is one to go
//! through for each row, out of order, and with the entries of jobs that are settled by now. For
//! the same reason the jobs of a limit key that run are those of `state <= 1 AND state >= 1`.

use crate::outline::outline;

/// The statements of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Statement {
    Insert,
    InsertClaimed,
    InsertPlaced,
    KnowQueues,
    FindId,
    FindUnique,
    LockUnique,
    FindSuccessor,
    Replace,
    UniqueKinds,
    LockKinds,
    MergeKinds,
    MergeKeys,
    Claim,
    ClaimByKind,
    ClaimSuspect,
    ClaimKeyed,
    ClaimKeyedSuspect,
    LockBegun,
    KeepBegun,
    ClaimedBy,
    CompleteLone,
    Settle,
    SettledBefore,
    ReleaseSuccessors,
    AwaitMembers,
    AddMembers,
    EndEmpty,
    CountMembers,
    LetGo,
    CancelAwaiting,
    LockBatch,
    AwaitAgain,
    UncountMember,
    Batches,
    Renew,
    KeepProgress,
    KeepStep,
    Steps,
    IsRescueWanted,
    Rescue,
    Expire,
    Queues,
    Prune,
    Look,
    Counts,
    Retry,
    Reschedule,
    Cancel,
    AskToCancel,
    Delete,
    SetPaused,
    StateOf,
    Schedules,
    KeepSchedule,
    PauseSchedule,
    ResumeSchedule,
    RemoveSchedule,
    RemoveFires,
    MoveSchedule,
    KeepFire,
    NoteUnfinished,
    PruneFires,
    Now,
    QueueViews,
    SearchIds,
    SearchMembers,
    SearchRunning,
    SearchNotDone,
    Stories,
    FailedAttempts,
    Leases,
    ActivityDone,
    ActivityFailed,
    ActivityErrors,
    MissingIndices,
    Health,
    Paused,
    Held,
    Notify,
}

impl Statement {
    /// Its text for a schema, which comes quoted and with its dot.
    pub(super) fn text(self, schema: &str) -> String {
        let fence = format!("'{}laneway_fence'", schema.replace('\'', "''"));
        // The marks are those of the template alone: a name may have the same signs.
        let parts = self.template().split("#fence");
        let parts: Vec<String> = parts.map(|part| part.replace('@', schema)).collect();
        parts.join(&fence)
    }

    fn template(self) -> &'static str {
        match self {
            Statement::Insert => INSERT,
            Statement::InsertClaimed => INSERT_CLAIMED,
            Statement::InsertPlaced => INSERT_PLACED,
            Statement::KnowQueues => {
                "INSERT INTO @laneway_queue (name) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING"
            }
            Statement::FindId => "SELECT 1 FROM @laneway_job WHERE id = $1",
            Statement::FindUnique => FIND_UNIQUE,
            Statement::LockUnique => LOCK_UNIQUE,
            Statement::FindSuccessor => FIND_SUCCESSOR,
            Statement::Replace => REPLACE,
            Statement::UniqueKinds => UNIQUE_KINDS,
            Statement::LockKinds => "LOCK TABLE @laneway_kind IN SHARE ROW EXCLUSIVE MODE",
            Statement::MergeKinds => MERGE_KINDS,
            Statement::MergeKeys => MERGE_KEYS,
            Statement::Claim => CLAIM,
            Statement::ClaimByKind => CLAIM_BY_KIND,
            Statement::ClaimSuspect => CLAIM_SUSPECT,
            Statement::ClaimKeyed => CLAIM_KEYED,
            Statement::ClaimKeyedSuspect => CLAIM_KEYED_SUSPECT,
            Statement::LockBegun => LOCK_BEGUN,
            Statement::KeepBegun => "UPDATE @laneway_queue SET begun = $2 WHERE name = $1",
            Statement::ClaimedBy => CLAIMED_BY,
            Statement::CompleteLone => COMPLETE_LONE,
            Statement::Settle => SETTLE,
            Statement::SettledBefore => SETTLED_BEFORE,
            Statement::ReleaseSuccessors => RELEASE_SUCCESSORS,
            Statement::AwaitMembers => AWAIT_MEMBERS,
            Statement::AddMembers => ADD_MEMBERS,
            Statement::EndEmpty => END_EMPTY,
            Statement::CountMembers => COUNT_MEMBERS,
            Statement::LetGo => LET_GO,
            Statement::CancelAwaiting => CANCEL_AWAITING,
            Statement::LockBatch => "SELECT 1 FROM @laneway_batch WHERE job = $1 FOR UPDATE",
            Statement::AwaitAgain => AWAIT_AGAIN,
            Statement::UncountMember => UNCOUNT_MEMBER,
            Statement::Batches => BATCHES,
            Statement::Renew => RENEW,
            Statement::KeepProgress => KEEP_PROGRESS,
            Statement::KeepStep => KEEP_STEP,
            Statement::Steps => {
                "SELECT name, value FROM @laneway_step WHERE job = $1 ORDER BY name"
            }
            Statement::IsRescueWanted => IS_RESCUE_WANTED,
            Statement::Rescue => RESCUE,
            Statement::Expire => EXPIRE,
            Statement::Queues => "SELECT name FROM @laneway_queue ORDER BY name",
            Statement::Prune => PRUNE,
            Statement::Look => LOOK,
            Statement::Counts => COUNTS,
            Statement::Retry => RETRY,
            Statement::Reschedule => RESCHEDULE,
            Statement::Cancel => CANCEL,
            Statement::AskToCancel => {
                "UPDATE @laneway_job SET cancel = true WHERE id = $1 AND state + 0 = 1 RETURNING 1"
            }
            Statement::Delete => DELETE,
            Statement::SetPaused => SET_PAUSED,
            Statement::StateOf => "SELECT state FROM @laneway_job WHERE id = $1",
            Statement::Schedules => SCHEDULES,
            Statement::KeepSchedule => KEEP_SCHEDULE,
            Statement::PauseSchedule => {
                "UPDATE @laneway_schedule SET paused = true WHERE name = $1 RETURNING 1"
            }
            Statement::ResumeSchedule => RESUME_SCHEDULE,
            Statement::RemoveSchedule => {
                "DELETE FROM @laneway_schedule WHERE name = $1 RETURNING 1"
            }
            Statement::RemoveFires => "DELETE FROM @laneway_fire WHERE schedule = $1",
            Statement::MoveSchedule => MOVE_SCHEDULE,
            Statement::KeepFire => KEEP_FIRE,
            Statement::NoteUnfinished => NOTE_UNFINISHED,
            Statement::PruneFires => PRUNE_FIRES,
            Statement::Now => NOW,
            Statement::QueueViews => QUEUE_VIEWS,
            Statement::SearchIds => SEARCH_IDS,
            Statement::SearchMembers => SEARCH_MEMBERS,
            Statement::SearchRunning => SEARCH_RUNNING,
            Statement::SearchNotDone => SEARCH_NOT_DONE,
            Statement::Stories => STORIES,
            Statement::FailedAttempts => FAILED_ATTEMPTS,
            Statement::Leases => LEASES,
            Statement::ActivityDone => ACTIVITY_DONE,
            Statement::ActivityFailed => ACTIVITY_FAILED,
            Statement::ActivityErrors => ACTIVITY_ERRORS,
            Statement::MissingIndices => MISSING_INDICES,
            Statement::Health => HEALTH,
            Statement::Paused => PAUSED,
            Statement::Held => HELD,
            Statement::Notify => "SELECT pg_notify($1, $2)",
        }
    }
}

macro_rules! at_t {
    ($($text:expr),+) => {
        concat!(
            "WITH clock AS MATERIALIZED (
    SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS t)",
            $($text),+
        )
    };
}

/// Jobs that wait for none, that none waits for, and that have no unique keys.
const INSERT: &str = at_t!(
    "
INSERT INTO @laneway_job (id, kind, queue, lane, run_at, max_attempts, timeout, expires_at, parent,
    created_at, payload)
SELECT id, kind, queue, lane, coalesce(at, t + wait), max_attempts, timeout, t + expires_after,
    parent, t, payload
FROM clock, unnest($1::uuid[], $2::text[], $3::text[], $4::smallint[], $5::bigint[], $6::bigint[],
    $7::integer[], $8::bigint[], $9::bigint[], $10::uuid[], $11::bytea[])
    AS given (id, kind, queue, lane, at, wait, max_attempts, timeout, expires_after, parent,
    payload)
ON CONFLICT DO NOTHING
RETURNING 1"
);

const INSERT_PLACED: &str = at_t!(
    "
INSERT INTO @laneway_job (id, kind, queue, lane, run_at, max_attempts, timeout, expires_at, parent,
    created_at, payload, held, unique_key, unique_kind, awaited_by, limit_key)
SELECT id, kind, queue, lane, coalesce(at, t + wait), max_attempts, timeout, t + expires_after,
    parent, t, payload, held, unique_key,
    CASE WHEN unique_key IS NOT NULL
        THEN (SELECT unique_kind FROM @laneway_kind WHERE name = given.kind) END, awaited_by,
    limit_key
FROM clock, unnest($1::uuid[], $2::text[], $3::text[], $4::smallint[], $5::bigint[], $6::bigint[],
    $7::integer[], $8::bigint[], $9::bigint[], $10::uuid[], $11::bytea[], $12::smallint[],
    $13::text[], $14::uuid[], $15::text[])
    AS given (id, kind, queue, lane, at, wait, max_attempts, timeout, expires_after, parent,
    payload, held, unique_key, awaited_by, limit_key)
ON CONFLICT DO NOTHING
RETURNING id"
);

const FIND_UNIQUE: &str = "
SELECT id, state FROM @laneway_job
WHERE coalesce(unique_kind, kind)
        = coalesce((SELECT unique_kind FROM @laneway_kind WHERE name = $1), $1)
    AND unique_key = $2 AND held = 0 AND unique_key IS NOT NULL AND state <= 1";

/// The rival stays as it is until the transaction ends: it is not settled while one more is put
/// behind it, and not claimed while it takes over another payload.
const LOCK_UNIQUE: &str = "
SELECT id, state FROM @laneway_job
WHERE coalesce(unique_kind, kind)
        = coalesce((SELECT unique_kind FROM @laneway_kind WHERE name = $1), $1)
    AND unique_key = $2 AND held = 0 AND unique_key IS NOT NULL AND state <= 1
FOR UPDATE";

const FIND_SUCCESSOR: &str = "
SELECT id, state FROM @laneway_job
WHERE coalesce(unique_kind, kind)
        = coalesce((SELECT unique_kind FROM @laneway_kind WHERE name = $1), $1)
    AND unique_key = $2 AND held = 1 AND unique_key IS NOT NULL AND state <= 1";

/// The rival is locked, and ready. Its kept steps belong to the payload before.
const REPLACE: &str = at_t!(
    ",
steps AS (DELETE FROM @laneway_step WHERE job = $1)
UPDATE @laneway_job SET lane = $2, run_at = coalesce($3::bigint, t + $4::bigint),
    max_attempts = $5, timeout = $6, expires_at = t + $7::bigint, payload = $8, kind = $9,
    unique_kind = coalesce(unique_kind, kind)
FROM clock WHERE id = $1 AND state = 0"
);

/// For each of the given kinds the one under whose name its unique keys are kept.
const UNIQUE_KINDS: &str = "
SELECT coalesce(unique_kind, given.name) AS unique_kind
FROM unnest($1::text[]) WITH ORDINALITY AS given (name, place)
LEFT JOIN @laneway_kind AS kept ON kept.name = given.name ORDER BY place";

const MERGE_KINDS: &str = "
WITH merged AS (UPDATE @laneway_kind SET unique_kind = $2 WHERE unique_kind = $1)
INSERT INTO @laneway_kind (name, unique_kind) VALUES ($1, $2)";

/// A job whose key another one has already keeps it where it is.
const MERGE_KEYS: &str = "
UPDATE @laneway_job AS job SET unique_kind = $2
WHERE coalesce(unique_kind, kind) = $1 AND unique_key IS NOT NULL AND state <= 1
    AND NOT EXISTS (SELECT 1 FROM @laneway_job AS rival
        WHERE coalesce(rival.unique_kind, rival.kind) = $2 AND rival.unique_key = job.unique_key
            AND rival.held = job.held AND rival.unique_key IS NOT NULL AND rival.state <= 1)";

/// The jobs of a lane that a claim may take, the first ones first.
macro_rules! ready_rows {
    ($lane:literal, $from:literal) => {
        concat!(
            "SELECT ctid, run_at, seq FROM @laneway_job
    WHERE state = 0 AND held = 0 AND crashes = 0 AND queue = $1 AND lane = ",
            $lane,
            " AND run_at >= ",
            $from,
            " AND run_at <= (SELECT t FROM clock)
        AND (expires_at IS NULL OR expires_at > (SELECT t FROM clock)) AND kind = ANY ($2::text[])
        AND NOT EXISTS (SELECT 1 FROM @laneway_queue WHERE name = $1 AND paused)"
        )
    };
}

/// The kinds of suspects, the first one's first.
macro_rules! suspects {
    ($others:literal) => {
        concat!(
            "
    SELECT kind FROM @laneway_job
    WHERE state = 0 AND held = 0 AND crashes > 0 AND queue = $1
        AND run_at <= (SELECT t FROM clock)
        AND (expires_at IS NULL OR expires_at > (SELECT t FROM clock)) AND kind = ANY ($2)
        AND NOT EXISTS (SELECT 1 FROM @laneway_queue WHERE name = $1 AND paused)",
            $others
        )
    };
}

/// Those with limit keys that have places.
macro_rules! keyed_suspects {
    ($per_key:literal) => {
        keyed_suspects!($per_key, "kind")
    };
    ($per_key:literal, $column:literal) => {
        concat!(
            "
    SELECT ",
            $column,
            " FROM @laneway_job AS suspect
    WHERE state = 0 AND held = 3 AND crashes > 0 AND queue = $1
        AND run_at <= (SELECT t FROM clock)
        AND (expires_at IS NULL OR expires_at > (SELECT t FROM clock))
        AND kind = ANY ($2::text[])
        AND NOT EXISTS (SELECT 1 FROM @laneway_queue WHERE name = $1 AND paused)
        AND (SELECT count(*) FROM @laneway_job AS running
            WHERE running.limit_key IS NOT NULL AND running.state <= 1 AND running.queue = $1
                AND running.limit_key = suspect.limit_key AND running.state >= 1) < ",
            $per_key
        )
    };
}

/// Whether the first ready job of a lane is of another kind.
macro_rules! other_first {
    ($lane:literal, $from:literal) => {
        concat!(
            "(SELECT kind <> ALL ($2) FROM @laneway_job
        WHERE state = 0 AND held = 0 AND crashes = 0 AND queue = $1 AND lane = (",
            $lane,
            ")::smallint AND run_at >= ",
            $from,
            " AND run_at <= (SELECT t FROM clock)
        ORDER BY run_at, seq LIMIT 1)"
        )
    };
}

/// Whether jobs with limit keys are due; and, where marks of the lanes are given, whether a job of
/// another kind is the first one of a lane from its mark on.
macro_rules! keys_due {
    () => {
        concat!(keys_due!(@keys), ", false AS others")
    };
    ($high:literal, $low:literal) => {
        concat!(
            keys_due!(@keys),
            ", coalesce(",
            other_first!("$3", $high),
            ", false) OR coalesce(",
            other_first!("1 - $3", $low),
            ", false) AS others"
        )
    };
    (@keys) => {
        "(EXISTS (SELECT 1 FROM @laneway_job
            WHERE state = 0 AND held = 3 AND queue = $1 AND run_at <= (SELECT t FROM clock))
        AND EXISTS (SELECT 1 FROM unnest($2) AS known (kind) CROSS JOIN LATERAL (
            SELECT 1 FROM @laneway_job AS job
            WHERE state = 0 AND held + 0 = 3 AND job.kind >= '' AND queue = $1
                AND job.kind = known.kind AND run_at <= (SELECT t FROM clock)
                AND (expires_at IS NULL OR expires_at > (SELECT t FROM clock))
            LIMIT 1) AS due)
        AND NOT EXISTS (SELECT 1 FROM @laneway_queue WHERE name = $1 AND paused)
        ) AS keys_left, NULL::text AS last_key"
    };
}

/// The end of a claim. The fence is taken when all rows are locked, so that it is higher than that
/// of every earlier holder of them. A row is found by its place, where it was locked; one that has
/// another version by now is left for the next claim.
///
/// The time until the next job is asked for only where fewer jobs were there than were wanted. Jobs
/// that are due already and were not claimed are not in it: a settlement or a hint comes first. Nor
/// are ends of leases: the index keeps entries of settled jobs, and a worker looks for such ends at
/// intervals anyway.
macro_rules! claim_picked {
    (
        $limit:literal, $lease:literal, $worker:literal, $claim:literal, $suspect:expr, $keys:expr
    ) => {
        concat!(
            "
number AS MATERIALIZED (
    SELECT nextval(#fence) AS fence
    FROM (SELECT count(*) AS rows FROM picked) AS locked WHERE rows > 0),
claimed AS (
    UPDATE @laneway_job AS job SET state = 1, attempt = attempt + 1,
        lease_until = (SELECT t FROM clock) + ",
            $lease,
            "::bigint, fence = (SELECT fence FROM number),
        worker = ",
            $worker,
            ", claim = ",
            $claim,
            ", started_at = (SELECT t FROM clock)
    FROM picked WHERE job.ctid = picked.ctid AND job.state = 0
    RETURNING job.id, job.run_at, job.seq, fence, kind, lane, attempt, max_attempts, crashes,
        timeout, awaited_by, payload)
SELECT claimed.*, (",
            $suspect,
            "
    ORDER BY run_at, seq LIMIT 1) AS suspect, ",
            $keys,
            ",
    CASE WHEN (SELECT count(*) FROM picked) < ",
            $limit,
            " THEN least(
    (SELECT min(run_at) FROM @laneway_job
        WHERE state = 0 AND held = 0 AND crashes = 0 AND queue = $1 AND lane = 0
            AND run_at > (SELECT t FROM clock)),
    (SELECT min(run_at) FROM @laneway_job
        WHERE state = 0 AND held = 0 AND crashes = 0 AND queue = $1 AND lane = 1
            AND run_at > (SELECT t FROM clock)),
    (SELECT min(run_at) FROM @laneway_job
        WHERE state = 0 AND held = 0 AND crashes > 0 AND queue = $1
            AND run_at > (SELECT t FROM clock)),
    (SELECT min(run_at) FROM @laneway_job
        WHERE state = 0 AND held = 3 AND queue = $1
            AND run_at > (SELECT t FROM clock))) - (SELECT t FROM clock) END AS wait
FROM (SELECT 1) AS always LEFT JOIN claimed ON true"
        )
    };
}

/// Takes from the first lane, at most `$10` jobs, then from the other one, and fills up from the
/// first one again. `$8` and `$9` are the low-water marks of the lanes: below them lie, as a rule,
/// only rows that were claimed, which an index keeps for as long as any snapshot may see them.
const CLAIM: &str = at_t!(
    ",
first AS MATERIALIZED (
    ",
    ready_rows!("$3::smallint", "$8::bigint"),
    "
    ORDER BY run_at, seq LIMIT $10::bigint FOR UPDATE SKIP LOCKED),
second AS MATERIALIZED (
    ",
    ready_rows!("(1 - $3)::smallint", "$9::bigint"),
    "
    ORDER BY run_at, seq LIMIT $4::bigint - (SELECT count(*) FROM first) FOR UPDATE SKIP LOCKED),
third AS MATERIALIZED (
    ",
    ready_rows!("$3", "$8"),
    "
        AND (run_at, seq) > (
            SELECT run_at, seq FROM first ORDER BY run_at DESC, seq DESC LIMIT 1)
    ORDER BY run_at, seq
    LIMIT CASE WHEN (SELECT count(*) FROM first) < $10 THEN 0
        ELSE $4 - $10 - (SELECT count(*) FROM second) END
    FOR UPDATE SKIP LOCKED),
picked AS MATERIALIZED (
    SELECT ctid FROM first UNION ALL SELECT ctid FROM second UNION ALL SELECT ctid FROM third),",
    claim_picked!("$4", "$5", "$6", "$7", suspects!(""), keys_due!("$8", "$9"))
);

/// The ready jobs of a lane that are of one kind. The index has one number for a kind, its queue
/// and its lane, which costs an insert half of what their names would. Two that share a number are
/// told apart by the row; what is `IS TRUE` is so for all but the planner, which would take the
/// index of all kinds for it.
macro_rules! ready_of_kind {
    ($columns:literal, $kind:literal, $lane:literal, $others:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM @laneway_job AS job
        WHERE state = 0 AND held = 0 AND crashes = 0
            AND hashtextextended(job.kind, hashtextextended(queue, lane))
                = hashtextextended(",
            $kind,
            ", hashtextextended($1, ",
            $lane,
            "))
            AND (queue = $1) IS TRUE AND (job.kind = ",
            $kind,
            ") IS TRUE AND (lane = ",
            $lane,
            ") IS TRUE AND run_at <= (SELECT t FROM clock)
            AND (expires_at IS NULL OR expires_at > (SELECT t FROM clock))",
            $others,
            "
        ORDER BY run_at, seq LIMIT "
        )
    };
}

/// Jobs of a lane, kind after kind: the kind whose first job has been ready for longest is the
/// first one. None is locked that is not taken.
macro_rules! ready_by_kind {
    ($lane:literal, $limit:literal) => {
        ready_by_kind!($lane, $limit, "")
    };
    ($lane:literal, $limit:literal, $others:literal) => {
        concat!(
            "
    SELECT job.ctid FROM (
        SELECT known.kind FROM unnest($2::text[]) AS known (kind) CROSS JOIN LATERAL (",
            ready_of_kind!("run_at, seq", "known.kind", $lane, ""),
            "1) AS head
        WHERE NOT EXISTS (SELECT 1 FROM @laneway_queue WHERE name = $1 AND paused)
        ORDER BY head.run_at, head.seq) AS due CROSS JOIN LATERAL (",
            ready_of_kind!("ctid", "due.kind", $lane, $others),
            $limit,
            "
        FOR UPDATE SKIP LOCKED) AS job
    LIMIT ",
            $limit
        )
    };
}

/// Jobs of other kinds cost it nothing, however many there are. It begins at the front; a claim
/// that begins further on goes by `CLAIM`, until jobs of other kinds are in its way.
const CLAIM_BY_KIND: &str = at_t!(
    ",
first AS MATERIALIZED (",
    ready_by_kind!("$3::smallint", "$10::bigint"),
    "),
second AS MATERIALIZED (",
    ready_by_kind!("(1 - $3)", "($4::bigint - (SELECT count(*) FROM first))"),
    "),
third AS MATERIALIZED (",
    ready_by_kind!(
        "$3",
        "CASE WHEN (SELECT count(*) FROM first) < $10 THEN 0
        ELSE $4 - $10 - (SELECT count(*) FROM second) END",
        " AND job.ctid NOT IN (SELECT ctid FROM first)"
    ),
    "),
picked AS MATERIALIZED (
    SELECT ctid FROM first UNION ALL SELECT ctid FROM second UNION ALL SELECT ctid FROM third),",
    claim_picked!(
        "$4",
        "$5",
        "$6",
        "$7",
        suspects!(""),
        keys_due!("$8::bigint", "$9::bigint")
    )
);

/// Jobs as `INSERT` has them that are due at once, in the queue and of the kinds of a claim that
/// has room for all of them. Where no other job is due they are claimed from the first moment on:
/// one version of a row, in one statement. Otherwise they are ready as all others are, and the
/// claim comes next. `$3` and `$4` are the low-water marks of the lanes.
const INSERT_CLAIMED: &str = "
WITH next AS MATERIALIZED (
    SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS t, least(
        (SELECT min(run_at) FROM @laneway_job
            WHERE state = 0 AND held = 0 AND crashes = 0 AND queue = $1 AND lane = 0
                AND run_at >= $3::bigint),
        (SELECT min(run_at) FROM @laneway_job
            WHERE state = 0 AND held = 0 AND crashes = 0 AND queue = $1 AND lane = 1
                AND run_at >= $4::bigint),
        (SELECT min(run_at) FROM @laneway_job
            WHERE state = 0 AND held = 0 AND crashes > 0 AND queue = $1)) AS at),
number AS MATERIALIZED (
    SELECT nextval(#fence) AS fence FROM next
    WHERE (at IS NULL OR at > t)
        AND NOT EXISTS (SELECT 1 FROM @laneway_queue WHERE name = $1 AND paused)),
inserted AS (
    INSERT INTO @laneway_job (id, kind, queue, lane, run_at, max_attempts, timeout, parent,
        created_at, payload, state, attempt, fence, lease_until, worker, claim, started_at)
    SELECT ($7::uuid[])[i], ($8::text[])[i], $1, ($9::smallint[])[i], t, ($10::integer[])[i],
        ($11::bigint[])[i], ($12::uuid[])[i], t, ($13::bytea[])[i],
        CASE WHEN fence IS NULL THEN 0 ELSE 1 END, CASE WHEN fence IS NULL THEN 0 ELSE 1 END,
        fence, CASE WHEN fence IS NOT NULL THEN t + $2::bigint END,
        CASE WHEN fence IS NOT NULL THEN $5::text END,
        CASE WHEN fence IS NOT NULL THEN $6::uuid END, CASE WHEN fence IS NOT NULL THEN t END
    FROM next LEFT JOIN number ON true, generate_series(1, cardinality($7::uuid[])) AS given (i)
    ON CONFLICT DO NOTHING
    RETURNING id)
SELECT inserted.id, (SELECT fence FROM number) AS fence, (SELECT at - t FROM next) AS wait
FROM (SELECT 1) AS always LEFT JOIN inserted ON true";

/// The suspect that is due next is looked for beside the one that is taken.
const CLAIM_SUSPECT: &str = at_t!(
    ",
picked AS MATERIALIZED (
    SELECT ctid FROM @laneway_job
    WHERE state = 0 AND held = 0 AND crashes > 0 AND queue = $1
        AND run_at <= (SELECT t FROM clock)
        AND (expires_at IS NULL OR expires_at > (SELECT t FROM clock)) AND kind = ANY ($2::text[])
        AND NOT EXISTS (SELECT 1 FROM @laneway_queue WHERE name = $1 AND paused)
    ORDER BY run_at, seq LIMIT least(1, $3::bigint) FOR UPDATE SKIP LOCKED),",
    claim_picked!(
        "$3",
        "$4",
        "$5",
        "$6",
        suspects!(" AND ctid NOT IN (SELECT ctid FROM picked)"),
        keys_due!()
    )
);

/// The row of the queue is locked while its limits are counted: the next claim begins its
/// statements, and so its view of what runs, after the commit of this one.
const LOCK_BEGUN: &str = at_t!(
    "
SELECT t, coalesce(begun, '') AS begun FROM clock, @laneway_queue WHERE name = $1
FOR NO KEY UPDATE OF laneway_queue"
);

/// The first ready jobs of a lane of a key. The key comes from the row beside.
macro_rules! ready_of_key {
    ($lane:literal) => {
        concat!(
            "(SELECT ctid, lane, run_at, seq FROM @laneway_job
        WHERE limit_key IS NOT NULL AND state <= 1 AND queue = $1 AND limit_key = key.name
            AND state = 0 AND lane = ",
            $lane,
            " AND held + 0 = 3 AND crashes = 0 AND run_at <= (SELECT t FROM clock)
            AND (expires_at IS NULL OR expires_at > (SELECT t FROM clock))
            AND kind = ANY ($2::text[])
        ORDER BY run_at, seq LIMIT least(free, $4::bigint))"
        )
    };
}

/// Looks at the keys behind `$9` and then at those before it, `$11` at most: a step of the index
/// for each, however many jobs a key has. Of each key it takes as many jobs as have places, those
/// of the first lane first; then the first jobs of all keys come before the second ones. The next
/// claim goes on behind the last key that was looked at, or behind the last one whose turn it was
/// where there was no room for all.
const CLAIM_KEYED: &str = concat!(
    "WITH RECURSIVE clock AS MATERIALIZED (
    SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS t),
behind (name, place) AS (
    SELECT (SELECT limit_key FROM @laneway_job
        WHERE limit_key IS NOT NULL AND state <= 1 AND queue = $1 AND limit_key > $9::text
        ORDER BY limit_key LIMIT 1), 1::bigint
    UNION ALL
    SELECT (SELECT limit_key FROM @laneway_job
        WHERE limit_key IS NOT NULL AND state <= 1 AND queue = $1 AND limit_key > name
        ORDER BY limit_key LIMIT 1), place + 1
    FROM behind WHERE name IS NOT NULL AND place < $11::bigint),
before (name, place) AS (
    SELECT (SELECT limit_key FROM @laneway_job
        WHERE limit_key IS NOT NULL AND state <= 1 AND queue = $1 AND limit_key <= $9
        ORDER BY limit_key LIMIT 1), (SELECT count(name) FROM behind) + 1
    UNION ALL
    SELECT (SELECT limit_key FROM @laneway_job
        WHERE limit_key IS NOT NULL AND state <= 1 AND queue = $1 AND limit_key > name
            AND limit_key <= $9
        ORDER BY limit_key LIMIT 1), place + 1
    FROM before WHERE name IS NOT NULL AND place < $11),
round AS MATERIALIZED (
    SELECT name, place FROM behind WHERE name IS NOT NULL
    UNION ALL SELECT name, place FROM before WHERE name IS NOT NULL AND place <= $11),
key AS MATERIALIZED (
    SELECT name, place, $8::bigint - (SELECT count(*) FROM (
        SELECT 1 FROM @laneway_job
        WHERE limit_key IS NOT NULL AND state <= 1 AND queue = $1 AND limit_key = round.name
            AND state >= 1
        LIMIT $8) AS running) AS free
    FROM round
    WHERE NOT EXISTS (SELECT 1 FROM @laneway_queue WHERE name = $1 AND paused)),
turned AS MATERIALIZED (
    SELECT job.ctid AS row, name, place, lane, free,
        row_number() OVER (PARTITION BY place ORDER BY lane <> $3::smallint, run_at, seq) AS turn
    FROM key CROSS JOIN LATERAL (",
    ready_of_key!("0"),
    "
        UNION ALL ",
    ready_of_key!("1"),
    ") AS job
    WHERE free > 0),
chosen AS MATERIALIZED (
    SELECT row, name, place, turn FROM (
        SELECT *, row_number() OVER (PARTITION BY lane ORDER BY turn, place) AS rank
        FROM turned WHERE turn <= free) AS ranked
    ORDER BY CASE WHEN lane <> $3 THEN 1 WHEN rank <= $10::bigint THEN 0 ELSE 2 END, turn, place
    LIMIT $4),
picked AS MATERIALIZED (
    SELECT ctid FROM @laneway_job
    WHERE ctid = ANY (ARRAY(SELECT row FROM chosen)) AND state = 0
    FOR UPDATE SKIP LOCKED),",
    claim_picked!(
        "$4",
        "$5",
        "$6",
        "$7",
        // What this claim takes does not run yet for this statement.
        concat!(
            keyed_suspects!("$8"),
            " AND limit_key NOT IN (SELECT name FROM chosen)"
        ),
        "(SELECT count(*) FROM round) >= $11 OR (SELECT count(*) FROM chosen) >= $4 AS keys_left,
    CASE WHEN (SELECT count(*) FROM chosen) >= $4
        THEN (SELECT name FROM chosen WHERE turn = 1 ORDER BY place DESC LIMIT 1)
        ELSE (SELECT name FROM round ORDER BY place DESC LIMIT 1) END AS last_key,
    false AS others"
    )
);

/// The queue's row is locked.
const CLAIM_KEYED_SUSPECT: &str = at_t!(
    ",
picked AS MATERIALIZED (",
    keyed_suspects!("$7::bigint", "ctid"),
    "
    ORDER BY run_at, seq LIMIT least(1, $3::bigint) FOR UPDATE SKIP LOCKED),",
    claim_picked!("$3", "$4", "$5", "$6", suspects!(""), keys_due!())
);

/// The index over what runs is read as a whole: an answer is seldom lost.
const CLAIMED_BY: &str = at_t!(
    "
UPDATE @laneway_job AS job SET lease_until = t + $2::bigint
FROM clock WHERE state = 1 AND claim = $1
RETURNING id, run_at, seq, fence, kind, lane, attempt, max_attempts, crashes, timeout, awaited_by,
    payload"
);

/// Completes jobs with no key and that none awaits, so that no other row follows them. It
/// answers with their places among those that were given.
const COMPLETE_LONE: &str = at_t!(
    ",
settled AS (
    UPDATE @laneway_job AS job SET state = 2, error = NULL, result = given.result,
        lease_until = NULL, finished_at = (SELECT t FROM clock)
    FROM unnest($1::uuid[], $2::bigint[], $3::bytea[]) WITH ORDINALITY
        AS given (id, fence, result, place)
    WHERE job.id = given.id AND job.state + 0 = 1 AND job.fence = given.fence
        AND job.lease_until > (SELECT t FROM clock) AND job.unique_key IS NULL
        AND job.awaited_by IS NULL AND job.limit_key IS NULL
    RETURNING place)
SELECT array_agg(place) AS places FROM settled"
);

/// `delay` is NULL where the job keeps its place in the queue. What `kept` reads of a job is its
/// version before this statement, with the worker that had it.
const SETTLE: &str = at_t!(
    ",
settled AS (
    UPDATE @laneway_job AS job SET attempt = attempt - given.uncharged,
        state = CASE WHEN given.state = 0 AND job.cancel THEN 4 ELSE given.state END,
        run_at = coalesce((SELECT t FROM clock) + given.delay, job.run_at),
        error = CASE WHEN given.state <> 2 THEN coalesce(given.error, job.error) END,
        result = given.result, lease_until = NULL,
        finished_at = CASE WHEN given.state >= 2 OR job.cancel THEN (SELECT t FROM clock) END,
        worker = CASE WHEN given.state = 2 THEN worker END
    FROM unnest($1::uuid[], $2::bigint[], $3::smallint[], $4::integer[], $5::bigint[], $6::text[],
        $7::bytea[]) AS given (id, fence, state, uncharged, delay, error, result)
    WHERE job.id = given.id AND job.state + 0 = 1 AND job.fence = given.fence
        AND job.lease_until > (SELECT t FROM clock)
    RETURNING job.id, job.fence, job.state, given.error,
        CASE WHEN unique_key IS NOT NULL THEN coalesce(unique_kind, kind) END AS unique_kind,
        unique_key, awaited_by,
        CASE WHEN job.state = 0 OR job.limit_key IS NOT NULL THEN queue END AS queue),
kept AS (
    INSERT INTO @laneway_attempt (job, fence, attempt, worker, started_at, ended_at, error)
    SELECT job.id, settled.fence, job.attempt, job.worker, job.started_at, t, settled.error
    FROM clock, settled JOIN @laneway_job AS job ON job.id = settled.id
    WHERE settled.error IS NOT NULL)
SELECT id, fence, state, unique_kind, unique_key, awaited_by, queue FROM settled"
);

/// A rescue and a retry by hand take a fence of their own, so that a lost holder does not find
/// its fence here.
const SETTLED_BEFORE: &str = "
SELECT id, fence, EXISTS (SELECT 1 FROM @laneway_job AS job
    WHERE job.id = given.id AND job.fence = given.fence
        AND (state = 0 OR awaited_by IS NOT NULL OR unique_key IS NOT NULL)) AS followed
FROM unnest($1::uuid[], $2::bigint[]) AS given (id, fence)
WHERE EXISTS (SELECT 1 FROM @laneway_job AS job
    WHERE job.id = given.id AND job.fence = given.fence AND state <> 1)
OR EXISTS (SELECT 1 FROM @laneway_attempt AS attempt
    WHERE attempt.job = given.id AND attempt.fence = given.fence
        AND error <> 'the worker was lost')";

/// A statement of its own after the settlement: its snapshot has the successor that was put behind
/// the running job while the settlement waited for that job's row.
const RELEASE_SUCCESSORS: &str = "
UPDATE @laneway_job AS job SET held = 0
FROM unnest($1::text[], $2::text[]) AS given (kind, unique_key)
WHERE coalesce(job.unique_kind, job.kind) = given.kind AND job.unique_key = given.unique_key
    AND job.held = 1 AND job.unique_key IS NOT NULL AND job.state <= 1
RETURNING queue";

const AWAIT_MEMBERS: &str = "
INSERT INTO @laneway_batch (job, awaits) SELECT * FROM unnest($1::uuid[], $2::smallint[])
ON CONFLICT DO NOTHING";

const ADD_MEMBERS: &str = "
UPDATE @laneway_batch AS batch SET total = total + given.members,
    \"left\" = \"left\" + given.members
FROM unnest($1::uuid[], $2::bigint[]) AS given (job, members)
WHERE batch.job = given.job AND NOT ended";

const END_EMPTY: &str = "
UPDATE @laneway_batch AS batch SET ended = true
FROM unnest($1::uuid[]) AS given (job)
WHERE batch.job = given.job AND \"left\" = 0 AND NOT ended
RETURNING batch.job";

/// Of two transactions that count at the same batch, the second waits here, and goes on with what
/// the first one has left. Answers for those that have ended, and whether the job that waits is
/// cancelled then.
const COUNT_MEMBERS: &str = "
UPDATE @laneway_batch AS batch SET ended = \"left\" <= given.members,
    \"left\" = \"left\" - given.members, done = batch.done + given.done,
    failed = batch.failed + given.failed, cancelled = batch.cancelled + given.cancelled,
    quarantined = batch.quarantined + given.quarantined
FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
    AS given (job, members, done, failed, cancelled, quarantined)
WHERE batch.job = given.job AND NOT ended
RETURNING batch.job, ended, awaits = 1 AND batch.done < total AS cancels";

/// A statement of its own after the count, as `RELEASE_SUCCESSORS` is: it sees what a retry by hand
/// has made of the job while the count waited.
const LET_GO: &str = at_t!(
    "
UPDATE @laneway_job AS job SET held = CASE WHEN limit_key IS NULL THEN 0 ELSE 3 END,
    run_at = greatest(run_at, (SELECT t FROM clock))
FROM unnest($1::uuid[]) AS given (id)
WHERE job.id = given.id AND state + 0 = 0 AND held = 2
RETURNING queue"
);

/// It stays held, which tells it from a job that was cancelled by hand.
const CANCEL_AWAITING: &str = at_t!(
    "
UPDATE @laneway_job AS job SET state = 4, finished_at = (SELECT t FROM clock),
    error = 'a job before it in the chain was not done'
FROM unnest($1::uuid[]) AS given (id)
WHERE job.id = given.id AND state + 0 = 0 AND held = 2
RETURNING job.id, awaited_by"
);

const AWAIT_AGAIN: &str = "
UPDATE @laneway_job SET state = 0, finished_at = NULL, error = NULL
WHERE id = $1 AND state + 0 = 4 AND held = 2
RETURNING awaited_by";

/// `$3`: the job waits again, so that a batch which had ended is open.
const UNCOUNT_MEMBER: &str = "
UPDATE @laneway_batch SET ended = false, \"left\" = \"left\" + 1,
    failed = failed - ($2::smallint = 3)::integer,
    cancelled = cancelled - ($2::smallint = 4)::integer,
    quarantined = quarantined - ($2::smallint = 5)::integer
WHERE job = $1 AND (NOT ended OR $3::boolean)";

const BATCHES: &str = "
SELECT job, total, done, failed, cancelled, quarantined FROM @laneway_batch
WHERE job = ANY ($1::uuid[])";

const RENEW: &str = at_t!(
    "
UPDATE @laneway_job AS job SET lease_until = (SELECT t FROM clock) + $3::bigint
FROM unnest($1::uuid[], $2::bigint[]) AS given (id, fence)
WHERE job.id = given.id AND state + 0 = 1 AND job.fence = given.fence
    AND lease_until > (SELECT t FROM clock)
RETURNING job.id, job.fence, cancel"
);

const KEEP_PROGRESS: &str = at_t!(
    "
UPDATE @laneway_job SET progress = $3, progress_text = $4
WHERE id = $1 AND state + 0 = 1 AND fence = $2 AND lease_until > (SELECT t FROM clock)
RETURNING 1"
);

/// The holder's row is locked, so that no rescue comes between the look and the step.
const KEEP_STEP: &str = at_t!(
    ",
holder AS MATERIALIZED (
    SELECT id FROM @laneway_job
    WHERE id = $1 AND state + 0 = 1 AND fence = $2 AND lease_until > (SELECT t FROM clock)
    FOR NO KEY UPDATE),
kept AS (
    INSERT INTO @laneway_step (job, name, value) SELECT id, $3, $4 FROM holder
    ON CONFLICT DO NOTHING)
SELECT 1 FROM holder"
);

const IS_RESCUE_WANTED: &str = at_t!(
    "
SELECT t, EXISTS (SELECT 1 FROM @laneway_job
        WHERE state = 1 AND lease_until > $1::bigint AND lease_until <= (SELECT t FROM clock))
    OR EXISTS (SELECT 1 FROM @laneway_job
        WHERE state = 0 AND expires_at IS NOT NULL AND expires_at <= (SELECT t FROM clock))
    AS wanted FROM clock"
);

const RESCUE: &str = at_t!(
    ",
lost AS MATERIALIZED (
    SELECT id, fence, attempt, worker, started_at FROM @laneway_job
    WHERE state = 1 AND lease_until > $1::bigint AND lease_until <= (SELECT t FROM clock)
    ORDER BY lease_until LIMIT $2::bigint FOR UPDATE SKIP LOCKED),
number AS MATERIALIZED (
    SELECT nextval(#fence) AS fence
    FROM (SELECT count(*) AS rows FROM lost) AS locked WHERE rows > 0),
kept AS (
    INSERT INTO @laneway_attempt (job, fence, attempt, worker, started_at, ended_at, error)
    SELECT id, fence, attempt, worker, started_at, t, 'the worker was lost' FROM clock, lost
    ON CONFLICT DO NOTHING)
UPDATE @laneway_job AS job SET crashes = crashes + 1,
    state = CASE WHEN crashes + 1 >= $4::integer THEN 5 WHEN cancel THEN 4
        WHEN job.attempt >= max_attempts THEN 3 ELSE 0 END,
    finished_at = CASE WHEN crashes + 1 >= $4 OR cancel OR job.attempt >= max_attempts
        THEN (SELECT t FROM clock) END,
    run_at = (SELECT t FROM clock) + (least($3::bigint, (1::bigint << 61) >> least(crashes, 20))
        << least(crashes, 20)),
    fence = (SELECT fence FROM number), lease_until = NULL, worker = NULL,
    error = 'the worker was lost'
FROM lost
WHERE job.id = lost.id AND job.state + 0 = 1 AND job.lease_until <= (SELECT t FROM clock)
RETURNING job.id, state,
    CASE WHEN unique_key IS NOT NULL THEN coalesce(unique_kind, kind) END AS unique_kind,
    unique_key, awaited_by, queue"
);

const EXPIRE: &str = at_t!(
    ",
expired AS MATERIALIZED (
    SELECT id FROM @laneway_job
    WHERE state = 0 AND expires_at IS NOT NULL AND expires_at <= (SELECT t FROM clock)
    LIMIT $1::bigint FOR UPDATE SKIP LOCKED)
UPDATE @laneway_job AS job SET state = 3, finished_at = (SELECT t FROM clock),
    error = CASE attempt
        WHEN 0 THEN 'it expired before it was begun'
        ELSE 'it expired before its next attempt' END
FROM expired WHERE job.id = expired.id AND job.state = 0
RETURNING job.id, state,
    CASE WHEN unique_key IS NOT NULL THEN coalesce(unique_kind, kind) END AS unique_kind,
    unique_key, awaited_by, NULL::text AS queue"
);

/// Arrays of ids, since the planner would join the other way round, and go through all attempts for
/// each job, while the server takes that table for an empty one.
const PRUNE: &str = at_t!(
    ",
old AS MATERIALIZED (
    SELECT id FROM @laneway_job
    WHERE state >= 2 AND queue = $1 AND state = $2::smallint
        AND finished_at <= (SELECT t FROM clock) - $3::bigint
    LIMIT $4::bigint FOR UPDATE SKIP LOCKED),
steps AS (DELETE FROM @laneway_step WHERE job = ANY (ARRAY(SELECT id FROM old))),
attempts AS (DELETE FROM @laneway_attempt WHERE job = ANY (ARRAY(SELECT id FROM old))),
batches AS (DELETE FROM @laneway_batch WHERE job = ANY (ARRAY(SELECT id FROM old)))
DELETE FROM @laneway_job WHERE id = ANY (ARRAY(SELECT id FROM old))
RETURNING 1"
);

const LOOK: &str = concat!(
    "SELECT ",
    outline!(),
    ", payload, result FROM @laneway_job WHERE id = ANY ($1::uuid[])"
);

/// Each part names its states, so that the index over such rows is used.
const COUNTS: &str = "
SELECT name, state::smallint AS state, (SELECT count(*) FROM (
    SELECT 1 FROM @laneway_job AS job
        WHERE job.state >= 2 AND job.state = states.state AND queue = name
    UNION ALL SELECT 1 FROM @laneway_job AS job
        WHERE job.state = 1 AND states.state = 1 AND queue = name
    UNION ALL SELECT 1 FROM @laneway_job AS job
        WHERE job.state = 0 AND held = 0 AND crashes = 0 AND states.state = 0 AND queue = name
    UNION ALL SELECT 1 FROM @laneway_job AS job
        WHERE job.state = 0 AND held = 0 AND crashes > 0 AND states.state = 0 AND queue = name
    UNION ALL SELECT 1 FROM @laneway_job AS job
        WHERE job.state = 0 AND held = 1 AND unique_key IS NOT NULL AND job.state <= 1
            AND states.state = 0 AND queue = name
    UNION ALL SELECT 1 FROM @laneway_job AS job
        WHERE job.state = 0 AND held = 2 AND states.state = 0 AND queue = name
    UNION ALL SELECT 1 FROM @laneway_job AS job
        WHERE job.state = 0 AND held = 3 AND states.state = 0 AND queue = name
    LIMIT $1::bigint) AS counted) AS count
FROM @laneway_queue, generate_series(0, 5) AS states (state)
ORDER BY name, state";

/// The batch that the job waits for is locked before the job, as a count of its members does it.
const RETRY: &str = at_t!(
    ",
open AS MATERIALIZED (SELECT job FROM @laneway_batch WHERE job = $1 AND NOT ended FOR UPDATE),
before AS MATERIALIZED (
    SELECT id AS job, state AS was, (SELECT count(*) FROM open) AS waits FROM @laneway_job
    WHERE id = $1 AND state >= 3 FOR UPDATE)
UPDATE @laneway_job SET state = 0, run_at = t,
    held = CASE WHEN waits > 0 THEN 2 WHEN limit_key IS NOT NULL THEN 3 ELSE 0 END, attempt = 0,
    crashes = 0, cancel = false, fence = nextval(#fence), finished_at = NULL,
    expires_at = NULL,
    unique_kind = (SELECT unique_kind FROM @laneway_kind WHERE name = kind)
FROM clock, before WHERE id = before.job AND state >= 3
RETURNING id, state,
    CASE WHEN unique_key IS NOT NULL THEN coalesce(unique_kind, kind) END AS unique_kind,
    unique_key, awaited_by, queue, was"
);

const RESCHEDULE: &str = at_t!(
    "
UPDATE @laneway_job SET run_at = coalesce($2::bigint, t + $3::bigint) FROM clock
WHERE id = $1 AND state = 0
RETURNING id, state,
    CASE WHEN unique_key IS NOT NULL THEN coalesce(unique_kind, kind) END AS unique_kind,
    unique_key, awaited_by, queue"
);

const CANCEL: &str = at_t!(
    "
UPDATE @laneway_job SET state = 4, held = 0, finished_at = t FROM clock WHERE id = $1 AND state = 0
RETURNING id, state,
    CASE WHEN unique_key IS NOT NULL THEN coalesce(unique_kind, kind) END AS unique_kind,
    unique_key, awaited_by, NULL::text AS queue"
);

/// A member that was settled before has been counted, and the key of such a job may be another
/// one's by now: only a ready one is named as awaited, and has a key. The job's own batch is locked
/// first, as a count of its members does it.
const DELETE: &str = "
WITH batch AS MATERIALIZED (SELECT job FROM @laneway_batch WHERE job = $1 FOR UPDATE),
gone AS (
    DELETE FROM @laneway_job WHERE id = $1 AND state <> 1 AND (SELECT count(*) FROM batch) >= 0
    RETURNING id, CASE state WHEN 0 THEN 4::smallint ELSE state END AS state,
        CASE WHEN unique_key IS NOT NULL THEN coalesce(unique_kind, kind) END AS unique_kind,
        CASE state WHEN 0 THEN unique_key END AS unique_key,
        CASE state WHEN 0 THEN awaited_by END AS awaited_by, NULL::text AS queue),
steps AS (DELETE FROM @laneway_step WHERE job = ANY (ARRAY(SELECT id FROM gone))),
attempts AS (DELETE FROM @laneway_attempt WHERE job = ANY (ARRAY(SELECT id FROM gone))),
batches AS (DELETE FROM @laneway_batch WHERE job = ANY (ARRAY(SELECT id FROM gone)))
SELECT id, state, unique_kind, unique_key, awaited_by, queue FROM gone";

const SET_PAUSED: &str = "
INSERT INTO @laneway_queue (name, paused) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET paused = excluded.paused
RETURNING 1";

/// One row at least, which has T; a row for each fire of a schedule. The names' order is that of
/// their bytes in every database.
const SCHEDULES: &str = at_t!(
    "
SELECT t, name, pattern, zone, kind, paused, next_at, resumed_at, served_at, at, fired_at, job,
    unfinished, error
FROM clock LEFT JOIN @laneway_schedule AS schedule
    ON $1::text[] IS NULL OR name = ANY ($1)
LEFT JOIN LATERAL (
    SELECT at, fired_at, job, unfinished, error FROM @laneway_fire
    WHERE schedule = schedule.name ORDER BY at DESC LIMIT $2::bigint) AS fire ON true
ORDER BY name COLLATE \"C\", at DESC"
);

const KEEP_SCHEDULE: &str = at_t!(
    "
INSERT INTO @laneway_schedule AS kept (name, pattern, zone, kind, next_at, served_at)
SELECT $1, $2, $3, $4, $5, t FROM clock
ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, served_at = excluded.served_at,
    next_at = CASE WHEN kept.pattern = excluded.pattern AND kept.zone = excluded.zone
        THEN kept.next_at ELSE excluded.next_at END,
    pattern = excluded.pattern, zone = excluded.zone
RETURNING 1"
);

const RESUME_SCHEDULE: &str = at_t!(
    "
UPDATE @laneway_schedule SET paused = false,
    resumed_at = CASE WHEN paused THEN t ELSE resumed_at END
FROM clock WHERE name = $1
RETURNING 1"
);

/// Of two workers one waits here for the other's row, and then finds another instant in it.
const MOVE_SCHEDULE: &str = at_t!(
    "
UPDATE @laneway_schedule SET next_at = $5
FROM clock WHERE name = $1 AND pattern = $2 AND zone = $3 AND next_at = $4 AND NOT paused
    AND next_at <= t
RETURNING 1"
);

/// A worker that did not know of a fire, since the pattern changed meanwhile, finds it here.
const KEEP_FIRE: &str = at_t!(
    "
INSERT INTO @laneway_fire (schedule, at, fired_at, job, error)
SELECT $1, $2, t, $3, $4 FROM clock
ON CONFLICT DO NOTHING
RETURNING 1"
);

const NOTE_UNFINISHED: &str = "
UPDATE @laneway_fire SET job = $3, unfinished = true WHERE schedule = $1 AND at = $2";

const PRUNE_FIRES: &str = "
DELETE FROM @laneway_fire WHERE schedule = $1 AND at <= (
    SELECT at FROM @laneway_fire WHERE schedule = $1 ORDER BY at DESC LIMIT 1 OFFSET $2::bigint)";

const NOW: &str = at_t!("SELECT t FROM clock");

/// One row at least, which has T.
const QUEUE_VIEWS: &str = at_t!(
    "
SELECT t, name, paused,
    (SELECT min(run_at) FROM @laneway_job
        WHERE state = 0 AND held = 0 AND crashes = 0 AND queue = name AND lane = 0) AS high_due,
    (SELECT min(run_at) FROM @laneway_job
        WHERE state = 0 AND held = 0 AND crashes = 0 AND queue = name AND lane = 1) AS low_due
FROM clock LEFT JOIN @laneway_queue ON true
ORDER BY name COLLATE \"C\" LIMIT $1::bigint"
);

/// Looks at a number of rows of one index, and filters those. One row at least, which has the last
/// row that was looked at, where there may be further ones.
macro_rules! search {
    ($way:literal) => {
        concat!(
            "
WITH looked AS MATERIALIZED (
    SELECT ",
            outline!(),
            "
    FROM @laneway_job WHERE ",
            $way,
            " AND id < $1::uuid ORDER BY id DESC LIMIT $2::bigint)
SELECT (SELECT id FROM looked ORDER BY id DESC LIMIT 1 OFFSET $2 - 1) AS floor, found.*
FROM (SELECT 1) AS always LEFT JOIN (
    SELECT * FROM looked
    WHERE ($3::text IS NULL OR queue = $3) AND ($4::text IS NULL OR kind = $4)
        AND ($5::smallint IS NULL OR state = $5) AND ($6::smallint IS NULL OR lane = $6)
        AND ($7::text IS NULL OR strpos(error, $7) > 0)
        AND ($9::uuid IS NULL OR awaited_by = $9)
        AND ($10::text IS NULL OR unique_key = $10) AND ($11::text IS NULL OR limit_key = $11)
        AND ($12::bigint IS NULL OR created_at >= $12)
        AND ($13::bigint IS NULL OR created_at < $13)
    ORDER BY id DESC LIMIT $8::bigint) AS found ON true
ORDER BY found.id DESC"
        )
    };
}

const SEARCH_IDS: &str = search!("true");
const SEARCH_MEMBERS: &str = search!("awaited_by = $9");
const SEARCH_RUNNING: &str = search!("state = 1");
const SEARCH_NOT_DONE: &str = search!("state >= 3 AND state = $5");

const STORIES: &str = "
SELECT job.id, job.started_at, lease_until, timeout, expires_at, cancel, failed.*
FROM @laneway_job AS job LEFT JOIN LATERAL (
    SELECT attempt, fence, worker, started_at AS begun_at, ended_at, error
    FROM @laneway_attempt WHERE job = job.id ORDER BY fence DESC LIMIT $2::bigint) AS failed ON true
WHERE job.id = ANY ($1::uuid[]) ORDER BY job.id, failed.fence";

const FAILED_ATTEMPTS: &str = "
SELECT id, kind, queue, state, newest.ended_at, left(newest.error, $2::integer) AS error
FROM (SELECT job, ended_at, error FROM @laneway_attempt
    ORDER BY ended_at DESC LIMIT $1::bigint) AS newest
JOIN @laneway_job ON id = newest.job
ORDER BY newest.ended_at DESC";

const LEASES: &str = concat!(
    "SELECT ",
    outline!(),
    ", started_at, lease_until, cancel
FROM @laneway_job WHERE state = 1 ORDER BY lease_until LIMIT $1::bigint"
);

/// A row for each lane of each slot of each queue in which jobs were done. Waits are those of some
/// jobs of each lane.
const ACTIVITY_DONE: &str = "
SELECT number, place, lane, count(*) AS count, max(finished_at) AS last,
    (avg(wait) FILTER (WHERE turn <= 32))::bigint AS wait_mean,
    max(wait) FILTER (WHERE turn <= 32) AS wait_max
FROM unnest($1::text[]) WITH ORDINALITY AS wanted (name, number)
CROSS JOIN generate_series(0, $4::bigint - 1) AS slots (place)
CROSS JOIN LATERAL (
    SELECT lane, finished_at, wait, row_number() OVER (PARTITION BY lane) AS turn FROM (
        SELECT lane, finished_at, greatest(0, started_at - run_at) AS wait FROM @laneway_job
        WHERE state >= 2 AND state = 2 AND queue = name
            AND finished_at >= $2::bigint + place * $3::bigint
            AND finished_at < $2 + (place + 1) * $3
        ORDER BY finished_at LIMIT $5::bigint) AS counted) AS done
GROUP BY number, place, lane";

const ACTIVITY_FAILED: &str = "
SELECT number, place, lane, count(*) AS count
FROM unnest($1::text[]) WITH ORDINALITY AS wanted (name, number)
CROSS JOIN generate_series(0, $4::bigint - 1) AS slots (place)
CROSS JOIN LATERAL (
    SELECT lane FROM @laneway_job
    WHERE state >= 2 AND state IN (3, 5) AND queue = name
        AND finished_at >= $2::bigint + place * $3::bigint
        AND finished_at < $2 + (place + 1) * $3
    LIMIT $5::bigint) AS failed
GROUP BY number, place, lane";

const ACTIVITY_ERRORS: &str = "
SELECT number, (newest.ended_at - $2) / $3 AS place, lane, count(*) AS count
FROM (SELECT job, ended_at FROM @laneway_attempt
    WHERE ended_at >= $2::bigint AND ended_at < $2 + $3::bigint * $4::bigint
    ORDER BY ended_at DESC LIMIT $5::bigint) AS newest
JOIN @laneway_job ON id = newest.job
JOIN unnest($1::text[]) WITH ORDINALITY AS wanted (name, number) ON name = queue
GROUP BY 1, 2, 3";

const MISSING_INDICES: &str = "
SELECT name FROM unnest($1::text[]) AS wanted (name)
WHERE NOT EXISTS (
    SELECT 1 FROM pg_class AS own
    JOIN pg_class AS index ON index.relnamespace = own.relnamespace
    JOIN pg_index ON indexrelid = index.oid
    WHERE own.oid = (SELECT tableoid FROM @laneway_meta LIMIT 1) AND index.relname = wanted.name
        AND indisvalid)";

const HEALTH: &str = at_t!(
    "
SELECT t, n_dead_tup AS dead, n_live_tup AS live,
    (SELECT count(*) FROM @laneway_job
        WHERE state = 1 AND lease_until <= (SELECT t FROM clock)) AS expired,
    (SELECT count(*) FROM @laneway_job WHERE state >= 3 AND state = 5) AS quarantined
FROM clock LEFT JOIN pg_stat_all_tables
    ON relid = (SELECT tableoid FROM @laneway_job LIMIT 1)
    AND n_dead_tup > $1::bigint AND n_dead_tup > n_live_tup"
);

const PAUSED: &str = at_t!(
    "
SELECT name, t - due AS due_for FROM clock, (
    SELECT name, (SELECT min(run_at) FROM @laneway_job
        WHERE state = 0 AND held = 0 AND crashes = 0 AND queue = name) AS due
    FROM @laneway_queue WHERE paused) AS paused
WHERE due <= t - $1::bigint ORDER BY name"
);

const HELD: &str = "
SELECT coalesce(application_name, '') AS program, pid AS process,
    (extract(epoch FROM clock_timestamp() - xact_start) * 1000000)::bigint AS held_for
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL)
    AND xact_start < clock_timestamp() - $1::bigint * interval '1 microsecond'
ORDER BY xact_start";
