//! What the checks are written with.

use std::collections::BTreeSet;
use std::fs::{self, DirEntry};
use std::pin::Pin;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use crate::Check;

/// How long a check waits before it gives up: long enough for a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Gathers the checks of a chapter: functions that are generic in the runtime.
macro_rules! checks {
    ($chapter:literal: $($check:ident),+ $(,)?) => {
        /// The checks of this chapter.
        pub(crate) fn checks<R: $crate::Runtime>() -> Vec<$crate::Check> {
            vec![$($crate::Check {
                chapter: $chapter,
                name: stringify!($check),
                run: $check::<R>,
            }),+]
        }
    };
}
pub(crate) use checks;

impl Check {
    /// Runs `body` on a thread of its own and gives what it gives.
    ///
    /// Panics as `body` does, and if it does not end.
    pub(crate) fn ends<T: Send + 'static>(
        waiting_for: &str,
        body: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        let (sender, receiver) = mpsc::channel();
        let runner = thread::spawn(move || {
            let output = body();
            // The check may have given up.
            let _ = sender.send(output);
        });
        match receiver.recv_timeout(PATIENCE) {
            Ok(output) => output,
            Err(mpsc::RecvTimeoutError::Timeout) => gave_up(waiting_for),
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                let payload = runner.join().expect_err("nothing was sent");
                std::panic::resume_unwind(payload)
            }
        }
    }
}

fn gave_up(waiting_for: &str) -> ! {
    panic!("waited {PATIENCE:?} in vain for {waiting_for}")
}

/// What a channel brings, within the checks' patience.
pub(crate) fn next<T>(receiver: &Receiver<T>, waiting_for: &str) -> T {
    let received = receiver.recv_timeout(PATIENCE);
    received.unwrap_or_else(|_| gave_up(waiting_for))
}

/// A place where threads block until all of them have come, or patience is at its end.
#[derive(Clone)]
pub(crate) struct Meeting(Arc<(Mutex<usize>, Condvar)>);

impl Meeting {
    /// A meeting of `count` threads.
    pub(crate) fn of(count: usize) -> Meeting {
        Meeting(Arc::new((Mutex::new(count), Condvar::new())))
    }

    /// Blocks this thread until all have come; tells whether they have.
    pub(crate) fn attend(&self) -> bool {
        let (missing, changed) = &*self.0;
        let mut missing = missing.lock().unwrap();
        *missing -= 1;
        changed.notify_all();
        let all = changed.wait_timeout_while(missing, PATIENCE, |missing| *missing > 0);
        *all.unwrap().0 == 0
    }
}

/// A door at which threads block until it is opened, or patience is at its end.
#[derive(Clone, Default)]
pub(crate) struct Door(Arc<(Mutex<bool>, Condvar)>);

impl Door {
    pub(crate) fn wait(&self) {
        let (open, changed) = &*self.0;
        let open = open.lock().unwrap();
        drop(changed.wait_timeout_while(open, 2 * PATIENCE, |open| !*open));
    }

    pub(crate) fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }
}

/// Opens a door when it is dropped, so that a check that fails leaves no thread blocked.
pub(crate) struct Opens(pub(crate) Door);

impl Drop for Opens {
    fn drop(&mut self) {
        self.0.open();
    }
}

/// Wakes itself and is pending, once.
pub(crate) struct YieldNow(bool);

pub(crate) fn yield_now() -> YieldNow {
    YieldNow(false)
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// The threads of this process that run or would like to, but for the one that asks: their numbers and
/// names. Only Linux tells.
pub(crate) fn awake() -> Option<BTreeSet<String>> {
    let own = fs::read_link("/proc/thread-self").ok()?;
    let threads = fs::read_dir("/proc/self/task").ok()?.flatten();
    let others = threads.filter(|thread| Some(thread.file_name().as_os_str()) != own.file_name());
    let runs = |thread: DirEntry| {
        let stat = fs::read_to_string(thread.path().join("stat")).ok()?;
        // Behind the name, which may have anything in it, stands the state.
        let (thread, state) = stat.rsplit_once(')')?;
        state.starts_with(" R").then(|| thread.replace('(', ""))
    };
    Some(others.filter_map(runs).collect())
}

/// Lets time pass.
pub(crate) fn pause(time: Duration) {
    let (_keeps, never) = mpsc::channel::<()>();
    // Nothing is ever sent.
    let _ = never.recv_timeout(time);
}

/// Panics with a message, without printing it.
pub(crate) fn panic_quietly(message: &'static str) -> ! {
    std::panic::resume_unwind(Box::new(message))
}
