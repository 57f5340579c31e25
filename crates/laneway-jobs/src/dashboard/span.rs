//! How far back charts look.

use std::time::Duration;

use super::html::Html;
use super::place::Place;

/// A stretch of time up to now, in slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    name: &'static str,
    /// In words, for the left end of a chart.
    pub(super) ago: &'static str,
    pub(super) slot: Duration,
}

/// The number of slots in each span.
pub(super) const SLOTS: usize = 60;

const fn span(name: &'static str, ago: &'static str, minutes: u64) -> Span {
    let slot = Duration::from_secs(minutes * 60 / SLOTS as u64);
    Span { name, ago, slot }
}

const SPANS: [Span; 5] = [
    span("5 min", "5 min ago", 5),
    span("15 min", "15 min ago", 15),
    span("1 h", "1 h ago", 60),
    span("6 h", "6 h ago", 6 * 60),
    span("1 d", "1 d ago", 24 * 60),
];

impl Span {
    /// The span of a name, or the first one.
    pub(super) fn named(name: Option<&str>) -> Span {
        let named = SPANS.into_iter().find(|span| Some(span.name) == name);
        named.unwrap_or(SPANS[0])
    }

    /// Links to all of them.
    pub(super) fn choice(self, html: &mut Html, place: &Place) {
        html.el(
            "nav",
            &[("class", "choice"), ("aria-label", "Time")],
            |html| {
                for span in SPANS {
                    let address = place.address("/", &[("span", span.name)]);
                    let current = if span == self { "true" } else { "false" };
                    let attributes = [("href", &*address), ("aria-current", current)];
                    html.text_el("a", &attributes, span.name);
                }
            },
        );
    }
}
