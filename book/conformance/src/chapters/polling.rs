//! Chapter 1: `block_on`, and a letter.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use crate::tools::{checks, yield_now};
use crate::{Check, Runtime};

checks!(1:
    gives_the_output_of_a_ready_future,
    goes_on_when_another_thread_wakes_it,
    hears_a_wake_up_that_comes_before_it_sleeps,
    polls_only_when_woken,
    runs_a_future_that_borrows,
    has_a_letter_that_wakes_the_last_to_poll,
    has_a_letter_that_another_thread_can_send,
    has_a_letter_that_is_there_when_the_waker_is_called,
);

fn gives_the_output_of_a_ready_future<R: Runtime>() {
    assert_eq!(
        Check::ends("a ready future", || R::block_on(async { 42 })),
        42
    );
}

fn goes_on_when_another_thread_wakes_it<R: Runtime>() {
    let (sender, wakers) = mpsc::channel::<Waker>();
    let waker_thread = thread::spawn(move || wakers.recv().map(Waker::wake));
    let mut polls = 0;
    Check::ends("a wake-up from another thread", move || {
        R::block_on(poll_fn(move |cx| {
            polls += 1;
            if polls == 2 {
                return Poll::Ready(());
            }
            sender.send(cx.waker().clone()).expect("the thread waits");
            Poll::Pending
        }));
    });
    let woken = waker_thread.join().expect("wakers do not panic");
    woken.expect("the waker was sent");
}

fn hears_a_wake_up_that_comes_before_it_sleeps<R: Runtime>() {
    Check::ends("a future that wakes itself", || {
        R::block_on(async {
            for _ in 0..100 {
                yield_now().await;
            }
        });
    });
}

/// A thread that sleeps may get up for nothing now and then, but not all the time. It is woken once
/// before: a wake-up is good for one poll.
fn polls_only_when_woken<R: Runtime>() {
    const FOR_NOTHING: u32 = 10;
    let (sender, wakers) = mpsc::channel::<Waker>();
    let (asleep, quiet) = mpsc::channel::<()>();
    let waker_thread = thread::spawn(move || {
        let waker: Waker = wakers.recv().expect("a waker is sent");
        // A runtime that polls all the time would send here all the time.
        let mut for_nothing = 0;
        while for_nothing <= FOR_NOTHING
            && quiet
                .recv_timeout(std::time::Duration::from_millis(50))
                .is_ok()
        {
            for_nothing += 1;
        }
        drop(quiet);
        waker.wake();
        for_nothing
    });
    Check::ends("a wake-up", move || {
        let mut polls = 0;
        R::block_on(poll_fn(move |cx| {
            polls += 1;
            if polls == 1 {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if polls == 2 {
                sender.send(cx.waker().clone()).expect("the thread waits");
                return Poll::Pending;
            }
            match asleep.send(()) {
                Ok(()) => Poll::Pending,
                Err(_) => Poll::Ready(()),
            }
        }));
    });
    let for_nothing = waker_thread.join().expect("wakers do not panic");
    assert!(
        for_nothing <= FOR_NOTHING,
        "polled {for_nothing} times without having been woken"
    );
}

fn runs_a_future_that_borrows<R: Runtime>() {
    Check::ends("a future that borrows", || {
        let words = ["borrowed", "words"];
        let count = R::block_on(async { words.len() });
        assert_eq!(count, words.len());
    });
}

fn has_a_letter_that_wakes_the_last_to_poll<R: Runtime>() {
    let Some((send, letter)) = R::letter() else {
        return;
    };
    let (first, last) = (Rings::new(), Rings::new());
    let mut letter = pin!(letter);
    for rings in [&first, &last] {
        let waker = Waker::from(rings.clone());
        let answer = letter.as_mut().poll(&mut Context::from_waker(&waker));
        assert_eq!(answer, Poll::Pending, "no letter has been sent");
    }
    send(42);
    assert_eq!(last.heard(), 1, "wake-ups of the last to poll");
    assert_eq!(first.heard(), 0, "wake-ups of one that polled before");
    let answer = letter.poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(answer, Poll::Ready(42));
}

fn has_a_letter_that_another_thread_can_send<R: Runtime>() {
    let Some((send, letter)) = R::letter() else {
        return;
    };
    let (polled, is_polled) = mpsc::channel();
    let sender = thread::spawn(move || {
        is_polled.recv().expect("the letter is polled");
        send(42);
    });
    let came = Check::ends("a letter", move || {
        let mut letter = pin!(letter);
        R::block_on(poll_fn(move |cx| {
            let answer = letter.as_mut().poll(cx);
            // The sender waits for the first poll only.
            let _ = polled.send(());
            answer
        }))
    });
    assert_eq!(came, 42);
    sender.join().expect("a letter can be sent");
}

/// The waker opens the letter on the thread that calls it. So the value has to be there before that
/// call, and the lock has to be free.
fn has_a_letter_that_is_there_when_the_waker_is_called<R: Runtime>() {
    let Some((send, letter)) = R::letter() else {
        return;
    };
    let opener = Arc::new(Opener {
        letter: Mutex::new(Box::pin(letter)),
        found: Mutex::new(None),
    });
    let waker = Waker::from(opener.clone());
    let answer = opener.open(&mut Context::from_waker(&waker));
    assert_eq!(answer, Poll::Pending, "no letter has been sent");
    let waiting_for = "a waker that opens the letter: is its lock held while the waker is called?";
    Check::ends(waiting_for, || send(42));
    let found = opener.found.lock().unwrap().take();
    assert_eq!(
        found,
        Some(Poll::Ready(42)),
        "what the waker found when it was called"
    );
}

/// A waker that polls the future there and then.
struct Opener {
    letter: Mutex<Pin<Box<dyn Future<Output = u32> + Send>>>,
    found: Mutex<Option<Poll<u32>>>,
}

impl Opener {
    fn open(&self, cx: &mut Context<'_>) -> Poll<u32> {
        self.letter.lock().unwrap().as_mut().poll(cx)
    }
}

impl Wake for Opener {
    fn wake(self: Arc<Self>) {
        let found = self.open(&mut Context::from_waker(Waker::noop()));
        *self.found.lock().unwrap() = Some(found);
    }
}

/// A waker that counts its calls.
struct Rings(AtomicUsize);

impl Rings {
    fn new() -> Arc<Rings> {
        Arc::new(Rings(AtomicUsize::new(0)))
    }

    fn heard(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Wake for Rings {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}
