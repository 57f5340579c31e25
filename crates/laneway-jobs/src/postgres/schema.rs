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
pub const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_start.sql"),
    include_str!("migrations/0002_waits.sql"),
    include_str!("migrations/0003_renamed_kinds.sql"),
    include_str!("migrations/0004_limits.sql"),
    include_str!("migrations/0005_kinds.sql"),
];

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

/// The demand of an opening on a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// The newest version; it is made where it is missing.
    Newest,
    /// Jobs of this version, and nothing is changed.
    Visit,
    /// Jobs to move from there, also where a move has done so.
    Source,
    /// The newest version to move jobs to, also where a move has begun.
    Target,
}

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

    /// As people know it.
    pub(super) fn name(&self) -> &str {
        &self.0
    }

    /// Does what an opening wants of a schema, or says why it cannot be opened so.
    pub(super) async fn open(&self, opening: Opening, client: &mut Client) -> Result<(), SetUp> {
        let found = self.look(client).await;
        let found = found.map_err(|error| self.refusal(&error))?;
        self.judge(found.version)?;
        self.allow(opening, &found).map_err(SetUp::Refused)?;
        if found.version == KNOWN {
            return Ok(());
        }
        if found.version == 0 {
            self.judge_encoding(client).await?;
        }
        let migrated = self.locked(client).await;
        self.judge(migrated.map_err(|error| self.refusal(&error))?)
    }

    fn allow(&self, opening: Opening, found: &Standing) -> Result<(), ConnectError> {
        let schema = || self.0.clone();
        match (opening, &found.moved_to, &found.filled_from) {
            (Opening::Newest | Opening::Visit | Opening::Target, Some(to), _) => {
                let (schema, to) = (schema(), to.clone());
                Err(ConnectError::Moved { schema, to })
            }
            (Opening::Newest | Opening::Visit | Opening::Source, _, Some(from)) => {
                let (schema, from) = (schema(), from.clone());
                Err(ConnectError::Filling { schema, from })
            }
            (Opening::Visit | Opening::Source, ..) if found.version == 0 => {
                Err(ConnectError::NoJobs(schema()))
            }
            (Opening::Visit, ..) if found.version < KNOWN => {
                Err(ConnectError::FromThePast(schema()))
            }
            _ => Ok(()),
        }
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

    /// An error that cannot be written would keep its job from ever being settled. The server keeps
    /// the bytes as they are in a database without an encoding.
    async fn judge_encoding(&self, client: &Client) -> Result<(), SetUp> {
        let told = client.query_one("SHOW server_encoding", &[]).await;
        let encoding: String = told.map_err(|error| self.refusal(&error))?.get(0);
        match &*encoding {
            "UTF8" | "SQL_ASCII" => Ok(()),
            _ => Err(SetUp::Refused(ConnectError::Encoding(encoding))),
        }
    }

    /// The present state of the schema, read without a lock.
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
        // Older versions have fewer columns.
        let text = format!(
            "SELECT meta ->> 'moved_to' AS moved_to, meta ->> 'filled_from' AS filled_from
            FROM (SELECT to_jsonb(kept) AS meta FROM {prefix}laneway_meta AS kept) AS read"
        );
        let meta = client.query_opt(&text, &[]).await?;
        let column = |name| meta.as_ref().and_then(|row| row.get(name));
        Ok(Standing {
            version,
            moved_to: column("moved_to"),
            filled_from: column("filled_from"),
        })
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
    filled_from: Option<String>,
}

fn version_of(prefix: &str) -> String {
    format!("SELECT coalesce(max(version), 0) FROM {prefix}laneway_schema")
}
