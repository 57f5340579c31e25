//! Recipes: whole programs for what most programs need at some time.
//!
//! The module holds these pages and no items. Every recipe is compiled and run with the tests of
//! this crate, and asserts what it claims.
//!
//! | to | recipe | other crates |
//! |---|---|---|
//! | let tasks finish on Ctrl-C | [Shutdown](#shutdown) | ctrlc, futures-lite |
//! | compute, a few inputs at a time | [A batch](#a-batch-on-the-processor) | |
//! | serve sockets | [A TCP server](#a-tcp-server) | async-net, futures-lite |
//! | do something at a period | [A periodic job](#a-periodic-job) | |
//! | keep a state behind a handle | [An actor](#an-actor) | |
//! | test under every order of events | [A simulated test](#a-simulated-test) | async-channel |
//! | tell a monitoring system how it goes | [Metrics](#metrics) | |
//!
//! # Shutdown
//!
//! The main thread waits for Ctrl-C. Then it ends the runtime:
//! [`shutdown`](crate::Runtime::shutdown) gives the tasks ten seconds to finish, cancels the rest,
//! and reports. A task that would go on for ever races its work against
//! [`shutdown_begun`](crate::shutdown_begun()), and tidies up when that wins. ctrlc's feature
//! `termination` makes it handle SIGTERM in the same way.
//!
//! ```
//! use laneway::time::sleep;
//! use laneway::{Priority, Runtime, shutdown_begun};
//! use std::sync::mpsc::{self, Sender};
//! use std::time::Duration;
//!
//! async fn look_after_the_cache(log: Sender<&'static str>) {
//!     let work = async {
//!         loop {
//!             sleep(Duration::from_millis(10)).await;
//!         }
//!     };
//!     futures_lite::future::or(work, shutdown_begun()).await;
//!     log.send("the cache is on disk").expect("the log is open");
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let (ctrl_c, pressed) = mpsc::channel();
//! #   let user = ctrl_c.clone();
//!     ctrlc::set_handler(move || ctrl_c.send(()).unwrap_or_default())?;
//!
//!     let rt = Runtime::builder().build()?;
//!     let (log, logged) = mpsc::channel();
//!     rt.spawn(look_after_the_cache(log), Priority::Low).detach();
//! #   user.send(())?;
//!
//!     pressed.recv()?;
//!     let report = rt.shutdown(Duration::from_secs(10));
//!     println!("{report}"); // names the tasks that it cut off
//!     assert!(report.is_clean());
//!     assert_eq!(logged.recv(), Ok("the cache is on disk"));
//!     Ok(())
//! }
//! ```
//!
//! The process-wide runtime ends in the same way: `Runtime::global().shutdown(deadline)`.
//!
//! # A batch on the processor
//!
//! Computations go to a queue of their own with a thread for each core, so that they hold up
//! nothing else. A [`TaskGroup`](crate::TaskGroup) joins them as they end, which makes room for the
//! next input. At the first error the group is dropped, and that cancels what is left of it. A
//! computation can be cancelled where it awaits, so a long one yields now and then.
//!
//! ```
//! use laneway::{Runtime, TaskGroup, yield_now};
//! use std::thread::available_parallelism;
//!
//! async fn primes_below(limit: u32) -> Result<usize, String> {
//!     if limit > 1_000_000 {
//!         return Err(format!("{limit} takes too long"));
//!     }
//!     let mut primes = Vec::new();
//!     for n in 2..limit {
//!         if primes.iter().take_while(|&p| p * p <= n).all(|p| n % p != 0) {
//!             primes.push(n);
//!         }
//!         if n % 1_000 == 0 {
//!             yield_now().await; // a cancelled task ends here
//!         }
//!     }
//!     Ok(primes.len())
//! }
//!
//! /// The answers for all limits, in the order in which they are found.
//! async fn batch(limits: Vec<u32>, at_once: usize) -> Result<Vec<usize>, String> {
//!     let mut limits = limits.into_iter();
//!     let mut running = TaskGroup::new();
//!     let mut found = Vec::new();
//!     loop {
//!         for limit in limits.by_ref().take(at_once - running.len()) {
//!             running.spawn(primes_below(limit), "cpu");
//!         }
//!         match running.join_next().await {
//!             Some(joined) => found.push(joined.expect("primes_below does not panic")?),
//!             None => return Ok(found),
//!         }
//!     }
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let cores = available_parallelism()?.get();
//!     let rt = Runtime::builder().with_queue("cpu", cores, &[]).build()?;
//!
//!     let mut found = rt.block_on(batch(vec![10, 100, 1_000, 10_000], cores))?;
//!     found.sort();
//!     assert_eq!(found, [4, 25, 168, 1_229]);
//!
//!     let error = rt.block_on(batch(vec![10, u32::MAX, 100], cores)).unwrap_err();
//!     assert_eq!(error, "4294967295 takes too long");
//!     Ok(())
//! }
//! ```
//!
//! Where the tasks are spawned in many places, a `tokio::sync::Semaphore` or an
//! `async_lock::Semaphore` bounds them, and where there is no bound,
//! [`TaskGroup::first_error`](crate::TaskGroup::first_error) is all of `batch`.
//!
//! # A TCP server
//!
//! async-net's sockets work on any executor: one thread of async-io, which async-net starts, waits
//! for all of them and wakes the tasks. With the feature `net`, its first line may name
//! `laneway::net` in place of `async_net`, and the rest stays as it is: idle workers then wait for
//! the sockets, without that thread. Here a task for each connection sends lines back in capitals.
//! A client that says nothing for a minute is cut off. When the runtime shuts down, no new client
//! is taken, and those that are there may finish until the deadline. A public server also bounds
//! how many there are: each connection's task holds a permit of a semaphore.
//!
//! ```
//! use async_net::{TcpListener, TcpStream};
//! use futures_lite::io::BufReader;
//! use futures_lite::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, StreamExt, future};
//! use laneway::time::{sleep, timeout};
//! use laneway::{Priority, Runtime, shutdown_begun, spawn_task};
//! use std::time::Duration;
//! use std::{io, net};
//!
//! const SILENCE: Duration = Duration::from_secs(60);
//!
//! async fn serve(listener: TcpListener) {
//!     let accept = async {
//!         loop {
//!             match listener.accept().await {
//!                 Ok((client, _address)) => spawn_task!(talk(client)).detach(),
//!                 // Out of file descriptors, for instance: some are free in a moment.
//!                 Err(_) => sleep(Duration::from_millis(100)).await,
//!             }
//!         }
//!     };
//!     future::or(accept, shutdown_begun()).await;
//! }
//!
//! async fn talk(mut client: TcpStream) {
//!     if let Err(error) = answer(&mut client).await {
//!         eprintln!("a client is gone: {error}");
//!     }
//! }
//!
//! async fn answer(client: &mut TcpStream) -> io::Result<()> {
//!     // At most a mebibyte, since a line without an end would fill the memory.
//!     let mut lines = BufReader::new(client.clone().take(1 << 20)).lines();
//!     while let Some(line) = timeout(SILENCE, lines.next()).await? {
//!         let answer = line?.to_uppercase() + "\n";
//!         timeout(SILENCE, client.write_all(answer.as_bytes())).await??;
//!     }
//!     Ok(())
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let rt = Runtime::builder().build()?;
//!     let listener = rt.block_on(TcpListener::bind("127.0.0.1:0"))?;
//!     let address = listener.local_addr()?;
//!     rt.spawn(serve(listener), Priority::Low).detach();
//!
//!     let shouted = rt.block_on(async {
//!         let mut server = TcpStream::connect(address).await?;
//!         server.write_all(b"mind the gap\n").await?;
//!         server.shutdown(net::Shutdown::Write)?;
//!         let mut answer = String::new();
//!         server.read_to_string(&mut answer).await?;
//!         io::Result::Ok(answer)
//!     })?;
//!     assert_eq!(shouted, "MIND THE GAP\n");
//!     assert!(rt.shutdown(Duration::from_secs(10)).is_clean());
//!     Ok(())
//! }
//! ```
//!
//! # A periodic job
//!
//! [`background::every`](crate::background::every()) keeps a steady pace, and never has two runs at
//! once. A run that panics is counted and logged, and the next one comes at its time. Shutdown lets
//! the run that is under way finish. [`Every`](crate::background::Every) also sets the first delay,
//! a random shift, and what becomes of ticks that came during a long run.
//!
//! ```
//! use laneway::background::Every;
//! use laneway::{Priority, Runtime};
//! use std::sync::mpsc;
//! use std::time::Duration;
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let rt = Runtime::builder().build()?;
//!     let (sender, sizes) = mpsc::channel();
//!     let mut entries = vec!["old", "older"];
//!     let (sweeping, background) = Every::new(Duration::from_millis(5))
//!         .name("sweep the cache")
//!         .build(async move || {
//!             let last = entries.pop().expect("a panic ends this run, and no other");
//!             sender.send((last, entries.len())).unwrap_or_default();
//!         });
//!     rt.spawn(background, Priority::Low).detach();
//!
//!     assert_eq!(sizes.recv()?, ("older", 1));
//!     assert_eq!(sizes.recv()?, ("old", 0));
//!     while sweeping.metrics().panicked < 2 {
//!         std::thread::yield_now();
//!     }
//!     assert!(rt.shutdown(Duration::from_secs(10)).is_clean());
//!     assert_eq!(sweeping.metrics().completed, 2);
//!     Ok(())
//! }
//! ```
//!
//! # An actor
//!
//! A [`service`](crate::background::service()) owns a state and works off requests one by one, so
//! that no lock is needed. Callers in async code await the answer, others block on it. Here at most
//! 100 requests wait, and a caller beyond that waits for room.
//!
//! ```
//! use laneway::background::{CallError, Service};
//! use laneway::{Runtime, block_on, join_all, spawn_task};
//! use std::collections::BTreeMap;
//!
//! enum Request {
//!     Deposit(&'static str, u64),
//!     Withdraw(&'static str, u64),
//! }
//!
//! #[derive(Debug, PartialEq)]
//! struct Overdrawn;
//!
//! type Accounts = BTreeMap<&'static str, u64>;
//!
//! async fn handle(accounts: &mut Accounts, request: Request) -> Result<u64, Overdrawn> {
//!     match request {
//!         Request::Deposit(name, amount) => {
//!             let balance = accounts.entry(name).or_default();
//!             *balance += amount;
//!             Ok(*balance)
//!         }
//!         Request::Withdraw(name, amount) => {
//!             let balance = accounts.entry(name).or_default();
//!             *balance = balance.checked_sub(amount).ok_or(Overdrawn)?;
//!             Ok(*balance)
//!         }
//!     }
//! }
//!
//! fn main() -> Result<(), CallError> {
//!     let (bank, background) = Service::new().bounded(100).build(Accounts::new(), handle);
//!     let background = spawn_task!(background);
//!
//!     let deposits = (0..1_000).map(|_| {
//!         let bank = bank.clone();
//!         spawn_task!(async move { bank.call(Request::Deposit("ada", 1)).await })
//!     });
//!     assert!(join_all(deposits).iter().all(Result::is_ok));
//!
//!     assert_eq!(block_on(bank.call(Request::Withdraw("ada", 400)))?, Ok(600));
//!     assert_eq!(block_on(bank.call(Request::Withdraw("ada", 601)))?, Err(Overdrawn));
//!
//!     drop(bank); // the last handle
//!     block_on(background);
//!     Ok(())
//! }
//! ```
//!
//! # A simulated test
//!
//! [`explore`](crate::sim::explore()) runs a test on one thread, on a simulated clock, under as
//! many schedules as it is told. A failure names its seed, and with the seed it comes again. Hours
//! of sleeps take no time.
//!
//! ```
//! use laneway::sim::explore;
//! use laneway::time::{now, sleep};
//! use laneway::{Priority, TaskGroup};
//! use std::sync::{Arc, Mutex};
//! use std::time::Duration;
//!
//! /// Three workers share six jobs. Each job takes as many hours as its number says.
//! async fn work_through() -> Vec<u64> {
//!     let (sender, jobs) = async_channel::bounded(2);
//!     let done = Arc::new(Mutex::new(Vec::new()));
//!     let mut workers = TaskGroup::new();
//!     for _ in 0..3 {
//!         let (jobs, done) = (jobs.clone(), done.clone());
//!         let worker = async move {
//!             while let Ok(job) = jobs.recv().await {
//!                 sleep(Duration::from_secs(job * 60 * 60)).await;
//!                 done.lock().unwrap().push(job);
//!             }
//!         };
//!         workers.spawn(worker, Priority::Low);
//!     }
//!     for job in 1..=6 {
//!         sender.send(job).await.expect("a worker is there");
//!     }
//!     drop(sender);
//!     workers.join_all().await;
//!     Arc::into_inner(done).expect("the workers are gone").into_inner().unwrap()
//! }
//!
//! // #[test]
//! fn every_job_is_done_once_whatever_the_schedule() {
//!     let explored = explore(500, || async {
//!         let begun = now();
//!         assert_eq!(work_through().await, [1, 2, 3, 4, 5, 6]);
//!         assert_eq!((now() - begun).as_secs(), 9 * 60 * 60);
//!     });
//!     assert!(explored.unwrap().distinct > 100);
//! }
//! # every_job_is_done_once_whatever_the_schedule();
//! ```
//!
//! # Metrics
//!
//! A runtime counts what it does, and a [`Monitor`](crate::observe::Monitor) measures how long
//! tasks wait and are polled. [`prometheus`](crate::observe::prometheus()) writes both as text, for
//! any server to hand out. With the feature `metrics`, `observe::facade::publish` gives the counts
//! to the recorder of that crate instead.
//!
//! ```
//! use laneway::observe::{Monitor, prometheus};
//! use laneway::{Priority, Runtime};
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let monitor = Arc::new(Monitor::new());
//!     let rt = Runtime::builder().with_observer(monitor.clone()).build()?;
//!     for _ in 0..3 {
//!         rt.block_on(rt.spawn(async {}, Priority::High));
//!     }
//!     rt.spawn(std::future::pending::<()>(), Priority::Low).detach();
//!
//!     let page = prometheus(&rt.metrics(), &monitor.queues());
//!     assert!(page.contains("laneway_tasks_completed_total{queue=\"high\"} 3\n"));
//!     assert!(page.contains("laneway_tasks_spawned_total{queue=\"low\"} 1\n"));
//!
//!     // Which task has done nothing for long, and where was it spawned?
//!     for task in monitor.suspicious(Duration::from_secs(60)) {
//!         eprintln!("forgotten? {task}");
//!     }
//!     Ok(())
//! }
//! ```
