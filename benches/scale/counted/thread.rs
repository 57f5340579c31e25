//! Threads that tell the machine when they are unparked.

use std::thread::{self, ThreadId};

pub(crate) use std::thread::{Builder, available_parallelism, park, park_timeout, yield_now};

use super::machine;

#[derive(Clone, Debug)]
pub(crate) struct Thread(thread::Thread);

pub(crate) fn current() -> Thread {
    Thread(thread::current())
}

impl Thread {
    pub(crate) fn id(&self) -> ThreadId {
        self.0.id()
    }

    pub(crate) fn unpark(&self) {
        machine::unpark();
        self.0.unpark();
    }
}
