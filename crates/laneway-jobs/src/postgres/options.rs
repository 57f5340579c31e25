//! How a store is connected to its database.

use std::sync::Arc;
use std::time::Duration;

use laneway::Handle;
use laneway::time::{now, sleep};
use tokio_postgres::{Client, Error};

use super::address::{Address, DEFAULT_SCHEMA};
use super::connect_error::ConnectError;
use super::failure::in_words;
use super::notifier::WakeUps;
use super::occupancy::{Entrance, Occupancy, enter};
use super::pool::{Connected, Pool};
use super::probe::{NoProbe, Probe};
use super::schema::{Opening, SchemaName, SetUp};
use super::store::PostgresStore;
use super::transfer::MovedSchema;
use super::transfer_ends::{Alone, PostgresSource, PostgresTarget, Wire};
use crate::deadline::after;

/// How a store is connected to its database.
///
/// ```
/// use laneway_jobs::postgres::{ConnectError, PostgresOptions};
/// use std::time::Duration;
///
/// let options = PostgresOptions::new().schema("jobs").patience(Duration::ZERO);
/// // Nothing listens at port 1.
/// let refused = laneway::block_on(options.connect("postgres://me@127.0.0.1:1/app"));
/// assert!(matches!(refused, Err(ConnectError::Unreachable { .. })), "{refused:?}");
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing until `connect()` is called"]
pub struct PostgresOptions {
    schema: String,
    connections: usize,
    patience: Duration,
    wake_ups: WakeUps,
    runtime: Option<Handle>,
    probe: Arc<dyn Probe>,
}

impl Default for PostgresOptions {
    fn default() -> PostgresOptions {
        PostgresOptions::new()
    }
}

impl PostgresOptions {
    /// The defaults.
    pub fn new() -> PostgresOptions {
        PostgresOptions {
            schema: DEFAULT_SCHEMA.to_owned(),
            connections: 4,
            patience: Duration::from_secs(5),
            wake_ups: WakeUps::default(),
            runtime: None,
            probe: Arc::new(NoProbe),
        }
    }

    /// Sets the schema in which the tables are; it is created where it is missing. Default:
    /// `laneway`.
    pub fn schema(mut self, name: impl Into<String>) -> PostgresOptions {
        self.schema = name.into();
        self
    }

    /// Sets how many connections there are at most, beside the one that listens for workers; 0
    /// counts as 1. Default: 4.
    ///
    /// While these give no answer, leases are renewed by one more, which is closed again.
    pub fn connections(mut self, connections: usize) -> PostgresOptions {
        self.connections = connections.max(1);
        self
    }

    /// Sets how long the store looks for a server that is not there, at the start and later, before
    /// an operation fails. Default: 5 seconds.
    pub fn patience(mut self, patience: Duration) -> PostgresOptions {
        self.patience = patience;
        self
    }

    /// Sets whether the processes at the database wake each other. Default:
    /// [`WakeUps::Notified`].
    pub fn wake_ups(mut self, wake_ups: WakeUps) -> PostgresOptions {
        self.wake_ups = wake_ups;
        self
    }

    /// Sets the runtime whose high queue serves the connections. Default: the one on which a
    /// connection is opened; where there is none, the operations serve them.
    pub fn runtime(mut self, runtime: Handle) -> PostgresOptions {
        self.runtime = Some(runtime);
        self
    }

    /// Sets a probe of the statements, for tests. Default: none.
    pub fn probe(mut self, probe: Arc<dyn Probe>) -> PostgresOptions {
        self.probe = probe;
        self
    }

    /// Connects to a database, and sets up the schema or brings it to this release's version.
    ///
    /// The address is a URL, `postgres://user:password@host:5432/database`, or of the form
    /// `host=/run/postgresql user=app dbname=app`. A URL may name the schema, `?schema=jobs`, which
    /// then counts more than [`schema`](Self::schema). It may name several hosts, which are tried
    /// in their order, or by chance with `load_balance_hosts=random`, and each address of a host's
    /// name has its own `connect_timeout`; `target_session_attrs=read-write` passes over a standby.
    /// Those and `hostaddr` are as Postgres defines them. `keepalives..` and `tcp_user_timeout` are
    /// refused.
    ///
    /// # Errors
    ///
    /// A [`ConnectError`] that says what to do.
    ///
    /// # Cancellation
    ///
    /// The schema is set up as a whole or not at all.
    pub async fn connect(self, url: &str) -> Result<PostgresStore, ConnectError> {
        self.open(url, Opening::Newest).await
    }

