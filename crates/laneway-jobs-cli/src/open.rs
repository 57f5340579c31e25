//! Where a store is found by its address.

use std::env::{self, VarError};
use std::path::Path;
use std::sync::Arc;

use laneway::block_on;
use laneway_jobs::postgres::{ConnectError, PostgresOptions};
use laneway_jobs::sqlite::{OpenError, SqliteOptions, SqliteSource, SqliteStore, SqliteTarget};
use laneway_jobs::store::{Store, TransferSource, TransferTarget};
use laneway_jobs::{postgres, sqlite};

use crate::args::Args;
use crate::failure::Failure;

const VARIABLE: &str = "LANEWAY_JOBS_DATABASE";

/// The address that the command line or the environment gives.
pub(crate) fn address(args: &Args) -> Result<String, Failure> {
    given(args)?.ok_or_else(|| {
        Failure::usage(format!(
            "name a database, a file or postgres://.., by --database or {VARIABLE}"
        ))
    })
}

fn given(args: &Args) -> Result<Option<String>, Failure> {
    let given = match args.owned("database") {
        Some(address) => Some(address),
        None => of_environment()?,
    };
    Ok(given.filter(|address| !address.is_empty()))
}

fn of_environment() -> Result<Option<String>, Failure> {
    match env::var(VARIABLE) {
        Ok(address) => Ok(Some(address)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(word)) => Err(Failure::usage(format!(
            "{VARIABLE} has {}, which is no text",
            word.display()
        ))),
    }
}

/// The meaning of an address.
enum Address<'a> {
    File(&'a str),
    Server(&'a str),
}

/// A further kind of store begins here, and in the functions below.
fn read(address: &str) -> Result<Address<'_>, Failure> {
    match address.split_once("://") {
        None if is_in_words(address) => Err(Failure::usage(
            "this program takes a server's address as postgres://user:password@host:5432/database",
        )),
        None => Ok(Address::File(address)),
        Some(("sqlite", file)) => Ok(Address::File(file)),
        Some(("postgres" | "postgresql", _)) => Ok(Address::Server(address)),
        Some((scheme, _)) => Err(Failure::usage(format!(
            "this program cannot open {scheme}:// addresses; name an SQLite file, or \
             postgres://user:password@host:5432/database"
        ))),
    }
}

/// Whether it is an address as `host=db user=me`, which the library takes, and no file's name.
fn is_in_words(address: &str) -> bool {
    const NAMES: [&str; 6] = ["host", "hostaddr", "port", "dbname", "user", "password"];
    let name_of = |word: &str| word.split_once('=').map(|(name, _)| name.to_owned());
    let first = address.split_whitespace().next().and_then(name_of);
    first.is_some_and(|name| NAMES.contains(&&*name)) && !Path::new(address).exists()
}

/// An address without its user and password, for people. A password may have any sign in it.
pub(crate) fn shown(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else {
        return address.to_owned();
    };
    let place = rest.rsplit('@').next().unwrap_or_default();
    let place = place.split('?').next().unwrap_or_default();
    format!("{scheme}://{place}")
}

/// The SQL that leads to each version of the schema, for the kind of store that is named.
pub(crate) fn migrations(args: &Args) -> Result<&'static [&'static str], Failure> {
    match given(args)?.as_deref().map(read).transpose()? {
        Some(Address::Server(_)) => Ok(postgres::MIGRATIONS),
        Some(Address::File(_)) | None => Ok(sqlite::MIGRATIONS),
    }
}

/// A store with jobs in it, which the command looks into and changes.
pub(crate) fn store(args: &Args) -> Result<Arc<dyn Store>, Failure> {
    store_at(&address(args)?)
}

fn store_at(address: &str) -> Result<Arc<dyn Store>, Failure> {
    match read(address)? {
        Address::File(path) => Ok(Arc::new(SqliteOptions::new().visit(path)?)),
        Address::Server(url) => Ok(Arc::new(block_on(PostgresOptions::new().visit(url))?)),
    }
}

/// A store that is made where there is none, and brought to the newest schema.
pub(crate) fn newest_store_at(address: &str) -> Result<Arc<dyn Store>, Failure> {
    match read(address)? {
        Address::File(path) => Ok(Arc::new(SqliteStore::open(path)?)),
        Address::Server(url) => Ok(Arc::new(block_on(PostgresOptions::new().connect(url))?)),
    }
}

/// A store to move from.
pub(crate) fn source_at(address: &str) -> Result<Box<dyn TransferSource>, Failure> {
    match read(address)? {
        Address::File(path) => Ok(Box::new(SqliteSource::open(path)?)),
        Address::Server(url) => Ok(Box::new(block_on(PostgresOptions::new().source(url))?)),
    }
}

/// Whether a store is there. None is made.
pub(crate) fn is_there(address: &str) -> Result<bool, Failure> {
    match read(address)? {
        Address::File(path) => {
            let visited = SqliteOptions::new().visit(path);
            Ok(!matches!(visited, Err(OpenError::NoJobs(_))))
        }
        Address::Server(url) => {
            let visited = block_on(PostgresOptions::new().visit(url));
            Ok(!matches!(visited, Err(ConnectError::NoJobs(_))))
        }
    }
}

/// A store to move to.
pub(crate) fn target_at(address: &str) -> Result<Box<dyn TransferTarget>, Failure> {
    match read(address)? {
        Address::File(path) => Ok(Box::new(SqliteTarget::open(path)?)),
        Address::Server(url) => Ok(Box::new(block_on(PostgresOptions::new().target(url))?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        for (address, expected) in [
            ("jobs.db", "jobs.db"),
            (
                "postgres://me:a@b@db:5432/app?schema=x",
                "postgres://db:5432/app",
            ),
            ("postgres://db/app", "postgres://db/app"),
            ("postgres:///app?password=secret", "postgres:///app"),
            ("postgres://me:a/b@db/app", "postgres://db/app"),
            ("postgres://me:a?b@db/app?schema=x", "postgres://db/app"),
            ("postgres://me:a/b?c@d@db/app", "postgres://db/app"),
        ] {
            assert_eq!(shown(address), expected);
        }
    }
}
