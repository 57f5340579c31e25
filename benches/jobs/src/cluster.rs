//! The Postgres server of a run: one of its own, or one that was given.

use std::fs;
use std::io;

use laneway::Runtime;
use laneway_jobs::postgres::PostgresOptions;
use laneway_jobs::postgres::tokio_postgres::Client;

use crate::server::{self, Server};

/// A server, with at most one database of this run's.
pub(crate) struct Cluster {
    rt: Runtime,
    client: Client,
    url: String,
    database: String,
    made: bool,
    /// `None` where the server was given.
    own: Option<Server>,
}

impl Cluster {
    /// Connects to the server with this URL, or starts one.
    pub(crate) fn new(given: Option<&str>) -> io::Result<Cluster> {
        let own = given.is_none().then(server::own).flatten();
        let url = given.map(str::to_owned).or(own.as_ref().map(Server::url));
        let url = url.ok_or_else(|| {
            io::Error::other("no Postgres server is installed here: give one by --postgres URL")
        })?;
        let rt = Runtime::builder().build().map_err(io::Error::other)?;
        let options = PostgresOptions::new().schema(format!("bench_{}", std::process::id()));
        let store = rt.block_on(options.connect(&url));
        let store = store.map_err(io::Error::other)?;
        let client = rt.block_on(store.client()).map_err(io::Error::other)?;
        let mut cluster = Cluster {
            rt,
            client,
            url,
            database: format!("laneway_jobs_bench_{}", std::process::id()),
            made: false,
            own,
        };
        drop(store);
        cluster.run(&format!("DROP SCHEMA bench_{} CASCADE", std::process::id()))?;
        Ok(cluster)
    }

    /// The URL of a database that is empty. The one before is dropped.
    pub(crate) fn fresh(&mut self) -> io::Result<String> {
        self.remove()?;
        self.run(&format!("CREATE DATABASE {}", self.database))?;
        self.made = true;
        // Only a superuser may; what the last round wrote is not to be written in this one.
        let _ = self.run("CHECKPOINT");
        Ok(in_database(&self.url, &self.database))
    }

    pub(crate) fn remove(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.made) {
            self.run(&format!("DROP DATABASE {} WITH (FORCE)", self.database))?;
        }
        Ok(())
    }

    /// The first process of the server, whose processor time is the server's.
    pub(crate) fn first_process(&self) -> Option<u32> {
        let folder = &self.own.as_ref()?.folder;
        let file = fs::read_to_string(folder.join("data/postmaster.pid")).ok()?;
        file.lines().next()?.parse().ok()
    }

    fn run(&mut self, text: &str) -> io::Result<()> {
        let ran = self.rt.block_on(self.client.batch_execute(text));
        ran.map_err(io::Error::other)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Err(error) = self.remove() {
            eprintln!("the database {} is left: {error}", self.database);
        }
    }
}

/// The same URL with another database.
fn in_database(url: &str, database: &str) -> String {
    let (place, query) = match url.split_once('?') {
        Some((place, query)) => (place, format!("?{query}")),
        None => (url, String::new()),
    };
    let scheme = place.find("://").map_or(0, |at| at + 3);
    let end = place[scheme..]
        .find('/')
        .map_or(place.len(), |at| scheme + at);
    format!("{}/{database}{query}", &place[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_turned_to_another_database() {
        let url = |url| in_database(url, "other");
        assert_eq!(
            url("postgres://me@host:5432/app"),
            "postgres://me@host:5432/other"
        );
        assert_eq!(url("postgres://me@host"), "postgres://me@host/other");
        assert_eq!(
            url("postgres://host/app?sslmode=disable"),
            "postgres://host/other?sslmode=disable"
        );
    }
}