    /// Connects to a database that has jobs, as tools do that look at it: the schema stays as it
    /// is.
    ///
    /// # Errors
    ///
    /// A [`ConnectError`] that says what to do: [`NoJobs`](ConnectError::NoJobs) where there are
    /// none, [`FromThePast`](ConnectError::FromThePast) where the schema is older.
    ///
    /// # Cancellation
    ///
    /// The connection is closed.
    pub async fn visit(self, url: &str) -> Result<PostgresStore, ConnectError> {
        self.open(url, Opening::Visit).await
    }

    /// Opens a schema to move its jobs from there, and holds it alone.
    ///
    /// # Errors
    ///
    /// [`ConnectError::InUse`] where another store has it open, or another [`ConnectError`];
    /// nothing has been changed.
    pub async fn source(self, url: &str) -> Result<PostgresSource, ConnectError> {
        let alone = self.alone(url, Opening::Source).await?;
        PostgresSource::hold(alone).await
    }

    /// Opens a schema to move jobs to it, or makes it, and holds it alone.
    ///
    /// # Errors
    ///
    /// As [`source`](Self::source); [`ConnectError::Moved`] where its own jobs were moved away.
    pub async fn target(self, url: &str) -> Result<PostgresTarget, ConnectError> {
        let alone = self.alone(url, Opening::Target).await?;
        Ok(PostgresTarget(alone))
    }

    /// The pool of an address, and the schema that it names.
    fn pool(&self, url: &str) -> Result<(Arc<Pool>, SchemaName), ConnectError> {
        let (address, schema) = Address::parse(url, self.runtime.clone())?;
        let schema = SchemaName::new(schema.as_deref().unwrap_or(&self.schema))?;
        let prefix: Arc<str> = schema.prefix().into();
        let probe = self.probe.clone();
        let pool = Pool::new(address, prefix, probe, self.patience, self.connections);
        Ok((pool, schema))
    }

    async fn open(self, url: &str, opening: Opening) -> Result<PostgresStore, ConnectError> {
        let (pool, schema) = self.pool(url)?;
        let deadline = after(now(), self.patience);
        while let Err(error) = set_up(&pool, &schema, opening).await {
            match error {
                SetUp::Again(_) if now() < deadline => sleep(Duration::from_millis(50)).await,
                SetUp::Again(message) => return Err(ConnectError::Other(message)),
                SetUp::Refused(error) => return Err(error),
            }
        }
        Ok(PostgresStore::of(pool, self.wake_ups))
    }

    async fn alone(self, url: &str, opening: Opening) -> Result<Alone, ConnectError> {
        let (pool, schema) = self.pool(url)?;
        let (mut client, mut driver) = pool.client().await?;
        let held = driver.run(hold(&mut client, &schema, opening)).await;
        held.map_err(|error| match error {
            SetUp::Again(message) => ConnectError::Other(message),
            SetUp::Refused(error) => error,
        })?;
        let name = pool.url(&schema);
        let schema = MovedSchema::new(client, schema.prefix());
        Ok(Alone::new(name, Wire { schema, driver }))
    }
}

async fn set_up(pool: &Arc<Pool>, schema: &SchemaName, opening: Opening) -> Result<(), SetUp> {
    let mut lent = pool.take().await.map_err(SetUp::Refused)?;
    let Connected {
        session, driver, ..
    } = lent.connected();
    driver.run(schema.open(opening, session.client())).await?;
    lent.put_back();
    Ok(())
}

/// A move takes as long as it takes, and what it has written stays.
const OF_A_MOVE: &str = "
SET application_name = 'laneway-jobs move';
SET default_transaction_isolation = 'read committed';
SET standard_conforming_strings = on;
SET synchronous_commit = on;
SET statement_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET lock_timeout = '10s'";

async fn hold(client: &mut Client, schema: &SchemaName, opening: Opening) -> Result<(), SetUp> {
    let refused = |error: Error| SetUp::Refused(ConnectError::Other(in_words(&error)));
    client.batch_execute(OF_A_MOVE).await.map_err(refused)?;
    let lock = Occupancy::Alone.query(&schema.prefix());
    let asking = &*client;
    let entered = enter(|| async { Ok(asking.query_one(&lock, &[]).await?.get(0)) });
    match entered.await.map_err(refused)? {
        Entrance::Open => schema.open(opening, client).await,
        Entrance::Closed => Err(SetUp::Refused(ConnectError::InUse(
            schema.name().to_owned(),
        ))),
    }
}
