//! A workload in a configuration, measured by criterion in a process of its own.
//!
//! A process of its own because criterion prints what it finds, and because which core a thread
//! lands on is luck that one pair should not hand on to the next.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, io};

use criterion::{BenchmarkId, Criterion};
use laneway::Runtime;

use crate::configurations::{CONFIGURATIONS, Configuration};
use crate::options::Effort;
use crate::workloads::{WORKLOADS, Workload};

/// Set in the process that measures: the pair's name.
const CHOSEN: &str = "LANEWAY_BENCH_PAIR";

/// Set beside it, to anything: the measurement is to be short.
const QUICK: &str = "LANEWAY_BENCH_QUICK";

pub(crate) struct Pair {
    pub(crate) workload: &'static Workload,
    pub(crate) configuration: &'static Configuration,
}

impl Pair {
    pub(crate) fn all() -> impl Iterator<Item = Pair> {
        WORKLOADS.iter().flat_map(|workload| {
            CONFIGURATIONS.iter().map(move |configuration| Pair {
                workload,
                configuration,
            })
        })
    }

    pub(crate) fn workloads() -> impl Iterator<Item = &'static str> {
        WORKLOADS.iter().map(|workload| workload.name)
    }

    pub(crate) fn configurations() -> impl Iterator<Item = &'static str> {
        CONFIGURATIONS
            .iter()
            .map(|configuration| configuration.name)
    }

    pub(crate) fn id(&self) -> String {
        format!("{}/{}", self.workload.name, self.configuration.name)
    }

    /// Where criterion puts what it found, under its home.
    pub(crate) fn folder(&self, home: &Path) -> PathBuf {
        let configuration = self.configuration.name.replace('/', "_");
        home.join(self.workload.name).join(configuration)
    }

    /// Runs it in a process that prints nothing, with its results under `home`.
    pub(crate) fn run(&self, effort: Effort, home: &Path) -> io::Result<()> {
        let mut command = Command::new(env::current_exe()?);
        command.env(CHOSEN, self.id()).env("CRITERION_HOME", home);
        command.env_remove("LANEWAY_HIGH_NUM");
        command.env_remove("LANEWAY_LOW_NUM");
        match effort {
            Effort::Once => command.arg("--test"),
            Effort::Quick => command.arg("--bench").env(QUICK, "1"),
            Effort::Full => command.arg("--bench"),
        };
        let ended = command.stdin(Stdio::null()).output()?;
        if ended.status.success() {
            return Ok(());
        }
        let stderr = String::from_utf8_lossy(&ended.stderr);
        let (id, status) = (self.id(), ended.status);
        Err(io::Error::other(format!("{id}: {status}\n{stderr}")))
    }

    /// The pair that this process is to measure, if it was started for that.
    pub(crate) fn chosen() -> Option<Pair> {
        let id = env::var(CHOSEN).ok()?;
        Pair::all().find(|pair| pair.id() == id)
    }

    /// Measures it in this process.
    pub(crate) fn measure(&self) {
        let mut criterion = config().without_plots().configure_from_args();
        let mut group = criterion.benchmark_group(self.workload.name);
        let id = BenchmarkId::from_parameter(self.configuration.name);
        group.bench_function(id, |bencher| {
            let runtime = (self.configuration.configure)(Runtime::builder()).build();
            (self.workload.measure)(bencher, &runtime.expect("the threads start"));
        });
        group.finish();
    }
}

fn config() -> Criterion {
    if env::var_os(QUICK).is_some() {
        // A second each: 104 pairs within two minutes.
        Criterion::default()
            .sample_size(10)
            .warm_up_time(Duration::from_millis(100))
            .measurement_time(Duration::from_millis(400))
            .nresamples(2_000)
    } else {
        // 104 pairs in some five minutes.
        Criterion::default()
            .sample_size(20)
            .warm_up_time(Duration::from_millis(300))
            .measurement_time(Duration::from_millis(1_500))
            .nresamples(20_000)
    }
}
