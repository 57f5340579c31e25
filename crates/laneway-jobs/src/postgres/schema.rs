//! The versions of the schema, and how a database comes from one to the next.

use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error, Transaction};

use super::connect_error::ConnectError;
use super::failure::{Aftereffect, aftereffect, in_words};
use super::session::Sql;

/// The SQL that leads to each version, the first one's first. It runs with the schema of the store
/// as `search_path`.
///
/// ```
/// use laneway_jobs::postgres::MIGRATIONS;
///
/// assert!(MIGRATIONS[0].contains("CREATE TABLE laneway_job"));
/// ```
pub const MIGRATIONS: &[&str] = &[include_str!("migrations/0001_start.sql")];

const KNOWN: i64 = MIGRATIONS.len() as i64;

/// A name for the advisory lock beside the schema's, so that other programs' locks are others.
const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtextextended('laneway-jobs ' || $1, 0))";

const VERSIONS: &str = "
CREATE TABLE IF NOT EXISTS laneway_schema (
    version bigint PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
)";

/// The name of a schema.
#[derive(Clone, Debug)]
pub(super) struct SchemaName(String);

/// Why a schema could not be set up.
pub(super) enum SetUp {
    /// The connection was lost.
    Again(String),
    Refused(ConnectError),
}

impl SchemaName {
    pub(super) fn new(name: &str) -> Result<SchemaName, ConnectError> {
        match (1..=63).contains(&name.len()) && !name.contains('\0') {
            true => Ok(SchemaName(name.to_owned())),
            false => Err(ConnectError::SchemaName(name.to_owned())),
        }
    }

    fn quoted(&self) -> String {
        format!("\"{}\"", self.0.replace('"', "\"\""))
    }

    /// As it stands before the name of a table.
    pub(super) fn prefix(&self) -> String {
        format!("{}.", self.quoted())
    }

    /// Brings the schema to the newest version.
    pub(super) async fn migrate(&self, client: &mut Client) -> Result<(), SetUp> {
        let found = self
            .look(client)
            .await
            .map_err(|error| self.refusal(&error))?;
        self.judge(found.version)?;
        if let Some(to) = found.moved_to {
            let schema = self.0.clone();
            return Err(SetUp::Refused(ConnectError::Moved { schema, to }));
        }
        if found.version == KNOWN {
            return Ok(());
        }
        let migrated = self.locked(client).await;
        self.judge(migrated.map_err(|error| self.refusal(&error))?)
    }

    fn judge(&self, found: i64) -> Result<(), SetUp> {
        if found <= KNOWN {
            return Ok(());
        }
        Err(SetUp::Refused(ConnectError::FromTheFuture {
            schema: self.0.clone(),
            found,
            known: KNOWN,
        }))
    }

    /// What is there, without a lock.
    async fn look(&self, client: &Client) -> Sql<Standing> {
        let prefix = self.prefix();
        let table = format!("{prefix}laneway_schema");
        let exists = "SELECT to_regclass($1) IS NOT NULL";
        if !client.query_one(exists, &[&table]).await?.get::<_, bool>(0) {
            return Ok(Standing::default());
        }
        let version = client.query_one(&version_of(&prefix), &[]).await?.get(0);
        if version == 0 {
            return Ok(Standing::default());
        }
        let moved = format!("SELECT moved_to FROM {prefix}laneway_meta");
        let moved = client.query_opt(&moved, &[]).await?;
        let moved_to = moved.and_then(|row| row.get(0));
        Ok(Standing { version, moved_to })
    }

    /// The version is read again under the lock, since another process may be doing the same.
    /// Answers what it has become.
    async fn locked(&self, client: &mut Client) -> Sql<i64> {
        let transaction = client.transaction().await?;
        transaction.query(LOCK, &[&self.0]).await?;
        self.create(&transaction).await?;
        let set = format!("SET LOCAL search_path TO {}", self.quoted());
        transaction
            .batch_execute(&format!("{set};{VERSIONS}"))
            .await?;
        let version: i64 = transaction.query_one(&version_of(""), &[]).await?.get(0);
        for next in version..KNOWN {
            transaction.batch_execute(MIGRATIONS[next as usize]).await?;
            let text = "INSERT INTO laneway_schema (version) VALUES ($1)";
            transaction.execute(text, &[&(next + 1)]).await?;
        }
        transaction.commit().await?;
        Ok(version.max(KNOWN))
    }

    /// Where the schema is there already, the right to create one is not needed.
    async fn create(&self, transaction: &Transaction<'_>) -> Sql<()> {
        let text = "SELECT 1 FROM pg_namespace WHERE nspname = $1";
        if transaction.query_opt(text, &[&self.0]).await?.is_none() {
            let text = format!("CREATE SCHEMA {}", self.quoted());
            transaction.batch_execute(&text).await?;
        }
        Ok(())
    }

    fn refusal(&self, error: &Error) -> SetUp {
        let message = in_words(error);
        let allowed = error.code() != Some(&SqlState::INSUFFICIENT_PRIVILEGE);
        match (aftereffect(error), allowed) {
            (Aftereffect::Lost | Aftereffect::Again, _) => SetUp::Again(message),
            (Aftereffect::Nothing, true) => SetUp::Refused(ConnectError::Other(message)),
            (Aftereffect::Nothing, false) => {
                let schema = self.0.clone();
                SetUp::Refused(ConnectError::NotAllowed { schema, message })
            }
        }
    }
}

/// How far a schema has come.
#[derive(Debug, Default)]
struct Standing {
    version: i64,
    moved_to: Option<String>,
}

fn version_of(prefix: &str) -> String {
    format!("SELECT coalesce(max(version), 0) FROM {prefix}laneway_schema")
}
