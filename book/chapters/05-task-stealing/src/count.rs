//! A future that counts aloud, one number a poll.

use std::pin::Pin;
use std::task::{Context, Poll};

use crate::{Labelled, Priority};

/// Prints one number at each poll, and goes to the back of the queue after it.
#[derive(Debug)]
pub struct Count {
    name: &'static str,
    next: u32,
    last: u32,
}

impl Count {
    /// Counts from 1 to `last`.
    #[must_use]
    pub fn to(last: u32, name: &'static str) -> Count {
        Count {
            name,
            next: 1,
            last,
        }
    }
}

impl Future for Count {
    type Output = u32;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u32> {
        if self.next > self.last {
            println!("{}: done", self.name);
            return Poll::Ready(self.last);
        }
        println!("{}: {}", self.name, self.next);
        self.next += 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Labelled for Count {
    fn priority(&self) -> Priority {
        Priority::High
    }
}
