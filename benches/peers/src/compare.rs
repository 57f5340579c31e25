//! The program `laneway-peers`: what it measures, in which order, and what becomes of it.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::child::{Effort, child};
use crate::figures::{self, Figure, Figures};
use crate::harness::{Exercise, Form};
use crate::heartbeat::Items;
use crate::latency::Load;
use crate::measure::{self, Plan};
use crate::memory::Held;
use crate::peer::Peer;
use crate::results::{Kept, Machine, Results};
use crate::section::Section;
use crate::{calls, computing, growth, idle, memory, profile, readmes, report, timer};

/// Measures Laneway against other runtimes, prints the tables, and rewrites the marked sections
/// of the READMEs.
#[derive(Debug, Parser)]
#[command(name = "laneway-peers")]
struct Options {
    /// Only these sections. The READMEs are left alone unless --write is given.
    #[arg(long, value_delimiter = ',')]
    section: Vec<Section>,
    /// Only these of the executor workloads, and no other section.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Exercise>,
    /// Only this form of the executor workloads, and no other section.
    #[arg(long, value_delimiter = ',')]
    form: Vec<Form>,
    /// Only these executors. The READMEs are left alone unless --write is given.
    #[arg(long, value_delimiter = ',')]
    peers: Vec<Peer>,
    /// Fresh processes, one after the other [default: 5].
    #[arg(long)]
    processes: Option<usize>,
    /// Rounds in each process [default: 11].
    #[arg(long)]
    rounds: Option<usize>,
    /// Threads of each executor.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Two processes, few and short rounds. The READMEs are left alone unless --write is given.
    #[arg(long)]
    quick: bool,
    /// Where to keep every sample of the executor workloads [default: this package's `results`
    /// directory if this is a full run].
    #[arg(long)]
    csv: Option<PathBuf>,
    /// Keeps the results and rewrites the READMEs even if this is no full run.
    #[arg(long, conflicts_with = "dry_run")]
    write: bool,
    /// Prints the tables and keeps nothing.
    #[arg(long)]
    dry_run: bool,
    /// Measures nothing: makes the READMEs' tables of the results that are kept.
    #[arg(long, conflicts_with_all = ["dry_run", "write"])]
    render: bool,

    /// What this process measures for the one that started it.
    #[arg(long, hide = true)]
    child: Option<Section>,
    #[arg(long, hide = true, value_enum, default_value_t = Priorities::UnderLoad)]
    priorities: Priorities,
    #[arg(long, hide = true, default_value_t = 0)]
    process: usize,
    #[arg(long, hide = true, default_value_t = 0)]
    steps: u64,
}

/// The two questions of the section on latency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Priorities {
    /// How soon high tasks run while low ones compute.
    UnderLoad,
    /// How late a heartbeat is beside items that never yield.
    Heartbeat,
}

impl Options {
    fn sections(&self) -> Vec<Section> {
        if self.only.is_empty() && self.form.is_empty() {
            or_all(&self.section, Section::value_variants())
        } else {
            vec![Section::Executors]
        }
    }

    fn peers(&self, section: Section) -> Vec<Peer> {
        let wanted = |peer: &&Peer| self.peers.is_empty() || self.peers.contains(peer);
        section.peers().iter().filter(wanted).copied().collect()
    }

    /// What the section on latency asks each peer.
    fn priorities(&self) -> Vec<(Priorities, Peer)> {
        let wanted = |peer: &&Peer| self.peers.is_empty() || self.peers.contains(peer);
        let beating = Peer::FOR_HEARTBEAT.iter().filter(wanted);
        let beating = beating.map(|&peer| (Priorities::Heartbeat, peer));
        let loaded = self.peers(Section::Latency).into_iter();
        let loaded = loaded.map(|peer| (Priorities::UnderLoad, peer));
        loaded.chain(beating).collect()
    }

    fn effort(&self) -> Effort {
        let (processes, rounds) = if self.quick { (2, 3) } else { (5, 11) };
        Effort {
            processes: self.processes.unwrap_or(processes),
            rounds: self.rounds.unwrap_or(rounds),
        }
    }

    fn plan(&self) -> Plan {
        Plan {
            effort: self.effort(),
            threads: self.threads,
            forms: or_all(&self.form, Form::value_variants()),
            exercises: or_all(&self.only, Exercise::value_variants()),
            peers: self.peers(Section::Executors),
        }
    }

    /// Whether everything is measured as thoroughly as the READMEs promise.
    fn is_full(&self) -> bool {
        let parts = !self.only.is_empty() || !self.form.is_empty();
        let narrowed = parts || !self.section.is_empty() || !self.peers.is_empty();
        let shortened = self.quick || self.processes.is_some() || self.rounds.is_some();
        !narrowed && !shortened && self.threads == 2
    }

