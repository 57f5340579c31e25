//! Does the step do what the text says of it?

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use chapter_01::{Countdown, block_on, letter};

/// Counts the wake-ups.
#[derive(Default)]
struct Counter(AtomicU32);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_letter_wakes_the_last_to_poll() {
    let (first, last) = (Arc::new(Counter::default()), Arc::new(Counter::default()));
    let (address, letter) = letter();
    let mut letter = pin!(letter);
    for counter in [&first, &last] {
        let waker = Waker::from(counter.clone());
        let polled = letter.as_mut().poll(&mut Context::from_waker(&waker));
        assert_eq!(polled, Poll::Pending);
    }
    address.send(7);
    assert_eq!(first.0.load(Ordering::Relaxed), 0);
    assert_eq!(last.0.load(Ordering::Relaxed), 1);
    assert_eq!(block_on(letter), 7);
}

#[test]
fn a_countdown_of_nothing_is_ready_at_once() {
    assert_eq!(block_on(Countdown::from(0)), "lift-off");
}

#[test]
fn block_on_polls_once_for_each_ring() {
    let mut polls = 0;
    block_on(poll_fn(|cx| {
        polls += 1;
        // Two rings before the sleep are one reason to look.
        cx.waker().wake_by_ref();
        cx.waker().wake_by_ref();
        match polls {
            5 => Poll::Ready(()),
            _ => Poll::Pending,
        }
    }));
    assert_eq!(polls, 5);
}
