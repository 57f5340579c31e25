//! What does a program get that connects to what it should not?

use std::time::{Duration, Instant};

use laneway::Runtime;
use laneway_jobs::postgres::{ConnectError, PostgresOptions, PostgresStore};
use laneway_jobs::store::Store;

use crate::server;

fn connect(options: PostgresOptions, url: &str) -> Result<PostgresStore, ConnectError> {
    laneway::block_on(options.connect(url))
}

fn refused(url: &str) -> ConnectError {
    connect(PostgresOptions::new().schema("refused"), url).expect_err(url)
}

/// Runs SQL as the user who may do everything.
fn run(server: &server::Server, sql: &str) {
    let rt = Runtime::builder().build().unwrap();
    rt.block_on(async {
        let (options, url) = (PostgresOptions::new().schema("by hand"), server.url());
        let store = options.connect(&url);
        let client = store.await.unwrap().client().await.unwrap();
        client.batch_execute(sql).await.unwrap();
    });
}

#[test]
fn an_address_of_another_kind_says_how_one_is_written() {
    for url in [
        "mysql://db/app",
        "postgres://",
        "user=me",
        "postgres://me@host:port/app",
    ] {
        let refused = refused(url);
        assert!(
            matches!(refused, ConnectError::Url(_)),
            "{url}: {refused:?}"
        );
        assert!(
            refused
                .to_string()
                .contains("postgres://user:password@host:5432/database")
        );
    }
}

#[test]
fn a_name_that_no_schema_has_is_refused() {
    for name in ["", "a\0b", &"x".repeat(64)] {
        let refused = connect(
            PostgresOptions::new().schema(name),
            "postgres://me@host/app",
        );
        assert!(
            matches!(refused, Err(ConnectError::SchemaName(_))),
            "{refused:?}"
        );
    }
}

#[test]
fn a_missing_database_and_a_missing_user_are_named() {
    let Some(server) = server::shared() else {
        return;
    };
    let database = refused(&server.url_of("tester", "nowhere"));
    assert_eq!(database, ConnectError::NoDatabase("nowhere".to_owned()));
    let user = refused(&server.url_of("a stranger", "postgres"));
    assert!(
        matches!(&user, ConnectError::Refused { user, .. } if user == "a stranger"),
        "{user:?}"
    );
}

#[test]
fn a_wrong_password_is_no_reason_to_try_again() {
    let Some(server) = server::shared() else {
        return;
    };
    run(server, "CREATE ROLE guarded LOGIN PASSWORD 'right'");
    let begun = Instant::now();
    for user in ["guarded:wrong", "guarded"] {
        let refused = refused(&server.url_of(user, "postgres"));
        assert!(
            matches!(&refused, ConnectError::Refused { user, .. } if user == "guarded"),
            "{refused:?}"
        );
        assert!(!refused.to_string().contains("wrong"), "{refused}");
    }
    assert!(
        begun.elapsed() < Duration::from_secs(4),
        "it was not tried again"
    );
    let right = server.url_of("guarded:right", "postgres");
    let not_allowed = refused(&right);
    assert!(
        matches!(not_allowed, ConnectError::NotAllowed { .. }),
        "{not_allowed:?}"
    );
    run(server, "CREATE SCHEMA refused AUTHORIZATION guarded");
    let options = PostgresOptions::new().schema("refused");
    assert!(
        connect(options, &right).is_ok(),
        "a schema of its own is enough"
    );
}

#[test]
fn a_schema_from_the_future_is_refused_and_left_as_it_is() {
    let Some(server) = server::shared() else {
        return;
    };
    let options = PostgresOptions::new().schema("future");
    drop(connect(options.clone(), &server.url()).unwrap());
    run(
        server,
        "INSERT INTO future.laneway_schema (version) VALUES (99)",
    );
    let refused = connect(options, &server.url()).unwrap_err();
    assert!(
        matches!(refused, ConnectError::FromTheFuture { found: 99, .. }),
        "{refused:?}"
    );
    assert!(refused.to_string().contains("update the program"));
}

