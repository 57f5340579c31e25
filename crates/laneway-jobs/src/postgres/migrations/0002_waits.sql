-- Jobs that wait for others. They are held by 2 until all that name them in awaited_by have ended.
ALTER TABLE laneway_job ADD COLUMN awaited_by uuid; -- the job that waits for this one
CREATE INDEX laneway_job_waiting ON laneway_job (queue) WHERE state = 0 AND held = 2;
CREATE INDEX laneway_job_member ON laneway_job (awaited_by, id) WHERE awaited_by IS NOT NULL;

-- Batches, each by the job that awaits its members; a link of a chain is one with one member.
CREATE TABLE laneway_batch (
    job uuid PRIMARY KEY,
    total bigint NOT NULL DEFAULT 0,
    "left" bigint NOT NULL DEFAULT 0, -- members that are not settled
    done bigint NOT NULL DEFAULT 0,
    failed bigint NOT NULL DEFAULT 0,
    cancelled bigint NOT NULL DEFAULT 0,
    quarantined bigint NOT NULL DEFAULT 0,
    awaits smallint NOT NULL,             -- 0 members that are settled, 1 members that are done
    ended boolean NOT NULL DEFAULT false  -- the job has been let go, or cancelled
);

-- The source that this database is being filled from, until all is there.
ALTER TABLE laneway_meta ADD COLUMN filled_from text;
