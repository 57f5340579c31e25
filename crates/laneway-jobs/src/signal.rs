//! Something that happens once, and that any number of tasks wait for.

use std::convert::Infallible;
use std::sync::Mutex;

use crate::lock::unpoisoned;

/// Set once. Most signals of a worker are never set nor waited for, and have no channel.
#[derive(Debug, Default)]
pub(crate) struct Signal(Mutex<State>);

#[derive(Debug, Default)]
enum State {
    #[default]
    Unheard,
    /// The channel carries nothing: its end is the signal.
    Awaited {
        #[expect(dead_code, reason = "it is dropped when the signal is set")]
        unset: flume::Sender<Infallible>,
        end: flume::Receiver<Infallible>,
    },
    Set,
}

impl Signal {
    pub(crate) fn set(&self) {
        let before = std::mem::replace(&mut *unpoisoned(self.0.lock()), State::Set);
        // Dropped outside of the lock: it wakes those that wait.
        drop(before);
    }

    pub(crate) fn is_set(&self) -> bool {
        matches!(*unpoisoned(self.0.lock()), State::Set)
    }

    pub(crate) async fn wait(&self) {
        let Some(end) = self.end() else { return };
        let ended = end.recv_async().await;
        debug_assert!(ended.is_err(), "nothing is ever sent");
    }

    /// `None` where it is set.
    fn end(&self) -> Option<flume::Receiver<Infallible>> {
        let mut state = unpoisoned(self.0.lock());
        match &*state {
            State::Set => None,
            State::Awaited { end, .. } => Some(end.clone()),
            State::Unheard => {
                let (unset, end) = flume::bounded(1);
                let awaited = end.clone();
                *state = State::Awaited { unset, end };
                Some(awaited)
            }
        }
    }
}
