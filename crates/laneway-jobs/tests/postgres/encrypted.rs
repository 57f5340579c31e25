//! Is `sslmode` obeyed, or refused?

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use laneway::Runtime;
use laneway_jobs::postgres::{ConnectError, PostgresOptions, PostgresStore};
use laneway_jobs::{Ctx, Job, JobError, Jobs, Limit, Worker};
use serde::{Deserialize, Serialize};

use crate::server::{self, Server};

// The server's is its own authority, for `localhost`; both are valid for a hundred years.
const CERTIFICATE: &str = include_str!("certificates/server.pem");
const KEY: &str = include_str!("certificates/server.key.pem");
const STRANGER: &str = include_str!("certificates/stranger.pem");

/// A server with a certificate, in whose folder the files are.
fn encrypted() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER.get_or_init(start).as_ref()
}

fn start() -> Option<Server> {
    let server = server::own()?;
    for (name, text) in [
        ("trusted.pem", CERTIFICATE),
        ("key.pem", KEY),
        ("other.pem", STRANGER),
    ] {
        let file = server.folder.join(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        chown(&file, server.user(), None).unwrap();
    }
    let folder = server.folder.display();
    server.set(&format!(
        "ssl = on\nssl_cert_file = '{folder}/trusted.pem'\nssl_key_file = '{folder}/key.pem'"
    ));
    Some(server)
}

/// An address with another host and further settings.
fn url(server: &Server, host: &str, settings: &str) -> String {
    let url = server.url().replace("127.0.0.1", host);
    format!("{url}?schema=encrypted&{settings}")
}

fn root(server: &Server, name: &str) -> String {
    let path: PathBuf = server.folder.join(name);
    format!("sslrootcert={}", path.display())
}

fn connect(url: &str) -> Result<PostgresStore, ConnectError> {
    let options = PostgresOptions::new().patience(Duration::from_secs(20));
    laneway::block_on(options.connect(url))
}

/// Whether the server says that the store's connection is encrypted.
fn is_encrypted(url: &str) -> bool {
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(async {
        let store = connect(url).unwrap();
        let client = store.client().await.unwrap();
        let text = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        client.query_one(text, &[]).await.unwrap().get(0)
    })
}

#[test]
fn each_mode_is_obeyed() {
    let Some(server) = encrypted() else { return };
    let (trusted, other) = (root(server, "trusted.pem"), root(server, "other.pem"));
    for (host, settings, encrypted) in [
        ("127.0.0.1", "sslmode=disable".to_owned(), false),
        ("127.0.0.1", "sslmode=prefer".to_owned(), true),
        ("127.0.0.1", String::new(), true),
        ("127.0.0.1", "sslmode=require".to_owned(), true),
        ("127.0.0.1", format!("sslmode=verify-ca&{trusted}"), true),
        ("localhost", format!("sslmode=verify-full&{trusted}"), true),
    ] {
        let url = url(server, host, &settings);
        assert_eq!(
            is_encrypted(url.trim_end_matches('&')),
            encrypted,
            "{settings}"
        );
    }
    for (host, settings, why) in [
        (
            "127.0.0.1",
            format!("sslmode=verify-full&{trusted}"),
            "127.0.0.1",
        ),
        (
            "localhost",
            format!("sslmode=require&{other}"),
            "certificate",
        ),
        (
            "localhost",
            format!("sslmode=verify-ca&{other}"),
            "certificate",
        ),
        (
            "localhost",
            format!("sslmode=verify-full&{other}"),
            "certificate",
        ),
    ] {
        let begun = Instant::now();
        let refused = connect(&url(server, host, &settings)).unwrap_err();
        assert!(
            matches!(refused, ConnectError::Tls { .. }),
            "{settings}: {refused}"
        );
        assert!(refused.to_string().contains(why), "{settings}: {refused}");
        assert!(
            begun.elapsed() < Duration::from_secs(15),
            "it is not tried again"
        );
    }
}

#[test]
fn a_server_without_tls_is_refused_where_it_is_required() {
    let Some(server) = server::shared() else {
        return;
    };
    let refused = connect(&url(server, "127.0.0.1", "sslmode=require")).unwrap_err();
    assert!(matches!(refused, ConnectError::Tls { .. }), "{refused}");
    assert!(
        refused.to_string().contains("does not support TLS"),
        "{refused}"
    );
    assert!(!is_encrypted(&url(server, "127.0.0.1", "sslmode=prefer")));
    let folder = format!("{} sslmode=require", server.socket());
    let refused = connect(&folder).unwrap_err();
    assert!(refused.to_string().contains("folder"), "{refused}");
}

#[test]
fn certificates_that_cannot_be_read_are_named() {
    for file in ["/no/such.pem", "Cargo.toml"] {
        let url = format!("postgres://me@localhost:1/app?sslmode=verify-full&sslrootcert={file}");
        let refused = connect(&url).unwrap_err();
        assert!(
            matches!(refused, ConnectError::RootCertificates { .. }),
            "{refused}"
        );
        assert!(refused.to_string().contains(file), "{refused}");
    }
}

#[derive(Serialize, Deserialize)]
struct Large(String);

impl Job for Large {
    const KIND: &'static str = "large";
}

/// More than a socket and a record of TLS take at once, in both directions.
#[test]
fn jobs_run_within_tls() {
    let Some(server) = encrypted() else { return };
    let settings = format!("sslmode=verify-full&{}", root(server, "trusted.pem"));
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(async {
        let options = PostgresOptions::new();
        let store = options.connect(&url(server, "localhost", &settings)).await;
        let jobs = Jobs::new(store.unwrap());
        let worker = Worker::new(&jobs)
            .queue("default", Limit::in_flight(8))
            .handle(|Large(text): Large, _: Ctx| async move { Ok::<_, JobError>(text.len()) })
            .start(&rt)
            .unwrap();
        let many = (1..=20).map(|n| jobs.enqueue(Large("x".repeat(n * 40_000))));
        let ids = jobs.enqueue_all(many).await.unwrap();
        for (job, n) in ids.iter().zip(1..) {
            assert_eq!(jobs.wait::<usize>(job.id()).await, Ok(n * 40_000));
        }
        assert!(worker.shutdown(Duration::from_secs(5)).await.is_clean());
        assert_eq!(jobs.store().counts(100).await.unwrap()[0].count, 20);
    });
}
