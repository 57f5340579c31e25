//! Items and heartbeats, as each executor's users write them.

use std::thread;
use std::time::Instant;

use super::Beats;
use super::heart::{Beat, Heart};
use crate::executors::flume_pool::FlumePool;
use crate::executors::laneway::Laneway;
use crate::executors::tokio::Tokio;
use crate::executors::{Executor, Handle, Lane, Sleeps};

/// Low tasks, and a high one that beats.
impl Beats for Laneway {
    fn give(&'static self, item: impl FnOnce() + Send + 'static) {
        self.spawn(Lane::Low, async { item() }).detach();
    }

    fn beat(&'static self, heart: Heart) {
        self.spawn(Lane::High, beat::<Laneway>(heart)).detach();
    }
}

/// `spawn_blocking` with as many threads as it starts by default, and a task that beats.
impl Beats for Tokio {
    fn give(&'static self, item: impl FnOnce() + Send + 'static) {
        self.spawn_blocking(item);
    }

    fn beat(&'static self, heart: Heart) {
        self.spawn(Lane::Default, beat::<Tokio>(heart)).detach();
    }
}

async fn beat<E: Sleeps>(mut heart: Heart) {
    let mut next = heart.first();
    while let Beat::Due(due) = next {
        E::sleep_until(due).await;
        next = heart.beat(Instant::now());
    }
}

/// A pool of plain threads, and a plain thread that beats.
impl Beats for FlumePool {
    fn give(&'static self, item: impl FnOnce() + Send + 'static) {
        self.spawn(Lane::Default, async { item() }).detach();
    }

    fn beat(&'static self, mut heart: Heart) {
        thread::spawn(move || {
            let mut next = heart.first();
            while let Beat::Due(due) = next {
                thread::sleep(due.saturating_duration_since(Instant::now()));
                next = heart.beat(Instant::now());
            }
        });
    }
}
