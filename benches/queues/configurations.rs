//! The configurations, and what each of them changes about the defaults.

use std::time::Duration;

use laneway::{Builder, Idle, Stealing};

use crate::comparison::DEFAULT;

/// A way to build a runtime.
pub(crate) struct Configuration {
    pub(crate) name: &'static str,
    /// For the report.
    pub(crate) about: &'static str,
    pub(crate) configure: fn(Builder) -> Builder,
}

pub(crate) const CONFIGURATIONS: &[Configuration] = &[
    Configuration {
        name: DEFAULT,
        about: "what Runtime::new() gives: a high thread per core but two, at least one; one low",
        configure: |b| b,
    },
    Configuration {
        name: "1+1",
        about: "one high and one low thread",
        configure: |b| threads(b, 1, 1),
    },
    Configuration {
        name: "2+1",
        about: "two high threads and a low one",
        configure: |b| threads(b, 2, 1),
    },
    Configuration {
        name: "1+2",
        about: "one high thread and two low ones",
        configure: |b| threads(b, 1, 2),
    },
    Configuration {
        name: "4+4",
        about: "four of each",
        configure: |b| threads(b, 4, 4),
    },
    Configuration {
        name: "1+1/high-from-low",
        about: "the high thread takes low tasks, and not the other way round",
        configure: |b| threads(b, 1, 1).with_stealing(Stealing::HighFromLow),
    },
    Configuration {
        name: "1+1/low-from-high",
        about: "the low thread takes high tasks, and not the other way round",
        configure: |b| threads(b, 1, 1).with_stealing(Stealing::LowFromHigh),
    },
    Configuration {
        name: "1+1/no-stealing",
        about: "each thread stays with its own queue",
        configure: |b| threads(b, 1, 1).with_stealing(Stealing::None),
    },
    Configuration {
        name: "2+1/one-reserved",
        about: "one of the high threads takes no low task",
        configure: |b| threads(b, 2, 1).with_reserved_high(1),
    },
    Configuration {
        name: "1+1/no-local-queues",
        about: "every task goes through its queue's channel",
        configure: |b| threads(b, 1, 1).with_local_queues(false),
    },
    Configuration {
        name: "1+1/naps",
        about: "an idle thread looks for work every millisecond, and does not park",
        configure: |b| threads(b, 1, 1).with_idle(Idle::Nap(Duration::from_millis(1))),
    },
    Configuration {
        name: "one-queue",
        about: "two low threads, which take what high tasks there are besides",
        configure: |b| threads(b, 0, 2),
    },
    Configuration {
        name: "one-queue/no-local-queues",
        about: "two low threads, and every task goes through its queue's channel",
        configure: |b| threads(b, 0, 2).with_local_queues(false),
    },
];

fn threads(builder: Builder, high: usize, low: usize) -> Builder {
    builder.with_high_num(high).with_low_num(low)
}
