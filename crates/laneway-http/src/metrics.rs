//! What the server counts, and how Prometheus reads it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;

/// The name of a route, for the metrics: an extension of the answer.
///
/// Answers without one count as `other`. So do those of further routes once there are 256: a name
/// is for a pattern such as `/tasks/{id}`, not for a path.
///
/// ```
/// use laneway_http::Route;
///
/// let mut answer = http::Response::new("ok".to_owned());
/// answer.extensions_mut().insert(Route::named("/healthz"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route(Cow<'static, str>);

impl Route {
    /// A route of this name.
    pub fn named(name: impl Into<Cow<'static, str>>) -> Route {
        Route(name.into())
    }
}

/// The most routes that are told apart.
const ROUTES: usize = 256;

/// The buckets of a histogram: powers of four, from 16 microseconds to 17 seconds.
const BUCKETS: usize = 11;

#[derive(Debug, Default)]
pub(crate) struct Metrics {
    routes: Mutex<BTreeMap<Cow<'static, str>, Times>>,
    panics: AtomicU64,
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
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let name = route.map_or("other", |route| &route.0);
        if let Some(times) = routes.get_mut(name) {
            return times.count(status, took);
        }
        let name = match route {
            Some(route) if routes.len() < ROUTES => route.0.clone(),
            _ => "other".into(),
        };
        routes.entry(name).or_default().count(status, took);
    }

    pub(crate) fn count_panic(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn served(&self) -> u64 {
        let routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        routes.values().map(Times::served).sum()
    }

    /// Writes what was counted in the text format of Prometheus.
    pub(crate) fn write(&self, text: &mut String) {
        let routes = self
            .routes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
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

impl Times {
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
