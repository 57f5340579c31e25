//! Rounds, processes, and what is made of their numbers.
//!
//! Which core a thread lands on, and so what a wake-up costs, is settled early in the life of a
//! process and differs from one to the next. So the program starts itself again several times;
//! every process measures every executor, in rounds of random order. The median over rounds
//! stands for a process, the median over processes for the executor.

use std::collections::BTreeMap;
use std::iter;

use clap::ValueEnum;

use crate::child::{Effort, child};
use crate::figures::{Figure, Figures};
use crate::harness::{Exercise, Form};
use crate::peer::Peer;
use crate::subject::Subject;

/// What is measured on whom.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) effort: Effort,
    pub(crate) threads: usize,
    pub(crate) forms: Vec<Form>,
    pub(crate) exercises: Vec<Exercise>,
    pub(crate) peers: Vec<Peer>,
}

/// One exercise run once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) process: usize,
    pub(crate) round: usize,
    pub(crate) form: Form,
    pub(crate) exercise: Exercise,
    pub(crate) peer: Peer,
    pub(crate) ns: u64,
}

impl Sample {
    /// The fields that samples of one process share which differ by their round alone.
    fn row(&self) -> String {
        let (form, exercise) = (self.form.name(), self.exercise.name());
        format!("{},{form},{exercise},{}", self.process, self.peer.name())
    }

    fn to_csv(self) -> String {
        let Sample {
            process, round, ns, ..
        } = self;
        let (form, exercise) = (self.form.name(), self.exercise.name());
        let peer = self.peer.name();
        format!("{process},{round},{form},{exercise},{peer},{ns}")
    }

    fn from_csv(line: &str) -> Option<Sample> {
        let fields: Vec<&str> = line.split(',').collect();
        let [process, round, form, exercise, peer, ns] = fields[..] else {
            return None;
        };
        Some(Sample {
            process: process.parse().ok()?,
            round: round.parse().ok()?,
            form: Form::from_str(form, false).ok()?,
            exercise: Exercise::from_str(exercise, false).ok()?,
            peer: Peer::from_str(peer, false).ok()?,
            ns: ns.parse().ok()?,
        })
    }
}

/// Measures in fresh processes, one after the other.
pub(crate) fn in_processes(plan: &Plan) -> Vec<Sample> {
    let mut samples = Vec::new();
    for process in 0..plan.effort.processes {
        eprintln!("process {} of {}", process + 1, plan.effort.processes);
        let forms: Vec<String> = plan.forms.iter().map(|form| form.name()).collect();
        let exercises: Vec<String> = plan.exercises.iter().map(|each| each.name()).collect();
        let peers: Vec<String> = plan.peers.iter().map(|peer| peer.name()).collect();
        let lines = child(&[
            "executors".to_owned(),
            format!("--process={process}"),
            format!("--rounds={}", plan.effort.rounds),
            format!("--threads={}", plan.threads),
            format!("--peers={}", peers.join(",")),
            format!("--form={}", forms.join(",")),
            format!("--only={}", exercises.join(",")),
        ]);
        samples.extend(lines.iter().map(|line| {
            let sample = Sample::from_csv(line);
            sample.unwrap_or_else(|| panic!("a child process printed no sample but {line:?}"))
        }));
    }
    samples
}

