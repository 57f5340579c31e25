//! The tables about servers, and what is to be reached.

use super::question::Question;
use crate::figures::Figures;
use crate::peer::Peer;
use crate::statistics::Estimate;
use crate::table::{Better, Column, Compared, Table, digits};

/// The section on servers.
pub(crate) fn report(compared: Compared<'_>, peers: &[Peer]) -> String {
    let figures = |question: Question, title: &str, columns: &[Column]| {
        let peers: Vec<Peer> = asked(question, peers);
        compared.figures(&peers, title, columns)
    };
    let costs = figures(Question::Plain, "without a pause", &costs());
    let resting = figures(Question::Resting, "connections", &connections());
    let alone = figures(Question::Alone, "1,000/s alone, us", &waits("alone"));
    let polls = Column::named("low polls/s").better(Better::Larger);
    let beside = [&waits("beside")[..], &[polls]].concat();
    let beside = figures(Question::Beside, "1,000/s beside low tasks, us", &beside);
    let stalls = stalls(compared);
    let handler = "1,000/s beside a handler of 20 ms, us";
    let handler = figures(Question::Handler, handler, &waits("handler"));
    let churn = figures(
        Question::ChurnHttp2,
        "a connection for each request",
        &churn(),
    );
    let counts = counts(compared.figures, peers);
    let goals = goals(compared.figures);
    let waits = [alone, beside].into_iter().chain(stalls).chain([handler]);
    let parts: Vec<String> = [costs, churn, resting]
        .into_iter()
        .chain(waits)
        .chain([counts, goals])
        .collect();
    parts.join("\n")
}

fn asked(question: Question, peers: &[Peer]) -> Vec<Peer> {
    let asked = peers.iter().filter(|peer| question.peers().contains(peer));
    asked.copied().collect()
}

/// The stalls of the machine, if they were watched.
fn stalls(compared: Compared<'_>) -> Option<String> {
    let columns = [&waits("stalls")[..], &[Column::named("stalled %")]].concat();
    let columns = columns.into_iter();
    let columns: Vec<Column> = columns
        .map(|column| column.better(Better::Neither))
        .collect();
    compared.figures.tell("stalled %").then(|| {
        let mut table = compared.headed("no server: until the end of a stall, us", &columns);
        let label = "threads that keep the cores busy";
        table.row(&compared.row(label, Peer::FlumePool, &columns));
        table.into_text()
    })
}

fn costs() -> [Column; 6] {
    let rate = |name: &str| Column::named(name).better(Better::Larger);
    [
        rate("plain requests/s"),
        Column::named("plain cpu us"),
        rate("json requests/s"),
        Column::named("json cpu us"),
        rate("churn connections/s"),
        Column::named("churn cpu us"),
    ]
}

fn churn() -> [Column; 4] {
    let rate = |name: &str| Column::named(name).better(Better::Larger);
    [
        rate("h2 churn connections/s"),
        Column::named("h2 churn cpu us"),
        rate("tls churn connections/s"),
        Column::named("tls churn cpu us"),
    ]
}

fn connections() -> [Column; 2] {
    ["resting bytes", "resting switches/s"].map(Column::named)
}

fn waits(name: &str) -> [Column; 3] {
    [("p50", "p50"), ("p99", "p99"), ("p99.9", "p999")]
        .map(|(title, kind)| Column::new(title, format!("{name} {kind}")))
}

/// How many requests were answered in a round: as many as were sent.
fn counts(figures: &Figures, peers: &[Peer]) -> String {
    let names = [
        "plain requests",
        "json requests",
        "alone requests",
        "beside requests",
        "handler requests",
        "churn requests",
        "h2 churn requests",
        "tls churn requests",
        "resting connections",
    ];
    let header = ["answered in a round"].into_iter().chain(names);
    let mut table = Table::new(&header.map(str::to_owned).collect::<Vec<_>>());
    for &peer in peers {
        let cells = names.map(|name| {
            let values = figures.values(peer, name).unwrap_or_default();
            let count = Estimate::of_some(&values);
            count.map_or_else(String::new, |count| format!("{:.0}", count.median))
        });
        table.row(&[&[peer.name()], &cells[..]].concat());
    }
    table.into_text()
}

