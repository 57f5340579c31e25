//! The tables of each section, and what is said above them.

use crate::figures::{Figures, Spread};
use crate::filling::Filling;
use crate::growth::SIZES;
use crate::markdown::{Table, digits};
use crate::peer::Peer;
use crate::processes::COUNTS;
use crate::section::Section;
use crate::store_kind::StoreKind;

/// A section: its title, on what it was measured, its tables.
pub(crate) fn section(section: Section, figures: &Figures) -> String {
    let tables = match section {
        Section::Sqlite => throughput(StoreKind::Sqlite, figures),
        Section::Postgres => throughput(StoreKind::Postgres, figures),
        Section::Starts => starts(figures),
        Section::Overtaking => overtaking(figures),
        Section::Growth => growth(figures),
        Section::Processes => processes(figures),
    };
    let (title, conditions) = (title(section), conditions(section, figures));
    format!("### {title}\n\n{conditions}\n\n{tables}")
}

fn title(section: Section) -> &'static str {
    match section {
        Section::Sqlite => "SQLite: 64 callers enqueue, a worker drains",
        Section::Postgres => "Postgres: 64 callers enqueue, a worker drains",
        Section::Starts => "From enqueuing to the start on an idle worker, medians in us",
        Section::Overtaking => "A high job behind 100,000 low ones",
        Section::Growth => "Processor time per job beside many rows, in us",
        Section::Processes => "Several worker processes on one Postgres",
    }
}

/// On what was measured, and what a commit waited for, as it was read back.
fn conditions(section: Section, figures: &Figures) -> String {
    let first = |name: &str| figures.values(Peer::Laneway, name).first().copied();
    let number = |name| first(name).map_or_else(|| "?".to_owned(), digits_of_whole);
    let rounds = match section {
        Section::Growth => "5 laps at each size".to_owned(),
        _ if figures.rounds() == 1 => "one round".to_owned(),
        _ => format!("{} rounds", figures.rounds()),
    };
    let load = first("load").map_or_else(|| "?".to_owned(), digits);
    format!(
        "{} cores, load average {load} at the start; {rounds}; {}.",
        number("cores"),
        durability(section, figures)
    )
}

fn digits_of_whole(value: f64) -> String {
    format!("{value:.0}")
}

/// The durability that was read back, if it is the same everywhere.
fn durability(section: Section, figures: &Figures) -> String {
    let Some(store) = section.contested() else {
        return "each commit is synced".to_owned();
    };
    let settings: &[&str] = match store {
        StoreKind::Sqlite => &["synchronous"],
        StoreKind::Postgres => &["fsync", "synchronous_commit"],
    };
    let told = settings.iter().map(|setting| read_back(setting, figures));
    told.collect::<Vec<_>>().join(", ")
}

fn read_back(setting: &str, figures: &Figures) -> String {
    let peers = figures.peers();
    let mut values: Vec<f64> = peers
        .iter()
        .flat_map(|&peer| figures.values(peer, setting))
        .collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    let values: Vec<String> = values.into_iter().map(digits_of_whole).collect();
    format!(
        "`{setting}` read back as {} in all processes",
        values.join(" and ")
    )
}

const ENQUEUE: [&str; 2] = ["enqueue us", "enqueue server us"];
const DRAIN: [&str; 2] = ["drain us", "drain server us"];
const BOTH: [&str; 4] = [
    "enqueue us",
    "enqueue server us",
    "drain us",
    "drain server us",
];

