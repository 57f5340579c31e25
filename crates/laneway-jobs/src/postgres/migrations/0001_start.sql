-- Times are microseconds since 1970, durations microseconds. States and lanes are numbers.
CREATE TABLE laneway_meta (
    one smallint PRIMARY KEY CHECK (one = 1),
    moved_to text            -- where the jobs are now, if they were moved away
);
INSERT INTO laneway_meta (one) VALUES (1);

-- Claims, rescues and retries by hand take their fences here; it only grows.
CREATE SEQUENCE laneway_fence;

CREATE TABLE laneway_queue (
    name text PRIMARY KEY,
    paused boolean NOT NULL DEFAULT false
);

-- Each transition writes a new version of its row, so the old ones are vacuumed early.
CREATE TABLE laneway_job (
    id uuid PRIMARY KEY,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    run_at bigint NOT NULL,
    created_at bigint NOT NULL,
    started_at bigint,
    finished_at bigint,
    lease_until bigint,
    expires_at bigint,
    timeout bigint,
    fence bigint,
    claim uuid,                      -- the id of its last claim
    parent uuid,
    progress double precision,
    attempt integer NOT NULL DEFAULT 0,
    max_attempts integer NOT NULL,
    crashes integer NOT NULL DEFAULT 0,
    lane smallint NOT NULL,          -- 0 high, 1 low
    state smallint NOT NULL DEFAULT 0,
    held smallint NOT NULL DEFAULT 0, -- 1: waits until the running job with its unique key settles
    cancel boolean NOT NULL DEFAULT false,
    kind text NOT NULL,
    queue text NOT NULL,
    worker text,
    unique_key text,
    progress_text text,
    error text,
    payload bytea NOT NULL,
    result bytea
) WITH (autovacuum_vacuum_scale_factor = 0.05);

CREATE INDEX laneway_job_ready ON laneway_job (queue, lane, run_at, seq)
    WHERE state = 0 AND held = 0 AND crashes = 0;
CREATE INDEX laneway_job_suspect ON laneway_job (queue, run_at, seq)
    WHERE state = 0 AND held = 0 AND crashes > 0;
CREATE INDEX laneway_job_running ON laneway_job (lease_until) WHERE state = 1;
CREATE INDEX laneway_job_expires ON laneway_job (expires_at)
    WHERE state = 0 AND expires_at IS NOT NULL;
CREATE INDEX laneway_job_settled ON laneway_job (queue, state, finished_at) WHERE state >= 2;
-- For people who look for what went wrong: a job that is done costs nothing here.
CREATE INDEX laneway_job_not_done ON laneway_job (state, id) WHERE state >= 3;
CREATE UNIQUE INDEX laneway_job_unique ON laneway_job (kind, unique_key, held)
    WHERE unique_key IS NOT NULL AND state <= 1;

-- Attempts that did not complete: what went wrong, and the fence that settled it.
CREATE TABLE laneway_attempt (
    job uuid NOT NULL,
    fence bigint NOT NULL,
    attempt integer NOT NULL,
    worker text,
    started_at bigint,
    ended_at bigint NOT NULL,
    error text NOT NULL,
    PRIMARY KEY (job, fence)
);

CREATE INDEX laneway_attempt_ended ON laneway_attempt (ended_at);

CREATE TABLE laneway_step (
    job uuid NOT NULL,
    name text NOT NULL,
    value bytea NOT NULL,
    PRIMARY KEY (job, name)
);

CREATE TABLE laneway_schedule (
    name text PRIMARY KEY,
    pattern text NOT NULL,
    zone text NOT NULL,
    kind text NOT NULL,
    paused boolean NOT NULL DEFAULT false,
    next_at bigint,          -- the next instant; none where there is no further one
    resumed_at bigint,       -- instants up to then do not fire any more
    served_at bigint NOT NULL
);

-- Instants that were fired, and what came of them.
CREATE TABLE laneway_fire (
    schedule text NOT NULL,
    at bigint NOT NULL,
    fired_at bigint NOT NULL,
    job uuid,
    unfinished boolean NOT NULL DEFAULT false, -- whether the job is one of an earlier instant
    error text,                                -- why there is no job
    PRIMARY KEY (schedule, at)
);
