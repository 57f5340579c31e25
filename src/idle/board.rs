//! The board of a queue, on which each of its workers shows whether its deque holds something.
//!
//! A thief learns by one load where there is nothing to steal (T6), since one word speaks for 64
//! workers (T22). This file never looks into a deque. Read `parking.rs` next.

use crossbeam_utils::CachePadded;

use crate::ground::ids::WorkerId;
use crate::ground::sync::{AtomicU64, Ordering};

/// A bit for each worker. Set by the worker when it puts something into its deque, cleared when it
/// finds the deque empty: it changes seldom while the worker is busy, and thieves may find that
/// other thieves were faster.
#[derive(Debug)]
pub(crate) struct Board {
    words: Box<[CachePadded<AtomicU64>]>,
}

const WORKERS_PER_WORD: usize = u64::BITS as usize;

impl Board {
    /// A board for workers with numbers below `workers`.
    pub(crate) fn new(workers: usize) -> Board {
        let words = workers.div_ceil(WORKERS_PER_WORD);
        Board {
            words: (0..words)
                .map(|_| CachePadded::new(AtomicU64::new(0)))
                .collect(),
        }
    }

    pub(crate) fn mark(&self, worker: WorkerId) {
        let (word, bit) = place(worker);
        // Release: pairs with the Acquire in `word`.
        self.words[word].fetch_or(bit, Ordering::Release);
    }

    pub(crate) fn unmark(&self, worker: WorkerId) {
        let (word, bit) = place(worker);
        self.words[word].fetch_and(!bit, Ordering::Release);
    }

    /// Whether any other worker than this one is marked.
    #[inline]
    pub(crate) fn marks_any_but(&self, worker: WorkerId) -> bool {
        let (own, bit) = place(worker);
        let others = |at: usize| match at == own {
            true => self.word(at) & !bit,
            false => self.word(at),
        };
        (0..self.words.len()).any(|at| others(at) != 0)
    }

    /// The numbers of the marked workers, from `start` on and then from the first on.
    pub(crate) fn marked(&self, start: usize) -> impl Iterator<Item = usize> {
        let (first, words) = (start / WORKERS_PER_WORD, self.words.len());
        let at = move |turn: usize| (first + turn) % words;
        (0..words).map(at).flat_map(move |at| {
            let numbers = bits(self.word(at), start % WORKERS_PER_WORD);
            numbers.map(move |bit| at * WORKERS_PER_WORD + bit)
        })
    }

    #[inline]
    fn word(&self, at: usize) -> u64 {
        // Acquire: pairs with the Release in `mark`.
        self.words[at].load(Ordering::Acquire)
    }
}

#[inline]
fn place(worker: WorkerId) -> (usize, u64) {
    let number = worker.index();
    (number / WORKERS_PER_WORD, 1 << (number % WORKERS_PER_WORD))
}

/// The positions of the bits that are set, from `start` on and then from the first on.
fn bits(word: u64, start: usize) -> impl Iterator<Item = usize> {
    let mut rest = word.rotate_right(start as u32);
    std::iter::from_fn(move || {
        let next = rest.trailing_zeros() as usize;
        rest &= rest.checked_sub(1)?;
        Some((start + next) % WORKERS_PER_WORD)
    })
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn marked(workers: usize, marks: &[u16], start: usize) -> Vec<usize> {
        let board = Board::new(workers);
        marks.iter().for_each(|&mark| board.mark(WorkerId(mark)));
        board.marked(start).collect()
    }

    #[test]
    fn each_marked_worker_is_named_once_wherever_one_begins() {
        let marks = [0, 3, 63, 64, 70, 128];
        assert_eq!(marked(129, &marks, 0), [0, 3, 63, 64, 70, 128]);
        assert_eq!(marked(129, &marks, 66), [70, 64, 128, 3, 63, 0]);
        for start in 0..129 {
            let mut all = marked(129, &marks, start);
            all.sort_unstable();
            assert_eq!(all, [0, 3, 63, 64, 70, 128], "from {start} on");
        }
        assert!(marked(129, &[], 100).is_empty());
    }

    #[test]
    fn a_worker_does_not_count_its_own_mark() {
        let board = Board::new(129);
        board.mark(WorkerId(70));
        assert!(!board.marks_any_but(WorkerId(70)));
        assert!(board.marks_any_but(WorkerId(6)));
        board.mark(WorkerId(6));
        assert!(board.marks_any_but(WorkerId(70)));
        board.unmark(WorkerId(70));
        assert!(!board.marks_any_but(WorkerId(6)));
    }
}
