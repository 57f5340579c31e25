//! Something that happens once, and that any number of tasks wait for.

use std::convert::Infallible;
use std::sync::Mutex;

use crate::lock::unpoisoned;

/// Set once. The channel carries nothing: its end is the signal.
#[derive(Debug)]
pub(crate) struct Signal {
    unset: Mutex<Option<flume::Sender<Infallible>>>,
    end: flume::Receiver<Infallible>,
}

impl Default for Signal {
    fn default() -> Signal {
        let (sender, end) = flume::bounded(1);
        Signal {
            unset: Mutex::new(Some(sender)),
            end,
        }
    }
}

impl Signal {
    pub(crate) fn set(&self) {
        let sender = unpoisoned(self.unset.lock()).take();
        // Dropped outside of the lock: it wakes those that wait.
        drop(sender);
    }

    pub(crate) fn is_set(&self) -> bool {
        self.end.is_disconnected()
    }

    pub(crate) async fn wait(&self) {
        let ended = self.end.recv_async().await;
        debug_assert!(ended.is_err(), "nothing is ever sent");
    }
}
