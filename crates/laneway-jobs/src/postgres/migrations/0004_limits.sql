-- Jobs with limit keys. They are held by 3, so that a claim which knows of no limits passes over
-- them, and stay so in all states of their lives.
ALTER TABLE laneway_job ADD COLUMN limit_key text COLLATE "C";
-- Of each key: those that run, and those that are ready.
CREATE INDEX laneway_job_key ON laneway_job (queue, limit_key, state, lane, run_at, seq)
    WHERE limit_key IS NOT NULL AND state <= 1;
CREATE INDEX laneway_job_keyed ON laneway_job (queue, run_at) WHERE state = 0 AND held = 3;
CREATE INDEX laneway_job_keyed_suspect ON laneway_job (queue, run_at, seq)
    WHERE state = 0 AND held = 3 AND crashes > 0;

-- How many jobs were claimed lately, where the queue has a rate.
ALTER TABLE laneway_queue ADD COLUMN begun text;
