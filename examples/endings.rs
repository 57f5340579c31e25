//! A storm of endings: runtimes that are built and ended in every way there is, while threads that
//! belong to none of them wake their tasks and drop their handles, with locks held and without.
//! `cargo run --release --example endings -- --runtimes 1000000` takes an hour or more; `--help`
//! tells the options. It fails if an end hangs, or leaves a future behind, or drops one twice.

mod exit;

use std::cell::RefCell;
use std::error::Error;
use std::future::{Future, pending};
use std::io::{self, IsTerminal, Write};
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use clap::Parser;
use fastrand::Rng;
use indicatif::{ProgressBar, ProgressStyle};
use laneway::time::sleep;
use laneway::{Handle, Priority, Runtime, Stealing, Task, block_on, yield_now};

/// Builds runtimes and ends them in all ways, under wake-ups from outside.
#[derive(Parser)]
#[command(name = "endings")]
struct Options {
    /// How many runtimes, 1 to 100,000,000
    #[arg(long, value_name = "N", allow_negative_numbers = true, default_value_t = 10_000,
          value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    runtimes: u64,

    /// Decides what each round does; a failure names the seed of its round
    #[arg(
        long,
        value_name = "SEED",
        allow_negative_numbers = true,
        default_value_t = 1
    )]
    seed: u64,

    /// Seconds without a step after which a round counts as hung, 1 to 3600
    #[arg(long, value_name = "N", allow_negative_numbers = true, default_value_t = 60,
          value_parser = clap::value_parser!(u64).range(1..=3600))]
    patience: u64,
}

/// How a runtime is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Drop,
    Shutdown,
    ShutdownTwice,
    InsideItsTask,
    InsideAnotherTask,
    InWaker,
    InDestructor,
    AtThreadExit,
}

const WAYS: [Way; 8] = [
    Way::Drop,
    Way::Shutdown,
    Way::ShutdownTwice,
    Way::InsideItsTask,
    Way::InsideAnotherTask,
    Way::InWaker,
    Way::InDestructor,
    Way::AtThreadExit,
];

/// The state that the futures of one round share.
#[derive(Default)]
struct Round {
    made: AtomicUsize,
    dropped: AtomicUsize,
    /// The wakers of the tasks, under the lock that their destructors take as well.
    wakers: Mutex<Vec<Waker>>,
}

impl Round {
    fn lock(&self) -> MutexGuard<'_, Vec<Waker>> {
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn token(self: &Arc<Round>) -> Token {
        self.made.fetch_add(1, Ordering::SeqCst);
        Token(self.clone())
    }
}

/// Counts its drop, and takes the lock of the round in it.
struct Token(Arc<Round>);