/// The work of a child process: every exercise in every form on every executor, once to warm up and
/// then round by round in an order that is drawn anew each time.
pub(crate) fn in_this_process(plan: &Plan, process: usize) {
    let subjects: Vec<(Peer, &'static dyn Subject)> = plan
        .peers
        .iter()
        .map(|&peer| (peer, peer.start(plan.threads)))
        .collect();
    let mut turns = turns(plan, &subjects);
    for round in 0..=plan.effort.rounds {
        fastrand::shuffle(&mut turns);
        for &(form, exercise, (peer, subject)) in &turns {
            let took = subject.time(form, exercise);
            let warming_up = round == 0;
            if !warming_up {
                let sample = Sample {
                    process,
                    round,
                    form,
                    exercise,
                    peer,
                    ns: u64::try_from(took.as_nanos()).expect("a round takes less than centuries"),
                };
                println!("{}", sample.to_csv());
            }
        }
    }
}

/// Everything that happens in a round.
fn turns(
    plan: &Plan,
    subjects: &[(Peer, &'static dyn Subject)],
) -> Vec<(Form, Exercise, (Peer, &'static dyn Subject))> {
    let mut turns = Vec::new();
    for &form in &plan.forms {
        for &exercise in &plan.exercises {
            turns.extend(subjects.iter().map(|&subject| (form, exercise, subject)));
        }
    }
    turns
}

/// The samples of a run as figures: milliseconds, by form and exercise.
pub(crate) fn in_ms(samples: &[Sample]) -> Figures {
    let mut figures = Figures::default();
    for sample in samples {
        let figure = Figure::new(sample.exercise.figure(sample.form), sample.ns as f64 / 1e6);
        figures.push(sample.process, sample.peer, figure);
    }
    figures
}

const ROWS_HEADER: &str = "profile,process,form,workload,executor,ns of each round";

/// Every sample, with the profile of the program that measured. The rounds of a process stand side
/// by side, which takes a third of the room.
pub(crate) fn samples_to_csv(profile: &str, samples: &[Sample]) -> String {
    let mut rows: BTreeMap<String, BTreeMap<usize, u64>> = BTreeMap::new();
    for sample in samples {
        let rounds = rows.entry(sample.row()).or_default();
        rounds.insert(sample.round, sample.ns);
    }
    let lines = rows.iter().map(|(row, rounds)| {
        let rounds: Vec<String> = rounds.values().map(u64::to_string).collect();
        format!("{profile},{row},{}", rounds.join(" "))
    });
    let lines: Vec<String> = iter::once(ROWS_HEADER.to_owned()).chain(lines).collect();
    lines.join("\n") + "\n"
}

/// Reads what [`samples_to_csv`] wrote. `None` if a line holds no samples.
pub(crate) fn samples_from_csv(text: &str) -> Option<Vec<Sample>> {
    let (header, lines) = text.split_once('\n')?;
    let rows: Option<Vec<Vec<Sample>>> = lines.lines().map(samples_of_row).collect();
    (header == ROWS_HEADER).then(|| rows.map(|rows| rows.concat()))?
}

fn samples_of_row(line: &str) -> Option<Vec<Sample>> {
    let (row, rounds) = line.rsplit_once(',')?;
    let (_profile, row) = row.split_once(',')?;
    let (process, what) = row.split_once(',')?;
    let rounds = (1..).zip(rounds.split(' '));
    let sample = |(round, ns)| Sample::from_csv(&format!("{process},{round},{what},{ns}"));
    rounds.map(sample).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_survives_its_csv_form() {
        let line = "1,2,detached,ping-pong,tokio-bare,345";
        assert_eq!(Sample::from_csv(line).expect("a sample").to_csv(), line);
        assert!(Sample::from_csv("1,2,detached,ping-pong,nobody,345").is_none());
    }

    #[test]
    fn the_rounds_of_a_process_survive_side_by_side() {
        let file = format!("{ROWS_HEADER}\nrelease,1,detached,ping-pong,tokio-bare,345 7 89\n");
        let samples = samples_from_csv(&file).expect("three samples");
        assert_eq!(samples[1].to_csv(), "1,2,detached,ping-pong,tokio-bare,7");
        let backwards: Vec<Sample> = samples.iter().rev().copied().collect();
        assert_eq!(samples_to_csv("release", &backwards), file);
        assert_eq!(
            in_ms(&samples).values(Peer::TokioBare, "detached ping-pong"),
            Some(vec![89e-6])
        );
        let one = "release,1,detached,ping-pong,tokio-bare";
        for wrong in [
            format!("{ROWS_HEADER}\n{one},\n"),
            format!("other\n{one},3\n"),
        ] {
            assert!(samples_from_csv(&wrong).is_none(), "{wrong}");
        }
    }
}
