//! The settings of every thread that a runtime starts.

use std::env;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::thread;

use crate::ground::shield::{drop_shielded, shielded};

/// Code of the user's that runs on a thread.
pub(super) type Hook = Arc<dyn Fn() + Send + Sync>;

/// The settings of every thread that a runtime starts.
#[derive(Clone)]
pub(super) struct ThreadSettings {
    /// How many threads there may be beside one for each worker.
    pub(super) stand_ins: usize,
    /// In bytes. `None`: what the standard library gives.
    pub(super) stack_size: Option<usize>,
    pub(super) on_start: Option<Hook>,
    pub(super) on_stop: Option<Hook>,
}

/// How many threads may stand in for blocked ones by default: as many as closures may block.
const DEFAULT_STAND_INS: usize = 512;

/// The size that the standard library gives where nothing is set.
const DEFAULT_STACK_SIZE: usize = 2 << 20;

impl Default for ThreadSettings {
    fn default() -> ThreadSettings {
        ThreadSettings {
            stand_ins: DEFAULT_STAND_INS,
            stack_size: None,
            on_start: None,
            on_stop: None,
        }
    }
}

impl ThreadSettings {
    /// The size of each thread's stack, in bytes.
    pub(super) fn stack_size(&self) -> usize {
        self.stack_size.unwrap_or_else(default_stack_size)
    }

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

impl Drop for ThreadSettings {
    fn drop(&mut self) {
        // The last reference to a hook may go with one of the threads.
        drop_shielded(self.on_start.take());
        drop_shielded(self.on_stop.take());
    }
}

/// The size of a stack for which nothing is set: as the standard library finds it, once.
pub(crate) fn default_stack_size() -> usize {
    static SIZE: OnceLock<usize> = OnceLock::new();
    *SIZE.get_or_init(|| {
        let variable = env::var("RUST_MIN_STACK").ok();
        variable
            .and_then(|bytes| bytes.parse().ok())
            .unwrap_or(DEFAULT_STACK_SIZE)
    })
}

fn run(hook: Option<&Hook>) {
    if let Some(hook) = hook {
        shielded("a hook of the runtime's threads", || hook());
    }
}

impl fmt::Debug for ThreadSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadSettings")
            .field("stand_ins", &self.stand_ins)
            .field("stack_size", &self.stack_size)
            .field("on_start", &self.on_start.is_some())
            .field("on_stop", &self.on_stop.is_some())
            .finish()
    }
}
