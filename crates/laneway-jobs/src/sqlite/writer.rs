//! The one writer: commands through a bounded channel, many to a transaction, answers after the
//! commit.
//!
//! The connection lies at its place while there is nothing to do. The caller whose command finds
//! it there starts a driver, which takes the connection along, runs batches until the channel is
//! empty and puts it back. So an idle store has no thread and no task, and a busy one gathers in
//! its next transaction what came during the last one. Where the last one had many commands, it
//! waits a moment for as many again, since their callers tend to send on.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use laneway::blocking::unblock;
use laneway::time::now;
use laneway::{Handle, Priority, yield_now};

use super::batch::{Batch, Ended};
use super::command::{Command, Sharing};
use super::connected::{Connected, Home};
use crate::lock::unpoisoned;
use crate::store::{Hints, StoreError};

/// At most this many commands share a transaction.
const BATCH: usize = 1_024;
/// A transaction takes no more commands after this time.
const BATCH_TIME: Duration = Duration::from_millis(5);
/// A transaction waits this time for a next command, while it has less than half of what the last
/// one had: its callers are about to send again, and a commit costs more than the wait.
const GATHERING: Duration = Duration::from_micros(100);
/// Callers wait when this many commands are on their way.
const CHANNEL: usize = 2 * BATCH;

#[derive(Debug)]
pub(super) struct Writer {
    commands: flume::Sender<Box<dyn Command>>,
    queue: flume::Receiver<Box<dyn Command>>,
    /// `None` while a driver has it.
    place: Mutex<Option<Connected>>,
    home: Home,
    hints: Arc<Hints>,
}

impl Writer {
    pub(super) fn new(connected: Connected, hints: Arc<Hints>) -> Writer {
        let (commands, queue) = flume::bounded(CHANNEL);
        Writer {
            commands,
            queue,
            home: connected.home,
            place: Mutex::new(Some(connected)),
            hints,
        }
    }

    /// Sends a command, and sees to it that a driver takes it.
    pub(super) async fn send(self: &Arc<Self>, command: Box<dyn Command>) {
        // A driver is at work whenever the channel is full, so the wait ends.
        let sent = self.commands.send_async(command).await;
        debug_assert!(sent.is_ok(), "the writer holds both ends");
        let free = unpoisoned(self.place.lock()).take();
        if let Some(connected) = free {
            self.drive(connected);
        }
    }

    fn drive(self: &Arc<Self>, connected: Connected) {
        let driver = Driver::new(self.clone(), connected);
        match self.home {
            Home::File => unblock(|| driver.drive()).detach(),
            Home::Memory => drive_in_polls(driver),
        }
    }
}

/// Runs the batches in the polls of a task, or here where no runtime is near.
fn drive_in_polls(mut driver: Driver) {
    let Some(runtime) = Handle::try_current() else {
        return driver.drive();
    };
    let task = async move {
        while driver.step() == Step::Batch {
            yield_now().await;
        }
    };
    match runtime.try_spawn(task, Priority::High) {
        Ok(task) => task.detach(),
        // The runtime has ended: what its last tasks settle is still written.
        Err(refused) => laneway::block_on(refused.into_future()),
    }
}

/// Holds the connection while there are commands.
struct Driver {
    writer: Arc<Writer>,
    /// `None` once it has been put back.
    connected: Option<Connected>,
    /// A command that begins the next transaction, taken from the channel already.
    next: Option<Box<dyn Command>>,
    /// How many commands the transaction before had.
    former: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Batch,
    /// The channel is empty, and the connection back at its place.
    Idle,
}

impl Driver {
    fn new(writer: Arc<Writer>, connected: Connected) -> Driver {
        Driver {
            writer,
            former: connected.former,
            connected: Some(connected),
            next: None,
        }
    }

    fn drive(mut self) {
        while self.step() == Step::Batch {}
    }

    fn step(&mut self) -> Step {
        let Some(first) = self.next.take().or_else(|| self.take()) else {
            return Step::Idle;
        };
        let Some(mut connected) = self.connected.take() else {
            return Step::Idle;
        };
        let ran = catch_unwind(AssertUnwindSafe(|| self.run(&mut connected, first)));
        self.connected = Some(connected);
        match ran {
            Ok(()) => Step::Batch,
            // The connection is there again, for the end of the driver to put back.
            Err(panic) => resume_unwind(panic),
        }
    }

