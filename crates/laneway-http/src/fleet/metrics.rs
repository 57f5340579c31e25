//! The counts of the server, and their text for Prometheus.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::StatusCode;

/// The name of a route, for the metrics: an extension of the answer.
///
/// Answers without one count as `other`. So do those of further routes once there are 256: a name
/// is for a pattern such as `/tasks/{id}`, not for a path.
///
/// ```
/// use http::{Request, Response};
/// use laneway::net::TcpListener;
/// use laneway::{Priority, Runtime};
/// use laneway_http::{RequestBody, Route, Server, service_fn};
/// use std::io::{Read, Write};
///
/// let healthz = service_fn(async |_request: Request<RequestBody>| {
///     let mut answer = Response::new("ok".to_owned());
///     answer.extensions_mut().insert(Route::named("/healthz"));
///     Ok::<_, std::convert::Infallible>(answer)
/// });
/// let rt = Runtime::builder().build()?;
/// let listener = rt.block_on(TcpListener::bind("127.0.0.1:0"))?;
/// let mut client = std::net::TcpStream::connect(listener.local_addr()?)?;
/// let server = Server::new(healthz);
/// let handle = server.handle();
/// let serving = rt.spawn(server.serve(listener), Priority::High);
/// client.write_all(b"GET /healthz?x=1 HTTP/1.1\r\nHost: me\r\nConnection: close\r\n\r\n")?;
/// assert!(std::io::read_to_string(client)?.ends_with("ok"));
///
/// handle.shutdown();
/// rt.block_on(serving);
/// let counted = "laneway_http_requests_total{route=\"/healthz\",status=\"2xx\"} 1\n";
/// assert!(handle.prometheus().contains(counted));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route(Cow<'static, str>);

impl Route {
    /// A route of this name.
    pub fn named(name: impl Into<Cow<'static, str>>) -> Route {
        Route(name.into())
    }
}

/// The name of all others.
const OTHER: &str = "other";

/// The most routes that are told apart.
const ROUTES: usize = 256;

/// The buckets of a histogram: powers of four, from 16 microseconds to 17 seconds.
const BUCKETS: usize = 11;

#[derive(Debug, Default)]
pub(crate) struct Metrics {
    shards: [Shard; SHARDS],
    /// The routes that are told apart.
    names: Mutex<BTreeSet<Cow<'static, str>>>,
    panics: AtomicU64,
}

/// How many threads count without waiting for each other.
const SHARDS: usize = 8;

/// The counts of some of the threads. Aligned, so that no two are in one line of a cache.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard(Mutex<Counts>);

/// The counts of one shard.
#[derive(Debug, Default)]
struct Counts {
    /// The answers without a route, if there were any.
    other: Option<Times>,
    routes: Routes,
}

type Routes = BTreeMap<Cow<'static, str>, Times>;

thread_local! {
    /// In which shard the thread counts.
    static SHARD: usize = next_shard();
}

fn next_shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS
}

/// The requests of one route.
#[derive(Clone, Debug, Default)]
struct Times {
    /// By the first digit of the status; 0 for those without an answer.
    statuses: [u64; 6],
    /// How many took at most the bound of each bucket and more than that of the one before.
    buckets: [u64; BUCKETS],
    sum: Duration,
}

impl Metrics {
    pub(crate) fn count(&self, route: Option<&Route>, status: Option<StatusCode>, took: Duration) {
        let mut counts = SHARD.with(|&shard| self.shards[shard].counts());
        let Counts { other, routes } = &mut *counts;
        let Some(route) = route else {
            return other.get_or_insert_default().count(status, took);
        };
        if let Some(times) = routes.get_mut(&route.0) {
            return times.count(status, took);
        }
        let name = self.told_apart(route);
        routes.entry(name).or_default().count(status, took);
    }

