//! The tables of each section, and what is said above them.

use crate::calls;
use crate::figures::Figures;
use crate::growth::{BOXES, CROWDS};
use crate::http;
use crate::latency::{PERCENTILES, Way};
use crate::peer::Peer;
use crate::results::Results;
use crate::section::Section;
use crate::statistics::confidence;
use crate::table::{Better, Column, Compared, Table};
use crate::{harness, heartbeat, timer, turns};

/// What holds for the tables of all sections.
pub(crate) const HOW_TO_READ: &str = "\
In bold: a figure that is better than `laneway`'s in the same column (under load: than
`laneway-latency-first`'s), and a ratio below 1, where Laneway is the slower one. In brackets: the
interval that holds the median, with the confidence that the section's first line tells. A figure
without brackets was measured in one process. `ahead` or `behind`: all of the interval of the ratio
lies above 1 or below it, or where each executor has processes of its own, the intervals of the two
do not touch. `tie`: anything else.
";

/// A section: its title, on what it was measured, its tables.
pub(crate) fn section(results: &Results) -> String {
    let peers = results.peers();
    let compared = Compared {
        figures: &results.figures,
        ours: results.section.ours(),
    };
    let tables = match results.section {
        Section::Executors => harness::report(compared, &peers),
        Section::Turns => turns(compared, &peers),
        Section::Latency => latency(compared, &peers),
        Section::Idle => idle(compared, &peers),
        Section::Memory => memory(compared, &peers),
        Section::Growth => growth(compared, &peers),
        Section::Timer => timer::report(compared, &peers),
        Section::Calls => calls::report(compared, &peers),
        Section::Http => http::report(compared, &peers),
    };
    let (title, conditions) = (titled(results), conditions(results));
    format!("### {title}\n\n{conditions}\n\n{}", tables.trim_start())
}

/// The title of a section, which names a profile that is not a release's.
fn titled(results: &Results) -> String {
    let title = title(results.section);
    match results.is_of_release() {
        true => title.to_owned(),
        false => format!("{title}, built with the profile `{}`", results.profile()),
    }
}

fn title(section: Section) -> &'static str {
    match section {
        Section::Executors => "Six workloads",
        Section::Turns => "Polls of other tasks between two polls of one that yields",
        Section::Latency => "High tasks while 64 low tasks compute 2 ms in each poll",
        Section::Idle => "Ten idle seconds",
        Section::Memory => "Memory per task",
        Section::Growth => "Nanoseconds per task, from few tasks to many",
        Section::Timer => "Sleeps",
        Section::Calls => "Calls to a task behind a handle",
        Section::Http => "Servers over HTTP",
    }
}

/// On what and how thoroughly the numbers were measured.
fn conditions(results: &Results) -> String {
    let figures = &results.figures;
    let processes = match figures.processes() {
        1 => "one process".to_owned(),
        several => format!("{several} processes"),
    };
    let rounds = match figures.rounds() {
        (_, 0 | 1) => String::new(),
        (least, most) if least == most => format!(", {most} rounds in each"),
        (_, most) => format!(", up to {most} rounds in each"),
    };
    let interval = match figures.processes() {
        1 => String::new(),
        several => format!("; intervals of {:.0}% confidence", confidence(several)),
    };
    let (machine, threads) = (&results.machine, threads(results));
    format!("{machine}; {threads}; {processes}{rounds}{interval}.")
}

/// How many worker threads each executor has.
fn threads(results: &Results) -> String {
    let threads = results.machine.threads;
    let peers = results.peers();
    let twice = peers.iter().filter(|peer| peer.has_threads_for_high());
    let twice: Vec<String> = twice.map(|peer| format!("`{}`", peer.name())).collect();
    let each = match threads {
        1 => "one worker thread for each executor".to_owned(),
        several => format!("{several} worker threads for each executor"),
    };
    match &twice[..] {
        [] => each,
        twice => format!(
            "{each}, and as many again for high tasks in {}",
            twice.join(", ")
        ),
    }
}

