//! Does the program start, end and refuse as it says?

use std::net::TcpListener;

use crate::program::Program;

#[test]
fn it_ends_by_itself_after_so_many_seconds() {
    let ended = Program::start(&["--port", "0", "--seconds", "1"]).end();
    assert!(ended.status.success(), "{ended:?}");
    assert!(ended.err.is_empty(), "{ended:?}");
    assert!(ended.out[0].starts_with("Serving."), "{ended:?}");
    assert!(ended.out[1].starts_with("Ended, with "), "{ended:?}");
}

#[test]
#[cfg(unix)]
fn it_ends_at_a_signal() {
    for signal in ["-INT", "-TERM"] {
        let program = Program::start(&["--port", "0"]);
        program.address();
        let sent = std::process::Command::new("kill")
            .args([signal, &program.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
        let ended = program.end();
        assert!(ended.status.success(), "{signal}: {ended:?}");
        assert!(ended.out[0].starts_with("Ended, with "), "{ended:?}");
    }
}

#[test]
fn a_port_that_is_taken_is_named_and_nothing_panics() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ended = Program::start(&["--port", &port, "--seconds", "1"]).end();
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    let [complaint] = &ended.err[..] else {
        panic!("one line: {ended:?}");
    };
    assert!(
        complaint.contains(&format!("127.0.0.1:{port}")) && complaint.contains("--port"),
        "{complaint}"
    );
    assert!(ended.out.is_empty(), "{ended:?}");
}

#[test]
fn what_makes_no_sense_is_refused_with_a_code_of_its_own() {
    for options in [
        &["--seconds", "0"][..],
        &["--seconds", "soon"],
        &["--port", "65536"],
        &["--window"],
    ] {
        let ended = Program::start(options).end();
        assert_eq!(ended.status.code(), Some(2), "{options:?}: {ended:?}");
        assert!(ended.err[0].starts_with("error: "), "{ended:?}");
    }
}
