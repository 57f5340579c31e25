//! What is set for every thread that a runtime starts.

use std::fmt;
use std::sync::Arc;
use std::thread;

use crate::executor::shielded;

/// Code of the user's that runs on a thread.
pub(super) type Hook = Arc<dyn Fn() + Send + Sync>;

/// What is set for every thread that a runtime starts.
#[derive(Clone, Default)]
pub(super) struct ThreadSettings {
    /// In bytes. `None`: what the standard library gives.
    pub(super) stack_size: Option<usize>,
    pub(super) on_start: Option<Hook>,
    pub(super) on_stop: Option<Hook>,
}

impl ThreadSettings {
    pub(super) fn builder(&self, name: &str) -> thread::Builder {
        let builder = thread::Builder::new().name(name.to_owned());
        match self.stack_size {
            Some(bytes) => builder.stack_size(bytes),
            None => builder,
        }
    }

    pub(super) fn started(&self) {
        run(self.on_start.as_ref());
    }

    pub(super) fn stops(&self) {
        run(self.on_stop.as_ref());
    }
}

fn run(hook: Option<&Hook>) {
    if let Some(hook) = hook {
        shielded("a hook of the runtime's threads", || hook());
    }
}

impl fmt::Debug for ThreadSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadSettings")
            .field("stack_size", &self.stack_size)
            .field("on_start", &self.on_start.is_some())
            .field("on_stop", &self.on_stop.is_some())
            .finish()
    }
}
