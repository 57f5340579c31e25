//! This machine's CPU and memory through two pipelines:
//! `cargo run --release --example system_monitor` prints a line per second until Ctrl-C.
//!
//! A sampler puts readings into a series. Pipeline one looks at the series at every tick: rolling
//! average and standard deviation. Its data sets are the input of pipeline two, which says how
//! unusual the last average was. `--help` tells the options. Read `main` and `Monitor::start`
//! first.

mod exit;
mod record;

use std::collections::VecDeque;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use async_channel::Receiver;
use clap::Parser;
use futures_lite::future::or;
use laneway::blocking::unblock;
use laneway::pipeline::{
    DataSet, MissedWindows, Outputs, Period, Pipeline, PipelineClock, Running, Shared, Stage,
    StageError, Unit, Window,
};
use laneway::{Runtime, Task, spawn_task, time};
use sysinfo::System;

use record::Record;

/// Watches this machine: average load, its standard deviation, and how unusual it is.
#[derive(Parser)]
#[command(name = "system_monitor")]
struct Options {
    /// How many lines to print [default: until Ctrl-C]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u64).range(1..))]
    ticks: Option<u64>,

    /// Milliseconds from one line to the next, 20 to 3600000
    #[arg(long, value_name = "MS", allow_negative_numbers = true, default_value_t = 1_000,
          value_parser = clap::value_parser!(u64).range(20..=3_600_000))]
    every: u64,

    #[command(flatten)]
    record: Record,
}

/// How many readings are taken per tick.
const READINGS: u64 = 5;

/// Over how many ticks pipeline one averages.
const ROLLING: i64 = 5;

/// From how many ticks pipeline two knows what is usual.
const USUAL: i64 = 60;

/// Percent of all cores, and of the memory; or a figure made of such.
#[derive(Clone, Copy, Default)]
struct Load {
    cpu: f64,
    memory: f64,
}

impl Load {
    /// Computes the same for both.
    fn of(loads: &[Load], compute: impl Fn(&[f64]) -> f64) -> Load {
        let pick = |part: fn(&Load) -> f64| compute(&loads.iter().map(part).collect::<Vec<_>>());
        Load {
            cpu: pick(|load| load.cpu),
            memory: pick(|load| load.memory),
        }
    }
}

/// Loads with their timestamps, the latest last.
#[derive(Default)]
struct Series(VecDeque<(i64, Load)>);

impl Series {
    /// Adds a load, and forgets those that lie further back than that.
    fn push(&mut self, at: i64, load: Load, keep: i64) {
        self.0.push_back((at, load));
        while self.0.front().is_some_and(|(first, _)| *first < at - keep) {
            self.0.pop_front();
        }
    }

    /// The loads of a window and of as many before it that it is `windows` long altogether.
    fn over(&self, windows: i64, window: Window) -> Result<Vec<Load>, StageError> {
        let start = window.end - windows * window.length();
        let inside = self
            .0
            .iter()
            .filter(|(at, _)| (start..window.end).contains(at));
        let loads: Vec<Load> = inside.map(|(_, load)| *load).collect();
        if loads.is_empty() {
            return Err("no readings yet".into());
        }
        Ok(loads)
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares = values.iter().map(|value| (value - mean).powi(2));
    (squares.sum::<f64>() / values.len() as f64).sqrt()
}

/// How many usual deviations the last value is away from the mean of those before. One percent of
/// load is never unusual, and nothing is until there are a few to compare with.
fn score(values: &[f64]) -> f64 {
    match values.split_last() {
        Some((last, before)) if before.len() >= 5 => {
            (last - mean(before)).abs() / deviation(before).max(1.0)
        }
        _ => 0.0,
    }
}

// Pipeline one.

struct RollingAverage;

impl Stage<Series> for RollingAverage {
    type Output = Load;

    fn name(&self) -> &str {
        "average"
    }

    fn run(&self, readings: &Series, window: Window) -> Result<Load, StageError> {
        Ok(Load::of(&readings.over(ROLLING, window)?, mean))
    }
}

struct StandardDeviation;

impl Stage<Series> for StandardDeviation {
    type Output = Load;

    fn name(&self) -> &str {
        "deviation"
    }

    fn run(&self, readings: &Series, window: Window) -> Result<Load, StageError> {
        Ok(Load::of(&readings.over(ROLLING, window)?, deviation))
    }
}

// Pipeline two, over what pipeline one has said.

#[derive(Default)]
struct History {
    averages: Series,
    /// Of the last tick.
    deviation: Load,
}

impl History {
    fn add(&mut self, data_set: &DataSet<Load>) {
        let keep = USUAL * data_set.window.length();
        if let Some(average) = data_set.output("average") {
            self.averages.push(data_set.timestamp, *average, keep);
        }
        if let Some(deviation) = data_set.output("deviation") {
            self.deviation = *deviation;
        }
    }

    fn last(&self, window: Window) -> Result<Load, StageError> {
        let averages = self.averages.over(1, window)?;
        Ok(averages[averages.len() - 1])
    }
}

struct Anomaly;

impl Stage<History> for Anomaly {
    type Output = Load;

    fn name(&self) -> &str {
        "anomaly"
    }

