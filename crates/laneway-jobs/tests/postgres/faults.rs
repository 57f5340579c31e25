//! How often the tests disturb what they test.

/// The number of workers that are killed. For each four of them one connection is killed in another
/// test, and for each forty the server is started again.
const VARIABLE: &str = "LANEWAY_POSTGRES_KILLS";
/// Where the variable does not say otherwise.
const USUAL: u32 = 40;

pub(crate) fn worker_kills() -> u32 {
    std::env::var(VARIABLE).map_or(USUAL, |kills| kills.parse().unwrap())
}

pub(crate) fn connection_kills() -> u32 {
    (worker_kills() / 4).max(1)
}

pub(crate) fn restarts() -> u32 {
    (worker_kills() / 40).max(1)
}