fn turns(compared: Compared<'_>, peers: &[Peer]) -> String {
    let columns = turns::KINDS.map(|kind| Column::named(kind.name()).better(Better::Neither));
    compared.figures(peers, "polls of others", &columns)
}

fn latency(compared: Compared<'_>, peers: &[Peer]) -> String {
    let waits = Way::ALL.map(|way| waits(compared, peers, way));
    let polls = Column::named("low polls/s").better(Better::Larger);
    let beside = compared.figures(peers, "throughput beside it", &[polls]);
    let ratios = latency_ratios(compared, peers);
    let heartbeat = heartbeat::report(compared);
    format!("{}\n{beside}{ratios}{heartbeat}", waits.concat())
}

/// The percentiles of one way.
fn waits(compared: Compared<'_>, peers: &[Peer], way: Way) -> String {
    let columns = PERCENTILES.map(|(name, _)| {
        let title = name.replace("p999", "p99.9");
        Column::new(title, format!("{} {name}", way.name()))
    });
    let mut header = vec![format!("{}, us", way.name())];
    header.extend(PERCENTILES.map(|(name, _)| name.replace("p999", "p99.9")));
    header.push("samples".to_owned());
    let mut table = Table::new(&header);
    for &peer in peers {
        let mut row = compared.row(&peer.name(), peer, &columns);
        row.push(sum(
            compared.figures,
            peer,
            &format!("{} count", way.name()),
        ));
        table.row(&row);
    }
    "\n".to_owned() + &table.into_text()
}

/// How many times sooner high tasks run on each set-up of Laneway, and what is left of the low
/// throughput.
fn latency_ratios(compared: Compared<'_>, peers: &[Peer]) -> String {
    let mut ours: Vec<Peer> = peers.iter().copied().filter(|p| p.is_laneway()).collect();
    ours.sort_by_key(|&peer| peer != compared.ours);
    let tables = ours.into_iter().map(|ours| {
        let table = sooner(Compared { ours, ..compared }, peers);
        let name = ours.name();
        format!(
            "\nHow many times sooner high tasks run on `{name}`, and how many times the low polls \
             it makes:\n\n{table}"
        )
    });
    tables.collect()
}

fn sooner(compared: Compared<'_>, peers: &[Peer]) -> String {
    let waits = Way::ALL
        .map(|way| ["p50", "p99"].map(|kind| Column::named(format!("{} {kind}", way.name()))));
    let polls = [Column::named("low polls/s").better(Better::Larger)];
    let columns = [waits.as_flattened(), &polls].concat();
    let mut table = compared.headed(&compared.versus(), &columns);
    for &peer in peers.iter().filter(|&&peer| peer != compared.ours) {
        table.row(&compared.median_ratio_row(peer, &columns));
    }
    table.into_text()
}

fn sum(figures: &Figures, peer: Peer, name: &str) -> String {
    let values = figures.values(peer, name);
    values.map_or_else(String::new, |values| {
        format!("{:.0}", values.iter().sum::<f64>())
    })
}

fn idle(compared: Compared<'_>, peers: &[Peer]) -> String {
    let columns = ["threads", "switches/s", "cpu us/s"].map(Column::named);
    compared.figures(peers, "idle", &columns)
}

fn memory(compared: Compared<'_>, peers: &[Peer]) -> String {
    let names = [
        "allocations",
        "bytes allocated",
        "spawned bytes",
        "pending bytes",
    ];
    compared.figures(peers, "per task", &names.map(Column::named))
}

fn growth(compared: Compared<'_>, peers: &[Peer]) -> String {
    let one_thread = ["spawn+run+join", "spawn+run"].map(Column::named);
    [
        compared.figures(peers, "in waves of 1,000", &crowds("waves")),
        "\n".to_owned(),
        at_once(compared, peers),
        "\n".to_owned(),
        compared.figures(peers, "one thread, ns", &one_thread),
    ]
    .concat()
}

