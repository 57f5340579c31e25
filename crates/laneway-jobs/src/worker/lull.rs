//! The moment when no handler runs, which claims and settlements wait for a little: short handlers
//! that began together end together, and then share one transaction.

use std::time::Duration;

use futures_lite::future::or;
use laneway::time::sleep;

/// The longest wait. It is shorter than a commit takes on most disks.
const LONGEST: Duration = Duration::from_micros(250);

/// Where one task waits for lulls.
#[derive(Debug)]
pub(super) struct Lull(flume::Sender<()>, flume::Receiver<()>);

impl Default for Lull {
    fn default() -> Lull {
        let (sender, receiver) = flume::bounded(1);
        Lull(sender, receiver)
    }
}

impl Lull {
    pub(super) fn has_come(&self) {
        // A hint that is there already is as good.
        let _ = self.0.try_send(());
    }

    /// Waits while `busy` says that handlers run, and not for long.
    pub(super) async fn wait(&self, busy: impl FnOnce() -> bool) {
        // One that has passed says nothing; it is dropped before the look, so that none is missed.
        let _ = self.1.try_recv();
        if !busy() {
            return;
        }
        let come = async {
            let come = self.1.recv_async().await;
            debug_assert!(come.is_ok(), "it holds both ends");
        };
        or(come, sleep(LONGEST)).await;
    }
}
