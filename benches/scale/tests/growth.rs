//! Does what a task costs grow with the number of workers?

#[path = "../src/simulated.rs"]
mod simulated;
#[path = "../src/table.rs"]
#[allow(dead_code)]
mod table;
#[allow(dead_code)]
#[path = "../../workloads/mod.rs"]
mod workloads;

use clap::ValueEnum;
use laneway_counted::counted::{Costs, Counts};

use table::COLUMNS;
use workloads::Workload;

/// One of so many parts of each workload is played.
const PARTS: usize = 25;

/// Not measured: with other costs the same things are counted in another order.
fn costs() -> Costs {
    Costs::of([
        1.0, 6.0, 15.0, 60.0, 2_000.0, 6_000.0, 40.0, 10_000.0, 60.0, 25.0,
    ])
}

fn play(workload: Workload, workers: usize) -> Counts {
    simulated::play(workload, workers, (1, PARTS), costs())
}

/// The counts that are too high on the larger of two machines, in words. Half as much again is
/// allowed, and one half of an access: more workers find more to steal, until all is shared out.
fn grown(workload: Workload, [few, many]: [usize; 2]) -> Vec<String> {
    let tasks = simulated::tasks(workload, PARTS) as f64;
    let [on_few, on_many] = [few, many].map(|workers| play(workload, workers));
    let compare = |&(name, of): &(&str, fn(&Counts) -> u64)| {
        let [before, after] = [&on_few, &on_many].map(|counts| of(counts) as f64 / tasks);
        let words =
            format!("{workload:?}: {before:.2} {name} on {few} workers, {after:.2} on {many}");
        (after > 1.5 * before + 0.5).then_some(words)
    };
    COLUMNS.iter().filter_map(compare).collect()
}

#[test]
fn no_count_for_a_task_grows_with_the_workers() {
    let all = Workload::value_variants().iter();
    let grown: Vec<String> = all
        .flat_map(|&workload| grown(workload, [16, 64]))
        .collect();
    assert!(grown.is_empty(), "{}", grown.join("\n"));
}

#[test]
fn one_seed_counts_the_same_again() {
    assert_eq!(play(Workload::PingPong, 16), play(Workload::PingPong, 16));
}

#[test]
fn a_task_that_is_waited_for_costs_the_same_on_two_workers_and_on_many() {
    let waits = simulated::tasks(Workload::SpawnAndWait, PARTS) as u64;
    for workers in [2, 16, 64, 128] {
        let counts = play(Workload::SpawnAndWait, workers);
        // The push, and the worker's taking of its share.
        assert_eq!(counts.channel_locks, 2 * waits, "on {workers} workers");
        assert_eq!(counts.vain_steals, 0, "on {workers} workers");
        assert_eq!(counts.moves, waits, "on {workers} workers");
        assert_eq!(
            counts.unparks, 1,
            "on {workers} workers: the next ones are seen by a searcher"
        );
    }
}

#[test]
fn a_chain_of_spawns_stays_on_one_core() {
    for workers in [2, 64] {
        let counts = play(Workload::Chain, workers);
        let links = simulated::tasks(Workload::Chain, PARTS) as u64;
        assert!(counts.polls > links, "{} polls", counts.polls);
        assert_eq!(counts.moves, 1, "the first link comes from outside");
        assert!(
            counts.shared_writes < links / 10,
            "{}",
            counts.shared_writes
        );
    }
}
