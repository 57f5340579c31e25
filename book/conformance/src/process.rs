//! A process of its own for each check. What a check leaves behind, be it a thread that is blocked
//! or a consumer that is gone, ends with it.

use std::io::{self, Read};
use std::panic::{self, PanicHookInfo, catch_unwind};
use std::process::{self, Child, Command, Stdio};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Duration;
use std::{env, thread};

use crate::outcome::{Outcome, message, readable};
use crate::{Check, Runtime, checks};

/// The environment variable that names the check which a process is for, behind its subject.
const CHECK: &str = "LANEWAY_CHECK";

/// The environment variable that tells a runtime under test how many cores there are.
const CORES: &str = "LANEWAY_TOLD_CORES";

/// How long a process may take. A check gives up earlier by itself, unless the runtime under test
/// keeps the thread of the check.
const LIMIT: Duration = Duration::from_secs(60);

/// The message of the first panic in the code under test: perhaps the reason, where a check only finds
/// that it waits in vain.
static PANIC: Mutex<Option<String>> = Mutex::new(None);

/// How many cores a runtime under test is told that there are.
///
/// The book's tests of its own bugs run with several numbers, whatever the machine has.
#[must_use]
pub fn told_cores() -> usize {
    let told = env::var(CORES).ok().and_then(|cores| cores.parse().ok());
    told.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from))
}

/// Whether this process is for a single check, which finds a runtime that has not started.
pub(crate) fn is_for_one_check() -> bool {
    env::var_os(CHECK).is_some()
}

impl Check {
    /// Runs this check of a program, which begins with [`if_asked`], in a process of its own.
    pub(crate) fn outcome(&self, subject: &str, cores: usize) -> Outcome {
        self.start(subject, cores)
            .and_then(told)
            .unwrap_or_else(|error| Outcome::Fails(format!("no process for it: {error}")))
    }

    fn start(&self, subject: &str, cores: usize) -> io::Result<Child> {
        Command::new(env::current_exe()?)
            .env(CHECK, format!("{subject} {}", self.name))
            .env(CORES, cores.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
    }
}

/// The outcome that a process tells before it ends.
fn told(mut child: Child) -> io::Result<Outcome> {
    let mut output = child.stdout.take().expect("its output is piped");
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut printed = Vec::new();
        // The part that was read before an error counts. The receiver may have given up.
        let _ = output.read_to_end(&mut printed);
        let _ = sender.send(printed);
    });
    let Ok(printed) = receiver.recv_timeout(LIMIT) else {
        child.kill()?;
        child.wait()?;
        return Ok(Outcome::Fails(format!(
            "it has not ended after {LIMIT:?}: perhaps `spawn` keeps its caller"
        )));
    };
    let status = child.wait()?;
    let told = Outcome::told_in(&String::from_utf8_lossy(&printed));
    Ok(told.unwrap_or_else(|| Outcome::Fails(format!("the process ended by itself: {status}"))))
}

/// If this process is for one check of this subject, runs that and ends.
pub(crate) fn if_asked<R: Runtime>(subject: &str) {
    let asked = env::var(CHECK).unwrap_or_default();
    let Some(name) = asked.strip_prefix(subject).map(str::trim_start) else {
        return;
    };
    let all = (1..=crate::LAST_CHAPTER).flat_map(checks::<R>);
    let check = all.into_iter().find(|check| check.name == name);
    let check = check.unwrap_or_else(|| panic!("there is no check `{name}`"));
    panic::set_hook(Box::new(note));
    let outcome = match catch_unwind(check.run) {
        Ok(()) => Outcome::Holds,
        Err(payload) => Outcome::Fails(reason(message(&*payload))),
    };
    end(&outcome)
}

/// Looks at a panic of any thread.
fn note(info: &PanicHookInfo<'_>) {
    match Outcome::of(info) {
        // The rest of the check could only wait for the thread that ends here.
        missing @ Outcome::Missing(_) => end(&missing),
        Outcome::Fails(why) if is_under_test(info) => {
            let mut first = PANIC.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert(why);
        }
        _ => {}
    }
}

/// Whether a panic is neither one of a check nor one of a dependency.
fn is_under_test(info: &PanicHookInfo<'_>) -> bool {
    const OTHERS: [&str; 3] = ["conformance/src/", ".cargo/registry/", "/rustc/"];
    let file = info.location().map_or("", |place| place.file());
    !OTHERS.iter().any(|other| file.contains(other))
}

/// Why a check failed, and what happened on the way.
fn reason(why: &str) -> String {
    let panic = PANIC.lock().unwrap_or_else(PoisonError::into_inner);
    match &*panic {
        Some(panic) if !panic.starts_with(why) => {
            format!("{}; a panic on the way: {panic}", readable(why))
        }
        _ => readable(why),
    }
}

fn end(outcome: &Outcome) -> ! {
    println!("{}", outcome.line());
    process::exit(0)
}
