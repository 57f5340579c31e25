//! The frame of every page: the head, the way to the other pages, messages.

use std::hash::{DefaultHasher, Hasher};

use super::html::Html;
use super::place::{Mode, Place};
use super::response::PageResponse;

pub(super) const STYLE: &str = include_str!("style.css");
pub(super) const SCRIPT: &str = include_str!("script.js");
pub(super) const ICON: &str = include_str!("icon.svg");

/// How a page keeps up with the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refresh {
    /// The script asks the store every few seconds; without it the browser loads the page anew now
    /// and then.
    Live,
    /// By hand: the reader may be at a place that must not move.
    ByHand,
}

/// A page before it is framed.
pub(super) struct Framed<'a> {
    pub(super) place: &'a Place,
    pub(super) title: &'a str,
    /// The path of the page among the tabs.
    pub(super) tab: &'a str,
    pub(super) refresh: Refresh,
    /// The result of the change before it.
    pub(super) said: Option<&'a str>,
}

const TABS: [(&str, &str); 5] = [
    ("/", "Overview"),
    ("/jobs", "Jobs"),
    ("/errors", "Errors"),
    ("/schedules", "Schedules"),
    ("/workers", "Workers"),
];

/// The sentences that a change may lead to, by the word in the address: no other text comes from
/// there to the page.
const SAID: [(&str, &str); 10] = [
    ("retried", "The job will run again."),
    ("hastened", "The job waits for no time any more."),
    ("cancelled", "The job is cancelled."),
    (
        "asked",
        "The job runs; its worker has been asked to stop it.",
    ),
    ("deleted", "The job is deleted."),
    (
        "refused",
        "Nothing was changed: the job's state does not allow it.",
    ),
    (
        "taken",
        "Nothing was changed: an unfinished job has the same unique key.",
    ),
    ("paused", "It is paused."),
    ("resumed", "It is resumed."),
    ("missing", "Nothing was changed: it is not there any more."),
];

impl Framed<'_> {
    pub(super) fn respond(self, status: u16, main: impl FnOnce(&mut Html)) -> PageResponse {
        let mut html = Html::document();
        html.el("html", &[("lang", "en")], |html| {
            html.el("head", &[], |html| self.head(html));
            html.el("body", &[], |html| self.body(html, main));
        });
        PageResponse::page(status, html)
    }

    fn head(&self, html: &mut Html) {
        html.void("meta", &[("charset", "utf-8")]);
        let viewport = "width=device-width, initial-scale=1";
        html.void("meta", &[("name", "viewport"), ("content", viewport)]);
        html.void(
            "meta",
            &[("name", "color-scheme"), ("content", "light dark")],
        );
        html.text_el("title", &[], format_args!("{} \u{b7} Jobs", self.title));
        let file = |path, text| {
            let version = format!("{:x}", fingerprint(text));
            self.place.address(path, &[("v", &version)])
        };
        let style = file("/style.css", STYLE);
        let script = file("/script.js", SCRIPT);
        let icon = file("/icon.svg", ICON);
        html.void("link", &[("rel", "stylesheet"), ("href", &style)]);
        html.void("link", &[("rel", "icon"), ("href", &icon)]);
        html.el("script", &[("src", &script), ("defer", "")], |_| {});
        if self.refresh == Refresh::Live {
            html.el("noscript", &[], |html| {
                html.void("meta", &[("http-equiv", "refresh"), ("content", "15")]);
            });
        }
    }

    fn body(&self, html: &mut Html, main: impl FnOnce(&mut Html)) {
        html.text_el(
            "a",
            &[("class", "skip"), ("href", "#main")],
            "Skip to the content",
        );
        html.el("header", &[], |html| self.header(html));
        let refresh = match self.refresh {
            Refresh::Live => "live",
            Refresh::ByHand => "by-hand",
        };
        let attributes = [
            ("id", "main"),
            ("tabindex", "-1"),
            ("data-refresh", refresh),
        ];
        html.el("main", &attributes, |html| {
            let said = SAID.iter().find(|(word, _)| Some(*word) == self.said);
            if let Some((_, sentence)) = said {
                html.text_el("p", &[("class", "said"), ("role", "status")], sentence);
            }
            main(html);
        });
    }

    fn header(&self, html: &mut Html) {
        let home = self.place.address("/", &[]);
        html.text_el("a", &[("class", "brand"), ("href", &home)], "Laneway jobs");
        html.el("nav", &[("aria-label", "Pages")], |html| {
            for (path, name) in TABS {
                let address = self.place.address(path, &[]);
                match path == self.tab {
                    true => {
                        let here = [("href", &*address), ("aria-current", "page")];
                        html.text_el("a", &here, name);
                    }
                    false => self.place.link(html, &address, name),
                }
            }
        });
        if self.place.mode == Mode::ReadOnly {
            html.text_el("span", &[("class", "badge")], "read-only");
        }
        html.text_el("span", &[("id", "live"), ("role", "status")], "");
    }
}

/// A number that another content has another of: browsers keep a file by its address, and ask for
/// a changed one by another.
fn fingerprint(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(text.as_bytes());
    hasher.finish()
}

/// Writes into an empty place the name of the thing that is not there, and the next thing to do.
pub(super) fn empty(html: &mut Html, what: &str, next: &str) {
    html.el("div", &[("class", "empty")], |html| {
        html.text_el("p", &[], what);
        html.text_el("p", &[("class", "dim")], next);
    });
}
