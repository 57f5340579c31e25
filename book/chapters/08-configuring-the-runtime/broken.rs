//! The rule as it came to mind on a machine with eight cores.

/// How many high consumers a machine gets: two cores are left to the low consumer and to `main`.
pub fn high_for(cores: usize) -> usize {
    cores - 2
}
