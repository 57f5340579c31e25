//! The comparisons as a page: bars for the medians, and on each the middle half of the samples. It
//! needs no network and no script.

use std::fmt::Write;

use crate::comparison::{Comparison, Row};
use crate::table::cells;

/// The longest bar, in medians of the default. A bar that would be longer is cut, so that the
/// others can be told apart.
const LONGEST: f64 = 5.0;

/// Draws the page. `configurations` are names and what is to be said about them.
pub(crate) fn page<'a>(
    comparisons: &[Comparison],
    heading: &str,
    configurations: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> String {
    let sections: String = comparisons.iter().map(section).collect();
    let list: String = configurations.into_iter().map(definition).collect();
    let contents: String = comparisons.iter().map(link).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>Laneway: queue configurations</title>\n<style>\n{style}</style>\n</head>\n<body>\n\
         <header>\n<h1>Queue configurations against each other</h1>\n<p>{heading}</p>\n\
         <ul class=\"key\">\n\
         <li><span class=\"bar\"></span> median time, shorter is better</li>\n\
         <li><span class=\"bar default\"></span> the default</li>\n\
         <li><span class=\"spread\"></span> the middle half of the samples</li>\n\
         <li><span class=\"line\"></span> where the default's median is</li>\n\
         <li><span class=\"chance\">~</span> may be chance: the middle halves overlap</li>\n\
         </ul>\n\
         <nav>{contents}</nav>\n</header>\n<main>\n{sections}</main>\n\
         <footer>\n<h2>The configurations</h2>\n<dl>\n{list}</dl>\n</footer>\n</body>\n</html>\n",
        style = include_str!("page.css"),
        heading = escape(heading),
    )
}

fn definition((name, about): (&str, &str)) -> String {
    let (name, about) = (escape(name), escape(about));
    format!("<dt>{name}</dt><dd>{about}</dd>\n")
}

fn link(comparison: &Comparison) -> String {
    let name = escape(&comparison.workload);
    format!("<a href=\"#{name}\">{name}</a> ")
}

fn section(comparison: &Comparison) -> String {
    let (name, about) = (escape(&comparison.workload), escape(&comparison.about));
    let rows: String = comparison
        .rows()
        .iter()
        .map(|row| table_row(comparison, row))
        .collect();
    format!(
        "<section id=\"{name}\">\n<h2>{name}</h2>\n<p>{about}</p>\n<table>\n<thead><tr>\
         <th scope=\"col\">configuration</th><th class=\"bars\"></th>\
         <th scope=\"col\">median</th><th scope=\"col\">to default</th>\
         <th scope=\"col\">middle half</th><th scope=\"col\">since last run</th></tr></thead>\n\
         <tbody>\n{rows}</tbody>\n</table>\n</section>\n"
    )
}

fn table_row(comparison: &Comparison, row: &Row) -> String {
    let [median, ratio, spread, change] = cells(comparison, row);
    let class = match (row.is_default(), comparison.may_be_chance(row)) {
        (true, _) => " class=\"default\"",
        (false, true) => " class=\"chance\"",
        (false, false) => "",
    };
    let mut html = format!("<tr{class}><th scope=\"row\">");
    let name = escape(&row.configuration);
    let bar = bar(&Scale::of(comparison), row);
    let _ = write!(html, "{name}</th><td class=\"bars\">{bar}</td>");
    let _ = write!(html, "<td class=\"median\">{median}</td>");
    let _ = write!(html, "<td class=\"ratio\">{ratio}</td>");
    let _ = write!(html, "<td class=\"spread\">{spread}</td>");
    // Without a run before, there is nothing to say on a narrow page.
    let class = match row.change {
        Some(_) => "change",
        None => "change none",
    };
    let _ = writeln!(html, "<td class=\"{class}\">{change}</td></tr>");
    html
}

/// How a workload's times become widths.
struct Scale {
    /// The time that is as wide as the page.
    widest: f64,
    default: Option<f64>,
}

impl Scale {
    fn of(comparison: &Comparison) -> Scale {
        let rows = comparison.rows();
        let ends = rows.iter().map(|row| row.median.max(row.quartiles[1]));
        let longest = ends.fold(0.0, f64::max);
        let best = rows.first().map_or(longest, |row| row.median);
        let default = comparison.default();
        let most = LONGEST * default.unwrap_or(best);
        Scale {
            widest: longest.min(most),
            default,
        }
    }

    /// A time's place, in percent of the width.
    fn percent(&self, time: f64) -> f64 {
        (100.0 * time / self.widest).clamp(0.0, 100.0)
    }
}

fn bar(scale: &Scale, row: &Row) -> String {
    let cut = match row.median > scale.widest {
        true => " cut",
        false => "",
    };
    let width = scale.percent(row.median);
    let mut html = format!("<div class=\"track\"><span class=\"bar{cut}\" ");
    let _ = write!(html, "style=\"width:{width:.1}%\"></span>");
    let [low, high] = row.quartiles.map(|time| scale.percent(time));
    if cut.is_empty() {
        let wide = high - low;
        let place = format!("left:{low:.1}%;width:{wide:.1}%");
        let _ = write!(html, "<span class=\"spread\" style=\"{place}\"></span>");
    }
    if let Some(default) = scale.default {
        let place = scale.percent(default);
        let _ = write!(
            html,
            "<span class=\"line\" style=\"left:{place:.1}%\"></span>"
        );
    }
    html.push_str("</div>");
    html
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
