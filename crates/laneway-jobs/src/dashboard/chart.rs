//! Charts as SVG within the page: bars and lines over the slots of an activity.

use std::collections::BTreeMap;

use super::html::Html;

/// One slot of a chart: parts that are stacked, and what a pointer is told.
#[derive(Clone)]
pub(super) struct Bar {
    pub(super) parts: Vec<(&'static str, f64)>,
    pub(super) title: String,
}

/// A line over the slots. It is broken where there is no value.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) class: &'static str,
    pub(super) values: Vec<Option<f64>>,
}

/// The width of a slot and the height of a chart, in the chart's own units.
const SLOT: usize = 10;
const HEIGHT: f64 = 100.0;

/// A chart, whose highest value reaches up to its top.
pub(super) struct Chart<'a> {
    /// The text that is read out in place of the picture.
    pub(super) label: &'a str,
    pub(super) class: &'a str,
    pub(super) bars: Vec<Bar>,
    pub(super) lines: Vec<Line>,
}

impl Chart<'_> {
    /// The highest value.
    pub(super) fn top(&self) -> f64 {
        let stacks = self.bars.iter().map(Bar::height);
        let points = self.lines.iter().flat_map(|line| &line.values);
        stacks.chain(points.copied().flatten()).fold(0.0, f64::max)
    }

    /// Draws it with all that a pointer is told.
    pub(super) fn draw(&self, html: &mut Html) {
        self.framed(html, self.class, self.label, |html, scale| {
            for (place, bar) in self.bars.iter().enumerate() {
                bar.draw(html, place * SLOT, scale);
            }
        });
    }

    /// Draws it without: all bars of a class are one shape, since a page may have many of these.
    pub(super) fn small(&self, html: &mut Html, label: &str) {
        self.framed(html, "spark", label, |html, scale| {
            let mut shapes = BTreeMap::new();
            for (place, bar) in self.bars.iter().enumerate() {
                bar.add_to(&mut shapes, place * SLOT, scale);
            }
            for (class, shape) in shapes {
                let class = format!("bars {class}");
                html.text_el("path", &[("class", &class), ("d", &shape)], "");
            }
        });
    }

    fn framed(&self, html: &mut Html, class: &str, label: &str, bars: impl FnOnce(&mut Html, f64)) {
        let view = format!("0 0 {} {HEIGHT}", (self.bars.len() * SLOT).max(SLOT));
        let attributes = [
            ("class", class),
            ("viewBox", &*view),
            ("preserveAspectRatio", "none"),
            ("role", "img"),
            ("aria-label", label),
        ];
        let scale = match self.top() {
            top if top > 0.0 => HEIGHT / top,
            _ => 0.0,
        };
        html.el("svg", &attributes, |html| {
            bars(html, scale);
            for line in &self.lines {
                line.draw(html, scale);
            }
        });
    }
}

impl Bar {
    /// A place with nothing in it.
    pub(super) fn nothing() -> Bar {
        Bar {
            parts: Vec::new(),
            title: String::new(),
        }
    }

    fn height(&self) -> f64 {
        self.parts.iter().map(|(_, value)| value).sum()
    }

    fn add_to(&self, shapes: &mut BTreeMap<&'static str, String>, left: usize, scale: f64) {
        let mut bottom = HEIGHT;
        for (class, value) in self.parts.iter().filter(|(_, value)| *value > 0.0) {
            let top = bottom - value * scale;
            let shape = format!("M{} {bottom:.1}V{top:.1}h8V{bottom:.1}z", left + 1);
            shapes.entry(*class).or_default().push_str(&shape);
            bottom = top;
        }
    }

    fn draw(&self, html: &mut Html, left: usize, scale: f64) {
        html.el("g", &[("class", "slot")], |html| {
            html.text_el("title", &[], &self.title);
            rectangle(html, "hit", left, SLOT, (0.0, HEIGHT));
            let mut bottom = HEIGHT;
            for (class, value) in &self.parts {
                let height = value * scale;
                if height > 0.0 {
                    bottom -= height;
                    rectangle(html, class, left + 1, SLOT - 2, (bottom, height));
                }
            }
        });
    }
}

fn rectangle(html: &mut Html, class: &str, x: usize, width: usize, (y, height): (f64, f64)) {
    let (x, width) = (x.to_string(), width.to_string());
    let (y, height) = (format!("{y:.2}"), format!("{height:.2}"));
    let attributes = [
        ("class", class),
        ("x", &*x),
        ("y", &*y),
        ("width", &*width),
        ("height", &*height),
    ];
    html.el("rect", &attributes, |_| {});
}

impl Line {
    fn draw(&self, html: &mut Html, scale: f64) {
        let mut path = String::new();
        let mut step = 'M';
        for (place, value) in self.values.iter().enumerate() {
            let Some(value) = value else {
                step = 'M';
                continue;
            };
            let (x, y) = (place * SLOT + SLOT / 2, HEIGHT - value * scale);
            path.push_str(&format!("{step}{x} {y:.2}"));
            if step == 'M' {
                // A point without neighbours is seen as well.
                path.push_str("l.1 0");
            }
            step = 'L';
        }
        if !path.is_empty() {
            html.el("path", &[("class", self.class), ("d", &path)], |_| {});
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_stack_reaches_the_top_and_nothing_is_drawn_of_nothing() {
        let bar = |low, high| Bar {
            parts: vec![("low", low), ("high", high)],
            title: "<1>".to_owned(),
        };
        let line = |values| Line {
            class: "wait",
            values,
        };
        let chart = |bars, lines| Chart {
            label: "work",
            class: "chart",
            bars,
            lines,
        };
        let drawn = |chart: &Chart<'_>| {
            let mut html = Html::default();
            chart.draw(&mut html);
            String::from_utf8(html.into_bytes()).unwrap()
        };
        let full = chart(
            vec![bar(1.0, 3.0), bar(0.0, 2.0)],
            vec![line(vec![None, Some(4.0)])],
        );
        let svg = drawn(&full);
        assert_eq!(full.top(), 4.0);
        assert!(
            svg.contains(r#"class="high" x="1" y="0.00" width="8" height="75.00""#),
            "{svg}"
        );
        assert!(svg.contains(r#"d="M15 0.00l.1 0""#), "{svg}");
        assert!(svg.contains("&lt;1&gt;") && !svg.contains("NaN"), "{svg}");
        let nothing = drawn(&chart(vec![bar(0.0, 0.0)], vec![line(vec![None])]));
        assert!(
            !nothing.contains("NaN") && !nothing.contains("path"),
            "{nothing}"
        );
    }
}