    /// The name under which a route is counted.
    fn told_apart(&self, Route(name): &Route) -> Cow<'static, str> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if names.contains(name) || names.len() < ROUTES {
            names.insert(name.clone());
            return name.clone();
        }
        OTHER.into()
    }

    /// The counts of all threads.
    fn merged(&self) -> Routes {
        let mut merged = Routes::new();
        for shard in &self.shards {
            let Counts { other, routes } = &*shard.counts();
            let other = other.iter().map(|times| (Cow::Borrowed(OTHER), times));
            let routes = routes.iter().map(|(name, times)| (name.clone(), times));
            for (name, times) in other.chain(routes) {
                merged.entry(name).or_default().add(times);
            }
        }
        merged
    }

    pub(crate) fn count_panic(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn served(&self) -> u64 {
        self.merged().values().map(Times::served).sum()
    }

    /// Writes what was counted in the text format of Prometheus.
    pub(crate) fn write(&self, text: &mut String) {
        let routes = self.merged();
        text.push_str(
            "# HELP laneway_http_requests_total Requests that are over, by the status.\n\
             # TYPE laneway_http_requests_total counter\n",
        );
        for (name, times) in &routes {
            times.write_statuses(&escaped(name), text);
        }
        text.push_str(
            "# HELP laneway_http_request_seconds From the head of a request to its answer's end.\n\
             # TYPE laneway_http_request_seconds histogram\n",
        );
        for (name, times) in &routes {
            times.write_histogram(&escaped(name), text);
        }
        let panics = self.panics.load(Ordering::Relaxed);
        let _ = writeln!(
            text,
            "# HELP laneway_http_panics_total Panics of the service and of answers' bodies.\n\
             # TYPE laneway_http_panics_total counter\n\
             laneway_http_panics_total {panics}"
        );
    }
}

impl Shard {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Times {
    fn add(&mut self, other: &Times) {
        let statuses = self.statuses.iter_mut().zip(other.statuses);
        statuses.for_each(|(sum, count)| *sum += count);
        let buckets = self.buckets.iter_mut().zip(other.buckets);
        buckets.for_each(|(sum, count)| *sum += count);
        self.sum += other.sum;
    }

    fn count(&mut self, status: Option<StatusCode>, took: Duration) {
        let class = status.map_or(0, |status| usize::from(status.as_u16() / 100));
        self.statuses[class.min(5)] += 1;
        let bucket = (0..BUCKETS).find(|&bucket| took <= bound(bucket));
        if let Some(bucket) = bucket {
            self.buckets[bucket] += 1;
        }
        self.sum += took;
    }

    /// Requests that were answered.
    fn served(&self) -> u64 {
        self.statuses[1..].iter().sum()
    }

    fn write_statuses(&self, route: &str, text: &mut String) {
        for (class, count) in self
            .statuses
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0)
        {
            let status = match class {
                0 => "cut-off".to_owned(),
                class => format!("{class}xx"),
            };
            let labels = format!("route=\"{route}\",status=\"{status}\"");
            let _ = writeln!(text, "laneway_http_requests_total{{{labels}}} {count}");
        }
    }

    fn write_histogram(&self, route: &str, text: &mut String) {
        const NAME: &str = "laneway_http_request_seconds";
        let mut below = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            below += count;
            let le = bound(bucket).as_secs_f64();
            let _ = writeln!(
                text,
                "{NAME}_bucket{{route=\"{route}\",le=\"{le}\"}} {below}"
            );
        }
        let (all, sum) = (self.statuses.iter().sum::<u64>(), self.sum.as_secs_f64());
        let _ = writeln!(text, "{NAME}_bucket{{route=\"{route}\",le=\"+Inf\"}} {all}");
        let _ = writeln!(text, "{NAME}_sum{{route=\"{route}\"}} {sum}");
        let _ = writeln!(text, "{NAME}_count{{route=\"{route}\"}} {all}");
    }
}

fn bound(bucket: usize) -> Duration {
    Duration::from_micros(16 << (2 * bucket))
}

/// A label's value as the format wants it.
fn escaped(name: &str) -> String {
    let name = name.replace('\\', "\\\\").replace('"', "\\\"");
    name.replace('\n', "\\n")
}
