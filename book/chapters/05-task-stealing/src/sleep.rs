//! A sleep that leaves its thread to others, at a price.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Is ready when its time has come. See [`sleep`].
#[derive(Debug)]
pub struct Sleep {
    until: Instant,
}

/// Sleeps for so long from now, without holding up the thread that polls it.
///
/// It asks for another poll at once whenever it is polled too early, so it is polled all the time.
#[must_use]
pub fn sleep(duration: Duration) -> Sleep {
    Sleep {
        until: Instant::now() + duration,
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.until {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