    fn keeps(&self) -> bool {
        self.write || self.is_full() && !self.dry_run
    }

    fn load(&self) -> Load {
        Load {
            steps_per_poll: self.steps,
            duration: Duration::from_secs(if self.quick { 1 } else { 4 }),
        }
    }

    fn items(&self) -> Items {
        Items {
            count: if self.quick { 1_000 } else { 5_000 },
            // The steps are those of 2 ms.
            steps: self.steps * 3 / 2,
        }
    }

    fn most_tasks(&self) -> usize {
        if self.quick { 100_000 } else { usize::MAX }
    }

    /// Sleeps of which the lateness is measured, in each process.
    fn late_sleeps(&self) -> usize {
        if self.quick { 100 } else { 500 }
    }

    /// The command line of a child process that measures one peer.
    fn for_child(&self, section: Section, peer: Peer) -> Vec<String> {
        let mut arguments = vec![
            section.name(),
            format!("--peers={}", peer.name()),
            format!("--threads={}", self.threads),
        ];
        arguments.extend(self.quick.then(|| "--quick".to_owned()));
        arguments
    }
}

fn or_all<T: Clone>(chosen: &[T], all: &[T]) -> Vec<T> {
    if chosen.is_empty() { all } else { chosen }.to_vec()
}

/// Runs the program.
///
/// # Errors
///
/// If the results cannot be kept or read.
pub fn compare() -> io::Result<()> {
    let options = Options::parse();
    if let Some(section) = options.child {
        be_child(&options, section);
        return Ok(());
    }
    let kept = Kept::in_package();
    if options.render {
        return readmes::rewrite(&kept);
    }
    for section in options.sections() {
        eprintln!("measuring: {}", section.name());
        let results = measure_section(&options, section);
        println!("{}", report::section(&results));
        if options.keeps() {
            kept.write(&results)?;
        }
        if let (Section::Executors, Some(path)) = (section, &options.csv) {
            fs::write(path, results.csv())?;
        }
    }
    if options.keeps() {
        readmes::rewrite(&kept)?;
    }
    Ok(())
}

fn measure_section(options: &Options, section: Section) -> Results {
    let machine = Machine::here(options.threads, profile::name());
    let figures = match section {
        Section::Executors => {
            let samples = measure::in_processes(&options.plan());
            return Results::of_samples(section, machine, &samples);
        }
        Section::Latency => high_latency(options),
        Section::Idle => idling(options),
        Section::Memory => memory_of_all(options),
        Section::Growth => growing(options),
        Section::Timer => sleeping(options),
        Section::Calls => {
            calls::in_processes(options.effort(), options.threads, &options.peers(section))
        }
    };
    Results::of_figures(section, machine, figures)
}

/// One peer and one question at a time, each in a process of its own, in an order that is drawn
/// anew each time.
fn high_latency(options: &Options) -> Figures {
    let steps = computing::steps_in_2_ms();
    let mut turns = options.priorities();
    let mut figures = Figures::default();
    for process in 0..options.effort().processes {
        fastrand::shuffle(&mut turns);
        for &(priorities, peer) in &turns {
            let asked = priorities.to_possible_value();
            let asked = asked.expect("neither is skipped");
            let mut arguments = options.for_child(Section::Latency, peer);
            arguments.push(format!("--priorities={}", asked.get_name()));
            arguments.push(format!("--steps={steps}"));
            figures.add(process, peer, &child(&arguments));
        }
    }
    figures
}

/// All peers at the same time, each in a process of its own: they are idle.
fn idling(options: &Options) -> Figures {
    let mut figures = Figures::default();
    thread::scope(|scope| {
        let started: Vec<_> = options
            .peers(Section::Idle)
            .into_iter()
            .map(|peer| {
                let arguments = options.for_child(Section::Idle, peer);
                (peer, scope.spawn(move || child(&arguments)))
            })
            .collect();
        for (peer, lines) in started {
            let lines = lines.join().expect("a child process idles to its end");
            figures.add(0, peer, &lines);
        }
    });
    figures
}

fn memory_of_all(options: &Options) -> Figures {
    let mut figures = Figures::default();
    for peer in options.peers(Section::Memory) {
        if let Some(lines) = memory::in_counting_program(Held::ByTasks, peer, options.threads) {
            figures.add(0, peer, &lines);
        }
    }
    figures
}

