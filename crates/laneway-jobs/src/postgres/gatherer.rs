//! Commands of many callers in one statement: while one is under way, the next ones gather.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use laneway::{Handle, Priority};

use super::parts::{Weigh, fitting};
use crate::lock::unpoisoned;
use crate::store::StoreError;

/// At most this many items go into one statement, and no more bytes than fit into it, unless one
/// caller has brought more.
const AT_ONCE: usize = 1_024;

type Answers<O> = Result<Vec<O>, StoreError>;

/// A function that runs a statement for all items.
pub(super) type Run<I, O> =
    Arc<dyn Fn(Vec<I>) -> Pin<Box<dyn Future<Output = Answers<O>> + Send>> + Send + Sync>;

/// Where items wait for the next statement.
pub(super) struct Gatherer<I, O> {
    waiting: Mutex<Waiting<I, O>>,
    weigh: Weigh<I>,
    run: Run<I, O>,
}

struct Waiting<I, O> {
    commands: VecDeque<Command<I, O>>,
    driver: Driver,
}

/// Whether a driver is at work; it looks for commands before it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Driver {
    Absent,
    AtWork,
}

/// The items of one caller, and the way back. Dropped without an answer, it tells the caller that
/// the outcome is unknown.
struct Command<I, O> {
    items: Vec<I>,
    answer: flume::Sender<Answers<O>>,
}

impl<I, O> fmt::Debug for Gatherer<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = unpoisoned(self.waiting.lock());
        f.debug_struct("Gatherer")
            .field("commands", &waiting.commands.len())
            .field("driver", &waiting.driver)
            .finish_non_exhaustive()
    }
}

impl<I, O> Gatherer<I, O>
where
    I: Clone + Send + 'static,
    O: Send + 'static,
{
    pub(super) fn new(weigh: Weigh<I>, run: Run<I, O>) -> Arc<Gatherer<I, O>> {
        let waiting = Waiting {
            commands: VecDeque::new(),
            driver: Driver::Absent,
        };
        Arc::new(Gatherer {
            waiting: Mutex::new(waiting),
            weigh,
            run,
        })
    }

    /// Answers items in their order, after the commit.
    pub(super) async fn send(self: &Arc<Self>, items: Vec<I>) -> Answers<O> {
        if items.is_empty() {
            return Ok(Vec::new());
        }
        let (answer, answered) = flume::bounded(1);
        if self.add(Command { items, answer }) == Driver::Absent {
            self.drive().await;
        }
        let answer = answered.recv_async().await;
        answer.unwrap_or(Err(StoreError::OutcomeUnknown))
    }

    /// Adds a command, and tells whether a driver was there. Bounded by the callers that wait.
    fn add(&self, command: Command<I, O>) -> Driver {
        let mut waiting = unpoisoned(self.waiting.lock());
        waiting.commands.push_back(command);
        std::mem::replace(&mut waiting.driver, Driver::AtWork)
    }

    /// Drives in a task, so that a caller which is dropped ends no other one's command; here where
    /// there is no runtime.
    async fn drive(self: &Arc<Self>) {
        let turn = Turn {
            gatherer: self.clone(),
            ended: None,
        };
        let Some(runtime) = Handle::try_current() else {
            return turn.take().await;
        };
        match runtime.try_spawn(turn.take(), Priority::High) {
            Ok(task) => task.detach(),
            Err(refused) => refused.into_future().await,
        }
    }

    async fn run(&self, commands: Vec<Command<I, O>>) {
        let items: Vec<I> = commands.iter().flat_map(|one| one.items.clone()).collect();
        match (self.run)(items).await {
            Ok(answers) => give(commands, answers),
            // One command's fault must not be the others': each on its own.
            Err(StoreError::Database(_)) if commands.len() > 1 => self.run_each(commands).await,
            Err(error) => commands
                .into_iter()
                .for_each(|command| command.give(Err(error.clone()))),
        }
    }

    async fn run_each(&self, commands: Vec<Command<I, O>>) {
        for command in commands {
            let answers = (self.run)(command.items.clone()).await;
            command.give(answers);
        }
    }
}

impl<I, O> Command<I, O> {
    fn give(self, answers: Answers<O>) {
        // A caller that has gone asks for no answer.
        let _ = self.answer.try_send(answers);
    }
}

fn give<I, O>(commands: Vec<Command<I, O>>, answers: Vec<O>) {
    let mut answers = answers.into_iter();
    for command in commands {
        let own = answers.by_ref().take(command.items.len()).collect();
        command.give(Ok(own));
    }
}

/// The driver's turn. Cut off, it leaves the gatherer usable, and no caller waiting.
struct Turn<I, O> {
    gatherer: Arc<Gatherer<I, O>>,
    ended: Option<Ended>,
}

/// The turn has come to its end, and the next one may have begun.
struct Ended;

impl<I, O> Turn<I, O>
where
    I: Clone + Send + 'static,
    O: Send + 'static,
{
    async fn take(mut self) {
        while let Some(commands) = self.next() {
            self.gatherer.run(commands).await;
        }
        self.ended = Some(Ended);
    }

    /// The commands that go into the next statement. Where there is nothing, the turn ends under
    /// the lock, so that the next command starts another one.
    fn next(&self) -> Option<Vec<Command<I, O>>> {
        let mut waiting = unpoisoned(self.gatherer.waiting.lock());
        if waiting.commands.is_empty() {
            waiting.driver = Driver::Absent;
            return None;
        }
        let mut items = 0;
        let few = waiting.commands.iter().take_while(|command| {
            items += command.items.len();
            items <= AT_ONCE
        });
        let weigh = self.gatherer.weigh;
        let weights = few.map(|command| command.items.iter().map(weigh).sum());
        let fit = fitting(weights);
        Some(waiting.commands.drain(..fit).collect())
    }
}

impl<I, O> Drop for Turn<I, O> {
    fn drop(&mut self) {
        if self.ended.is_some() {
            return;
        }
        let mut waiting = unpoisoned(self.gatherer.waiting.lock());
        waiting.driver = Driver::Absent;
        let left = std::mem::take(&mut waiting.commands);
        drop(waiting);
        drop(left);
    }
}
