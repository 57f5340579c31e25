//! One request on its way to its page.

use std::sync::Arc;

use super::frame::{Framed, Refresh};
use super::html::Html;
use super::place::Place;
use super::request::PageRequest;
use super::response::PageResponse;
use crate::store::{JobPage, JobSearch, Store, StoreError};

/// A request, and what its page is made from.
pub(super) struct Asked<'a> {
    pub(super) store: &'a Arc<dyn Store>,
    pub(super) place: Place,
    pub(super) request: &'a PageRequest,
}

/// A page, or why the store did not answer.
pub(super) type Answered = Result<PageResponse, StoreError>;

impl Asked<'_> {
    pub(super) async fn search(&self, search: JobSearch) -> Result<JobPage, StoreError> {
        let pages = self.store.search(vec![search]).await?;
        Ok(pages.into_iter().next().unwrap_or_default())
    }

    /// A page that follows the store by itself.
    pub(super) fn live(
        &self,
        title: &str,
        tab: &str,
        main: impl FnOnce(&mut Html),
    ) -> PageResponse {
        self.framed(title, tab, Refresh::Live).respond(200, main)
    }

    /// A page that stays as it is until the reader asks again.
    pub(super) fn still(
        &self,
        status: u16,
        title: &str,
        main: impl FnOnce(&mut Html),
    ) -> PageResponse {
        self.framed(title, "/jobs", Refresh::ByHand)
            .respond(status, main)
    }

    /// A page that says why there is no other, and what to do next.
    pub(super) fn refusal(&self, status: u16, title: &str, next: &str) -> PageResponse {
        refusal(&self.place, status, title, next)
    }

    fn framed<'f>(&'f self, title: &'f str, tab: &'f str, refresh: Refresh) -> Framed<'f> {
        Framed {
            place: &self.place,
            title,
            tab,
            refresh,
            said: self.request.query.get("said"),
        }
    }
}

pub(super) fn refusal(place: &Place, status: u16, title: &str, next: &str) -> PageResponse {
    let framed = Framed {
        place,
        title,
        tab: "",
        refresh: Refresh::ByHand,
        said: None,
    };
    framed.respond(status, |html| {
        html.text_el("h1", &[], title);
        html.text_el("p", &[], next);
    })
}
