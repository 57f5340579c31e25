//! A future that needs a number of polls.

use std::pin::Pin;
use std::task::{Context, Poll};

/// Counts down by one at each poll and is ready at zero.
#[derive(Debug)]
pub struct Countdown {
    left: u32,
}

impl Countdown {
    /// A countdown that starts here.
    #[must_use]
    pub fn from(left: u32) -> Countdown {
        Countdown { left }
    }
}

impl Future for Countdown {
    type Output = &'static str;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<&'static str> {
        if self.left == 0 {
            return Poll::Ready("lift-off");
        }
        println!("  {} left", self.left);
        self.left -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
