//! The rule as it came to mind on a machine with eight cores.

/// The number of high consumers: two cores are left to the low consumer and to `main`.
pub fn high_for(cores: usize) -> usize {
    cores - 2
}
