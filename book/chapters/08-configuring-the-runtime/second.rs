//! Find the fault: however early the number is settled, it is always 1.

use std::sync::OnceLock;

/// The number of consumers of a pool, settled once.
#[derive(Debug, Default)]
pub struct Pool {
    size: OnceLock<usize>,
}

impl Pool {
    /// The number of consumers. If none was settled, it is 1 from now on.
    pub fn size(&self) -> usize {
        *self.size.get_or_init(|| 1)
    }

    /// Settles the number, unless it has been settled. Gives the number that counts.
    pub fn settle(&self, number: usize) -> usize {
        // Nothing to do if that is the number.
        if self.size() == number {
            return number;
        }
        let _ = self.size.set(number);
        self.size()
    }
}
