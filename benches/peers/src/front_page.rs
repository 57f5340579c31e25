//! The sentences of the docs' front page that hold figures, made of what is kept.
//!
//! A person writes that page; a test finds in it every sentence that this file makes.

use clap::ValueEnum;

use crate::harness::{self, Exercise, Form};
use crate::peer::Peer;
use crate::results::Results;
use crate::section::Section;
use crate::statistics::median;
use crate::table::Compared;

/// The sentences and the rows of a table. `None` if a section that they need is not kept.
pub(crate) fn sentences(results: &[Results]) -> Option<Vec<String>> {
    let of_release = |section| {
        let mut kept = results.iter().filter(|results| results.is_of_release());
        kept.find(|results| results.section == section)
    };
    let mut sentences = delays(of_release(Section::Latency)?)?;
    sentences.push(times(of_release(Section::Executors)?)?);
    Some(sentences)
}

/// How long a high task waits beside low ones that compute.
fn delays(latency: &Results) -> Option<Vec<String>> {
    let of = |peer, figure| {
        let values = latency.figures.values(peer, figure)?;
        Some(in_words(median(&values)))
    };
    let both = |peer, joint: &str| {
        let p50 = of(peer, "spawn-outside p50")?;
        let p99 = of(peer, "spawn-outside p99")?;
        Some([p50, p99].join(joint))
    };
    let defaults = both(Peer::Laneway, ", ")?;
    let latency_first = both(Peer::LanewayLatencyFirst, ", ")?;
    let tokio = both(Peer::Tokio, " and ")?;
    let niced = both(Peer::TokioTwoNiced, " and ")?;
    Some(vec![
        format!("| the defaults | {defaults} |"),
        format!("| [`latency_first`] | {latency_first} |"),
        format!(
            "On tokio the same takes {tokio}; on two tokio runtimes, of which one has nice \
             threads, {niced}."
        ),
    ])
}

/// How long small tasks take.
fn times(executors: &Results) -> Option<String> {
    let compared = Compared {
        figures: &executors.figures,
        ours: Peer::Laneway,
    };
    let means = harness::means(compared, &[Peer::Tokio]);
    let mean = |form| Some(median(&means.values(Peer::Tokio, &harness::mean(form))?));
    let forms = Form::value_variants().iter();
    let figures = forms.flat_map(|&form| {
        let exercises = Exercise::value_variants().iter();
        exercises.map(move |exercise| exercise.figure(form))
    });
    let most = figures.filter_map(|figure| {
        let (theirs, ours) = (Peer::LanewayLatencyFirst, Peer::Laneway);
        Some(median(&executors.figures.ratios(&figure, ours, theirs)?))
    });
    let most = most.max_by(f64::total_cmp)?;
    let (awaited, detached) = (mean(Form::Awaited)?, mean(Form::Detached)?);
    Some(format!(
        "Small tasks alone take up to {most:.2} times as long with `latency_first` as with the \
         defaults, and on tokio {awaited:.1} times as long if their handles are awaited, \
         {detached:.1} times if they are detached."
    ))
}

/// A time with two digits that count.
fn in_words(us: f64) -> String {
    match us {
        us if us < 10.0 => format!("{us:.1} us"),
        us if us < 100.0 => format!("{us:.0} us"),
        us if us < 1_000.0 => format!("{:.2} ms", us / 1_000.0),
        us if us < 10_000.0 => format!("{:.1} ms", us / 1_000.0),
        us => format!("{:.0} ms", us / 1_000.0),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::results::Kept;

    #[test]
    fn the_front_page_of_the_docs_tells_the_kept_figures() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../src/lib.rs");
        let source = fs::read_to_string(root).expect("there is a front page");
        let lines = source.lines().filter_map(|line| line.strip_prefix("//!"));
        let words: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
        let page = words.join(" ");
        let results = Kept::in_package().read().expect("results are kept");
        let sentences = sentences(&results).expect("the sections are kept");
        for sentence in sentences {
            assert!(
                page.contains(&sentence),
                "src/lib.rs does not say: {sentence}"
            );
        }
    }

    #[test]
    fn times_have_two_digits_that_count() {
        let told = [3.83, 23.1, 982.0, 4834.0, 64_239.0].map(in_words);
        assert_eq!(told, ["3.8 us", "23 us", "0.98 ms", "4.8 ms", "64 ms"]);
    }
}