fn throughput(store: StoreKind, figures: &Figures) -> String {
    let mut table = table(&[
        "queue",
        "enqueue, jobs/s",
        "enqueue, us",
        "drain, jobs/s",
        "drain, us",
        "enqueue to done, us",
        "runs too many",
    ]);
    for peer in figures.peers() {
        let doubled: f64 = figures.values(peer, "doubled").iter().sum();
        table.row(&[
            peer.name(),
            cell(&figures.values(peer, "enqueue jobs/s")),
            cell(&figures.sums(peer, &ENQUEUE)),
            cell(&figures.values(peer, "drain jobs/s")),
            cell(&figures.sums(peer, &DRAIN)),
            cell(&figures.sums(peer, &BOTH)),
            digits_of_whole(doubled),
        ]);
    }
    let time = match store {
        StoreKind::Sqlite => "us: processor time per job.",
        StoreKind::Postgres => "us: processor time per job, the server's included.",
    };
    let ratios = ratios(store, figures);
    format!("{}\n{time}\n{ratios}", table.into_text())
}

/// How many times better each set-up of Laneway is than each peer.
fn ratios(store: StoreKind, figures: &Figures) -> String {
    let header = [
        "",
        "enqueue, jobs/s",
        "enqueue, processor time",
        "drain, jobs/s",
        "drain, processor time",
        "goal",
    ];
    let mut table = table(&header);
    let (ours, theirs): (Vec<Peer>, Vec<Peer>) = figures
        .peers()
        .into_iter()
        .partition(|peer| peer.is_laneway());
    for (ours, theirs) in theirs
        .iter()
        .flat_map(|&t| ours.iter().map(move |&o| (o, t)))
    {
        let faster = |name| ratio(&figures.values(ours, name), &figures.values(theirs, name));
        let less = |names| ratio(&figures.sums(theirs, names), &figures.sums(ours, names));
        table.row(&[
            format!("{} to {}", ours.name(), theirs.name()),
            faster("enqueue jobs/s"),
            less(&ENQUEUE),
            faster("drain jobs/s"),
            less(&DRAIN),
            goal(store, theirs).to_owned(),
        ]);
    }
    match theirs.is_empty() {
        true => String::new(),
        false => format!("\n{}", table.into_text()),
    }
}

fn goal(store: StoreKind, peer: Peer) -> &'static str {
    match (store, peer) {
        (StoreKind::Sqlite, _) => "drain 25, enqueue 10",
        (StoreKind::Postgres, Peer::Apalis | Peer::Apalis64) => "drain 3",
        (StoreKind::Postgres, Peer::Fang) => "drain 15",
        (StoreKind::Postgres, _) => "drain 1.3",
    }
}

fn starts(figures: &Figures) -> String {
    let header = [
        "",
        "a bare commit",
        "enqueued",
        "started",
        "started, less a bare commit",
    ];
    let mut table = table(&header);
    for store in StoreKind::BOTH {
        let values = |name: &str| figures.values(Peer::Laneway, &of(store, name));
        let (commits, started) = (values("commit us"), values("start us"));
        let over: Vec<f64> = started.iter().zip(&commits).map(|(s, c)| s - c).collect();
        table.row(&[
            store.title().to_owned(),
            cell(&commits),
            cell(&values("known us")),
            cell(&started),
            cell(&over),
        ]);
    }
    table.into_text() + "\nThe goal: a commit and 200 us.\n"
}

fn overtaking(figures: &Figures) -> String {
    let header = [
        "",
        "low jobs begun before it, p50",
        "p99",
        "most",
        "wait in us, p50",
        "p99",
    ];
    let mut table = table(&header);
    for store in StoreKind::BOTH {
        let values = |name: &str| cell(&figures.values(Peer::Laneway, &of(store, name)));
        table.row(&[
            store.title().to_owned(),
            values("low jobs p50"),
            values("low jobs p99"),
            values("low jobs most"),
            values("wait us p50"),
            values("wait us p99"),
        ]);
    }
    table.into_text() + "\nThe goal: one claim, which is of 64 jobs here.\n"
}