impl Drop for Token {
    fn drop(&mut self) {
        let _wakers = self.0.lock();
        self.0.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

/// Waits for ever, and leaves its waker to the threads outside.
struct LeavesWaker(Token);

impl Future for LeavesWaker {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut wakers = self.0.0.lock();
        if wakers.len() < 64 {
            wakers.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

/// Sleeps when it is dropped, which only the timer's thread can end.
struct SleepsWhenDropped(#[expect(dead_code, reason = "dropped with it")] Token);

impl Drop for SleepsWhenDropped {
    fn drop(&mut self) {
        block_on(sleep(Duration::from_micros(100)));
    }
}

async fn task(kind: u32, token: Token, handle: Handle) {
    match kind {
        0 => LeavesWaker(token).await,
        1 => {
            let _token = token;
            loop {
                sleep(Duration::from_micros(50)).await;
            }
        }
        2 => {
            let _token = token;
            loop {
                yield_now().await;
            }
        }
        3 => {
            let _sleeps = SleepsWhenDropped(token);
            pending::<()>().await;
        }
        4 => {
            let _token = token;
            let inner = handle.spawn(async {}, Priority::High);
            // Its runtime may end before the inner task begins.
            let _cancelled = inner.fallible().await;
        }
        5 => {
            let child = LeavesWaker(token);
            handle.spawn(child, Priority::Low).detach();
        }
        _ => drop(token),
    }
}

/// A runtime that a waker, a destructor or a thread holds and ends.
struct Ends(Mutex<Option<Runtime>>);

impl Ends {
    fn of(rt: Runtime) -> Ends {
        Ends(Mutex::new(Some(rt)))
    }

    fn end(&self) {
        let rt = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(rt);
    }
}

impl Wake for Ends {
    fn wake(self: Arc<Self>) {
        self.end();
    }
}

/// Where the standard error is no terminal, a line is written each time that this many have ended.
const LINE_EVERY: u64 = 100_000;

thread_local! {
    static LAST: RefCell<Option<Runtime>> = const { RefCell::new(None) };
}

/// The round that is under way, for the thread that watches over it.
#[derive(Default)]
struct Progress {
    rounds: AtomicU64,
    seed: AtomicU64,
    way: AtomicUsize,
}

fn main() -> ExitCode {
    exit::code("endings", storm(&Options::parse()))
}

fn storm(options: &Options) -> Result<(), Box<dyn Error>> {
    let progress = Arc::new(Progress::default());
    let watched = progress.clone();
    let patience = Duration::from_secs(options.patience);
    let (over, ended) = mpsc::channel();
    let watcher = thread::spawn(move || watch(&watched, &ended, patience));

    let bar = bar(options.runtimes);
    let mut ways = [0_u64; WAYS.len()];
    for number in 0..options.runtimes {
        let seed = options.seed.wrapping_add(number);
        let mut rng = Rng::with_seed(seed);
        let way = rng.usize(..WAYS.len());
        progress.seed.store(seed, Ordering::Relaxed);
        progress.way.store(way, Ordering::Relaxed);
        if let Err(what) = one_round(&mut rng, WAYS[way]) {
            bar.abandon();
            return Err(format!("seed {seed}, {:?}: {what}", WAYS[way]).into());
        }
        ways[way] += 1;
        progress.rounds.fetch_add(1, Ordering::Relaxed);
        advance(&bar, number + 1);
    }
    bar.finish_and_clear();
    drop(over);
    watcher.join().expect("the watcher only looks");
    Ok(print(options.runtimes, ways)?)
}

fn bar(runtimes: u64) -> ProgressBar {
    let bar = ProgressBar::new(runtimes);
    if io::stderr().is_terminal() {
        let style = ProgressStyle::with_template("{bar:40} {pos} of {len} runtimes, {eta} to go");
        bar.set_style(style.expect("the template is right"));
    } else {
        bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
    }
    bar
}

/// Moves the bar, or where there is none writes a line now and then.
fn advance(bar: &ProgressBar, ended: u64) {
    bar.inc(1);
    if bar.is_hidden() && ended.is_multiple_of(LINE_EVERY) {
        // One that cannot be written does not matter.
        let _ = writeln!(io::stderr(), "{ended} runtimes ended");
    }
}

fn print(runtimes: u64, ways: [u64; WAYS.len()]) -> io::Result<()> {
    let mut stdout = io::stdout();
    writeln!(stdout, "{runtimes} runtimes ended, none of them hung:")?;
    for (way, count) in WAYS.iter().zip(ways) {
        writeln!(stdout, "{count:>10} {way:?}")?;
    }
    Ok(())
}

/// Ends the program if no round has ended for too long.
fn watch(progress: &Progress, over: &Receiver<()>, patience: Duration) {
    let mut seen = u64::MAX;
    while over.recv_timeout(patience) == Err(mpsc::RecvTimeoutError::Timeout) {
        let rounds = progress.rounds.load(Ordering::Relaxed);
        if rounds == seen {
            let seed = progress.seed.load(Ordering::Relaxed);
            let way = WAYS[progress.way.load(Ordering::Relaxed)];
            let hung = format!("seed {seed}, {way:?}: hangs, no end after {patience:?}");
            let _ = writeln!(io::stderr(), "endings: {hung}");
            std::process::exit(1);
        }
        seen = rounds;
    }
}

/// Builds a runtime, fills it, and ends it while other threads wake and drop.
fn one_round(rng: &mut Rng, way: Way) -> Result<(), String> {
    let stealing = [
        Stealing::Both,
        Stealing::HighFromLow,
        Stealing::LowFromHigh,
        Stealing::None,
    ];
    let rt = Runtime::builder()
        .with_high_num(rng.usize(1..=2))
        .with_low_num(rng.usize(1..=2))
        .with_stealing(stealing[rng.usize(..4)])
        .with_local_queues(rng.bool())
        .build()
        .map_err(|error| error.to_string())?;
    let round = Arc::new(Round::default());
    let mut handles: Vec<Task<()>> = Vec::new();
    for _ in 0..rng.usize(1..12) {
        let priority = [Priority::High, Priority::Low][rng.usize(..2)];
        let spawned = rt.spawn(task(rng.u32(..7), round.token(), rt.handle()), priority);
        match rng.bool() {
            true => handles.push(spawned),
            false => spawned.detach(),
        }
    }
    let (stop, stopped) = mpsc::channel::<()>();
    let attacker = {
        let (round, locked) = (round.clone(), rng.bool());
        thread::spawn(move || attack(&round, &stopped, handles, locked))
    };
    end(rt, way, rng, &round);
    drop(stop);
    attacker.join().map_err(|_| "an attacker panicked")?;
    let (made, dropped) = (&round.made, &round.dropped);
    let (made, dropped) = (made.load(Ordering::SeqCst), dropped.load(Ordering::SeqCst));
    match made == dropped {
        true => Ok(()),
        false => Err(format!("of {made} futures {dropped} were dropped")),
    }
}

/// Wakes tasks and drops handles until it is told to stop.
fn attack(round: &Round, stop: &Receiver<()>, mut handles: Vec<Task<()>>, locked: bool) {
    while stop.try_recv() != Err(mpsc::TryRecvError::Disconnected) {
        if locked {
            let wakers = round.lock();
            wakers.iter().for_each(Waker::wake_by_ref);
            drop(handles.pop());
        } else {
            let woken: Vec<Waker> = round.lock().drain(..).collect();
            woken.into_iter().for_each(Waker::wake);
            drop(handles.pop());
        }
        thread::yield_now();
    }
    // Wakers and handles outlive the runtime as well.
    let _wakers = round.lock();
    drop(handles);
}

/// Ends the runtime, and comes back when its futures should be gone.
fn end(rt: Runtime, way: Way, rng: &mut Rng, round: &Arc<Round>) {
    match way {
        Way::Drop => drop(rt),
        Way::Shutdown => {
            rt.shutdown(Duration::from_micros(rng.u64(..500)));
        }
        Way::ShutdownTwice => thread::scope(|scope| {
            let rt = &rt;
            scope.spawn(move || rt.shutdown(Duration::ZERO));
            rt.shutdown(Duration::from_micros(rng.u64(..500)));
        }),
        Way::InsideItsTask => inside_its_task(rt, round),
        Way::InsideAnotherTask => other().block_on(async { drop(rt) }),
        Way::InWaker => {
            let waker = Waker::from(Arc::new(Ends::of(rt)));
            let wakes = thread::spawn(move || waker.wake());
            wakes.join().expect("a waker that ends a runtime");
        }
        Way::InDestructor => {
            let other = other();
            let ends = Ends::of(rt);
            let waits = async move {
                let _ends = EndsWhenDropped(ends);
                pending::<()>().await;
            };
            other.spawn(waits, Priority::Low).detach();
            drop(other);
        }
        Way::AtThreadExit => {
            let thread = thread::spawn(move || LAST.set(Some(rt)));
            thread.join().expect("a thread that ends with a runtime");
        }
    }
}

fn other() -> Runtime {
    let builder = Runtime::builder().with_high_num(1).with_low_num(1);
    builder.build().expect("another runtime starts")
}

/// Ends a runtime in its destructor.
struct EndsWhenDropped(Ends);

impl Drop for EndsWhenDropped {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Lets a task of the runtime drop it, and waits until that task itself is gone.
fn inside_its_task(rt: Runtime, round: &Arc<Round>) {
    let handle = rt.handle();
    let (give, given): (Sender<Runtime>, _) = mpsc::channel();
    let (gone, wait): (Sender<()>, _) = mpsc::channel();
    let token = round.token();
    let ends = async move {
        // Dropped in this order, the last first.
        let _gone = gone;
        let _token = token;
        drop(given.recv());
        pending::<()>().await;
    };
    handle.spawn(ends, Priority::High).detach();
    give.send(rt).expect("the task waits for it");
    let _disconnected = wait.recv();
}
