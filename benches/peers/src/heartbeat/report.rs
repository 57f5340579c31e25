//! The table about heartbeats.

use super::{BEATS, LATE_SHARE};
use crate::peer::Peer;
use crate::table::{Better, Column, Compared};

/// The table. Nothing if no heart has been measured.
pub(crate) fn report(compared: Compared<'_>) -> String {
    let mut peers = Peer::FOR_HEARTBEAT.to_vec();
    peers.retain(|&peer| compared.figures.values(peer, BEATS).is_some());
    if peers.is_empty() {
        return String::new();
    }
    let columns = [
        Column::new("late by more than 2 ms, %", LATE_SHARE),
        Column::new("late us p50", "beat p50 us"),
        Column::new("p99", "beat p99 us"),
        Column::new("max", "beat max us"),
        Column::named(BEATS).better(Better::Neither),
    ];
    let mut table = compared.headed("a heartbeat every 20 ms", &columns);
    for &peer in &peers {
        table.row(&compared.row(&label(peer), peer, &columns));
    }
    format!(
        "\nBeside items of 3 ms that never yield:\n\n{}",
        table.into_text()
    )
}

/// A heart, and the items beside which it beats.
fn label(peer: Peer) -> String {
    match peer {
        Peer::FlumePool => "a plain thread, beside plain threads".to_owned(),
        Peer::Tokio => "tokio, `spawn_blocking`".to_owned(),
        laneway => laneway.name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Figures;

    #[test]
    fn the_plain_thread_comes_first_and_a_share_that_is_smaller_than_ours_is_in_bold() {
        let lines = [
            "laneway,beats,100",
            "laneway,late beats %,30",
            "laneway-latency-first,beats,100",
            "laneway-latency-first,late beats %,0.6",
            "flume-pool,beats,100",
            "flume-pool,late beats %,0.5",
            "async-runtime,late beats %,7",
        ];
        let mut figures = Figures::default();
        figures.add_named(0, &lines.map(str::to_owned));
        let compared = Compared {
            figures: &figures,
            ours: Peer::LanewayLatencyFirst,
        };
        let text = report(compared);
        let rows: Vec<&str> = text.lines().skip(5).collect();
        assert_eq!(
            rows,
            [
                "| a plain thread, beside plain threads | **0.50** |  |  |  | 100 |",
                "| laneway | 30.0 |  |  |  | 100 |",
                "| laneway-latency-first | 0.60 |  |  |  | 100 |",
            ]
        );
    }

    #[test]
    fn without_heartbeats_there_is_no_table() {
        let figures = Figures::default();
        let compared = Compared {
            figures: &figures,
            ours: Peer::Laneway,
        };
        assert_eq!(report(compared), "");
    }
}
