//! The tables of the workloads, form by form.

use std::iter;

use clap::ValueEnum;

use super::exercise::Exercise;
use super::form::Form;
use crate::figures::{Figure, Figures};
use crate::peer::Peer;
use crate::table::{Column, Compared};
use crate::workloads::Workload;

/// The name of the geometric mean of all workloads in a form, which is no figure of its own.
pub(crate) fn mean(form: Form) -> String {
    format!("{} geometric mean", form.name())
}

/// The name of the last row of a table of ratios.
const BEST: &str = "best of the others";

/// The section on the workloads.
pub(crate) fn report(compared: Compared<'_>, peers: &[Peer]) -> String {
    let forms = Form::value_variants().iter().copied();
    let measured = forms.filter(|&form| !exercises(compared.figures, form).is_empty());
    let tables = measured.map(|form| {
        let tables = of_form(compared, peers, form);
        format!("#### {}\n\n{tables}", form.title())
    });
    tables.collect::<Vec<_>>().join("\n")
}

/// The exercises that were measured in this form, a column each.
fn exercises(figures: &Figures, form: Form) -> Vec<Exercise> {
    let all = Exercise::value_variants().iter().copied();
    all.filter(|each| figures.tell(&each.figure(form)))
        .collect()
}

fn of_form(compared: Compared<'_>, peers: &[Peer], form: Form) -> String {
    let exercises = exercises(compared.figures, form);
    let column = |each: &Exercise| Column::new(each.name(), each.figure(form));
    let columns: Vec<Column> = exercises.iter().map(column).collect();
    let times = compared.figures(peers, &format!("{}, ms", form.name()), &columns);
    let ours = peers.iter().filter(|peer| peer.is_laneway());
    let speedups = ours.map(|&ours| {
        let table = speedups(Compared { ours, ..compared }, &columns, peers, form);
        format!("\nHow many times faster `{}` is:\n\n{table}", ours.name())
    });
    iter::once(times).chain(speedups).collect()
}

/// How many times faster ours is than each peer and than the best of them, and the geometric mean.
fn speedups(compared: Compared<'_>, columns: &[Column], peers: &[Peer], form: Form) -> String {
    let means = means(compared, peers);
    let of_means = Compared {
        figures: &means,
        ..compared
    };
    let mean = [Column::new("geometric mean", mean(form))];
    let mut table = compared.headed(&compared.versus(), &[columns, &mean].concat());
    for &peer in peers.iter().filter(|&&peer| peer != compared.ours) {
        let mut row = compared.ratio_row(&peer.name(), peer, columns);
        row.extend(of_means.ratio_row("", peer, &mean).into_iter().skip(1));
        table.row(&row);
    }
    let mut best = compared.best_row(BEST, peers, columns);
    best.extend(of_means.best_row("", peers, &mean).into_iter().skip(1));
    table.row(&best);
    table.into_text()
}

/// For each executor and form, the geometric mean of its times as multiples of ours. The kinds of
/// yield count together as one of the six workloads.
pub(crate) fn means(compared: Compared<'_>, peers: &[Peer]) -> Figures {
    let mut means = Figures::default();
    for &form in Form::value_variants() {
        let groups = groups(compared.figures, form);
        for &peer in peers {
            let ratios = compared.figures.mean_ratios(&groups, compared.ours, peer);
            for (process, ratio) in ratios.into_iter().flatten().enumerate() {
                means.push(process, peer, Figure::new(mean(form), ratio));
            }
        }
    }
    means
}

/// The names of the times of each workload in this form.
fn groups(figures: &Figures, form: Form) -> Vec<Vec<String>> {
    let exercises = exercises(figures, form);
    let of_workload = |workload: &Workload| {
        let of_it = exercises.iter().filter(|each| each.workload() == *workload);
        of_it.map(|each| each.figure(form)).collect::<Vec<_>>()
    };
    let groups = Workload::value_variants().iter().map(of_workload);
    groups.filter(|group| !group.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(lines: &[&str]) -> Figures {
        let lines: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
        let mut figures = Figures::default();
        figures.add_named(0, &lines);
        figures
    }

    #[test]
    fn each_form_has_its_own_tables_with_the_best_peer_of_every_column() {
        let figures = figures(&[
            "tokio,awaited chain,4",
            "smol,awaited chain,3",
            "laneway,awaited chain,2",
            "tokio,detached chain,1",
            "smol,detached chain,3",
            "laneway,detached chain,2",
        ]);
        let compared = Compared {
            figures: &figures,
            ours: Peer::Laneway,
        };
        let text = report(compared, &[Peer::Tokio, Peer::Smol, Peer::Laneway]);
        let (awaited, detached) = text.split_once("#### Detached tasks").expect("two parts");
        assert!(awaited.starts_with("#### Handles awaited"), "{text}");
        let best = "ahead 1.50 (1.50..1.50), `smol`";
        assert!(
            awaited.ends_with(&format!("| best of the others | {best} | {best} |\n\n")),
            "{text}"
        );
        assert!(
            awaited.contains("| tokio | 2.00 (2.00..2.00) | 2.00 (2.00..2.00) |"),
            "{text}"
        );
        let best = "**behind 0.50** (0.50..0.50), `tokio`";
        assert!(
            detached.ends_with(&format!("| best of the others | {best} | {best} |\n")),
            "{text}"
        );
    }

    #[test]
    fn three_kinds_of_yield_weigh_as_much_as_one_workload() {
        let figures = figures(&[
            "tokio,detached yield-many,2",
            "tokio,detached yield-wake,4",
            "tokio,detached yield-own,8",
            "tokio,detached chain,16",
            "laneway,detached yield-many,1",
            "laneway,detached yield-wake,1",
            "laneway,detached yield-own,1",
            "laneway,detached chain,1",
        ]);
        let compared = Compared {
            figures: &figures,
            ours: Peer::Laneway,
        };
        let means = means(compared, &[Peer::Tokio, Peer::Laneway]);
        let mean = |peer| means.values(peer, &mean(Form::Detached)).expect("a mean")[0];
        assert!((mean(Peer::Tokio) - 8.0).abs() < 1e-9 && mean(Peer::Laneway) == 1.0);
        assert!(!means.tell(&super::mean(Form::Awaited)));
    }
}
