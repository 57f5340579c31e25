//! One connection of the store's own: its settings and its prepared statements.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use futures_lite::future::zip;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, SimpleQueryMessage, Statement as Prepared};

use super::occupancy::{Entrance, Occupancy, enter};
use super::probe::Probe;
use super::statement::Statement;

pub(super) type Sql<T> = Result<T, tokio_postgres::Error>;
pub(super) type Params<'p> = &'p [&'p (dyn ToSql + Sync)];

/// The plans are pinned: each statement is planned once for all values, and by its index, also
/// while the server has no statistics of a young table. T and the guards want each statement to see
/// what is committed.
///
/// A commit that is not on the disk when it is answered breaks the protocol, not only the promise
/// of the insert: after a crash the server would give fences again that holders have. Where the
/// server or the role is set so, the store's connections are not.
pub(super) const SETTINGS: &str = "
SET application_name = 'laneway-jobs';
SET search_path = pg_catalog;
SET default_transaction_isolation = 'read committed';
SET standard_conforming_strings = on;
SET plan_cache_mode = force_generic_plan;
SET enable_indexscan = on;
SET enable_indexonlyscan = on;
SET enable_nestloop = on;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_material = off;
SET max_parallel_workers_per_gather = 0;
SET jit = off;
SELECT set_config('synchronous_commit', 'on', false)
WHERE current_setting('synchronous_commit') = 'off'";

/// A connection and what is prepared on it.
#[derive(Debug)]
pub(super) struct Session {
    client: Client,
    schema: Arc<str>,
    probe: Arc<dyn Probe>,
    prepared: HashMap<Statement, Prepared>,
    /// Grows with each statement that the server has answered.
    answers: Arc<AtomicU64>,
}

impl Session {
    pub(super) fn new(client: Client, schema: Arc<str>, probe: Arc<dyn Probe>) -> Session {
        Session {
            client,
            schema,
            probe,
            prepared: HashMap::new(),
            answers: Arc::default(),
        }
    }

    /// Sets up the connection, and takes the shared lock of the schema. A move may be in the way.
    pub(super) async fn set_up(&self) -> Sql<Entrance> {
        let lock = Occupancy::Shared.query(&self.schema);
        let text = format!("{SETTINGS};{lock}");
        enter(|| async {
            let told = self.client.simple_query(&text).await?;
            Ok(told.iter().any(|message| match message {
                SimpleQueryMessage::Row(row) => row.get(0) == Some("t"),
                _ => false,
            }))
        })
        .await
    }

    pub(super) fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// How many statements the server has answered, to be watched while others are under way.
    pub(super) fn answers(&self) -> Arc<AtomicU64> {
        self.answers.clone()
    }

    pub(super) async fn batch(&self, text: &str) -> Sql<()> {
        let answer = self.client.batch_execute(text).await;
        self.answers.fetch_add(1, Relaxed);
        answer
    }

    pub(super) async fn rows(&mut self, statement: Statement, params: Params<'_>) -> Sql<Vec<Row>> {
        let prepared = self.prepared(statement).await?;
        let answer = self.client.query(&prepared, params).await;
        self.answers.fetch_add(1, Relaxed);
        answer
    }

    /// Begins a transaction with a statement, both in one round trip.
    pub(super) async fn begin(
        &mut self,
        statement: Statement,
        params: Params<'_>,
    ) -> Sql<Vec<Row>> {
        let prepared = self.prepared(statement).await?;
        let begin = self.client.batch_execute("BEGIN");
        let (begun, rows) = zip(begin, self.client.query(&prepared, params)).await;
        begun.and(rows)
    }

    async fn prepared(&mut self, statement: Statement) -> Sql<Prepared> {
        if let Some(prepared) = self.prepared.get(&statement) {
            return Ok(prepared.clone());
        }
        let text = statement.text(&self.schema);
        let text = self.probe.text(&format!("{statement:?}"), text);
        let prepared = self.client.prepare(&text).await?;
        self.prepared.insert(statement, prepared.clone());
        Ok(prepared)
    }
}
