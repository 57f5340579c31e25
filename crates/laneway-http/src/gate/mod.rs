//! The bytes of a client, judged before hyper sees them.
//!
//! Read on in this order: `preface.rs` tells the protocols apart. In HTTP/1 the gate (`gate.rs`)
//! lets whole heads through that were judged (`head.rs`), sooner if their fields are those of the
//! last one (`known.rs`), and bodies with the right frame (`chunks.rs`). In HTTP/2 `frames.rs`
//! counts the frames, and `merged.rs` joins small ones.

mod chunks;
mod frames;
mod gate;
mod head;
mod known;
mod merged;
mod preface;

pub(crate) use frames::{Frames, Pace};
pub(crate) use gate::{Gate, Verdict};
pub(crate) use head::is_host;
pub(crate) use merged::hand_merged;
pub(crate) use preface::{PREFACE, Protocol, protocol};
