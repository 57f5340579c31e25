//! The two ends of a move: schemas that no other program has open meanwhile.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;

use super::connect_error::ConnectError;
use super::serving::Driver;
use super::transfer::MovedSchema;
use crate::lock::unpoisoned;
use crate::store::{
    Begun, PartRow, StoreError, StoreFuture, StorePart, TransferCounters, TransferEnd,
    TransferPage, TransferSource, TransferTarget,
};

/// The answer to a question, from the connection of a move.
type Asked<'a, A> = Pin<Box<dyn Future<Output = Result<A, StoreError>> + Send + 'a>>;

/// The function that answers a question.
type Ask<Q, A> = for<'a> fn(&'a MovedSchema, &'a Q) -> Asked<'a, A>;

/// A schema that this process has alone.
pub(super) struct Alone {
    /// The address by which it is known, without the user and the password.
    name: String,
    /// It is taken out while an operation is under way. One that is cut off leaves nothing behind:
    /// the connection ends, and with it what was not committed.
    wire: Mutex<Option<Wire>>,
}

/// The connection of a move.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) schema: MovedSchema,
    pub(super) driver: Driver,
}

impl fmt::Debug for Alone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Alone").field(&self.name).finish()
    }
}

impl Alone {
    pub(super) fn new(name: String, wire: Wire) -> Alone {
        Alone {
            name,
            wire: Mutex::new(Some(wire)),
        }
    }

    fn ask<Q, A>(&self, question: Q, ask: Ask<Q, A>) -> StoreFuture<'_, A>
    where
        Q: Send + Sync + 'static,
        A: Send + 'static,
    {
        Box::pin(async move {
            let mut wire = self.take()?;
            let Wire { schema, driver } = &mut wire;
            let answer = driver.run(ask(schema, &question)).await;
            *unpoisoned(self.wire.lock()) = Some(wire);
            answer
        })
    }

    fn take(&self) -> Result<Wire, StoreError> {
        let wire = unpoisoned(self.wire.lock()).take();
        wire.ok_or_else(|| {
            StoreError::Unreachable("an operation of the move was cut off".to_owned())
        })
    }
}

/// A schema that jobs are moved from, see [`transfer`](crate::store::transfer).
/// [`PostgresOptions::source`](super::PostgresOptions::source) opens it.
///
/// While it is there, no other connection writes jobs in the schema. Its own
/// changes are committed by [`retire`](TransferSource::retire) alone; from then on the server
/// refuses every change of a job, and says where they are.
#[derive(Debug)]
pub struct PostgresSource(pub(super) Alone);

/// A schema that jobs are moved to, see [`transfer`](crate::store::transfer).
/// [`PostgresOptions::target`](super::PostgresOptions::target) opens it, or makes it.
#[derive(Debug)]
pub struct PostgresTarget(pub(super) Alone);

impl PostgresSource {
    pub(super) async fn hold(alone: Alone) -> Result<PostgresSource, ConnectError> {
        let held = alone.ask((), |schema, ()| Box::pin(schema.hold())).await;
        held.map_err(|error| ConnectError::Other(error.to_string()))?;
        Ok(PostgresSource(alone))
    }
}

impl TransferEnd for Alone {
    fn name(&self) -> &str {
        &self.name
    }

    fn export(&self, page: TransferPage) -> StoreFuture<'_, Vec<PartRow>> {
        self.ask(page, |schema, page| Box::pin(schema.export(page)))
    }

    fn counters(&self) -> StoreFuture<'_, TransferCounters> {
        self.ask((), |schema, ()| Box::pin(schema.counters()))
    }
}

impl TransferSource for PostgresSource {
    fn end(&self) -> &dyn TransferEnd {
        &self.0
    }

    fn moved_to(&self) -> StoreFuture<'_, Option<String>> {
        self.0.ask((), |schema, ()| Box::pin(schema.moved_to()))
    }

    fn retire(&self, to: String) -> StoreFuture<'_, ()> {
        self.0.ask(to, |schema, to| Box::pin(schema.retire(to)))
    }
}

impl TransferTarget for PostgresTarget {
    fn end(&self) -> &dyn TransferEnd {
        &self.0
    }

    fn filled_from(&self) -> StoreFuture<'_, Option<String>> {
        self.0.ask((), |schema, ()| Box::pin(schema.filled_from()))
    }

    fn begin(&self, from: String) -> StoreFuture<'_, Begun> {
        self.0
            .ask(from, |schema, from| Box::pin(schema.begin(from)))
    }

    fn import(&self, part: StorePart, rows: Vec<PartRow>) -> StoreFuture<'_, ()> {
        self.0.ask((part, rows), |schema, (part, rows)| {
            Box::pin(schema.import(*part, rows))
        })
    }

    fn clear(&self) -> StoreFuture<'_, ()> {
        self.0.ask((), |schema, ()| Box::pin(schema.clear()))
    }

    fn count_from(&self, counters: TransferCounters) -> StoreFuture<'_, ()> {
        self.0.ask(counters, |schema, counters| {
            Box::pin(schema.count_from(counters))
        })
    }

    fn release(&self) -> StoreFuture<'_, ()> {
        self.0.ask((), |schema, ()| Box::pin(schema.release()))
    }
}
