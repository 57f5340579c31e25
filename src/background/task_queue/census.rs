//! Numbers that are counted: how many of them are less than another, without a look at each.

use std::collections::BTreeMap;

/// Each level counts the numbers by blocks that are this many bits wider than those of the level
/// below.
const BITS: u32 = 8;

/// The blocks of the widest level are so wide that few are in use at once: 16 million numbers.
const LEVELS: usize = 4;

/// Numbers, each of which is there at most once.
#[derive(Debug, Default)]
pub(super) struct Census {
    /// How many numbers there are in each block that is not empty. A block of the first level is
    /// one number.
    levels: [BTreeMap<u64, usize>; LEVELS],
    len: usize,
}

impl Census {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Adds a number that is not there.
    pub(super) fn add(&mut self, number: u64) {
        self.len += 1;
        for (level, blocks) in (0..).zip(&mut self.levels) {
            *blocks.entry(block(number, level)).or_default() += 1;
        }
    }

    /// Takes out a number that is there.
    pub(super) fn remove(&mut self, number: u64) {
        self.len -= 1;
        for (level, blocks) in (0..).zip(&mut self.levels) {
            let block = block(number, level);
            let count = blocks.get_mut(&block).expect("the number is there");
            *count -= 1;
            if *count == 0 {
                blocks.remove(&block);
            }
        }
    }

    /// How many of the numbers are less than this one. It looks at 256 blocks of a level at most,
    /// but for the widest, where it looks at all that are before the number's.
    pub(super) fn below(&self, number: u64) -> usize {
        let of_level = |(level, blocks): (u32, &BTreeMap<u64, usize>)| {
            let block = block(number, level);
            // Blocks before that are counted by the next level.
            let first = match level as usize == LEVELS - 1 {
                true => 0,
                false => block >> BITS << BITS,
            };
            blocks
                .range(first..block)
                .map(|(_, count)| count)
                .sum::<usize>()
        };
        (0..).zip(&self.levels).map(of_level).sum()
    }
}

/// The block of a level in which a number is.
fn block(number: u64, level: u32) -> u64 {
    number >> (BITS * level)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_count_is_that_of_a_look_at_each() {
        let mut rng = fastrand::Rng::with_seed(1);
        for width in [4, 9, 17, 33, 64] {
            let (mut census, mut numbers) = (Census::default(), BTreeSet::new());
            for _ in 0..2_000 {
                let number = rng.u64(..) >> (64 - width);
                match numbers.remove(&number) {
                    true => census.remove(number),
                    false => {
                        numbers.insert(number);
                        census.add(number);
                    }
                }
                let asked = rng.u64(..) >> (64 - width);
                assert_eq!(census.below(asked), numbers.range(..asked).count());
                assert_eq!(census.len(), numbers.len());
            }
            for number in numbers {
                census.remove(number);
            }
            assert!(census.levels.iter().all(BTreeMap::is_empty));
        }
    }
}
