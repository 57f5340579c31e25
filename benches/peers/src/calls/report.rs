//! The tables about calls.

use super::Calling;
use crate::peer::Peer;
use crate::table::{Column, Compared};

/// The section on calls: nanoseconds, and how many times smaller ours are.
pub(crate) fn report(compared: Compared<'_>, peers: &[Peer]) -> String {
    let columns = Calling::ALL.map(|calling| Column::named(calling.name));
    let times = compared.figures(peers, "ns per call", &columns);
    format!("{times}\n{}", compared.ratios(peers, &columns))
}
