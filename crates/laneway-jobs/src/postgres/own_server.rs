//! A server of the tests' own: a new cluster in a folder of its own, on a free port of the
//! loopback and a socket in that folder.
//!
//! It ends with the test's process, however that ends: a shell beside it reads from the process,
//! and ends the server when there is nothing to be read any more.
//!
//! The unit tests, those of other programs, and the benches share this file, and no program that
//! uses the library has it. It asks for nothing but the standard library.

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A server that takes no connections after this time has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    programs: PathBuf,
    pub(crate) folder: PathBuf,
    port: u16,
    user: Option<u32>,
    /// Open for as long as the server is wanted.
    wanted: Option<ChildStdin>,
    keeper: Child,
}

/// The server that the tests of this program share; `None` where there is none to be had.
pub(crate) fn shared() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER.get_or_init(Server::start).as_ref()
}

/// A server of one test's own.
pub(crate) fn own() -> Option<Server> {
    Server::start()
}

/// Runs the server until its input ends; then ends it at once, and removes the folder. A server
/// that was started again meanwhile is found by the file that has its process's id.
const KEEPER: &str = r#"
    "$1/postgres" -D "$2/data" -p "$3" -k "$2" -c listen_addresses=127.0.0.1 >>"$2/log" 2>&1 &
    read -r _
    kill -INT "$(head -n 1 "$2/data/postmaster.pid")" 2>/dev/null
    wait
    while kill -0 "$(head -n 1 "$2/data/postmaster.pid" 2>/dev/null)" 2>/dev/null; do sleep 0.05; done
    rm -rf "$2"
"#;

fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    folders.extend(versions.map(|version| version.path().join("bin")));
    let complete = |folder: &PathBuf| {
        ["initdb", "postgres", "pg_ctl"]
            .iter()
            .all(|program| folder.join(program).is_file())
    };
    folders.into_iter().find(complete)
}

/// The user that runs the server, which refuses to be run by root.
fn user() -> Option<u32> {
    let id = |line: &str| line.split(':').nth(2).and_then(|id| id.parse().ok());
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let of = |name: &str| {
        users
            .lines()
            .find(|line| line.starts_with(name))
            .and_then(id)
    };
    let own = fs::metadata("/proc/self")
        .ok()
        .map(|own| std::os::unix::fs::MetadataExt::uid(&own));
    match own {
        Some(0) => of("postgres:").or_else(|| of("nobody:")),
        _ => None,
    }
}

impl Server {
    fn start() -> Option<Server> {
        let Some(programs) = programs() else {
            let required = std::env::var("LANEWAY_POSTGRES").is_ok_and(|value| value == "required");
            assert!(!required, "initdb, postgres and pg_ctl are not installed");
            println!("There is no Postgres here, so that nothing was tested.");
            return None;
        };
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Relaxed);
        let name = format!("laneway-postgres-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        let user = user();
        chown(&folder, user, None).unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        init(&programs, &folder, user);
        let mut keeper = as_user(Command::new("sh"), user)
            .args(["-c", KEEPER, "sh"])
            .args([&programs, &folder])
            .arg(port.to_string())
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let wanted = keeper.stdin.take();
        let server = Server {
            programs,
            folder,
            port,
            user,
            wanted,
            keeper,
        };
        server.wait_until_ready();
        Some(server)
    }

    /// The address over TCP.
    pub(crate) fn url(&self) -> String {
        format!("postgres://tester@127.0.0.1:{}/postgres", self.port)
    }

    /// The address with another user, password or database.
    pub(crate) fn url_of(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/{database}", self.port)
    }

    /// The address of the socket in the server's folder.
    pub(crate) fn socket(&self) -> String {
        let folder = self.folder.display();
        format!(
            "host={folder} port={} user=tester dbname=postgres",
            self.port
        )
    }

    /// The user that runs it, where that is another one.
    #[allow(dead_code, reason = "the tests of TLS ask for it")]
    pub(crate) fn user(&self) -> Option<u32> {
        self.user
    }

    /// Adds to its configuration, and starts it again.
    pub(crate) fn set(&self, configuration: &str) {
        let file = self.folder.join("data/postgresql.conf");
        let all = fs::read_to_string(&file).unwrap();
        fs::write(file, format!("{all}\n{configuration}\n")).unwrap();
        self.stop();
        self.start_again();
    }

    /// Ends the server, with what runs in it.
    pub(crate) fn stop(&self) {
        self.control(&["stop", "--mode=immediate"]);
    }

    /// Starts it again after [`stop`](Server::stop).
    pub(crate) fn start_again(&self) {
        let options = format!(
            "-p {} -k {} -c listen_addresses=127.0.0.1",
            self.port,
            self.folder.display()
        );
        self.control(&["start", "--wait", "--options", &options]);
    }

    fn control(&self, arguments: &[&str]) {
        let log = self.folder.join("log");
        let status = as_user(Command::new(self.programs.join("pg_ctl")), self.user)
            .args(arguments)
            .arg("--pgdata")
            .arg(self.folder.join("data"))
            .arg("--log")
            .arg(log)
            .arg("--silent")
            .current_dir(&self.folder)
            .status()
            .unwrap();
        assert!(status.success(), "pg_ctl {arguments:?}\n{}", self.log());
    }

    /// The server tells in the file of its process's id when it takes connections.
    fn wait_until_ready(&self) {
        let file = self.folder.join("data/postmaster.pid");
        let told = || fs::read_to_string(&file).unwrap_or_default();
        let is_ready = |told: &str| {
            told.lines()
                .nth(7)
                .is_some_and(|line| line.trim() == "ready")
        };
        let began = Instant::now();
        while !is_ready(&told()) {
            assert!(began.elapsed() < PATIENCE, "{}", self.log());
            sleep(Duration::from_millis(10));
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.wanted.take());
        let _ = self.keeper.wait();
    }
}

fn init(programs: &Path, folder: &Path, user: Option<u32>) {
    let output = as_user(Command::new(programs.join("initdb")), user)
        .args([
            "--username=tester",
            "--auth=trust",
            "--encoding=UTF8",
            "--no-sync",
        ])
        .arg("--pgdata")
        .arg(folder.join("data"))
        .current_dir(folder)
        .output()
        .unwrap();
    let mut said = String::new();
    let _ = output.stderr.as_slice().read_to_string(&mut said);
    assert!(output.status.success(), "initdb: {said}");
    // One user, who may be made by a test, has to give a password.
    let rules = folder.join("data/pg_hba.conf");
    let all = fs::read_to_string(&rules).unwrap();
    fs::write(rules, format!("host all guarded all scram-sha-256\n{all}")).unwrap();
}

fn as_user(mut command: Command, user: Option<u32>) -> Command {
    if let Some(user) = user {
        std::os::unix::process::CommandExt::uid(&mut command, user);
    }
    command
}
