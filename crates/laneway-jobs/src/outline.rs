//! The columns of a job without its payload and result, which both databases name alike.

macro_rules! outline {
    () => {
        "id, kind, queue, lane, state, attempt, max_attempts, crashes, fence, worker, run_at,
    created_at, finished_at, unique_key, limit_key, parent, awaited_by, progress, progress_text,
    error"
    };
}

pub(crate) use outline;
