//! Where the dashboard is mounted, and what links and forms need to know of it.

use std::time::SystemTime;

use super::form::encoded;
use super::html::Html;

/// Whether people may change anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    #[default]
    ReadWrite,
    ReadOnly,
}

/// The values that links and forms of one page need.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The path that the dashboard is mounted at; no slash at its end.
    pub(super) root: String,
    /// The token that forms carry, so that the forms of other sites are told from them.
    pub(super) form_token: String,
    pub(super) mode: Mode,
    /// The store's time.
    pub(super) now: SystemTime,
}

/// The name of the hidden field with the form's token.
pub(super) const FORM_TOKEN: &str = "form_token";

/// Names and values of a query or a form.
pub(super) type Fields<'a> = [(&'static str, &'a str)];

impl Place {
    /// The address of a page. Values that are empty are left out.
    pub(super) fn address(&self, path: &str, query: &Fields<'_>) -> String {
        let given = query.iter().filter(|(_, value)| !value.is_empty());
        let pairs: Vec<String> = given
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect();
        match pairs.is_empty() {
            true => format!("{}{path}", self.root),
            false => format!("{}{path}?{}", self.root, pairs.join("&")),
        }
    }

    pub(super) fn link(&self, html: &mut Html, address: &str, text: &str) {
        html.text_el("a", &[("href", address)], text);
    }

    /// A form that changes something. A page that only shows has none.
    pub(super) fn change_form(
        &self,
        html: &mut Html,
        path: &str,
        fields: &Fields<'_>,
        inner: impl FnOnce(&mut Html),
    ) {
        if self.mode == Mode::ReadOnly {
            return;
        }
        let action = self.address(path, &[]);
        html.el("form", &[("method", "post"), ("action", &action)], |html| {
            hidden(html, FORM_TOKEN, &self.form_token);
            for (name, value) in fields {
                hidden(html, name, value);
            }
            inner(html);
        });
    }
}

pub(super) fn hidden(html: &mut Html, name: &str, value: &str) {
    html.void(
        "input",
        &[("type", "hidden"), ("name", name), ("value", value)],
    );
}

pub(super) fn button(html: &mut Html, class: &str, text: &str) {
    html.text_el("button", &[("class", class)], text);
}

/// A text of at most `letters` letters.
pub(super) fn clip(text: &str, letters: usize) -> String {
    match text.char_indices().nth(letters) {
        Some((end, _)) => format!("{}\u{2026}", &text[..end]),
        None => text.to_owned(),
    }
}
