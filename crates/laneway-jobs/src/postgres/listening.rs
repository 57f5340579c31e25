//! The ear for other processes' wake-ups: one connection of its own, opened again when it is lost.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use futures_lite::future::or;
use laneway::time::sleep;
use laneway::{Handle, Priority, shutdown_begun};
use tokio_postgres::{AsyncMessage, Client};

use super::asking::Asking;
use super::messages::Messages;
use super::news::News;
use crate::lock::unpoisoned;

/// Before the connection is opened again.
const PAUSE: Duration = Duration::from_secs(1);

/// The task that listens, for as long as this is there.
#[derive(Debug, Default)]
pub(super) struct Listening(Mutex<Option<flume::Sender<()>>>);

impl Listening {
    /// Sees to it that a task listens, where there is a runtime for it.
    pub(super) fn begin(&self, asking: &Arc<Asking>) {
        let mut ears = unpoisoned(self.0.lock());
        let listens = ears.as_ref().is_some_and(|ear| !ear.is_disconnected());
        let Some(runtime) = Handle::try_current().filter(|_| !listens) else {
            return;
        };
        let (ear, gone) = flume::bounded(1);
        let listen = listen(Arc::downgrade(asking), gone);
        if let Ok(task) = runtime.try_spawn(listen, Priority::High) {
            task.detach();
            *ears = Some(ear);
        }
    }
}

/// Listens until the store is gone or the runtime shuts down.
async fn listen(asking: Weak<Asking>, gone: flume::Receiver<()>) {
    let gone = async {
        let _ = gone.recv_async().await;
    };
    let listen = async {
        while let Some(pool) = asking.upgrade().map(|asking| asking.pool.clone()) {
            match pool.messages().await {
                Ok((client, messages)) => hear(&asking, client, messages).await,
                Err(error) => log::debug!("wake-ups cannot be heard: {error}"),
            }
            drop(pool);
            sleep(PAUSE).await;
        }
    };
    or(or(shutdown_begun(), gone), listen).await;
}

/// Hears what comes until the connection ends.
async fn hear(asking: &Weak<Asking>, client: Client, mut messages: Messages) {
    let ask = async {
        if let Some(text) = asking.upgrade().map(|asking| text(&asking))
            && client.batch_execute(&text).await.is_ok()
            && let Some(asking) = asking.upgrade()
        {
            // Earlier commits are not announced again.
            asking.hints.ready_everywhere();
        }
        std::future::pending::<()>().await;
    };
    let hear = async {
        while let Some(Ok(message)) = messages.next().await {
            if let (AsyncMessage::Notification(told), Some(asking)) = (message, asking.upgrade()) {
                wake(&asking, told.payload());
            }
        }
    };
    or(hear, ask).await;
}

fn text(asking: &Asking) -> String {
    format!(
        "SET application_name = 'laneway-jobs'; LISTEN {}",
        asking.notifier.channel
    )
}

fn wake(asking: &Asking, payload: &str) {
    match asking.notifier.heard(payload) {
        None => {}
        Some(News::Everywhere) => asking.hints.ready_everywhere(),
        Some(News::Queue(queue)) => asking.hints.ready(&queue),
        Some(News::Schedules) => asking.hints.schedules_changed(),
    }
}
