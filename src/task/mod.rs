//! The parts of a task that programs hold: its handle, and the handle that can end it.
//!
//! The handles stand on the core (`executor/`), which runs the task and never looks at them.
//! `handle.rs` has [`Task`] and [`FallibleTask`], `half.rs` what these hold of a task, and
//! `abort_handle.rs` has [`AbortHandle`].
//! `task_local/` has values that follow a task.

mod abort_handle;
mod half;
mod handle;
pub(crate) mod task_local;

pub use abort_handle::AbortHandle;
pub(crate) use half::{Half, Kept, is_boxed, unkept};
pub use handle::{FallibleTask, Task};
