//! A day in the pottery: several consumers on one thread, and a clock that only work moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_lite::future::yield_now;

/// The time, in minutes since the morning, of the consumer whose turn it is.
#[derive(Clone, Default)]
pub(crate) struct Day(Arc<AtomicU32>);

impl Day {
    pub(crate) fn now(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, time: u32) {
        self.0.store(time, Ordering::Relaxed);
    }

    /// A task that works this number of times for this number of minutes, and yields in between.
    pub(crate) fn work(
        &self,
        stretches: u32,
        minutes: u32,
    ) -> impl Future<Output = ()> + Send + use<> {
        let day = self.clone();
        async move {
            let mut free_at = 0;
            for stretch in 0..stretches {
                if stretch > 0 {
                    yield_now().await;
                }
                // Its last stretch may be longer ago by the order of steps than by the clock.
                free_at = day.now().max(free_at) + minutes;
                day.set(free_at);
            }
        }
    }

    /// Lets consumers take steps, each as soon as the last is over, until none has any left.
    pub(crate) fn run(&self, consumers: usize, mut step: impl FnMut(usize) -> bool) {
        let mut free_at = vec![0; consumers];
        loop {
            let now = *free_at.iter().min().expect("there are consumers");
            let mut any = false;
            for (who, free_at) in free_at.iter_mut().enumerate() {
                if *free_at == now {
                    self.set(now);
                    any |= step(who);
                    *free_at = self.now();
                }
            }
            // A potter who finds nothing looks again when another is done.
            let later = free_at.iter().copied().filter(|&at| at > now).min();
            match later {
                _ if any => {}
                Some(later) => free_at.iter_mut().for_each(|at| *at = later.max(*at)),
                None => return,
            }
        }
    }
}
