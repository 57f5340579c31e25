-- Kinds that are names of one type. A unique key is one among the jobs of all of them: it is kept
-- under one of the names, which is not in this table itself.
CREATE TABLE laneway_kind (
    name text PRIMARY KEY,
    unique_kind text NOT NULL
);

ALTER TABLE laneway_job ADD COLUMN unique_kind text; -- where it is not the kind
DROP INDEX laneway_job_unique;
CREATE UNIQUE INDEX laneway_job_unique
    ON laneway_job ((coalesce(unique_kind, kind)), unique_key, held)
    WHERE unique_key IS NOT NULL AND state <= 1;