    /// The next command. Where there is none, the connection is put back under the lock, so that
    /// the sender of a command that came meanwhile finds it there.
    fn take(&mut self) -> Option<Box<dyn Command>> {
        if let Ok(command) = self.writer.queue.try_recv() {
            return Some(command);
        }
        let mut place = unpoisoned(self.writer.place.lock());
        match self.writer.queue.try_recv() {
            Ok(command) => Some(command),
            Err(_) => {
                *place = self.connected.take();
                None
            }
        }
    }

    fn run(&mut self, connected: &mut Connected, first: Box<dyn Command>) {
        let mut batch = Batch::of(first);
        let waiting = self.writer.queue.len();
        let ended = connected.transaction(&mut batch, |batch| self.more(batch));
        self.former = batch.len();
        connected.former = batch.len();
        match ended {
            Ended::Failed(StoreError::Busy) if batch.len() == 1 => self.refuse(batch, waiting),
            Ended::Failed(_) if batch.len() > 1 => {
                // One command's fault must not be the others': each on its own.
                for command in batch {
                    self.run_alone(connected, command);
                }
            }
            ended => self.finish(connected, batch, ended),
        }
    }

    /// Another process had the lock for longer than a transaction waits for it. The commands that
    /// have waited for as long hear of it as well: each for itself would wait once more.
    fn refuse(&self, batch: Batch, waiting: usize) {
        batch.refuse(&StoreError::Busy);
        let waited = self.writer.queue.try_iter().take(waiting);
        waited.for_each(|command| command.answer(Err(StoreError::Busy)));
    }

    fn run_alone(&mut self, connected: &mut Connected, command: Box<dyn Command>) {
        let mut batch = Batch::of(command);
        let ended = connected.transaction(&mut batch, |_| None);
        self.finish(connected, batch, ended);
    }

    /// A further command for a transaction that has room.
    fn more(&mut self, batch: &Batch) -> Option<Box<dyn Command>> {
        let has_room = batch.len() < BATCH && now() - batch.begun() < BATCH_TIME;
        if !has_room || batch.sharing() == Sharing::Alone {
            return None;
        }
        let command = self.next_for(batch)?;
        match batch.admits(command.as_ref()) {
            true => Some(command),
            false => {
                self.next = Some(command);
                None
            }
        }
    }

    fn next_for(&self, batch: &Batch) -> Option<Box<dyn Command>> {
        let queue = &self.writer.queue;
        // In memory it runs within polls, which do not wait.
        let waits = self.writer.home == Home::File && batch.len() < self.former / 2;
        match waits {
            true => queue.recv_timeout(GATHERING).ok(),
            false => queue.try_recv().ok(),
        }
    }

    fn finish(&self, connected: &Connected, batch: Batch, ended: Ended) {
        match ended {
            Ended::Committed(aftermath) => {
                connected.answer(batch);
                aftermath.hint(&self.writer.hints);
            }
            Ended::Failed(error) => batch.refuse(&error),
            // Dropped without an answer: the callers learn that the outcome is unknown. It may
            // have been committed, and then a sleeping worker has to hear of it.
            Ended::Lost => {
                drop(batch);
                self.writer.hints.ready_everywhere();
            }
        }
    }
}

impl Drop for Driver {
    /// A driver that is cut off, with its runtime or by the panic of a caller's destructor, leaves
    /// the store usable, and no caller waiting.
    fn drop(&mut self) {
        let Some(connected) = self.connected.take() else {
            return;
        };
        self.next = None;
        let mut place = unpoisoned(self.writer.place.lock());
        let left: Vec<Box<dyn Command>> = self.writer.queue.drain().collect();
        *place = Some(connected);
        drop(place);
        let unknown = StoreError::OutcomeUnknown;
        left.into_iter()
            .for_each(|command| command.answer(Err(unknown.clone())));
        // Its last commit may not have been hinted at.
        self.writer.hints.ready_everywhere();
    }
}