/// A goal: a figure of ours as a multiple of another's, or alone.
struct Goal {
    what: &'static str,
    ours: (Peer, &'static str),
    theirs: Option<(Peer, &'static str)>,
    bound: Bound,
}

#[derive(Clone, Copy)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
    /// Theirs as a multiple of ours.
    SoManyTimesSooner(f64),
}

const fn goal(
    what: &'static str,
    ours: (Peer, &'static str),
    theirs: (Peer, &'static str),
    bound: Bound,
) -> Goal {
    let theirs = Some(theirs);
    Goal {
        what,
        ours,
        theirs,
        bound,
    }
}

const fn alone(what: &'static str, ours: (Peer, &'static str), bound: Bound) -> Goal {
    Goal {
        what,
        ours,
        theirs: None,
        bound,
    }
}

use Bound::{AtLeast, AtMost, SoManyTimesSooner};
use Peer::{
    Laneway, LanewayAxum, LanewayLatencyFirst, Tokio, TokioAxum, TokioRayon, TokioSpawnBlocking,
    TokioTwo, TokioTwoNiced,
};

const PLAIN_CPU: &str = "plain cpu us";
const PLAIN_RATE: &str = "plain requests/s";
const JSON_CPU: &str = "json cpu us";
const JSON_RATE: &str = "json requests/s";
const P99: &str = "beside p99";
const P999: &str = "beside p999";
const POLLS: &str = "low polls/s";
const H2_CHURN: &str = "h2 churn connections/s";
const TLS_CHURN: &str = "tls churn connections/s";
const OURS_P99: (Peer, &str) = (LanewayLatencyFirst, P99);

const GOALS: [Goal; 26] = [
    goal(
        "plain text, CPU, vs hyper",
        (Laneway, PLAIN_CPU),
        (Tokio, PLAIN_CPU),
        AtMost(0.85),
    ),
    goal(
        "plain text, requests/s, vs hyper",
        (Laneway, PLAIN_RATE),
        (Tokio, PLAIN_RATE),
        AtLeast(1.2),
    ),
    goal(
        "JSON, CPU, vs hyper",
        (Laneway, JSON_CPU),
        (Tokio, JSON_CPU),
        AtMost(0.85),
    ),
    goal(
        "JSON, requests/s, vs hyper",
        (Laneway, JSON_RATE),
        (Tokio, JSON_RATE),
        AtLeast(1.2),
    ),
    goal(
        "plain text, CPU, vs axum",
        (Laneway, PLAIN_CPU),
        (TokioAxum, PLAIN_CPU),
        AtMost(0.75),
    ),
    goal(
        "plain text, requests/s, vs axum",
        (Laneway, PLAIN_RATE),
        (TokioAxum, PLAIN_RATE),
        AtLeast(1.3),
    ),
    goal(
        "JSON, CPU, vs axum",
        (Laneway, JSON_CPU),
        (TokioAxum, JSON_CPU),
        AtMost(0.75),
    ),
    goal(
        "JSON, requests/s, vs axum",
        (Laneway, JSON_RATE),
        (TokioAxum, JSON_RATE),
        AtLeast(1.3),
    ),
    goal(
        "p99 beside low work vs an idle tokio",
        OURS_P99,
        (Tokio, "alone p99"),
        AtMost(1.0),
    ),
    goal(
        "p99 of the default runtime vs an idle tokio",
        (Laneway, P99),
        (Tokio, "alone p99"),
        AtMost(1.0),
    ),
    goal(
        "p99 vs tokio's spawn",
        OURS_P99,
        (Tokio, P99),
        SoManyTimesSooner(200.0),
    ),
    goal(
        "p99 vs spawn_blocking",
        OURS_P99,
        (TokioSpawnBlocking, P99),
        SoManyTimesSooner(200.0),
    ),
    goal(
        "p99 vs rayon",
        OURS_P99,
        (TokioRayon, P99),
        SoManyTimesSooner(10.0),
    ),
    goal(
        "p99 vs two runtimes",
        OURS_P99,
        (TokioTwo, P99),
        SoManyTimesSooner(10.0),
    ),
    goal(
        "p99 vs two, one niced",
        OURS_P99,
        (TokioTwoNiced, P99),
        SoManyTimesSooner(1.0),
    ),
    goal(
        "p99.9 vs two, one niced",
        (LanewayLatencyFirst, P999),
        (TokioTwoNiced, P999),
        SoManyTimesSooner(5.0),
    ),
    goal(
        "low polls vs tokio's spawn",
        (LanewayLatencyFirst, POLLS),
        (Tokio, POLLS),
        AtLeast(0.97),
    ),
    goal(
        "low polls vs rayon",
        (LanewayLatencyFirst, POLLS),
        (TokioRayon, POLLS),
        AtLeast(1.0),
    ),
    alone(
        "p99 beside a handler of 20 ms, us",
        (Laneway, "handler p99"),
        AtMost(1_000.0),
    ),
    alone(
        "the same for latency first, us",
        (LanewayLatencyFirst, "handler p99"),
        AtMost(1_000.0),
    ),
    alone(
        "a resting connection, bytes",
        (Laneway, "resting bytes"),
        AtMost(600.0),
    ),
    alone(
        "resting connections, switches/s",
        (Laneway, "resting switches/s"),
        AtMost(10.0),
    ),
    goal(
        "churn, connections/s, vs axum",
        (Laneway, "churn connections/s"),
        (TokioAxum, "churn connections/s"),
        AtLeast(1.1),
    ),
    goal(
        "HTTP/2 churn, connections/s, vs axum",
        (Laneway, H2_CHURN),
        (TokioAxum, H2_CHURN),
        AtLeast(1.0),
    ),
    goal(
        "TLS churn, connections/s, vs axum",
        (Laneway, TLS_CHURN),
        (TokioAxum, TLS_CHURN),
        AtLeast(1.0),
    ),
    goal(
        "under axum, plain text, CPU, vs tokio's axum",
        (LanewayAxum, PLAIN_CPU),
        (TokioAxum, PLAIN_CPU),
        AtMost(1.0),
    ),
];

/// Each goal that was measured, and whether the median reaches it.
fn goals(figures: &Figures) -> String {
    let header = ["to reach", "goal", "measured", ""].map(str::to_owned);
    let mut table = Table::new(&header);
    for goal in &GOALS {
        if let Some(values) = goal.values(figures) {
            let Estimate { median, low, high } = Estimate::of(&values);
            let measured = format!("{} ({}..{})", digits(median), digits(low), digits(high));
            let reached = match goal.bound.holds(median) {
                true => "reached",
                false => "**missed**",
            };
            let cells = [goal.what, &goal.bound.to_string(), &measured, reached];
            table.row(&cells.map(str::to_owned));
        }
    }
    table.into_text()
}

impl Goal {
    /// One number for each round.
    fn values(&self, figures: &Figures) -> Option<Vec<f64>> {
        let ours = figures.values(self.ours.0, self.ours.1)?;
        let Some((peer, figure)) = self.theirs else {
            return Some(ours);
        };
        let theirs = figures.values(peer, figure)?;
        let pairs = ours.iter().zip(&theirs);
        Some(
            pairs
                .map(|(ours, theirs)| self.bound.ratio(*ours, *theirs))
                .collect(),
        )
    }
}

impl Bound {
    fn ratio(self, ours: f64, theirs: f64) -> f64 {
        match self {
            AtMost(_) | AtLeast(_) => ours / theirs,
            SoManyTimesSooner(_) => theirs / ours,
        }
    }

    fn holds(self, value: f64) -> bool {
        match self {
            AtMost(bound) => value <= bound,
            AtLeast(bound) | SoManyTimesSooner(bound) => value >= bound,
        }
    }
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            AtMost(bound) => write!(f, "at most {bound}"),
            AtLeast(bound) => write!(f, "at least {bound}"),
            SoManyTimesSooner(bound) => write!(f, "{bound} x sooner"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Figure;

    #[test]
    fn a_goal_that_is_missed_is_marked() {
        let mut figures = Figures::default();
        for (peer, cpu, rate) in [(Tokio, 10.0, 100.0), (Laneway, 9.0, 125.0)] {
            figures.push(0, peer, Figure::new(PLAIN_CPU, cpu));
            figures.push(0, peer, Figure::new(PLAIN_RATE, rate));
        }
        let table = goals(&figures);
        let rows: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(
            rows,
            [
                "| plain text, CPU, vs hyper | at most 0.85 | 0.90 (0.90..0.90) | **missed** |",
                "| plain text, requests/s, vs hyper | at least 1.2 | 1.25 (1.25..1.25) | reached |",
            ]
        );
    }

    #[test]
    fn sooner_is_theirs_by_ours() {
        let bound = SoManyTimesSooner(10.0);
        assert_eq!(bound.ratio(2.0, 30.0), 15.0);
        assert!(bound.holds(15.0) && !bound.holds(9.0));
    }
}
