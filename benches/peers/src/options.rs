//! The command line of `laneway-peers`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::child::Effort;
use crate::harness::{Exercise, Form};
use crate::heartbeat::Items;
use crate::http::Amounts;
use crate::latency::Load;
use crate::measure::Plan;
use crate::peer::Peer;
use crate::section::Section;

/// Measures Laneway against other runtimes, prints the tables, and rewrites the marked sections
/// of the READMEs.
#[derive(Debug, Parser)]
#[command(name = "laneway-peers")]
pub(crate) struct Options {
    /// Only these sections. The READMEs are left alone unless --write is given.
    #[arg(long, value_delimiter = ',')]
    pub(crate) section: Vec<Section>,
    /// Only these of the executor workloads, and no other section.
    #[arg(long, value_delimiter = ',')]
    pub(crate) only: Vec<Exercise>,
    /// Only this form of the executor workloads, and no other section.
    #[arg(long, value_delimiter = ',')]
    pub(crate) form: Vec<Form>,
    /// Only these executors. The READMEs are left alone unless --write is given.
    #[arg(long, value_delimiter = ',')]
    pub(crate) peers: Vec<Peer>,
    /// Fresh processes, one after the other [default: 5].
    #[arg(long)]
    pub(crate) processes: Option<usize>,
    /// Rounds in each process [default: 11].
    #[arg(long)]
    pub(crate) rounds: Option<usize>,
    /// Threads of each executor.
    #[arg(long, default_value_t = 2)]
    pub(crate) threads: usize,
    /// Two processes, few and short rounds. The READMEs are left alone unless --write is given.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Where to keep every sample of the executor workloads [default: this package's `results`
    /// directory if this is a full run].
    #[arg(long)]
    pub(crate) csv: Option<PathBuf>,
    /// Keeps the results and rewrites the READMEs even if this is no full run.
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) write: bool,
    /// Prints the tables and keeps nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Measures nothing: makes the READMEs' tables of the results that are kept.
    #[arg(long, conflicts_with_all = ["dry_run", "write"])]
    pub(crate) render: bool,

    /// The section that this process measures for the one that started it.
    #[arg(long, hide = true)]
    pub(crate) child: Option<Section>,
    #[arg(long, hide = true, value_enum, default_value_t = Priorities::UnderLoad)]
    pub(crate) priorities: Priorities,
    #[arg(long, hide = true, default_value_t = 0)]
    pub(crate) process: usize,
    #[arg(long, hide = true, default_value_t = 0)]
    pub(crate) steps: u64,
}

/// The two questions of the section on latency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Priorities {
    /// How soon high tasks run while low ones compute.
    UnderLoad,
    /// How late a heartbeat is beside items that never yield.
    Heartbeat,
}

impl Options {
    pub(crate) fn sections(&self) -> Vec<Section> {
        if self.only.is_empty() && self.form.is_empty() {
            or_all(&self.section, Section::value_variants())
        } else {
            vec![Section::Executors]
        }
    }

    pub(crate) fn peers(&self, section: Section) -> Vec<Peer> {
        let wanted = |peer: &&Peer| self.peers.is_empty() || self.peers.contains(peer);
        section.peers().iter().filter(wanted).copied().collect()
    }

    /// The questions of the section on latency to each peer.
    pub(crate) fn priorities(&self) -> Vec<(Priorities, Peer)> {
        let wanted = |peer: &&Peer| self.peers.is_empty() || self.peers.contains(peer);
        let beating = Peer::FOR_HEARTBEAT.iter().filter(wanted);
        let beating = beating.map(|&peer| (Priorities::Heartbeat, peer));
        let loaded = self.peers(Section::Latency).into_iter();
        let loaded = loaded.map(|peer| (Priorities::UnderLoad, peer));
        loaded.chain(beating).collect()
    }

    pub(crate) fn effort(&self) -> Effort {
        let (processes, rounds) = if self.quick { (2, 3) } else { (5, 11) };
        Effort {
            processes: self.processes.unwrap_or(processes),
            rounds: self.rounds.unwrap_or(rounds),
        }
    }

    pub(crate) fn plan(&self) -> Plan {
        Plan {
            effort: self.effort(),
            threads: self.threads,
            forms: or_all(&self.form, Form::value_variants()),
            exercises: or_all(&self.only, Exercise::value_variants()),
            peers: self.peers(Section::Executors),
        }
    }

    /// Whether everything is measured as thoroughly as the READMEs promise.
    pub(crate) fn is_full(&self) -> bool {
        let parts = !self.only.is_empty() || !self.form.is_empty();
        let narrowed = parts || !self.section.is_empty() || !self.peers.is_empty();
        let shortened = self.quick || self.processes.is_some() || self.rounds.is_some();
        !narrowed && !shortened && self.threads == 2
    }

    pub(crate) fn keeps(&self) -> bool {
        self.write || self.is_full() && !self.dry_run
    }

    pub(crate) fn load(&self) -> Load {
        Load {
            steps_per_poll: self.steps,
            duration: Duration::from_secs(if self.quick { 1 } else { 4 }),
        }
    }

    pub(crate) fn items(&self) -> Items {
        Items {
            count: if self.quick { 1_000 } else { 5_000 },
            // The steps are those of 2 ms.
            steps: self.steps * 3 / 2,
        }
    }

    pub(crate) fn most_tasks(&self) -> usize {
        if self.quick { 100_000 } else { usize::MAX }
    }

    /// Rounds of the section on servers.
    pub(crate) fn http_rounds(&self) -> usize {
        self.processes.unwrap_or(if self.quick { 1 } else { 5 })
    }

    pub(crate) fn amounts(&self) -> Amounts {
        if self.quick {
            Amounts::QUICK
        } else {
            Amounts::FULL
        }
    }

    /// Sleeps of which the lateness is measured, in each process.
    pub(crate) fn late_sleeps(&self) -> usize {
        if self.quick { 100 } else { 500 }
    }

    /// The command line of a child process that measures one peer.
    pub(crate) fn for_child(&self, section: Section, peer: Peer) -> Vec<String> {
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
