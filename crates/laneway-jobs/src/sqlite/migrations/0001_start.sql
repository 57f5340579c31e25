-- Times are microseconds since 1970, durations microseconds. States and lanes are numbers.
CREATE TABLE laneway_meta (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    fence INTEGER NOT NULL,  -- the last one that was given; it only grows
    clock INTEGER NOT NULL,  -- the highest T of any transaction
    owner TEXT,              -- the instance that had the lock of the file last
    moved_to TEXT            -- where the jobs are now, if they were moved away
);
INSERT INTO laneway_meta (one, fence, clock) VALUES (1, 0, 0);

CREATE TABLE laneway_queue (
    name TEXT PRIMARY KEY,
    paused INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE TABLE laneway_job (
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    queue TEXT NOT NULL,
    lane INTEGER NOT NULL,           -- 0 high, 1 low
    state INTEGER NOT NULL DEFAULT 0,
    held INTEGER NOT NULL DEFAULT 0, -- 1: waits until the running job with its unique key settles
                                     -- 2: waits for the jobs that name it in awaited_by
    run_at INTEGER NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0,
    max_attempts INTEGER NOT NULL,
    crashes INTEGER NOT NULL DEFAULT 0,
    fence INTEGER,
    lease_until INTEGER,
    worker TEXT,
    instance TEXT,                   -- the opening of the store that claimed it
    claim BLOB,                      -- the id of its last claim
    cancel INTEGER NOT NULL DEFAULT 0,
    timeout INTEGER,
    expires_at INTEGER,
    unique_key TEXT,
    parent BLOB,
    awaited_by BLOB,                 -- the job that waits for this one
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER,
    progress REAL,
    progress_text TEXT,
    error TEXT,
    payload BLOB NOT NULL,
    result BLOB
);

CREATE INDEX laneway_job_ready ON laneway_job (queue, lane, run_at)
    WHERE state = 0 AND held = 0 AND crashes = 0;
CREATE INDEX laneway_job_suspect ON laneway_job (queue, run_at)
    WHERE state = 0 AND held = 0 AND crashes > 0;
CREATE INDEX laneway_job_held ON laneway_job (queue) WHERE state = 0 AND held > 0;
CREATE INDEX laneway_job_running ON laneway_job (lease_until) WHERE state = 1;
CREATE INDEX laneway_job_expires ON laneway_job (expires_at)
    WHERE state = 0 AND expires_at IS NOT NULL;
-- The lane is in it, so that what lanes did is counted without the rows.
CREATE INDEX laneway_job_settled ON laneway_job (queue, state, finished_at, lane) WHERE state >= 2;
-- For people who look for what went wrong: a job that is done costs nothing here.
CREATE INDEX laneway_job_not_done ON laneway_job (state, id) WHERE state >= 3;
CREATE INDEX laneway_job_member ON laneway_job (awaited_by, id) WHERE awaited_by IS NOT NULL;
CREATE UNIQUE INDEX laneway_job_unique ON laneway_job (kind, unique_key, held)
    WHERE unique_key IS NOT NULL AND state <= 1;

-- Attempts that did not complete: what went wrong, and the fence that settled it.
CREATE TABLE laneway_attempt (
    job BLOB NOT NULL,
    fence INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    worker TEXT,
    started_at INTEGER,
    ended_at INTEGER NOT NULL,
    error TEXT NOT NULL,
    PRIMARY KEY (job, fence)
) WITHOUT ROWID;
CREATE INDEX laneway_attempt_ended ON laneway_attempt (ended_at);

-- Batches, each by the job that awaits its members; a link of a chain is one with one member.
CREATE TABLE laneway_batch (
    job BLOB PRIMARY KEY,
    awaits INTEGER NOT NULL,          -- 0 members that are settled, 1 members that are done
    ended INTEGER NOT NULL DEFAULT 0, -- 1: the job has been let go, or cancelled
    total INTEGER NOT NULL DEFAULT 0,
    left INTEGER NOT NULL DEFAULT 0,  -- members that are not settled
    done INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    cancelled INTEGER NOT NULL DEFAULT 0,
    quarantined INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE TABLE laneway_step (
    job BLOB NOT NULL,
    name TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (job, name)
) WITHOUT ROWID;

CREATE TABLE laneway_schedule (
    name TEXT PRIMARY KEY,
    pattern TEXT NOT NULL,
    zone TEXT NOT NULL,
    kind TEXT NOT NULL,
    paused INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER,         -- the next instant; none where there is no further one
    resumed_at INTEGER,      -- instants up to then do not fire any more
    served_at INTEGER NOT NULL
) WITHOUT ROWID;

-- Instants that were fired, and what came of them.
CREATE TABLE laneway_fire (
    schedule TEXT NOT NULL,
    at INTEGER NOT NULL,
    fired_at INTEGER NOT NULL,
    job BLOB,
    unfinished INTEGER NOT NULL DEFAULT 0, -- 1: the job is one of an earlier instant
    error TEXT,                            -- why there is no job
    PRIMARY KEY (schedule, at)
) WITHOUT ROWID;
