//! `serve`: pages over a real socket.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use crate::support::{Folder, ran};

/// What is answered to a request for a path.
fn get(address: &str, path: &str, host: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_jobs_are_shown_in_a_browser_on_this_machine() {
    let folder = Folder::new("serve");
    drop(folder.store());
    let mut serving = folder.spawn("serve --listen 127.0.0.1:0");
    let mut line = String::new();
    let mut out = BufReader::new(serving.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    let address = line
        .trim_end()
        .strip_prefix("the jobs are shown at http://");
    let address = address.unwrap_or_else(|| panic!("{line:?}")).to_owned();
    let address = address.trim_end_matches('/');
    let page = get(address, "/", "localhost");
    // A name of another machine may point here.
    let strange = get(address, "/", "elsewhere.example");
    serving.kill().unwrap();
    serving.wait().unwrap();
    assert!(page.starts_with("HTTP/1.1 200 OK"), "{page}");
    assert!(page.contains("<html"), "{page}");
    assert!(strange.starts_with("HTTP/1.1 4"), "{strange}");
}

#[test]
fn an_address_that_cannot_be_had_is_one_line() {
    let folder = Folder::new("serve-refused");
    drop(folder.store());
    let wrong = ran(folder.command("serve --listen here").output().unwrap());
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let line = format!("serve --listen {}", taken.local_addr().unwrap());
    let refused = ran(folder.command(&line).output().unwrap());
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert_eq!(refused.err.lines().count(), 1, "{refused:?}");
}
