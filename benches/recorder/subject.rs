//! What is measured: a runtime that somebody watches, and what it is given to do.

use std::future::Future;
use std::hint;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use futures_lite::future::yield_now;
use laneway::observe::{Event, Monitor, Observer, Recorder, prometheus};
use laneway::{Builder, Priority, Runtime, Task};

use crate::workloads::{Executor, Handle, Lane, Workload};

/// Who watches a runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum)]
pub(crate) enum Watch {
    Nobody,
    /// The same once more: what differs is noise.
    NobodyAgain,
    /// A thread that reads the runtime's metrics and writes them for Prometheus, 1,000 times a
    /// second. The counters themselves are always on.
    Metrics,
    /// An observer that does nothing: what it costs to tell it.
    Deaf,
    /// An observer that looks at the clock once in each poll, and forgets the time: less than
    /// that cannot be done by one that tells how long polls took.
    Clock,
    Monitor,
    Recorder,
}

/// A runtime, as the workloads want it.
pub(crate) struct Watched {
    rt: Runtime,
    watch: Watch,
}

struct Deaf;

impl Observer for Deaf {}

struct Clock;

impl Observer for Clock {
    fn on_event(&self, event: Event) {
        if let Event::PollEnded { .. } = event {
            hint::black_box(Instant::now());
        }
    }
}

impl Watch {
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value().expect("none is skipped");
        value.get_name().to_owned()
    }

    /// Starts a runtime. It lives as long as the process.
    pub(crate) fn start(self, builder: Builder) -> &'static Watched {
        let observer: Arc<dyn Observer> = match self {
            Watch::Deaf => Arc::new(Deaf),
            Watch::Clock => Arc::new(Clock),
            Watch::Monitor => Arc::new(Monitor::new()),
            Watch::Recorder => Arc::new(Recorder::new()),
            Watch::Nobody | Watch::NobodyAgain | Watch::Metrics => {
                return Watched::keep(builder, self);
            }
        };
        Watched::keep(builder.with_observer(observer), self)
    }
}

impl Watched {
    fn keep(builder: Builder, watch: Watch) -> &'static Watched {
        let rt = builder.build().expect("the threads start");
        Box::leak(Box::new(Watched { rt, watch }))
    }

    /// How long it takes to do this once.
    pub(crate) fn time(&'static self, load: Load) -> Duration {
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            if self.watch == Watch::Metrics {
                scope.spawn(|| self.read_metrics_until(&over));
            }
            let started = Instant::now();
            load.run(self);
            let took = started.elapsed();
            over.store(true, Ordering::Relaxed);
            took
        })
    }

    fn read_metrics_until(&self, over: &AtomicBool) {
        while !over.load(Ordering::Relaxed) {
            hint::black_box(prometheus(&self.rt.metrics(), &[]));
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Executor for Watched {
    type Task<T: Send + 'static> = Task<T>;

    fn spawn<F>(&'static self, _lane: Lane, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.rt.spawn(future, Priority::Low)
    }

    fn spawn_inside<F>(&'static self, _lane: Lane, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        laneway::spawn(future, Priority::Low)
    }

    fn block_on<F: Future>(&'static self, future: F) -> F::Output {
        self.rt.block_on(future)
    }
}

impl<T: Send + 'static> Handle<T> for Task<T> {
    fn detach(self) {
        Task::detach(self);
    }
}

/// What a runtime is given to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Load {
    /// One of the six, in which tasks do nothing but be scheduled.
    Empty(Workload),
    /// 20 tasks that compute for so long in each of 50 polls.
    Polls(Duration),
}

impl Load {
    pub(crate) const SIX: [Load; 6] = [
        Load::Empty(Workload::SpawnMany),
        Load::Empty(Workload::SpawnInside),
        Load::Empty(Workload::YieldMany),
        Load::Empty(Workload::PingPong),
        Load::Empty(Workload::Chain),
        Load::Empty(Workload::SpawnAndWait),
    ];

    pub(crate) fn all() -> Vec<Load> {
        let polls = [2, 10].map(|us| Load::Polls(Duration::from_micros(us)));
        Load::SIX.into_iter().chain(polls).collect()
    }

    pub(crate) fn name(self) -> String {
        match self {
            Load::Empty(workload) => {
                let value = workload.to_possible_value();
                value.expect("no workload is skipped").get_name().to_owned()
            }
            Load::Polls(time) => format!("polls-of-{}-us", time.as_micros()),
        }
    }

    pub(crate) fn of(name: &str) -> Load {
        let load = Load::all().into_iter().find(|load| load.name() == name);
        load.expect("given by this program")
    }

    pub(crate) fn run(self, on: &'static Watched) {
        match self {
            Load::Empty(workload) => workload.run(on),
            Load::Polls(time) => compute(on, time),
        }
    }
}

fn compute(on: &'static Watched, time: Duration) {
    let computing = || async move {
        for _ in 0..50 {
            let started = Instant::now();
            while started.elapsed() < time {
                hint::spin_loop();
            }
            yield_now().await;
        }
    };
    let tasks: Vec<_> = (0..20)
        .map(|_| on.spawn(Lane::Default, computing()))
        .collect();
    on.block_on(async {
        for task in tasks {
            task.await;
        }
    });
}