#[test]
fn jobs_that_were_moved_say_where_to() {
    let Some(server) = server::shared() else {
        return;
    };
    let options = PostgresOptions::new().schema("moved");
    drop(connect(options.clone(), &server.url()).unwrap());
    run(
        server,
        "UPDATE moved.laneway_meta SET moved_to = 'postgres://db/app'",
    );
    let refused = connect(options, &server.url()).unwrap_err();
    assert!(
        refused.to_string().contains("postgres://db/app"),
        "{refused}"
    );
}

#[test]
fn many_that_set_up_a_schema_at_once_all_succeed() {
    let Some(server) = server::shared() else {
        return;
    };
    let threads = (0..8).map(|_| {
        let url = server.url();
        std::thread::spawn(move || connect(PostgresOptions::new().schema("together"), &url))
    });
    let threads: Vec<_> = threads.collect();
    for thread in threads {
        let connected = thread.join().unwrap();
        assert!(connected.is_ok(), "{connected:?}");
    }
}

#[test]
fn a_folder_of_sockets_is_an_address() {
    let Some(server) = server::shared() else {
        return;
    };
    let store = connect(PostgresOptions::new().schema("socket"), &server.socket()).unwrap();
    assert_eq!(laneway::block_on(store.counts(1)), Ok(vec![]));
}

#[test]
fn a_server_that_is_down_at_the_start_and_comes_back_is_waited_for() {
    let Some(server) = server::own() else { return };
    server.stop();
    let options = PostgresOptions::new().patience(Duration::from_millis(100));
    let refused = connect(options, &server.url()).unwrap_err();
    assert!(
        matches!(refused, ConnectError::Unreachable { .. }),
        "{refused:?}"
    );
    let url = server.url();
    let patient = PostgresOptions::new().patience(Duration::from_secs(60));
    let waiting = std::thread::spawn(move || connect(patient, &url));
    server.start_again();
    assert!(waiting.join().unwrap().is_ok());
}

/// The host and port of a server.
fn place(server: &server::Server) -> String {
    let url = server.url();
    let (_, rest) = url.split_once('@').unwrap();
    rest.split_once('/').unwrap().0.to_owned()
}

#[test]
fn of_several_hosts_the_one_that_takes_writes_is_found_where_that_is_asked_for() {
    let (Some(server), Some(standby)) = (server::shared(), server::own()) else {
        return;
    };
    standby.set("default_transaction_read_only = on");
    let places = format!("{},{}", place(&standby), place(server));
    let url = |settings| format!("postgres://tester@{places}/postgres?{settings}");
    let options = || PostgresOptions::new().schema("hosts");
    let any = connect(options(), &url("target_session_attrs=any"));
    assert!(any.is_err(), "the first one takes no writes");
    for settings in [
        "target_session_attrs=read-write",
        "target_session_attrs=read-write&load_balance_hosts=random",
    ] {
        let found = connect(options(), &url(settings));
        assert!(found.is_ok(), "{found:?}");
    }
    let only = format!(
        "postgres://tester@{}/postgres?target_session_attrs=read-write",
        place(&standby)
    );
    let none = connect(options().patience(Duration::ZERO), &only).unwrap_err();
    assert!(none.to_string().contains("target_session_attrs"), "{none}");
}

#[test]
fn an_address_beside_a_name_is_the_one_that_is_used() {
    let Some(server) = server::shared() else {
        return;
    };
    let place = place(server);
    let port = place.split_once(':').unwrap().1;
    let words =
        format!("host=nowhere.invalid hostaddr=127.0.0.1 port={port} user=tester dbname=postgres");
    let connected = connect(PostgresOptions::new().schema("hosts"), &words);
    assert!(connected.is_ok(), "{connected:?}");
}
