//! hyper's timer: Laneway's clock.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use laneway::time;

/// Laneway's clock, which is the simulated one within a simulation.
///
/// ```
/// use hyper::rt::Timer;
/// use laneway_http::adapters::LaneTimer;
/// use std::time::Duration;
///
/// let waited = laneway::sim::Sim::seed(1).run(async {
///     let started = LaneTimer.now();
///     LaneTimer.sleep(Duration::from_secs(3600)).await;
///     LaneTimer.now() - started
/// });
/// assert!(waited?.output >= Duration::from_secs(3600));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct LaneTimer;

impl Timer for LaneTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        Box::pin(LaneSleep(time::sleep(duration)))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(LaneSleep(time::sleep_until(deadline)))
    }

    fn now(&self) -> Instant {
        time::now()
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn Sleep>>, deadline: Instant) {
        match sleep.as_mut().downcast_mut_pin::<LaneSleep>() {
            Some(sleep) => sleep.get_mut().0.reset(deadline),
            None => *sleep = self.sleep_until(deadline),
        }
    }
}

struct LaneSleep(time::Sleep);

impl Sleep for LaneSleep {}

impl Future for LaneSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx)
    }
}
