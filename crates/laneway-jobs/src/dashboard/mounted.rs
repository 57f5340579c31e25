//! The dashboard: its settings, and the way of a request to its page.

use std::time::SystemTime;

use super::admission::{Admission, COOKIE, Door};
use super::asked::{Answered, Asked, refusal};
use super::form::Form;
use super::frame::{Framed, ICON, Refresh, SCRIPT, STYLE};
use super::place::{FORM_TOKEN, Mode, Place};
use super::request::PageRequest;
use super::response::PageResponse;
use super::route::{Change, Route, Routed, routed};
use super::secret::{Sameness, Secret};
use super::{
    bulk, changing, error_groups, gauges, job_list, job_page, overview, schedule_list, worker_list,
};
use crate::jobs::Jobs;
use crate::store::StoreError;

/// The most bytes of a form.
const BODY_LIMIT: usize = 64 * 1024;

/// Pages that show the jobs of a store and change them. Cheap to clone.
///
/// It makes no connection and reads no file: a server gives it requests and sends its answers. The
/// module's page shows how.
///
/// # Who gets in
///
/// Without a token, clients on this machine: by the address that the server tells, by a name of the
/// loopback in the request, and if no header says that a proxy has forwarded it. Others get
/// nothing. With a [`token`](Dashboard::token) every client has to give it.
/// Forms carry a token of their own, so that another site cannot make a browser send them.
///
/// ```
/// use laneway_jobs::Jobs;
/// use laneway_jobs::dashboard::{Dashboard, PageRequest};
/// use laneway_jobs::sqlite::SqliteStore;
///
/// let jobs = Jobs::new(SqliteStore::memory()?);
/// let dashboard = Dashboard::new(&jobs).at("/admin/jobs").read_only();
/// let request = PageRequest::new("GET", "/admin/jobs/workers")
///     .header("host", b"localhost")
///     .peer("127.0.0.1".parse()?);
/// let page = laneway::block_on(dashboard.page(request));
/// assert_eq!(page.status, 200);
/// assert!(String::from_utf8_lossy(&page.body).contains("No worker holds a lease."));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Dashboard {
    jobs: Jobs,
    root: String,
    door: Door,
    mode: Mode,
    secret: Secret,
}

impl Dashboard {
    /// A dashboard of these jobs, mounted at the root, which changes what it is asked to.
    #[must_use]
    pub fn new(jobs: &Jobs) -> Dashboard {
        Dashboard {
            jobs: jobs.clone(),
            root: String::new(),
            door: Door::default(),
            mode: Mode::default(),
            secret: Secret::new(),
        }
    }

    /// Sets the path that it is mounted at; requests come with it. Default: the root.
    #[must_use]
    pub fn at(mut self, path: &str) -> Dashboard {
        let path = path.trim_matches('/');
        self.root = match path {
            "" => String::new(),
            _ => format!("/{path}"),
        };
        self
    }

    /// Lets it show everything and change nothing. Default: it changes what it is asked to.
    #[must_use]
    pub fn read_only(mut self) -> Dashboard {
        self.mode = Mode::ReadOnly;
        self
    }

