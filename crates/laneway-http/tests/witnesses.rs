//! Do programs by other authors find what the server promises?
//!
//! `h2load` (Debian's package nghttp2-client) asks in HTTP/2 and HTTP/1, and `slowhttptest` sends
//! heads and bodies slowly and reads answers slowly. Where one of them is not installed, its tests
//! say so and are skipped.
#![cfg(target_os = "linux")]

use std::env::consts::EXE_SUFFIX;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// No answer to a healthy client takes longer.
const WATCHDOG: Duration = Duration::from_secs(20);

/// A running `web_tasks`. It is killed with this value.
struct Running {
    child: Child,
    address: String,
}

impl Running {
    /// cargo puts examples beside the folder of the test executables.
    fn start() -> Running {
        let test = std::env::current_exe().expect("a test knows its own path");
        let profile = test.ancestors().nth(2).expect("tests lie in PROFILE/deps");
        let path = profile.join(format!("examples/web_tasks{EXE_SUFFIX}"));
        let mut child = Command::new(path)
            .args(["--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("cargo build -p laneway-http --examples makes it");
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        stdout.read_line(&mut line).expect("a line");
        let address = line.trim_end().strip_prefix("listening on http://");
        Running {
            address: address.expect("the address").to_owned(),
            child,
        }
    }

    /// Asks as a healthy client does. The body, and how long it took.
    fn ask(&self, path: &str) -> (String, Duration) {
        let begun = Instant::now();
        let mut stream = TcpStream::connect(&self.address).expect("the server accepts");
        stream.set_read_timeout(Some(WATCHDOG)).unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a head");
        (body.to_owned(), begun.elapsed())
    }

    /// Waits until the connection that asks is the only one.
    fn wait_until_alone(&self) {
        let begun = Instant::now();
        while self.connections() > 1 {
            assert!(begun.elapsed() < WATCHDOG, "connections stay");
        }
    }

    fn connections(&self) -> u64 {
        let metrics = self.ask("/metrics").0;
        let lines = metrics.lines().filter_map(|line| line.split_once(' '));
        let open = lines.filter(|(name, _)| {
            name.starts_with("laneway_http_connections{") && !name.contains("hibernating")
        });
        open.map(|(_, number)| number.parse::<u64>().expect("a number"))
            .sum()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a program prints, or nothing where it is not installed.
fn printed(program: &str, package: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    match command.args(arguments).stdin(Stdio::null()).output() {
        Ok(output) => {
            let text = [output.stdout, output.stderr].concat();
            Some(String::from_utf8_lossy(&text).into_owned())
        }
        Err(_) => {
            println!("skipped: there is no {program}; on Debian, apt-get install {package}");
            None
        }
    }
}

fn assert_all_succeeded(report: &str, requests: u32) {
    let all = format!(
        "requests: {requests} total, {requests} started, {requests} done, {requests} succeeded, \
         0 failed, 0 errored, 0 timeout"
    );
    assert!(report.contains(&all), "{report}");
    assert!(report.contains(&format!("{requests} 2xx")), "{report}");
}

#[test]
fn h2load_gets_every_answer_in_http2_and_in_http1() {
    let server = Running::start();
    let url = format!("http://{}/healthz", server.address);
    for protocol in [&["-m", "32"][..], &["--h1"]] {
        let arguments = [&["-n", "4000", "-c", "16", &url], protocol].concat();
        let Some(report) = printed("h2load", "nghttp2-client", &arguments) else {
            return;
        };
        assert_all_succeeded(&report, 4_000);
    }
    server.wait_until_alone();
}

/// One attack of `slowhttptest`, from forty connections for half a minute at most.
fn attack(server: &Running, options: &[&str]) -> Option<String> {
    let url = format!("http://{}/healthz", server.address);
    let size = ["-c", "40", "-r", "100", "-l", "30", "-p", "5", "-u", &url];
    printed(
        "slowhttptest",
        "slowhttptest",
        &[options, &size[..]].concat(),
    )
}

#[test]
fn slowhttptest_is_cut_off_while_others_are_answered() {
    let server = Running::start();
    let slowly = [
        // A field of the head each second, without an end.
        ["-H", "-i", "1", "-t", "GET"],
        // A body of which nothing comes for longer than it may.
        ["-B", "-i", "12", "-s", "8192"],
    ];
    let reports = std::thread::scope(|scope| {
        let server = &server;
        let attacks = slowly.map(|options| scope.spawn(move || attack(server, &options)));
        let mut slowest = Duration::ZERO;
        while !attacks.iter().all(|attack| attack.is_finished()) {
            let (body, took) = server.ask("/healthz");
            assert_eq!(body, "ok");
            slowest = slowest.max(took);
        }
        println!("the slowest healthy answer took {slowest:?}");
        assert!(slowest < Duration::from_secs(3), "{slowest:?}");
        attacks.map(|attack| attack.join().expect("it comes to its end"))
    });
    for report in reports.into_iter().flatten() {
        // Otherwise the attack lasted until its own end.
        assert!(report.contains("No open connections left"), "{report}");
        let mut probes = report
            .lines()
            .filter(|line| line.contains("service available"));
        assert!(probes.all(|line| line.contains("YES")), "{report}");
    }
    server.wait_until_alone();
}
