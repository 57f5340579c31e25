//! The activity of lanes, as numbers and charts.

use std::time::{Duration, SystemTime};

use laneway::Priority;

use super::chart::{Bar, Chart, Line};
use super::counted::grouped;
use super::filter::lane_name;
use super::html::Html;
use super::moment::{length, utc};
use super::span::Span;
use crate::store::{Activity, ActivitySlot, LaneActivity};

/// The slots of some lanes, one beside the other.
pub(super) struct Flow<'a> {
    from: SystemTime,
    slot: Duration,
    lanes: Vec<&'a LaneActivity>,
}

/// A chart with its heading.
pub(super) struct Drawn {
    title: &'static str,
    /// The highest value, in words.
    top: String,
    chart: Chart<'static>,
    /// The meanings of the colours.
    legend: &'static [(&'static str, &'static str)],
}

impl<'a> Flow<'a> {
    pub(super) fn of(activity: &'a Activity, choose: impl Fn(&LaneActivity) -> bool) -> Flow<'a> {
        let lanes: Vec<_> = activity.lanes.iter().filter(|lane| choose(lane)).collect();
        Flow {
            from: activity.from,
            slot: activity.slot,
            lanes,
        }
    }

    fn places(&self) -> std::ops::Range<usize> {
        0..self.lanes.first().map_or(0, |lane| lane.slots.len())
    }

    /// The slots of both lanes, or of one, at a place.
    fn at(&self, place: usize, lane: Priority) -> impl Iterator<Item = &ActivitySlot> {
        let of_lane = self.lanes.iter().filter(move |one| one.lane == lane);
        of_lane.filter_map(move |one| one.slots.get(place))
    }

    fn rate(&self, place: usize, lane: Priority) -> f64 {
        self.at(place, lane)
            .map(ActivitySlot::done_per_second)
            .sum()
    }

    /// The mean wait of a lane, each queue counting by what it did.
    fn wait(&self, place: usize, lane: Priority) -> Option<f64> {
        let waits = self.at(place, lane).filter_map(|slot| {
            let wait = slot.wait_mean?.as_secs_f64();
            Some((wait * slot.done as f64, slot.done as f64))
        });
        let (sum, weight) = waits.fold((0.0, 0.0), |all, one| (all.0 + one.0, all.1 + one.1));
        (weight > 0.0).then(|| sum / weight)
    }

    fn longest_wait(&self, place: usize) -> Option<Duration> {
        let both = [Priority::High, Priority::Low];
        let slots = both.into_iter().flat_map(|lane| self.at(place, lane));
        slots.filter_map(|slot| slot.wait_max).max()
    }

    fn title(&self, place: usize, text: &str) -> String {
        let begin = self.from + self.slot.mul_f64(place as f64);
        format!("{} UTC: {text}", &utc(begin)[11..])
    }

    pub(super) fn throughput(&self) -> Drawn {
        let bar = |place| {
            let (high, low) = (
                self.rate(place, Priority::High),
                self.rate(place, Priority::Low),
            );
            let text = format!("{} high, {} low per second", short(high), short(low));
            Bar {
                parts: vec![("low", low), ("high", high)],
                title: self.title(place, &text),
            }
        };
        let chart = Chart {
            label: "Jobs done per second",
            class: "chart",
            bars: self.places().map(bar).collect(),
            lines: Vec::new(),
        };
        Drawn {
            title: "Done per second",
            top: format!("peak {}", short(chart.top())),
            chart,
            legend: &[("high", "high"), ("low", "low")],
        }
    }

    pub(super) fn waits(&self) -> Drawn {
        let told = |place| match self.longest_wait(place) {
            Some(longest) => self.title(place, &format!("at most {}", length(longest))),
            None => self.title(place, "no job was done"),
        };
        let bar = |place| Bar {
            parts: Vec::new(),
            title: told(place),
        };
        let line = |class, lane| Line {
            class,
            values: self.places().map(|place| self.wait(place, lane)).collect(),
        };
        let chart = Chart {
            label: "Mean time that jobs waited before they were begun",
            class: "chart",
            bars: self.places().map(bar).collect(),
            lines: vec![line("low", Priority::Low), line("high", Priority::High)],
        };
        Drawn {
            title: "Mean wait",
            top: format!("up to {}", length(Duration::from_secs_f64(chart.top()))),
            chart,
            legend: &[("high", "high"), ("low", "low")],
        }
    }

    pub(super) fn failures(&self) -> Drawn {
        let bar = |place| {
            let both = [Priority::High, Priority::Low];
            let slots = both.into_iter().flat_map(|lane| self.at(place, lane));
            let (failed, errors) = slots.fold((0, 0), |(failed, errors), slot| {
                (failed + slot.failed, errors + slot.errors)
            });
            let again = errors.saturating_sub(failed);
            let text = format!("{failed} jobs failed for good, {again} attempts are tried again");
            Bar {
                parts: vec![("failed", failed as f64), ("again", again as f64)],
                title: self.title(place, &text),
            }
        };
        let chart = Chart {
            label: "Jobs that failed, and attempts that are tried again",
            class: "chart",
            bars: self.places().map(bar).collect(),
            lines: Vec::new(),
        };
        Drawn {
            title: "Failures",
            top: format!("peak {} in {}", short(chart.top()), length(self.slot)),
            chart,
            legend: &[("failed", "for good"), ("again", "tried again")],
        }
    }

    /// A row of the table of a queue: the lane, three small charts, the next job.
    pub(super) fn row(
        &self,
        html: &mut Html,
        lane: Priority,
        (next, span): (Option<String>, Span),
    ) {
        html.el("tr", &[], |html| {
            html.text_el(
                "th",
                &[("scope", "row"), ("class", lane_name(lane))],
                lane_name(lane),
            );
            for drawn in [self.throughput(), self.waits(), self.failures()] {
                drawn.cell(html, span);
            }
            let next = next.unwrap_or_else(|| "none".to_owned());
            html.text_el("td", &[("data-label", "Next")], next);
        });
    }
}

impl Drawn {
    pub(super) fn figure(&self, html: &mut Html, span: Span) {
        html.el("figure", &[], |html| {
            html.el("figcaption", &[], |html| {
                html.text_el("b", &[], self.title);
                html.text_el("span", &[("class", "dim")], &self.top);
            });
            self.chart.draw(html);
            html.el("div", &[("class", "axis")], |html| {
                html.text_el("span", &[], span.ago);
                self.legend(html);
                html.text_el("span", &[], "now");
            });
        });
    }

    fn legend(&self, html: &mut Html) {
        html.el("span", &[("class", "legend")], |html| {
            for (class, text) in self.legend {
                html.text_el("span", &[("class", class)], text);
            }
        });
    }

    fn cell(&self, html: &mut Html, span: Span) {
        html.el("td", &[("data-label", self.title)], |html| {
            if self.chart.top() == 0.0 {
                return html.text_el("span", &[("class", "dim")], "none");
            }
            let label = format!("{} since {}: {}", self.chart.label, span.ago, self.top);
            self.chart.small(html, &label);
            html.text_el("span", &[("class", "dim")], &self.top);
        });
    }
}

/// A number with as many digits as are worth it.
fn short(number: f64) -> String {
    match number {
        _ if number.fract() == 0.0 => grouped(number as u64),
        _ if number < 10.0 => format!("{number:.1}"),
        _ => grouped(number.round() as u64),
    }
}
