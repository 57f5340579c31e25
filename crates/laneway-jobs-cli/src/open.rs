//! Where a store is found by its address.

use std::env;
use std::sync::Arc;

use laneway_jobs::sqlite::{SqliteOptions, SqliteSource, SqliteStore, SqliteTarget};
use laneway_jobs::store::{Store, TransferSource, TransferTarget};

use crate::args::Args;
use crate::failure::Failure;

const VARIABLE: &str = "LANEWAY_JOBS_DATABASE";

/// The address that the command line or the environment gives.
pub(crate) fn address(args: &Args) -> Result<String, Failure> {
    let given = args.owned("database").or_else(|| env::var(VARIABLE).ok());
    let given = given.filter(|address| !address.is_empty());
    given.ok_or_else(|| Failure::usage(format!("name a database by --database FILE or {VARIABLE}")))
}

/// What an address means.
enum Address<'a> {
    File(&'a str),
}

/// A further kind of store begins here, and in the functions below.
fn read(address: &str) -> Result<Address<'_>, Failure> {
    match address.split_once("://") {
        None => Ok(Address::File(address)),
        Some(("sqlite", file)) => Ok(Address::File(file)),
        Some((scheme, _)) => Err(Failure::refused(format!(
            "this program cannot open {scheme}:// addresses; name an SQLite file"
        ))),
    }
}

/// A store with jobs in it, which the command looks into and changes.
pub(crate) fn store(args: &Args) -> Result<Arc<dyn Store>, Failure> {
    store_at(&address(args)?)
}

pub(crate) fn store_at(address: &str) -> Result<Arc<dyn Store>, Failure> {
    match read(address)? {
        Address::File(path) => Ok(Arc::new(SqliteOptions::new().visit(path)?)),
    }
}

/// A store that is made where there is none, and brought to the newest schema.
pub(crate) fn newest_store_at(address: &str) -> Result<Arc<dyn Store>, Failure> {
    match read(address)? {
        Address::File(path) => Ok(Arc::new(SqliteStore::open(path)?)),
    }
}

/// A store to move from.
pub(crate) fn source_at(address: &str) -> Result<Box<dyn TransferSource>, Failure> {
    match read(address)? {
        Address::File(path) => Ok(Box::new(SqliteSource::open(path)?)),
    }
}

/// A store to move to.
pub(crate) fn target_at(address: &str) -> Result<Box<dyn TransferTarget>, Failure> {
    match read(address)? {
        Address::File(path) => Ok(Box::new(SqliteTarget::open(path)?)),
    }
}
