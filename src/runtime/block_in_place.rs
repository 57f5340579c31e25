//! Closures that block, on the thread that calls them.

use crate::executor::seat;
use crate::time::timer::hand_over;

/// Runs a closure that may block this thread. If this is a worker's thread, another one takes the
/// worker's place first, so that its other tasks go on.
///
/// The closure may borrow from the task, which [`blocking::unblock`](crate::blocking::unblock) does
/// not allow; and it keeps the whole task from going on, also where the call stands in one branch
/// of a `select!`. A call costs the change to another thread, and a new thread where none is
/// spare: at most [512](crate::Builder::with_stand_ins) of a runtime at a time. Beyond that, and
/// where the operating system refuses a thread, the worker's tasks wait until the closure is done,
/// or other workers steal them.
///
/// On a thread without a worker, it calls the closure and does nothing else. In a
/// [simulation](crate::sim), no other task goes on meanwhile, and no time passes.
///
/// ```
/// use laneway::{Priority, Runtime, block_in_place, spawn_task};
/// use std::sync::mpsc;
///
/// let rt = Runtime::builder().with_high_num(0).with_low_num(1).build()?;
/// let task = rt.spawn(
///     async {
///         let (sender, receiver) = mpsc::channel();
///         spawn_task!(async move { sender.send(7) }).detach();
///         // The only worker runs the task that sends.
///         block_in_place(|| receiver.recv())
///     },
///     Priority::Low,
/// );
/// assert_eq!(rt.block_on(task), Ok(7));
/// # Ok::<(), laneway::BuildError>(())
/// ```
pub fn block_in_place<R>(closure: impl FnOnce() -> R) -> R {
    hand_over();
    seat::block_in_place(closure)
}
