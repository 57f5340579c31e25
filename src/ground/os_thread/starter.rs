//! A thread that starts others for threads that are nice.
//!
//! A thread inherits the niceness of the one that starts it, and can never lower it again. So, from
//! before the first thread is made nice, one is kept that is not, and it starts all threads that
//! nice ones ask for, and those with short slices, which are inherited as well.

use std::io;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use super::niceness;
use super::slices::are_short;

/// The process's starter, if there is one. It never ends.
static STARTER: Mutex<Option<Starter>> = Mutex::new(None);

#[derive(Clone, Debug)]
struct Starter {
    requests: Sender<StartRequest>,
    /// That of the threads that it starts.
    niceness: i32,
}

/// A thread to be started.
struct StartRequest {
    builder: thread::Builder,
    main: Box<dyn FnOnce() + Send>,
    started: SyncSender<io::Result<JoinHandle<()>>>,
}

/// Sees to it that threads started from now on are not nicer than this one.
pub(crate) fn keep_niceness() -> io::Result<()> {
    let mut starter = STARTER.lock().unwrap_or_else(PoisonError::into_inner);
    if starter.is_none() {
        *starter = Some(Starter::new()?);
    }
    Ok(())
}

/// Starts a thread, which is not nicer than the thread that first called [`keep_niceness`].
pub(crate) fn spawn(
    builder: thread::Builder,
    main: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let starter = STARTER
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    match starter {
        Some(starter) if are_short() || niceness() > starter.niceness => {
            starter.spawn(builder, Box::new(main))
        }
        _ => builder.spawn(main),
    }
}

impl Starter {
    fn new() -> io::Result<Starter> {
        let (requests, received) = channel();
        let niceness = niceness();
        let builder = thread::Builder::new().name("laneway-starter".to_owned());
        builder.spawn(move || serve(&received))?;
        Ok(Starter { requests, niceness })
    }

    fn spawn(
        &self,
        builder: thread::Builder,
        main: Box<dyn FnOnce() + Send>,
    ) -> io::Result<JoinHandle<()>> {
        let (started, answer) = sync_channel(1);
        let request = StartRequest {
            builder,
            main,
            started,
        };
        let gone = |_| io::Error::other("the thread that starts others has ended");
        self.requests.send(request).map_err(|_| gone(()))?;
        answer.recv().map_err(|_| gone(()))?
    }
}

fn serve(requests: &Receiver<StartRequest>) {
    for request in requests {
        let started = request.builder.spawn(request.main);
        // The thread that asked waits for the answer.
        let _ = request.started.send(started);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::os_thread::set_niceness;

    #[test]
    fn a_nice_thread_starts_one_that_is_not() {
        keep_niceness().unwrap();
        let before = niceness();
        let (found, finds) = sync_channel(1);
        let nice = thread::spawn(move || {
            set_niceness(19).unwrap();
            let main = move || found.send(niceness()).unwrap();
            spawn(thread::Builder::new(), main).unwrap().join().unwrap();
        });
        nice.join().unwrap();
        assert_eq!(finds.recv(), Ok(before));
    }

    #[test]
    fn a_thread_that_cannot_be_started_is_an_error_for_the_nice_one() {
        keep_niceness().unwrap();
        let nice = thread::spawn(|| {
            set_niceness(19).unwrap();
            let vast = thread::Builder::new().stack_size(1 << 60);
            spawn(vast, || {}).unwrap_err()
        });
        nice.join().unwrap();
    }
}