    fn run(&self, history: &History, window: Window) -> Result<Load, StageError> {
        Ok(Load::of(&history.averages.over(USUAL, window)?, score))
    }
}

/// All that runs.
struct Monitor {
    sampler: Task<()>,
    pipelines: [Running; 2],
    feed: Task<u64>,
    scores: Outputs<Load>,
}

impl Monitor {
    fn start(rt: &Runtime, every: u64) -> Result<Monitor, laneway::pipeline::PipelineError> {
        let readings = Shared::new(Series::default());
        let (first, loads) = Pipeline::builder(readings.clone())
            .stage(RollingAverage)
            .stage(StandardDeviation)
            .every(Period::Millis(every))
            .missed_windows(MissedWindows::Skip)
            .build()?;
        let clock = first.clock();
        let history = Shared::new(History::default());
        let (second, scores) = Pipeline::builder(history.clone())
            .stage(Anomaly)
            .stage_fn("average", |history: &History, window| history.last(window))
            .stage_fn("deviation", |history, _window| Ok(history.deviation))
            .every(Period::Millis(every))
            .missed_windows(MissedWindows::Skip)
            .clock(clock)
            .build()?;
        let feed = loads.feed(history, |history, data_set| history.add(&data_set));
        Ok(Monitor {
            sampler: spawn_task!(sample(readings, clock, every), laneway::Priority::High, rt),
            pipelines: [first.start(rt), second.start(rt)],
            feed: spawn_task!(feed, laneway::Priority::Low, rt),
            scores,
        })
    }

    /// Prints a line per data set, until there were enough, or somebody wants it to end.
    async fn print(&self, ticks: Option<u64>, stop: Receiver<()>) -> io::Result<()> {
        let mut screen = Screen::default();
        for _ in 0..ticks.unwrap_or(u64::MAX) {
            let received = async { self.scores.recv_async().await.ok() };
            let stopped = async {
                // An error: nobody is left who could stop it.
                let _ = stop.recv().await;
                None
            };
            match or(stopped, received).await {
                Some(data_set) => screen.print(&data_set)?,
                None => break,
            }
        }
        Ok(())
    }

    /// Ends what runs, from the source on, and says what it had done.
    async fn drain(self) -> String {
        self.sampler.cancel().await;
        let [first, second] = self.pipelines;
        let (first, fed) = (first.shutdown().await, self.feed.await);
        let second = second.shutdown().await;
        let mut left = 0;
        while self.scores.recv_async().await.is_ok() {
            left += 1;
        }
        let cut_off = [first.cut_off, second.cut_off]
            .into_iter()
            .flatten()
            .count();
        format!(
            "drained: {} ticks, of which {fed} went on; then {} ticks, of which {left} were not \
             printed; {cut_off} cut off",
            first.counts.ticks, second.counts.ticks
        )
    }
}

/// Reads the machine's state at a steady pace, on a thread where that may block.
async fn sample(readings: Shared<Series>, clock: PipelineClock, every: u64) {
    let keep = ROLLING * every as i64;
    // A processor's load is the difference of two looks at it.
    let mut system = read(System::new()).0;
    time::sleep(sysinfo::MINIMUM_CPU_UPDATE_INTERVAL).await;
    let mut ticks = time::interval(Duration::from_millis(every) / READINGS as u32)
        .with_missed_ticks(time::MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let reading = unblock(move || read(system));
        let load;
        (system, load) = reading.await;
        let mut readings = readings.write().await;
        readings.push(clock.now(Unit::Millis), load, keep);
    }
}

fn read(mut system: System) -> (System, Load) {
    system.refresh_cpu_usage();
    system.refresh_memory();
    let memory = system.used_memory() as f64 / system.total_memory().max(1) as f64;
    let load = Load {
        cpu: f64::from(system.global_cpu_usage()),
        memory: 100.0 * memory,
    };
    (system, load)
}

/// The last averages, to be drawn.
#[derive(Default)]
struct Screen(VecDeque<f64>);

impl Screen {
    fn print(&mut self, data_set: &DataSet<Load>) -> io::Result<()> {
        let seconds = data_set
            .window
            .end
            .div_euclid(1_000)
            .rem_euclid(24 * 60 * 60);
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let time = format!("{hours:02}:{minutes:02}:{seconds:02}");
        let figures = ["average", "deviation", "anomaly"].map(|stage| data_set.output(stage));
        let line = match figures {
            [Some(average), Some(deviation), Some(anomaly)] => format!(
                "{time}  cpu {:5.1}% ±{:4.1}  {:20}  memory {:5.1}% ±{:4.1}  anomaly {:.1}",
                average.cpu,
                deviation.cpu,
                self.sparkline(average.cpu),
                average.memory,
                deviation.memory,
                anomaly.cpu.max(anomaly.memory),
            ),
            _ => {
                let outcome = data_set.outcome("average").expect("there is such a stage");
                format!("{time}  {outcome}")
            }
        };
        writeln!(io::stdout(), "{line}")
    }

    fn sparkline(&mut self, percent: f64) -> String {
        const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        self.0.push_back(percent);
        if self.0.len() > 20 {
            self.0.pop_front();
        }
        let bar = |percent: &f64| BARS[((percent / 100.0 * 8.0) as usize).min(7)];
        self.0.iter().map(bar).collect()
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    exit::code("system_monitor", monitor(&options))
}

fn monitor(options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    let (interrupt, stop) = async_channel::bounded(1);
    // A second Ctrl-C finds the channel full; the end is under way.
    ctrlc::set_handler(move || {
        let _ = interrupt.try_send(());
    })?;
    let builder = Runtime::builder().with_low_num(2);
    let rt = options.record.watch(builder).build()?;
    let monitor = Monitor::start(&rt, options.every)?;
    let printed = rt.block_on(monitor.print(options.ticks, stop));
    let summary = rt.block_on(monitor.drain());
    let report = rt.shutdown(Duration::from_secs(1));
    options.record.save();
    let printed = printed.and_then(|()| writeln!(io::stdout(), "{summary}"));
    if !report.is_clean() {
        return Err(format!("the runtime did not end: {report:?}").into());
    }
    Ok(printed?)
}
