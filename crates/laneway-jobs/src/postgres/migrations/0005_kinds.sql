-- Ready jobs of each kind, for workers that have no handlers for the kinds of those that come
-- first. One number stands for the kind, the queue and the lane: for an entry with their names an
-- insert would pay twice as much.
CREATE INDEX laneway_job_kind
    ON laneway_job ((hashtextextended(kind, hashtextextended(queue, lane))), run_at, seq)
    WHERE state = 0 AND held = 0 AND crashes = 0;
-- `kind >= ''` holds for all: only a statement that says so goes by this index. `held + 0`
-- likewise: one that says so goes by the index of kinds, and never by that of all jobs with keys.
CREATE INDEX laneway_job_keyed_kind ON laneway_job (queue, kind, run_at)
    WHERE state = 0 AND held + 0 = 3 AND kind >= '';
