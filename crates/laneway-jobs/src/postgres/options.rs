//! How a store is connected to its database.

use std::sync::Arc;
use std::time::Duration;

use laneway::Handle;
use laneway::time::{now, sleep};

use super::address::Address;
use super::connect_error::ConnectError;
use super::pool::{Connected, Pool};
use super::schema::{SchemaName, SetUp};
use super::store::PostgresStore;

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
    runtime: Option<Handle>,
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
            schema: "laneway".to_owned(),
            connections: 4,
            patience: Duration::from_secs(5),
            runtime: None,
        }
    }

    /// Sets the schema in which the tables are; it is created where it is missing. Default:
    /// `laneway`.
    pub fn schema(mut self, name: impl Into<String>) -> PostgresOptions {
        self.schema = name.into();
        self
    }

    /// Sets how many connections there are at most; 0 counts as 1. Default: 4.
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

    /// Sets the runtime whose high queue serves the connections. Default: the one on which a
    /// connection is opened; where there is none, the operations serve them.
    pub fn runtime(mut self, runtime: Handle) -> PostgresOptions {
        self.runtime = Some(runtime);
        self
    }

    /// Connects to a database, and sets up the schema or brings it to this release's version.
    ///
    /// The address is a URL, `postgres://user:password@host:5432/database`, or of the form
    /// `host=/run/postgresql user=app dbname=app`.
    ///
    /// # Errors
    ///
    /// A [`ConnectError`] that says what to do.
    ///
    /// # Cancellation
    ///
    /// The schema is set up as a whole or not at all.
    pub async fn connect(self, url: &str) -> Result<PostgresStore, ConnectError> {
        let schema = SchemaName::new(&self.schema)?;
        let address = Address::parse(url, self.runtime)?;
        let prefix: Arc<str> = schema.prefix().into();
        let pool = Pool::new(address, prefix, self.patience, self.connections);
        let deadline = now() + self.patience;
        while let Err(error) = set_up(&pool, &schema).await {
            match error {
                SetUp::Again(_) if now() < deadline => sleep(Duration::from_millis(50)).await,
                SetUp::Again(message) => return Err(ConnectError::Other(message)),
                SetUp::Refused(error) => return Err(error),
            }
        }
        Ok(PostgresStore::of(pool))
    }
}

async fn set_up(pool: &Arc<Pool>, schema: &SchemaName) -> Result<(), SetUp> {
    let mut lent = pool.take().await.map_err(SetUp::Refused)?;
    let Connected {
        session, driver, ..
    } = lent.connected();
    driver.run(schema.migrate(session.client())).await?;
    lent.put_back();
    Ok(())
}
