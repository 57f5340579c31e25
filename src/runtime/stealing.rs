//! The choice of which workers take which other tasks than their own. `executor/route.rs` works out
//! what a worker does then.

use crate::ground::ids::QueueId;

/// Whether idle high workers take low tasks, and idle low workers high ones.
///
/// ```
/// use laneway::{Runtime, Stealing};
///
/// let rt = Runtime::builder()
///     .with_stealing(Stealing::HighFromLow)
///     .build()?;
/// assert_eq!(rt.block_on(rt.spawn(async { 6 * 7 }, laneway::Priority::Low)), 42);
/// # Ok::<(), laneway::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Stealing {
    /// High workers take low tasks when they have nothing else to do, and low workers take high
    /// ones, so that no thread is idle while there is work. The default, except where the low
    /// workers are nice and there is a standby: they then leave high tasks alone, as told at
    /// [`with_stealing`](crate::Builder::with_stealing).
    #[default]
    Both,
    /// High workers take low tasks; low workers stay with the low queue.
    HighFromLow,
    /// Low workers take high tasks; high workers stay with the high queue, and so are always
    /// free for the next high task.
    LowFromHigh,
    /// No worker takes another queue's tasks.
    None,
}

/// The tasks that high and low workers may take besides those of their own queues.
impl Stealing {
    pub(crate) fn high_takes(self) -> &'static [QueueId] {
        match self {
            Stealing::Both | Stealing::HighFromLow => &[QueueId::LOW],
            Stealing::LowFromHigh | Stealing::None => &[],
        }
    }

    pub(crate) fn low_takes(self) -> &'static [QueueId] {
        match self {
            Stealing::Both | Stealing::LowFromHigh => &[QueueId::HIGH],
            Stealing::HighFromLow | Stealing::None => &[],
        }
    }
}
