//! Stands in for `urgent.rs` on systems that are not Linux: there what follows an urgent byte may
//! be found with the bytes that come next.

use mio::Interest;

pub(super) const CONNECTION: Interest = Interest::READABLE.add(Interest::WRITABLE);
