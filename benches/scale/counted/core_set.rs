//! A set of cores.

use std::fmt;

/// Some of the machine's cores, as bits.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct CoreSet([u64; WORDS]);

const WORDS: usize = 5;

/// How many cores a machine may have.
pub(super) const MOST_CORES: usize = WORDS * u64::BITS as usize;

fn place(core: usize) -> (usize, u64) {
    let bits = u64::BITS as usize;
    (core / bits, 1 << (core % bits))
}

impl CoreSet {
    pub(super) fn of(core: usize) -> CoreSet {
        let mut set = CoreSet::default();
        set.insert(core);
        set
    }

    pub(super) fn insert(&mut self, core: usize) {
        let (word, bit) = place(core);
        self.0[word] |= bit;
    }

    pub(super) fn contains(&self, core: usize) -> bool {
        let (word, bit) = place(core);
        self.0[word] & bit != 0
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == CoreSet::default()
    }

    pub(super) fn len(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }
}

impl fmt::Debug for CoreSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cores = (0..MOST_CORES).filter(|&core| self.contains(core));
        f.debug_set().entries(cores).finish()
    }
}
