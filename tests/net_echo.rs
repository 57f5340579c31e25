//! Does the example with sockets do what it says, and refuse what it cannot do?

mod program;

use std::net::TcpListener;
use std::time::Duration;

use program::{example, run};

const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn it_echoes_beside_low_work_and_says_how_long_that_took() {
    let ended = run(example("echo").args(["--clients", "20"]), LIMIT);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert!(lines[0].starts_with("listening on 127.0.0.1:"), "{ended:?}");
    assert!(
        lines[1].starts_with("20 echoes beside low work: median "),
        "{ended:?}"
    );
    assert_eq!(lines.len(), 2);
}

#[test]
fn an_address_that_it_cannot_have_is_one_line_and_exit_code_2() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = run(example("echo").args(["--listen", &address]), LIMIT);
    assert_eq!((ended.code, &*ended.stdout), (Some(2), ""), "{ended:?}");
    assert_eq!(ended.stderr.lines().count(), 1);
    assert!(ended.stderr.contains(&address), "{ended:?}");
    let ended = run(example("echo").args(["--listen", "nowhere"]), LIMIT);
    assert_eq!((ended.code, &*ended.stdout), (Some(2), ""), "{ended:?}");
}
