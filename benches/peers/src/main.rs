//! Laneway measured against other runtimes, in one run.

fn main() {}
