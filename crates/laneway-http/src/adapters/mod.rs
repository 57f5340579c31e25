//! Laneway's answers to hyper's demands on a runtime: bytes, tasks and time.
//!
//! [`Server`](crate::Server) uses these itself. They are public for programs that drive hyper's
//! connections on their own.

mod high_queue;
mod io;
mod lane_timer;

pub use high_queue::HighQueue;
pub use io::Io;
pub(crate) use io::{read_through, write_together};
pub use lane_timer::LaneTimer;
