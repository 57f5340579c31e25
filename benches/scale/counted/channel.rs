//! flume's channel: a lock around a queue. It tells the machine of each lock, and of the tasks
//! that come out on another core than they went in.

use std::panic::Location;
use std::sync::Arc;

use crossbeam_utils::CachePadded;

use super::machine::{Lock, Stamped, lock};

/// A channel without bounds.
pub(crate) fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = flume::unbounded();
    let line = Arc::default();
    let sender = Sender {
        tasks: sender,
        line: Arc::clone(&line),
    };
    let receiver = Receiver {
        tasks: receiver,
        line,
    };
    (sender, receiver)
}

/// Stands for the line on which the lock and the ends of the queue lie.
type LockedLine = Arc<CachePadded<u64>>;

#[derive(Debug)]
pub(crate) struct Sender<T> {
    tasks: flume::Sender<Stamped<T>>,
    line: LockedLine,
}

#[derive(Debug)]
pub(crate) struct Receiver<T> {
    tasks: flume::Receiver<Stamped<T>>,
    line: LockedLine,
}

#[track_caller]
fn lock_line(line: &LockedLine) {
    lock(&raw const **line, Lock::Channel, Location::caller());
}

impl<T> Sender<T> {
    #[track_caller]
    pub(crate) fn send(&self, task: T) -> Result<(), flume::SendError<Stamped<T>>> {
        lock_line(&self.line);
        self.tasks.send(Stamped::here(task))
    }
}

impl<T> Receiver<T> {
    #[track_caller]
    pub(crate) fn try_recv(&self) -> Result<T, flume::TryRecvError> {
        lock_line(&self.line);
        self.tasks.try_recv().map(Stamped::arrive)
    }

    /// One after the other, each under the lock.
    pub(crate) fn try_iter(&self) -> impl Iterator<Item = T> {
        std::iter::from_fn(|| self.try_recv().ok())
    }

    /// All of them, under one lock.
    #[track_caller]
    pub(crate) fn drain(&self) -> impl Iterator<Item = T> {
        lock_line(&self.line);
        self.tasks.drain().map(Stamped::arrive)
    }
}
