//! The text format that Prometheus scrapes, version 0.0.4: its lines, and what is escaped in them.

use std::fmt::{self, Display, Write};
use std::time::Duration;

use crate::observe::histogram::Histogram;
use crate::observe::series::{Series, SeriesKind};

/// The names and values of a sample's labels.
pub(super) type LabelPairs<'a> = Vec<(&'a str, &'a str)>;

/// The text so far.
#[derive(Default)]
pub(super) struct Text(pub(super) String);

impl Text {
    fn line(&mut self, line: fmt::Arguments<'_>) {
        writeln!(self.0, "{line}").expect("a string takes all that is written");
    }

    /// Writes the lines before a metric's samples.
    pub(super) fn head(&mut self, kind: &str, name: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    pub(super) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.line(format_args!("{name}{} {value}", Labels(labels)));
    }

    /// Writes every series of a table, each with a sample of every owner. Without owners, nothing.
    pub(super) fn series<T>(&mut self, table: &[Series<T>], owners: &[(LabelPairs<'_>, &T)]) {
        if owners.is_empty() {
            return;
        }
        for series in table {
            self.head(word(series.kind), series.name, series.help);
            for (labels, owner) in owners {
                self.sample(series.name, labels, (series.value)(owner));
            }
        }
    }

    /// Writes the histograms of one metric. Without any, nothing.
    pub(super) fn histograms(
        &mut self,
        (name, help): (&str, &str),
        histograms: &[(LabelPairs<'_>, &Histogram)],
    ) {
        if !histograms.is_empty() {
            self.head("histogram", name, help);
        }
        for (labels, histogram) in histograms {
            self.histogram(name, labels, histogram);
        }
    }

    fn histogram(&mut self, name: &str, labels: &[(&str, &str)], histogram: &Histogram) {
        let bucket = format!("{name}_bucket");
        let mut below = |le: &str, count| {
            let labels = [labels, &[("le", le)]].concat();
            self.sample(&bucket, &labels, count);
        };
        for power in (10..=34).step_by(2) {
            let bound = Duration::from_nanos(1 << power);
            below(&Seconds(bound).to_string(), histogram.count_up_to(bound));
        }
        let count = histogram.count();
        below("+Inf", count);
        self.sample(&format!("{name}_sum"), labels, Seconds(histogram.sum()));
        self.sample(&format!("{name}_count"), labels, count);
    }
}

fn word(kind: SeriesKind) -> &'static str {
    match kind {
        SeriesKind::Counter => "counter",
        SeriesKind::Gauge => "gauge",
    }
}

/// A duration in seconds, with all its digits.
pub(super) struct Seconds(pub(super) Duration);

impl Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}", self.0.as_secs(), self.0.subsec_nanos())
    }
}

/// Labels between braces, their values escaped; nothing where there are none.
struct Labels<'a>(&'a [(&'a str, &'a str)]);

impl Display for Labels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (name, value)) in self.0.iter().enumerate() {
            f.write_char(if place == 0 { '{' } else { ',' })?;
            write!(f, "{name}=\"{}\"", Escaped(value))?;
        }
        match self.0 {
            [] => Ok(()),
            _ => f.write_char('}'),
        }
    }
}

/// A label's value, fit to stand in quotation marks.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '\\' => f.write_str("\\\\"),
            '"' => f.write_str("\\\""),
            '\n' => f.write_str("\\n"),
            _ => f.write_char(character),
        })
    }
}
