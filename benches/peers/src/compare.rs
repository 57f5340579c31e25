//! The program `laneway-peers`: what it measures, in which order, and what becomes of it.

use std::fs;
use std::io;
use std::thread;

use clap::{Parser, ValueEnum};

use crate::child::child;
use crate::figures::{self, Figure, Figures};
use crate::measure;
use crate::memory::Held;
use crate::options::{Options, Priorities};
use crate::results::{Kept, Machine, Results};
use crate::section::Section;
use crate::{calls, computing, growth, http, idle, memory, profile, readmes, report, timer, turns};

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
        // Kept first: a reader of the report may leave early.
        if options.keeps() {
            kept.write(&results)?;
        }
        if let (Section::Executors, Some(path)) = (section, &options.csv) {
            fs::write(path, results.csv())?;
        }
        println!("{}", report::section(&results));
    }
    if options.keeps() {
        readmes::rewrite(&kept)?;
    }
    Ok(())
}

fn measure_section(options: &Options, section: Section) -> Results {
    let threads = match section {
        Section::Turns => turns::THREADS,
        _ => options.threads,
    };
    let machine = Machine::here(threads, profile::name());
    let figures = match section {
        Section::Executors => {
            let samples = measure::in_processes(&options.plan());
            return Results::of_samples(section, machine, &samples);
        }
        Section::Turns => turns_of_all(options),
        Section::Latency => high_latency(options),
        Section::Idle => idling(options),
        Section::Memory => memory_of_all(options),
        Section::Growth => growing(options),
        Section::Timer => sleeping(options),
        Section::Calls => {
            calls::in_processes(options.effort(), options.threads, &options.peers(section))
        }
        Section::Http => http::in_rounds(
            options.http_rounds(),
            options.threads,
            options.amounts(),
            &options.peers(section),
        ),
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

/// One after the other, each in a process of its own: turns are counted, and not timed.
fn turns_of_all(options: &Options) -> Figures {
    let mut figures = Figures::default();
    for peer in options.peers(Section::Turns) {
        let arguments = options.for_child(Section::Turns, peer);
        figures.add(0, peer, &child(&arguments));
    }
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
        Section::Http => unreachable!("the servers are a program of their own"),
        Section::Latency => priorities_of_one_peer(options),
        Section::Turns => turns::measure(start(turns::THREADS)),
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
