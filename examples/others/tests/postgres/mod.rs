//! A Postgres server of the test's own, in a folder of its own. It listens on the loopback, and ends
//! with this value.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long it may take to start.
const LIMIT: Duration = Duration::from_secs(60);

pub(crate) struct Server {
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
    user: Option<u32>,
}

impl Server {
    /// None, and a line that says so, where Postgres is not installed.
    pub(crate) fn start() -> Option<Server> {
        let Some(programs) = programs() else {
            println!("skipped: there is no Postgres; on Debian, apt-get install postgresql");
            return None;
        };
        let folder = std::env::temp_dir().join(format!("laneway-others-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a temporary folder can be made");
        let user = user();
        chown(&folder, user, None).expect("the folder is ours");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        let server = Server {
            programs,
            folder,
            port: port.expect("a port is free").port(),
            user,
        };
        server.run(
            "initdb",
            &["--username=tester", "--auth=trust", "--no-sync"],
        );
        let options = format!(
            "-p {} -k {} -c listen_addresses=127.0.0.1",
            server.port,
            server.folder.display()
        );
        let log = server.folder.join("log").display().to_string();
        server.run("pg_ctl", &["start", "--silent", "-l", &log, "-o", &options]);
        server.wait_until_it_listens();
        Some(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://tester@127.0.0.1:{}/postgres", self.port)
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let mut command = Command::new(self.programs.join(program));
        command.args(arguments).arg("--pgdata");
        command.arg(self.folder.join("data"));
        command.current_dir(&self.folder);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        if let Some(user) = self.user {
            command.uid(user);
        }
        let status = command.status().expect("the program is there");
        assert!(status.success(), "{program} {arguments:?}: {status}");
    }

    fn wait_until_it_listens(&self) {
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(begun.elapsed() < LIMIT, "the server never listens");
            std::thread::yield_now();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.run("pg_ctl", &["stop", "--silent", "--mode=immediate"]);
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The folder of its programs, which Debian keeps out of the search path.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let debian = versions.flatten().map(|version| version.path().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path).chain(debian);
    folders.find(|folder| folder.join("initdb").is_file() && folder.join("pg_ctl").is_file())
}

/// Postgres refuses to be run by root.
fn user() -> Option<u32> {
    let is_root = fs::metadata(Path::new("/proc/self")).is_ok_and(|own| own.uid() == 0);
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let id = |name: &str| {
        let line = users.lines().find(|line| line.starts_with(name))?;
        line.split(':').nth(2)?.parse().ok()
    };
    is_root.then(|| id("postgres:").or_else(|| id("nobody:")))?
}
