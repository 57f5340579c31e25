//! The news of a connection that the system is asked for: Linux tells of urgent bytes as well, and
//! `urgent_elsewhere.rs` stands in for it on other systems.
//!
//! A read ends before an urgent byte, also where more bytes have come after it. So a read that did
//! not fill its buffer is no sign then that all was taken.

use mio::Interest;

pub(super) const CONNECTION: Interest = Interest::READABLE
    .add(Interest::WRITABLE)
    .add(Interest::PRIORITY);