fn at_once(compared: Compared<'_>, peers: &[Peer]) -> String {
    let columns = crowds("at once");
    let mut table = compared.headed("all alive at once", &columns);
    for &peer in peers {
        table.row(&compared.row(&peer.name(), peer, &columns));
    }
    if let Some(&peer) = peers.last() {
        let boxes = crowds(BOXES).map(|column| column.better(Better::Neither));
        table.row(&compared.row(BOXES, peer, &boxes));
    }
    table.into_text()
}

fn crowds(kind: &str) -> [Column; CROWDS.len()] {
    CROWDS.map(|(_, name)| Column::new(name, format!("{kind} {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Figure;
    use crate::profile;
    use crate::results::Machine;

    fn results(section: Section, figures: Figures) -> Results {
        Results::of_figures(section, Machine::here(2, profile::RELEASE), figures)
    }

    fn figures(processes: usize, rounds: usize, peers: &[Peer]) -> Figures {
        let mut figures = Figures::default();
        for process in 0..processes {
            let lines: Vec<String> = peers.iter().map(|p| format!("{},ns,1", p.name())).collect();
            (0..rounds).for_each(|_| figures.add_named(process, &lines));
        }
        figures
    }

    #[test]
    fn the_conditions_name_each_executor_with_threads_for_high_tasks() {
        let peers = [Peer::TokioTwoNiced, Peer::Tokio, Peer::LanewayLatencyFirst];
        let results = results(Section::Latency, figures(5, 1, &peers));
        let said = conditions(&results);
        let expected = "; 2 worker threads for each executor, and as many again for high tasks in \
                        `tokio-two-niced`, `laneway-latency-first`; 5 processes; intervals of 94% \
                        confidence.";
        assert!(said.ends_with(expected), "{said}");
    }

    #[test]
    fn the_conditions_are_those_of_the_section_and_not_of_the_run() {
        let growth = results(Section::Growth, figures(3, 1, &[Peer::Tokio]));
        let said = conditions(&growth);
        assert!(
            said.ends_with("; 3 processes; intervals of 75% confidence."),
            "{said}"
        );
        let calls = results(Section::Calls, figures(1, 11, &[Peer::Tokio]));
        let said = conditions(&calls);
        assert!(
            said.ends_with("; one process, 11 rounds in each."),
            "{said}"
        );
    }

    #[test]
    fn the_fair_peers_come_first_under_load() {
        let first = &Section::Latency.peers()[..2];
        assert_eq!(first, [Peer::TokioTwoNiced, Peer::FlumePoolBound]);
    }

    #[test]
    fn every_set_up_of_laneway_is_compared_with_the_fair_peers_in_all_three_ways() {
        let mut figures = Figures::default();
        let waits = [
            (Peer::TokioTwoNiced, 19.0),
            (Peer::FlumePoolBound, 3.0),
            (Peer::Laneway, 1000.0),
            (Peer::LanewayLatencyFirst, 4.0),
        ];
        for (peer, us) in waits {
            for way in Way::ALL {
                for kind in ["p50", "p99"] {
                    let name = format!("{} {kind}", way.name());
                    figures.push(0, peer, Figure::new(name, us));
                }
            }
            figures.push(0, peer, Figure::new("low polls/s", 1e6 / us));
        }
        let text = section(&results(Section::Latency, figures));
        let six = |cell: &str| [cell; 6].join(" | ");
        for row in [
            format!("| tokio-two-niced | {} | ahead 4.75 |", six("ahead 4.75")),
            format!(
                "| flume-pool-bound | {} | **behind 0.75** |",
                six("**behind 0.75**")
            ),
            format!(
                "| tokio-two-niced | {} | **behind 0.02** |",
                six("**behind 0.02**")
            ),
        ] {
            assert!(text.contains(&row), "{row}\n{text}");
        }
    }
}
