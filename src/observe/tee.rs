//! Several observers of one runtime.

use std::fmt;
use std::sync::Arc;

use crate::ground::ids::TaskId;
use crate::ground::shield::shielded;
use crate::ground::telemetry::{Event, LongPoll, LostPanic, Observer, RuntimeShape};

/// Tells everything to several observers, one after another in the order in which they were added.
///
/// One that panics does not keep the others from being told.
///
/// ```
/// use laneway::observe::{Monitor, Recorder, Tee};
/// use laneway::{Priority, Runtime};
/// use std::sync::Arc;
///
/// let recorder = Arc::new(Recorder::new());
/// let monitor = Arc::new(Monitor::new());
/// let both = Tee::new().with(recorder.clone()).with(monitor.clone());
/// let rt = Runtime::builder().with_observer(Arc::new(both)).build()?;
/// rt.block_on(rt.spawn(async {}, Priority::High));
/// assert!(!recorder.recording().is_empty());
/// assert_eq!(monitor.queues()[0].wait.count(), 1);
/// # Ok::<(), laneway::BuildError>(())
/// ```
#[derive(Clone, Default)]
#[must_use = "a tee does nothing until it is given to a runtime"]
pub struct Tee {
    observers: Vec<Arc<dyn Observer>>,
}

impl Tee {
    /// A tee without observers yet.
    pub fn new() -> Tee {
        Tee::default()
    }

    /// Adds an observer.
    pub fn with(mut self, observer: Arc<dyn Observer>) -> Tee {
        self.observers.push(observer);
        self
    }

    fn tell(&self, tell: impl Fn(&dyn Observer)) {
        for observer in &self.observers {
            shielded("one of the runtime's observers", || tell(&**observer));
        }
    }
}

impl Observer for Tee {
    fn on_start(&self, shape: &RuntimeShape) {
        self.tell(|observer| observer.on_start(shape));
    }

    fn on_event(&self, event: Event) {
        self.tell(|observer| observer.on_event(event));
    }

    fn on_named(&self, task: TaskId, name: &str) {
        self.tell(|observer| observer.on_named(task, name));
    }

    fn on_long_poll(&self, poll: &LongPoll<'_>) {
        self.tell(|observer| observer.on_long_poll(poll));
    }

    fn on_lost_panic(&self, panic: &LostPanic<'_>) {
        self.tell(|observer| observer.on_lost_panic(panic));
    }
}

impl fmt::Debug for Tee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tee")
            .field("observers", &self.observers.len())
            .finish()
    }
}