    /// Lets clients in that give this token, wherever they are, and no others: in a form, or as
    /// `Authorization: Bearer`. An empty one is none. Default: none.
    ///
    /// The token crosses the wire: put TLS before it.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Dashboard {
        self.door.token = Some(token.into()).filter(|token| !token.is_empty());
        self
    }

    /// Adds a name by which browsers may call the server, without a port. Default: those of the
    /// loopback alone, since a foreign site can let its own name point at this machine.
    #[must_use]
    pub fn host(mut self, name: impl Into<String>) -> Dashboard {
        self.door.hosts.push(name.into());
        self
    }

    /// Answers a request.
    ///
    /// Every answer has a status and the headers that keep it from harm; a store that does not
    /// answer is a page with status 503 that says why.
    ///
    /// # Cancellation
    ///
    /// A change that was under way may have happened.
    pub async fn page(&self, request: PageRequest) -> PageResponse {
        let is_head = request.method == "HEAD";
        let mut response = self.answer(&request).await;
        if is_head {
            response.body.clear();
        }
        response
    }

    async fn answer(&self, request: &PageRequest) -> PageResponse {
        let place = self.place(SystemTime::UNIX_EPOCH);
        let routed = match request.path.strip_prefix(&*self.root) {
            Some(path) if path.is_empty() || path.starts_with('/') => routed(&request.method, path),
            _ => Routed::Nowhere,
        };
        let admission = self.door.admit(request, &self.secret);
        match (admission, routed) {
            (Admission::WrongHost, _) => wrong_host(&place),
            (Admission::FarAway, _) => far_away(&place),
            // The page that asks for the token needs these two.
            (_, Routed::To(Route::Style)) => PageResponse::file("text/css; charset=utf-8", STYLE),
            (_, Routed::To(Route::Icon)) => PageResponse::file("image/svg+xml", ICON),
            (_, Routed::To(Route::Change(Change::Login))) => self.log_in(&place, request),
            (Admission::TokenWanted, _) => log_in_form(&place, 401, ""),
            (_, Routed::Nowhere) => nowhere(&place),
            (_, Routed::OtherMethod(methods)) => other_method(&place, methods),
            (_, Routed::To(Route::Change(change))) => self.change(request, admission, change).await,
            (_, Routed::To(route)) => self.shown(request, route).await,
        }
    }

    fn place(&self, now: SystemTime) -> Place {
        Place {
            root: self.root.clone(),
            form_token: self.secret.sign("form", &self.root),
            mode: self.mode,
            now,
        }
    }

    async fn shown(&self, request: &PageRequest, route: Route) -> PageResponse {
        match route {
            Route::Script => PageResponse::file("text/javascript; charset=utf-8", SCRIPT),
            Route::Login => log_in_form(&self.place(SystemTime::UNIX_EPOCH), 200, ""),
            route => self
                .read(request, route)
                .await
                .unwrap_or_else(|error| self.failed(&error)),
        }
    }

    async fn read(&self, request: &PageRequest, route: Route) -> Answered {
        let now = self.jobs.store().queues().await?;
        let asked = self.asked(request, now.now);
        match route {
            Route::Jobs => job_list::job_list(&asked, now.queues).await,
            Route::Job(id) => job_page::job_page(&asked, id).await,
            Route::Part(id, part) => job_page::part(&asked, id, part).await,
            Route::Errors => error_groups::errors(&asked).await,
            Route::Schedules => schedule_list::schedules(&asked).await,
            Route::Workers => worker_list::workers(&asked).await,
            Route::Metrics => gauges::gauges(&asked, &now).await,
            Route::Bulk if self.mode == Mode::ReadOnly => Ok(read_only(&asked.place)),
            Route::Bulk => bulk::preview(&asked).await,
            _ => overview::overview(&asked, now.queues).await,
        }
    }

    fn asked<'a>(&'a self, request: &'a PageRequest, now: SystemTime) -> Asked<'a> {
        Asked {
            store: self.jobs.store(),
            place: self.place(now),
            request,
        }
    }

    async fn change(
        &self,
        request: &PageRequest,
        admission: Admission,
        change: Change,
    ) -> PageResponse {
        let place = self.place(SystemTime::UNIX_EPOCH);
        if request.body.len() > BODY_LIMIT {
            return refusal(
                &place,
                413,
                "The form is too large",
                "Go back and shorten it.",
            );
        }
        let form = request.form();
        if admission != Admission::Program && self.is_foreign(request, &form) {
            return foreign_form(&place);
        }
        if self.mode == Mode::ReadOnly {
            return read_only(&place);
        }
        let changed = self.made(request, change, &form).await;
        changed.unwrap_or_else(|error| self.failed(&error))
    }

    async fn made(&self, request: &PageRequest, change: Change, form: &Form) -> Answered {
        let now = self.jobs.store().queues().await?.now;
        changing::change(&self.asked(request, now), change, form).await
    }

    /// Whether a form comes from another site, or from before the last start.
    fn is_foreign(&self, request: &PageRequest, form: &Form) -> bool {
        let own = self.secret.sign("form", &self.root);
        let given = form.get(FORM_TOKEN).unwrap_or_default();
        let is_cross_site = request.get("sec-fetch-site") == Some("cross-site");
        is_cross_site || self.secret.same(given, &own) == Sameness::Different
    }

    fn log_in(&self, place: &Place, request: &PageRequest) -> PageResponse {
        let Some(token) = &self.door.token else {
            return nowhere(place);
        };
        if request.body.len() > BODY_LIMIT {
            return log_in_form(place, 413, "This token is too long.");
        }
        let form = request.form();
        let given = form.get("token").unwrap_or_default();
        if self.secret.same(given, token) == Sameness::Different {
            return log_in_form(place, 401, "This is not the token.");
        }
        let path = if self.root.is_empty() {
            "/"
        } else {
            &*self.root
        };
        let session = self.secret.sign("session", token);
        let cookie = format!("{COOKIE}={session}; Path={path}; HttpOnly; SameSite=Strict");
        PageResponse::see(&place.address("/", &[])).with("set-cookie", &cookie)
    }

    fn failed(&self, error: &StoreError) -> PageResponse {
        let place = self.place(SystemTime::UNIX_EPOCH);
        refusal(&place, 503, "The store does not answer", &error.to_string())
    }
}

fn wrong_host(place: &Place) -> PageResponse {
    let next = "Call it localhost, or give the name to Dashboard::host.";
    refusal(place, 403, "This server does not go by that name", next)
}

fn far_away(place: &Place) -> PageResponse {
    let next = "Open it on the machine itself, or give it a token with Dashboard::token.";
    refusal(place, 403, "Only this machine may look", next)
}

fn nowhere(place: &Place) -> PageResponse {
    refusal(
        place,
        404,
        "There is no such page",
        "Go on from one of the pages above.",
    )
}

fn other_method(place: &Place, methods: &str) -> PageResponse {
    let next = format!("It answers to {methods}.");
    refusal(place, 405, "This page does not do that", &next).with("allow", methods)
}

fn read_only(place: &Place) -> PageResponse {
    let next = "This dashboard shows everything and changes nothing.";
    refusal(place, 403, "Nothing was changed", next)
}

fn foreign_form(place: &Place) -> PageResponse {
    let next = "The form came from another site, or from before the server's last start. Load the \
        page again and send it once more.";
    refusal(place, 403, "Nothing was changed", next)
}

fn log_in_form(place: &Place, status: u16, said: &str) -> PageResponse {
    let framed = Framed {
        place,
        title: "Token",
        tab: "",
        refresh: Refresh::ByHand,
        said: None,
    };
    framed.respond(status, |html| {
        html.text_el("h1", &[], "Token");
        if !said.is_empty() {
            html.text_el("p", &[("class", "said"), ("role", "alert")], said);
        }
        let action = place.address("/login", &[]);
        let form = [
            ("class", "filter"),
            ("method", "post"),
            ("action", &*action),
        ];
        html.el("form", &form, |html| {
            html.el("label", &[], |html| {
                html.text("The token that the server was started with");
                let attributes = [("type", "password"), ("name", "token"), ("required", "")];
                html.void("input", &attributes);
            });
            html.text_el("button", &[], "Open");
        });
    })
}