fn growth(figures: &Figures) -> String {
    let mut header = vec!["rows".to_owned()];
    let measured = |size: &u64| {
        let name = format!("SQLite done {size} drain us");
        !figures.values(Peer::Laneway, &name).is_empty()
    };
    let sizes: Vec<u64> = SIZES.into_iter().filter(measured).collect();
    header.extend(sizes.iter().map(u64::to_string));
    header.push("largest of the medians, to the first".to_owned());
    let mut table = Table::new(&header);
    for store in StoreKind::BOTH {
        for filling in Filling::ALL {
            for phase in ["enqueue", "drain"] {
                let what = format!("{} {phase}", filling.name());
                let values = sizes.iter().map(|size| {
                    let name = format!("{} {size} {phase} us", filling.name());
                    figures.values(Peer::Laneway, &of(store, &name))
                });
                let values: Vec<Vec<f64>> = values.collect();
                let mut row = vec![format!("{}: {what}", store.title())];
                row.extend(values.iter().map(|values| cell(values)));
                row.push(grown(&values));
                table.row(&row);
            }
        }
    }
    table.into_text() + "\nThe goal: 1.3 at most.\n"
}

/// How many times the median at the first size the largest one is.
fn grown(sizes: &[Vec<f64>]) -> String {
    let medians = sizes.iter().filter_map(|values| Spread::of(values));
    let medians: Vec<f64> = medians.map(|spread| spread.median).collect();
    let most = medians.iter().copied().reduce(f64::max);
    let grown = most.zip(medians.first()).map(|(most, first)| most / first);
    grown.map_or_else(String::new, digits)
}

fn processes(figures: &Figures) -> String {
    let header = [
        "processes",
        "jobs/s",
        "processor time, us",
        "lost",
        "run twice",
        "not done",
    ];
    let mut table = table(&header);
    for count in COUNTS {
        let name = |name: &str| format!("{count} {name}");
        let values = |what: &str| figures.values(Peer::Laneway, &name(what));
        let sum = |what: &str| digits_of_whole(values(what).iter().sum());
        let time = figures.sums(Peer::Laneway, &[&name("us"), &name("server us")]);
        table.row(&[
            count.to_string(),
            cell(&values("jobs/s")),
            cell(&time),
            sum("lost"),
            sum("doubled"),
            sum("not done"),
        ]);
    }
    table.into_text()
}

fn of(store: StoreKind, name: &str) -> String {
    format!("{} {name}", store.title())
}

fn table(header: &[&str]) -> Table {
    let header: Vec<String> = header.iter().map(|&title| title.to_owned()).collect();
    Table::new(&header)
}

/// The median, the smallest and the largest.
fn cell(values: &[f64]) -> String {
    let spread = Spread::of(values);
    spread.map_or_else(
        String::new,
        |Spread {
             median,
             least,
             most,
         }| { format!("{} ({}..{})", digits(median), digits(least), digits(most)) },
    )
}

/// The ratio of the medians, and the smallest and the largest ratio of a round.
fn ratio(ours: &[f64], theirs: &[f64]) -> String {
    let rounds: Vec<f64> = ours
        .iter()
        .zip(theirs)
        .map(|(ours, theirs)| ours / theirs)
        .collect();
    let medians = Spread::of(ours).zip(Spread::of(theirs));
    let ratio = medians.zip(Spread::of(&rounds));
    ratio.map_or_else(
        String::new,
        |((ours, theirs), Spread { least, most, .. })| {
            let ratio = ours.median / theirs.median;
            format!("{} ({}..{})", digits(ratio), digits(least), digits(most))
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_of_medians_with_the_ends_of_the_rounds() {
        let told = ratio(&[10.0, 20.0, 30.0], &[1.0, 4.0, 2.0]);
        assert_eq!(told, "10.0 (5.00..15.0)");
        assert_eq!(ratio(&[], &[1.0]), "");
    }

    #[test]
    fn growth_is_that_of_the_largest_median_to_the_first() {
        let sizes = [vec![1.0, 2.0, 9.0], vec![5.0], vec![3.0]];
        assert_eq!(grown(&sizes), "2.50");
    }
}
