//! Counts and checksums of what is moved.

use super::transfer::{PartField, PartRow};

/// How many rows a part has, and their checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartTally {
    /// The rows.
    pub rows: u64,
    /// FNV-1a over all fields, in the order of the keys.
    pub checksum: u64,
}

const START: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

impl Default for PartTally {
    /// No rows.
    fn default() -> PartTally {
        PartTally {
            rows: 0,
            checksum: START,
        }
    }
}

impl PartTally {
    /// Adds a row.
    pub(super) fn add(&mut self, row: &PartRow) {
        self.rows += 1;
        row.iter().for_each(|field| self.add_field(field));
    }

    /// A field's type and length go before its bytes, so that no two rows read the same.
    fn add_field(&mut self, field: &PartField) {
        match field {
            PartField::Null => self.add_bytes(0, &[]),
            PartField::Integer(number) => self.add_bytes(1, &number.to_be_bytes()),
            PartField::Real(number) => self.add_bytes(2, &number.to_bits().to_be_bytes()),
            PartField::Text(text) => self.add_bytes(3, text.as_bytes()),
            PartField::Bytes(bytes) => self.add_bytes(4, bytes),
        }
    }

    fn add_bytes(&mut self, kind: u8, bytes: &[u8]) {
        let length = (bytes.len() as u64).to_be_bytes();
        for byte in [kind].iter().chain(&length).chain(bytes) {
            self.checksum = (self.checksum ^ u64::from(*byte)).wrapping_mul(PRIME);
        }
    }
}
