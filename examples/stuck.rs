//! A program that is late now and then, and how to find the line that makes it so:
//! `cargo run --release --example stuck` runs it with a call that blocks, and again without.
//!
//! # From the symptom to the line
//!
//! The symptom: a heartbeat that is to come every 5 ms comes 150 ms late. Nothing fails, and the
//! processor is idle. The program prints
//!
//! ```text
//! stuck   the heartbeat is up to 147 ms late
//! ```
//!
//! *Which task is it?* The watchdog says so, here by an observer and in any program as a warning
//! in the log:
//!
//! ```text
//! report  task #1 "orders" spawned at examples/stuck.rs:144:21 has kept worker 0 for 10 ms in one
//!         poll, which goes on: let it yield, or give what blocks to blocking::unblock
//! ```
//!
//! *Is that what the heartbeat waits for?* The list of tasks, taken at that moment, shows it: one
//! task runs, and the other is not waiting for its timer, which has woken it already, but for the
//! worker.
//!
//! ```text
//! list    #0 "heartbeat" spawned at ...: queued for 15 ms, 5 polls in 40 ms, woken 15 ms ago by
//!         the timer
//! list    #1 "orders" spawned at ...: running on worker 0 for 20 ms, 2 polls in 40 ms, woken 20 ms
//!         ago by the timer
//! ```
//!
//! *Which line of it?* A poll runs from one `await` to the next. This one has begun when the timer
//! woke the task, hence after the `sleep(...).await` in `orders`; what follows up to the next
//! `await` is one call, `rates.convert(cents)`. It looks harmless, and two functions further down,
//! in `fetch_rate`, it waits for a bank. If there were many calls to choose from, a debugger's
//! backtrace of the thread `laneway-low-0` would point at it while it blocks; and with
//! `--record run.html` the replay shows each long poll, who woke it, and what came after.
//!
//! *What to do?* What blocks belongs into `blocking::unblock`, which has threads for it. The second
//! run does that and is on time.

mod record;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use laneway::blocking::unblock;
use laneway::observe::{LongPoll, LongPollStage, Monitor, Observer, Tee};
use laneway::time::{now, sleep, sleep_until};
use laneway::{BuildError, Priority, Runtime};

use record::Record;

/// The price of a dollar.
#[derive(Default)]
struct Rates {
    cents: u64,
    uses: u64,
}

impl Rates {
    /// Converts an amount. The rate is kept, and asked for anew at every third use.
    fn convert(&mut self, cents: u64) -> u64 {
        if self.uses.is_multiple_of(3) {
            self.cents = fetch_rate();
        }
        self.uses += 1;
        cents * 100 / self.cents
    }
}

/// Asks the bank, in the way of a library that knows nothing of async: the thread waits.
fn fetch_rate() -> u64 {
    thread::sleep(Duration::from_millis(150));
    108
}

/// Takes orders as they come in, and gives the sum of what they are worth.
async fn orders() -> u64 {
    let mut rates = Rates::default();
    let mut sum = 0;
    for cents in [1_999, 250, 4_900, 730] {
        sleep(Duration::from_millis(20)).await;
        sum += rates.convert(cents);
    }
    sum
}

/// The same, with the blocking call where it blocks nobody.
async fn orders_mended() -> u64 {
    let mut rates = Rates::default();
    let mut sum = 0;
    for cents in [1_999, 250, 4_900, 730] {
        sleep(Duration::from_millis(20)).await;
        let converted = unblock(move || (rates.convert(cents), rates)).await;
        sum += converted.0;
        rates = converted.1;
    }
    sum
}

/// Beats every 5 ms, and gives how late the latest beat was.
async fn heartbeat() -> Duration {
    let mut due = now();
    let mut latest = Duration::ZERO;
    for _ in 0..80 {
        due += Duration::from_millis(5);
        sleep_until(due).await;
        latest = latest.max(now() - due);
    }
    latest
}

/// Prints what the watchdog reports, and which tasks there are at that moment.
struct Reporter(Arc<Monitor>);

impl Observer for Reporter {
    fn on_long_poll(&self, poll: &LongPoll<'_>) {
        println!("report  {poll}");
        if poll.stage() == LongPollStage::Lasting {
            let tasks = self.0.tasks();
            tasks.iter().for_each(|task| println!("list    {task}"));
        }
    }
}

/// Runs the orders beside a heartbeat, on one thread.
fn run(
    what: &str,
    orders: impl Future<Output = u64> + Send + 'static,
    record: &Record,
) -> Result<(), BuildError> {
    let monitor = Arc::new(Monitor::new());
    let mut observers = Tee::new().with(monitor.clone());
    if let Some(recorder) = record.recorder() {
        observers = observers.with(recorder);
    }
    let observers = observers.with(Arc::new(Reporter(monitor)));
    let one_thread = Runtime::builder().with_high_num(0).with_low_num(1);
    let rt = one_thread.with_observer(Arc::new(observers)).build()?;

    let heartbeat = rt.named("heartbeat").spawn(heartbeat(), Priority::Low);
    let orders = rt.named("orders").spawn(orders, Priority::Low);
    let latest = rt.block_on(heartbeat).as_millis();
    println!("{what:<7} the heartbeat is up to {latest} ms late");
    let sum = rt.block_on(orders);
    println!("{what:<7} the orders are worth {sum} cents");
    Ok(())
}

fn main() -> Result<(), BuildError> {
    let record = Record::from_args("stuck");
    run("stuck", orders(), &record)?;
    run("mended", orders_mended(), &record)?;
    record.save();
    Ok(())
}
