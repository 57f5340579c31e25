//! A bell, by which tasks wake one that waits.

/// Keeps one ring until it is heard; further ones add nothing to it.
#[derive(Debug)]
pub(crate) struct Bell(flume::Sender<()>, flume::Receiver<()>);

impl Default for Bell {
    fn default() -> Bell {
        let (ring, heard) = flume::bounded(1);
        Bell(ring, heard)
    }
}

impl Bell {
    /// A bell that has been rung.
    pub(crate) fn ringing() -> Bell {
        let bell = Bell::default();
        bell.ring();
        bell
    }

    pub(crate) fn ring(&self) {
        // A ring that is there already is as good.
        let _ = self.0.try_send(());
    }

    /// Waits for a ring since the last one was heard.
    ///
    /// # Cancellation
    ///
    /// A ring that has not been heard stays.
    pub(crate) async fn hear(&self) {
        let heard = self.1.recv_async().await;
        debug_assert!(heard.is_ok(), "the bell holds both ends");
    }

    /// Forgets a ring that has not been heard.
    pub(crate) fn hush(&self) {
        let _ = self.1.try_recv();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::Poll;

    use super::*;

    /// Whether a ring is there, which is heard then.
    fn hears(bell: &Bell) -> bool {
        laneway::block_on(async {
            let mut heard = pin!(bell.hear());
            poll_fn(|cx| Poll::Ready(heard.as_mut().poll(cx).is_ready())).await
        })
    }

    #[test]
    fn rings_are_heard_once_together_and_a_hushed_one_is_not() {
        let bell = Bell::ringing();
        bell.ring();
        assert!(hears(&bell) && !hears(&bell));
        bell.ring();
        bell.hush();
        assert!(!hears(&bell));
    }
}
