//! The rounds of a section: those that are measured take turns, each in a fresh process and on an
//! empty database.

use std::io;
use std::process::Command;

use crate::assignment::Assignment;
use crate::databases::Databases;
use crate::figures::Figures;
use crate::filling::Filling;
use crate::options::Options;
use crate::peer::Peer;
use crate::processes::{self, COUNTS};
use crate::program::{Fresh, PeersProgram, Work, ours};
use crate::section::Section;
use crate::store_kind::StoreKind;

/// How often a job is enqueued to be started at once, in a round.
const STARTS: u32 = 200;
/// How many low jobs run while high ones overtake them, in a round.
const OVERTAKEN: u32 = 40_000;
/// How many jobs several processes share.
const SHARED: u32 = 38_400;

/// Measures sections.
pub(crate) struct Contest<'a> {
    options: &'a Options,
    databases: Databases,
    peers: Option<PeersProgram>,
}

impl Contest<'_> {
    pub(crate) fn new(options: &Options) -> io::Result<Contest<'_>> {
        Ok(Contest {
            options,
            databases: Databases::of(options)?,
            peers: None,
        })
    }

    pub(crate) fn measure(&mut self, section: Section) -> io::Result<Figures> {
        let mut figures = Figures::default();
        match section {
            Section::Sqlite => self.throughput(StoreKind::Sqlite, &mut figures)?,
            Section::Postgres => self.throughput(StoreKind::Postgres, &mut figures)?,
            Section::Starts => self.alone(Work::Starts, STARTS, &mut figures)?,
            Section::Overtaking => self.alone(Work::Overtaking, OVERTAKEN, &mut figures)?,
            Section::Growth => self.growth(&mut figures)?,
            Section::Processes => self.processes(&mut figures)?,
        }
        self.databases.clear()?;
        Ok(figures)
    }

    /// All peers of a store in each round, in an order that is drawn anew.
    fn throughput(&mut self, store: StoreKind, figures: &mut Figures) -> io::Result<()> {
        let mut peers = self.options.peers(store);
        for round in 0..self.options.rounds() {
            fastrand::shuffle(&mut peers);
            for &peer in &peers {
                tell(round, self.options.rounds(), store, &peer.name());
                let jobs = self.options.jobs(peer.jobs(store));
                let assignment = self.assignment(peer, store, jobs)?;
                let command = self.command(Work::Throughput, &assignment)?;
                figures.read(round, peer, &lines(command)?)?;
            }
        }
        Ok(())
    }

    /// The sections that Laneway has to itself, on each store in turn.
    fn alone(&mut self, work: Work, jobs: u32, figures: &mut Figures) -> io::Result<()> {
        for round in 0..self.options.own_rounds() {
            for store in StoreKind::BOTH {
                tell(round, self.options.own_rounds(), store, "laneway");
                let lines = self.ours(work, store, self.options.jobs(jobs))?;
                figures.read(round, Peer::Laneway, &named(store, lines))?;
            }
        }
        Ok(())
    }

    fn growth(&mut self, figures: &mut Figures) -> io::Result<()> {
        for filling in Filling::ALL {
            for store in StoreKind::BOTH {
                tell(0, 1, store, &filling.name());
                let lines = self.ours(work_of(filling), store, self.options.most_rows())?;
                figures.read(0, Peer::Laneway, &named(store, lines))?;
            }
        }
        Ok(())
    }

    fn processes(&mut self, figures: &mut Figures) -> io::Result<()> {
        let jobs = self.options.jobs(SHARED);
        for round in 0..self.options.own_rounds() {
            for count in COUNTS {
                let what = format!("{count} processes");
                tell(round, self.options.own_rounds(), StoreKind::Postgres, &what);
                let assignment = self.assignment(Peer::Laneway, StoreKind::Postgres, jobs)?;
                processes::measure(count, round, &assignment, figures)?;
            }
        }
        Ok(())
    }

    /// The lines that a process of this program prints.
    fn ours(&mut self, work: Work, store: StoreKind, jobs: u32) -> io::Result<Vec<String>> {
        let assignment = self.assignment(Peer::Laneway, store, jobs)?;
        lines(ours(work, &assignment)?)
    }

    /// Work on an empty database.
    fn assignment(&mut self, peer: Peer, store: StoreKind, jobs: u32) -> io::Result<Assignment> {
        Ok(Assignment {
            peer,
            address: self.databases.fresh(store)?,
            jobs,
            server: self.databases.server(store),
        })
    }

    fn command(&mut self, work: Work, assignment: &Assignment) -> io::Result<Command> {
        if assignment.peer.is_laneway() {
            return ours(work, assignment);
        }
        if self.peers.is_none() {
            self.peers = Some(PeersProgram::build()?);
        }
        let program = self.peers.as_ref().expect("it was just built");
        Ok(program.command(assignment))
    }
}

fn tell(round: usize, rounds: usize, store: StoreKind, what: &str) {
    let (round, store) = (round + 1, store.title());
    eprintln!("round {round} of {rounds}: {what} on {store}");
}

fn lines(mut command: Command) -> io::Result<Vec<String>> {
    Fresh::start(&mut command)?.lines()
}

fn work_of(filling: Filling) -> Work {
    match filling {
        Filling::Done => Work::GrowthDone,
        Filling::Ready => Work::GrowthReady,
        Filling::Scheduled => Work::GrowthScheduled,
    }
}

/// The lines with the store before each name.
fn named(store: StoreKind, lines: Vec<String>) -> Vec<String> {
    let named = lines.iter().map(|line| format!("{} {line}", store.title()));
    named.collect()
}