fn growing(options: &Options) -> Figures {
    let processes = options.effort().processes.div_ceil(2);
    let mut peers = options.peers(Section::Growth);
    let mut figures = Figures::default();
    for process in 0..processes {
        fastrand::shuffle(&mut peers);
        for &peer in &peers {
            let arguments = options.for_child(Section::Growth, peer);
            figures.add(process, peer, &child(&arguments));
        }
    }
    figures
}

/// All peers in each process, in rounds; and the memory of each in the program that counts.
fn sleeping(options: &Options) -> Figures {
    let peers = options.peers(Section::Timer);
    let mut figures = timer::in_processes(options.effort(), options.threads, options.quick, &peers);
    for &peer in &peers {
        if let Some(lines) = memory::in_counting_program(Held::BySleeps, peer, options.threads) {
            figures.add(0, peer, &lines);
        }
    }
    figures
}

fn be_child(options: &Options, section: Section) {
    match section {
        Section::Executors => measure::in_this_process(&options.plan(), options.process),
        Section::Timer => timer::in_this_process(
            &options.peers(section),
            options.threads,
            options.effort().rounds,
            options.late_sleeps(),
        ),
        Section::Calls => calls::in_this_process(
            &options.peers(section),
            options.threads,
            options.effort().rounds,
        ),
        _ => measure_one_peer(options, section),
    }
}

fn measure_one_peer(options: &Options, section: Section) {
    let start = |threads| options.peers(section)[0].start(threads);
    let figures = match section {
        Section::Executors | Section::Timer | Section::Calls => {
            unreachable!("all peers share a process")
        }
        Section::Memory => unreachable!("measured by the program that counts"),
        Section::Latency => priorities_of_one_peer(options),
        Section::Idle => idle::measure(start(options.threads)),
        Section::Growth => growth::measure(start, options.threads, options.most_tasks()),
    };
    figures::print(&figures);
}

fn priorities_of_one_peer(options: &Options) -> Vec<Figure> {
    let peer = options.peers[0];
    match options.priorities {
        Priorities::UnderLoad => peer.start(options.threads).high_latency(options.load()),
        Priorities::Heartbeat => peer
            .start_beating(options.threads)
            .heartbeat(options.items()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(arguments: &[&str]) -> Options {
        let program = ["laneway-peers"].iter();
        Options::try_parse_from(program.chain(arguments)).expect("the options are known")
    }

    #[test]
    fn without_options_everything_is_measured_in_both_forms_and_kept() {
        let options = options(&[]);
        assert_eq!(options.sections(), Section::value_variants());
        let plan = options.plan();
        assert_eq!(plan.forms, [Form::Awaited, Form::Detached]);
        assert_eq!(plan.exercises, Exercise::value_variants());
        assert_eq!(plan.peers, Peer::EXECUTORS);
        assert!(options.keeps());
    }

    #[test]
    fn a_form_or_some_of_the_workloads_are_measured_alone_and_not_kept() {
        let form = options(&["--form", "detached"]);
        assert_eq!(form.sections(), [Section::Executors]);
        assert_eq!(form.plan().forms, [Form::Detached]);
        assert!(!form.keeps());
        let yields = options(&["--only", "yield-wake,yield-own", "--write"]);
        assert_eq!(yields.sections(), [Section::Executors]);
        let plan = yields.plan();
        assert_eq!(plan.exercises, [Exercise::YieldWake, Exercise::YieldOwn]);
        assert_eq!(plan.forms.len(), 2);
        assert!(yields.keeps());
    }

    #[test]
    fn the_section_on_latency_asks_for_heartbeats_too() {
        let all = options(&[]).priorities();
        assert_eq!(
            all.len(),
            Peer::FOR_LATENCY.len() + Peer::FOR_HEARTBEAT.len()
        );
        let pool = options(&["--peers", "flume-pool,async-runtime"]).priorities();
        let pool_beats = (Priorities::Heartbeat, Peer::FlumePool);
        assert_eq!(
            pool,
            [(Priorities::UnderLoad, Peer::AsyncRuntime), pool_beats]
        );
        let steps = ["--child", "latency", "--steps", "1000"];
        let items = options(&steps).items();
        assert_eq!((items.count, items.steps), (5_000, 1_500));
        assert_eq!(options(&["--quick"]).items().count, 1_000);
    }

    #[test]
    fn an_unknown_form_is_refused() {
        let parsed = Options::try_parse_from(["laneway-peers", "--form", "both"]);
        let told = parsed.expect_err("there is no such form").to_string();
        assert!(told.contains("awaited, detached"), "{told}");
    }

    #[test]
    fn a_quick_run_keeps_nothing_unless_told_to() {
        assert!(!options(&["--quick"]).keeps());
        assert!(options(&["--quick", "--write"]).keeps());
        assert!(!options(&["--dry-run"]).keeps());
    }
}
