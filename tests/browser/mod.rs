//! A browser to test pages in: headless Chromium, driven over the WebDriver protocol.
//!
//! The protocol is JSON over HTTP to a local `chromedriver`; what the tests need of it takes
//! fewer lines than a dependency's manifest.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long the browser may take for anything.
const LIMIT: Duration = Duration::from_secs(60);

/// Where the programs are, unless the environment says it: `CHROMEDRIVER`, `CHROMIUM`.
const DRIVERS: [&str; 1] = ["chromedriver"];
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// A running browser. It ends with this value.
pub(crate) struct Browser {
    driver: Child,
    port: u16,
    session: String,
    profile: PathBuf,
}

/// What a page looked like and said since it was opened.
#[derive(Debug)]
pub(crate) struct Visit {
    /// What was written to the console, errors among it.
    pub(crate) console: Vec<String>,
    /// What was asked for, besides the page itself.
    pub(crate) requests: Vec<String>,
}

/// Finds the two programs that are needed, or says which one is missing.
pub(crate) fn find() -> Result<(PathBuf, PathBuf), String> {
    let driver = program("CHROMEDRIVER", &DRIVERS).ok_or("there is no chromedriver")?;
    let browser = program("CHROMIUM", &BROWSERS).ok_or("there is no Chromium")?;
    Ok((driver, browser))
}

fn program(variable: &str, names: &[&str]) -> Option<PathBuf> {
    if let Some(path) = env::var_os(variable) {
        return Some(PathBuf::from(path));
    }
    let folders: Vec<PathBuf> = env::split_paths(&env::var_os("PATH")?).collect();
    let paths = names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    paths.into_iter().find(|path| path.is_file())
}

impl Browser {
    /// Starts the browser with a profile that is thrown away.
    pub(crate) fn start((driver, browser): &(PathBuf, PathBuf)) -> Browser {
        let port = free_port();
        let driver = Command::new(driver)
            .args([format!("--port={port}"), "--silent".to_owned()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        let profile = env::temp_dir().join(format!("laneway-browser-{}", std::process::id()));
        fs::create_dir_all(&profile).expect("a temporary folder can be made");
        let mut started = Browser {
            driver,
            port,
            session: String::new(),
            profile,
        };
        started.wait_for_driver();
        started.begin_session(browser);
        started
    }

    fn wait_for_driver(&self) {
        let deadline = Instant::now() + LIMIT;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < deadline, "chromedriver never listened");
            std::thread::yield_now();
        }
    }

    fn begin_session(&mut self, browser: &Path) {
        let arguments = [
            "--headless=new".to_owned(),
            // The pages are our own, and containers often forbid the sandbox.
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--hide-scrollbars".to_owned(),
            format!("--user-data-dir={}", self.profile.display()),
        ];
        let value = self.call(
            "POST",
            "/session",
            &json!({"capabilities": {"alwaysMatch": {
                "goog:chromeOptions": {"binary": browser, "args": arguments},
                "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
            }}}),
        );
        let id = value["sessionId"].as_str().expect("a session has an id");
        self.session = format!("/session/{id}");
    }

    /// Sets the size of the page, and whether it is a phone's.
    pub(crate) fn resize(&self, width: u32, height: u32) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1,
            "mobile": width < 500});
        self.devtools("Emulation.setDeviceMetricsOverride", &size);
    }

    /// Pretends that the system prefers something: `prefers-color-scheme` and the like.
    pub(crate) fn prefer(&self, features: &[(&str, &str)]) {
        let features: Vec<Value> = features
            .iter()
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect();
        self.devtools("Emulation.setEmulatedMedia", &json!({"features": features}));
    }

    /// Opens a file as a page.
    pub(crate) fn open(&self, path: &Path) {
        self.go(&format!("file://{}", path.display()));
    }

    /// Opens an address.
    pub(crate) fn go(&self, url: &str) {
        // What came before is nobody's business any more.
        self.visit();
        self.of_session("POST", "/url", &json!({"url": url}));
    }

    /// What has happened since the page was opened, or since the last such question.
    pub(crate) fn visit(&self) -> Visit {
        let log = |kind| {
            let entries = self.of_session("POST", "/se/log", &json!({"type": kind}));
            entries.as_array().cloned().unwrap_or_default()
        };
        let message = |entry: &Value| entry["message"].as_str().unwrap_or_default().to_owned();
        let requests = log("performance")
            .iter()
            .filter_map(|entry| serde_json::from_str(&message(entry)).ok())
            .filter_map(|event: Value| requested(&event["message"]))
            .collect();
        Visit {
            console: log("browser").iter().map(message).collect(),
            requests,
        }
    }

    /// Runs a script in the page, the body of a function, and gives what it returns.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.of_session(
            "POST",
            "/execute/sync",
            &json!({"script": script, "args": []}),
        )
    }

    /// Waits until a script returns true, and fails with `what` if it never does.
    #[track_caller]
    pub(crate) fn eventually(&self, what: &str, script: &str) {
        let deadline = Instant::now() + LIMIT;
        while self.run(script) != json!(true) {
            assert!(Instant::now() < deadline, "never came true: {what}");
        }
    }

    /// Presses keys, one after another, with the focus where it is.
    pub(crate) fn press(&self, keys: &[char]) {
        let actions: Vec<Value> = keys
            .iter()
            .flat_map(|key| {
                ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": key.to_string()}))
            })
            .collect();
        let keyboard = json!({"type": "key", "id": "keyboard", "actions": actions});
        self.of_session("POST", "/actions", &json!({"actions": [keyboard]}));
    }

    pub(crate) fn devtools(&self, command: &str, parameters: &Value) -> Value {
        let body = json!({"cmd": command, "params": parameters});
        self.of_session("POST", "/goog/cdp/execute", &body)
    }

    #[track_caller]
    fn of_session(&self, method: &str, path: &str, body: &Value) -> Value {
        self.call(method, &format!("{}{path}", self.session), body)
    }

    #[track_caller]
    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = request(self.port, method, path, &body.to_string());
        let answer = answer.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let mut answer: Value = serde_json::from_str(&answer).expect("WebDriver speaks JSON");
        let value = answer["value"].take();
        assert!(value["error"].is_null(), "{path}: {value}");
        value
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Not a panic: a test may be panicking already.
        let _ = request(self.port, "DELETE", &self.session, "");
        let _ = self.driver.kill();
        let _ = self.driver.wait();
        let _ = fs::remove_dir_all(&self.profile);
    }
}

/// What a DevTools event says was requested, if it says so and it was not the page itself.
fn requested(event: &Value) -> Option<String> {
    let parameters = &event["params"];
    let is_page = parameters["type"] == "Document";
    let is_request = event["method"] == "Network.requestWillBeSent";
    let url = parameters["request"]["url"].as_str()?;
    (is_request && !is_page && !url.starts_with("data:")).then(|| url.to_owned())
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port can be had");
    listener.local_addr().expect("it has an address").port()
}

/// One HTTP request, one connection.
fn request(port: u16, method: &str, path: &str, body: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(LIMIT))?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().map_err(io::Error::other)?;
            }
            _ if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    let mut answer = vec![0; length];
    reader.read_exact(&mut answer)?;
    String::from_utf8(answer).map_err(io::Error::other)
}
