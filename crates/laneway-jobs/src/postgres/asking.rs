//! How a question gets to the database: a connection, a transaction, the answer, the hints.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use futures_lite::future::or;
use laneway::time::{sleep, timeout};
use laneway::{Handle, Priority, shutdown_begun};

use super::connect_error::ConnectError;
use super::failure::{Aftereffect, aftereffect, in_words, store_error};
use super::listening::Listening;
use super::marks::Marks;
use super::news::News;
use super::notifier::{Announcement, Notifier};
use super::pool::{Connected, Lent, Pool};
use super::session::{Params, Session, Sql};
use super::statement::Statement;
use super::tx::{Aftermath, Span, Tx};
use crate::store::{Hints, StoreError};

/// A server that says nothing for this time is taken to be lost.
const SILENCE: Duration = Duration::from_secs(30);
/// Before a question is asked once more beside one that is not answered.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
/// How often a transaction is made that others got in the way of.
const TRIES: u32 = 5;

/// The answer to a question, within a transaction.
pub(super) type Asked<'t, A> = Pin<Box<dyn Future<Output = Sql<A>> + Send + 't>>;

/// The function that answers a question.
pub(super) type Ask<Q, A> = for<'t, 'c> fn(&'t mut Tx<'c>, &'t Q) -> Asked<'t, A>;

/// The parts of a store that a question goes through.
#[derive(Debug)]
pub(super) struct Asking {
    pub(super) pool: Arc<Pool>,
    pub(super) hints: Hints,
    pub(super) marks: Marks,
    pub(super) notifier: Notifier,
    pub(super) listening: Listening,
}

impl Asking {
    /// Asks in one transaction, and again where others got in its way.
    pub(super) async fn ask<Q: Sync, A>(
        self: &Arc<Self>,
        span: Span,
        question: &Q,
        ask: Ask<Q, A>,
    ) -> Result<A, StoreError> {
        for _ in 1..TRIES {
            match self.ask_once(span, question, ask).await {
                Err(StoreError::Busy) => {}
                answer => return answer,
            }
        }
        self.ask_once(span, question, ask).await
    }

    /// Asks in one statement by a new connection, after a pause, and again after the next one until
    /// it is answered: the other connections may be silent, or all in use. It ends with an answer
    /// or not at all.
    pub(super) async fn ask_beside<Q: Sync, A>(
        self: &Arc<Self>,
        pause: Duration,
        question: &Q,
        ask: Ask<Q, A>,
    ) -> Result<A, StoreError> {
        let pause = pause.max(SHORTEST_PAUSE);
        loop {
            sleep(pause).await;
            let asked = async {
                let lent = self.pool.open_beside().await.map_err(not_connected)?;
                self.ask_on(lent, Span::Statement, question, ask).await
            };
            match timeout(2 * pause, asked).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => log::debug!("a further connection was of no use: {error}"),
                Err(_) => log::debug!("a further connection gave no answer"),
            }
        }
    }

    async fn ask_once<Q: Sync, A>(
        self: &Arc<Self>,
        span: Span,
        question: &Q,
        ask: Ask<Q, A>,
    ) -> Result<A, StoreError> {
        let lent = self.pool.take().await.map_err(not_connected)?;
        self.ask_on(lent, span, question, ask).await
    }

    async fn ask_on<Q: Sync, A>(
        self: &Arc<Self>,
        mut lent: Lent,
        span: Span,
        question: &Q,
        ask: Ask<Q, A>,
    ) -> Result<A, StoreError> {
        let Connected {
            session, driver, ..
        } = lent.connected();
        let answers = session.answers();
        let asked = driver.run(transact(session, span, question, ask));
        match unless_silent(&answers, asked).await {
            Some(Ok((answer, aftermath))) => {
                for announcement in self.after(aftermath) {
                    self.notify(announcement, lent.connected()).await;
                }
                lent.put_back();
                Ok(answer)
            }
            Some(Err(error)) => {
                let told = store_error(&error);
                // A server that takes no writes may have had a successor: it is looked for anew.
                if aftereffect(&error) != Aftereffect::Lost && told != StoreError::ReadOnly {
                    lent.put_back();
                }
                Err(self.unknown_wakes(told))
            }
            None => {
                // Those that are not in use lead to the same server, and are as silent.
                self.pool.retire();
                Err(self.unknown_wakes(StoreError::OutcomeUnknown))
            }
        }
    }

    /// Answers what the caller has to announce to other processes.
    fn after(self: &Arc<Self>, aftermath: Aftermath) -> Vec<Announcement> {
        if aftermath.earlier.is_some() {
            self.marks.forget();
        }
        let news = aftermath.news().filter(|_| self.notifier.is_on());
        let left = news.filter_map(|news| self.announce(news)).collect();
        aftermath.hint(&self.hints);
        left
    }

    /// Announces news in a task. Where there is no runtime they are the caller's; then what comes
    /// shortly after another one is left to the claims that workers make anyway.
    fn announce(self: &Arc<Self>, news: News) -> Option<Announcement> {
        let announcement = self.notifier.announce(news)?;
        let Some(runtime) = Handle::try_current() else {
            return Some(announcement);
        };
        let announce = announce(self.clone(), announcement);
        if let Ok(task) = runtime.try_spawn(announce, Priority::High) {
            task.detach();
        }
        None
    }

    async fn notify(&self, announcement: Announcement, connected: &mut Connected) {
        let Connected {
            session, driver, ..
        } = connected;
        let payload = self.notifier.payload(announcement);
        let channel = &self.notifier.channel;
        let params: Params<'_> = &[channel, &payload];
        let notified = driver.run(session.rows(Statement::Notify, params)).await;
        if let Err(error) = notified {
            log::debug!("other processes were not woken: {}", in_words(&error));
        }
    }

    /// Tells sleeping workers of a change that may have been committed.
    fn unknown_wakes(&self, error: StoreError) -> StoreError {
        if error == StoreError::OutcomeUnknown {
            self.marks.forget();
            self.hints.ready_everywhere();
        }
        error
    }
}

/// `None` where the server has fallen silent. A transaction of many statements may take longer than
/// a silence.
async fn unless_silent<T>(answers: &AtomicU64, asked: impl Future<Output = T>) -> Option<T> {
    let mut asked = pin!(asked);
    loop {
        let before = answers.load(Relaxed);
        match timeout(SILENCE, asked.as_mut()).await {
            Ok(answer) => return Some(answer),
            Err(_) if answers.load(Relaxed) == before => return None,
            Err(_) => {}
        }
    }
}

/// The one that lies ahead is dropped by a shutdown, and so is one that a server does not answer.
async fn announce(asking: Arc<Asking>, announcement: Announcement) {
    let notify = async {
        sleep(announcement.wait).await;
        if let Ok(mut lent) = asking.pool.take().await {
            asking.notify(announcement, lent.connected()).await;
            lent.put_back();
        }
    };
    or(shutdown_begun(), async {
        let _ = timeout(SILENCE, notify).await;
    })
    .await;
}

async fn transact<Q: Sync, A>(
    session: &mut Session,
    span: Span,
    question: &Q,
    ask: Ask<Q, A>,
) -> Sql<(A, Aftermath)> {
    let mut tx = Tx::ours(session, span);
    let ran = ask(&mut tx, question).await;
    tx.end(ran).await
}

pub(super) fn not_connected(error: ConnectError) -> StoreError {
    match error {
        ConnectError::Unreachable { server, message } => {
            StoreError::Unreachable(format!("{server}: {message}"))
        }
        error => StoreError::Database(error.to_string()),
    }
}
