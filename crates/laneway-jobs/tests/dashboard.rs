//! Does every page of the dashboard show what is there, to those that may see it, and does it change
//! only what its own forms ask for?

use std::time::{Duration, SystemTime};

use laneway_jobs::dashboard::{Dashboard, PageRequest, PageResponse};
use laneway_jobs::sqlite::SqliteStore;
use laneway_jobs::store::{
    Awaits, Bounds, ByHand, Changed, Claim, ClaimId, ClaimOrder, ClaimedJob, Due, Enqueued, Held,
    KeyRound, NewJob, NewSchedule, Note, NoteKind, Outcome, QueueState, ScheduleChange,
    ScheduleStore, Settlement, Step, Store, ViewStore, Whom,
};
use laneway_jobs::{JobId, JobState, Jobs};

const HOSTILE: &str = "</td></pre><script>alert('1')</script>\"'><img src=x onerror=alert(2)>";

/// A dashboard, its store, and a browser on the same machine.
struct Desk {
    store: SqliteStore,
    dashboard: Dashboard,
    last: std::cell::Cell<u128>,
}

fn desk() -> Desk {
    desk_with(|dashboard| dashboard)
}

fn desk_with(set_up: impl FnOnce(Dashboard) -> Dashboard) -> Desk {
    let store = SqliteStore::memory().unwrap();
    let dashboard = set_up(Dashboard::new(&Jobs::new(store.clone())));
    let last = std::cell::Cell::new(0x018f_0e9c_7b3a_7c00_8a1b_0000_0000_0000);
    Desk {
        store,
        dashboard,
        last,
    }
}

fn near(method: &str, target: &str) -> PageRequest {
    PageRequest::new(method, target)
        .header("Host", b"localhost:8080")
        .peer("127.0.0.1".parse().unwrap())
}

fn text(page: &PageResponse) -> String {
    String::from_utf8(page.body.clone()).unwrap()
}

fn header<'p>(page: &'p PageResponse, name: &str) -> Option<&'p str> {
    let mut headers = page.headers.iter();
    let (_, value) = headers.find(|(header, _)| *header == name)?;
    Some(value)
}

/// The token that the forms of a page carry.
fn form_token(page: &str) -> String {
    let (_, after) = page
        .split_once("name=\"form_token\" value=\"")
        .expect("a form");
    after.split('"').next().unwrap().to_owned()
}

impl Desk {
    fn ask(&self, request: PageRequest) -> PageResponse {
        laneway::block_on(self.dashboard.page(request))
    }

    #[track_caller]
    fn get(&self, target: &str) -> String {
        let page = self.ask(near("GET", target));
        assert_eq!(page.status, 200, "{target}: {}", text(&page));
        text(&page)
    }

    fn status(&self, method: &str, target: &str) -> u16 {
        self.ask(near(method, target)).status
    }

    /// Sends a form as the page at `from` would.
    fn send(&self, from: &str, target: &str, fields: &str) -> PageResponse {
        let token = form_token(&self.get(from));
        let body = format!("form_token={token}&{fields}");
        self.ask(near("POST", target).body(body))
    }

    fn job(&self, kind: &str) -> NewJob {
        self.last.set(self.last.get() + 1);
        NewJob {
            id: JobId::from_bytes(self.last.get().to_be_bytes()),
            kind: kind.to_owned(),
            old_kinds: &[],
            queue: "default".to_owned(),
            lane: laneway::Priority::Low,
            due: Due::Now,
            max_attempts: 3,
            timeout: None,
            expires_after: None,
            unique: None,
            limit_key: None,
            parent: None,
            awaits: None,
            awaited_by: None,
            payload: b"{\"to\":\"Ada\"}".to_vec(),
        }
    }

    fn insert(&self, job: NewJob) -> JobId {
        let inserted = laneway::block_on(self.store.insert(vec![job])).unwrap();
        Enqueued::id(inserted[0])
    }

    fn claim(&self, job: &NewJob) -> ClaimedJob {
        self.last.set(self.last.get() + 1);
        let claim = Claim {
            id: ClaimId::from_bytes(self.last.get().to_be_bytes()),
            queue: job.queue.clone(),
            kinds: vec![job.kind.clone()],
            limit: 1,
            order: ClaimOrder::HighFirst,
            whom: Whom::Innocents,
            lease: Duration::from_secs(60),
            worker: format!("worker {HOSTILE}"),
            bounds: Bounds::default(),
            round: KeyRound::default(),
        };
        let claimed = laneway::block_on(self.store.claim(claim)).unwrap();
        claimed.jobs.into_iter().next().expect("it is due")
    }

    /// Inserts a job, and ends its first attempt so.
    fn ended(&self, job: NewJob, outcome: Outcome) -> JobId {
        let id = self.insert(job.clone());
        self.end(&job, outcome);
        id
    }

    /// Begins an attempt, and ends it so.
    fn end(&self, job: &NewJob, outcome: Outcome) {
        let settlement = Settlement {
            held: held(&self.claim(job)),
            outcome,
        };
        let _ = laneway::block_on(self.store.settle(vec![settlement])).unwrap();
    }

    fn failed(&self, error: &str) -> JobId {
        let error = error.to_owned();
        self.ended(self.job("mail"), Outcome::Failed { error })
    }

    fn state(&self, id: JobId) -> Option<JobState> {
        let views = laneway::block_on(self.store.look(vec![id])).unwrap();
        views[0].as_ref().map(|view| view.state)
    }
}

fn held(job: &ClaimedJob) -> Held {
    Held {
        id: job.id,
        fence: job.fence,
    }
}

#[test]
fn an_empty_store_tells_on_every_page_what_to_do_next() {
    let desk = desk();
    for (target, what) in [
        ("/", "There are no jobs yet."),
        ("", "There are no jobs yet."),
        ("/jobs", "There are no jobs."),
        ("/jobs?state=failed", "No job matches."),
        ("/errors", "No attempt has failed."),
        ("/schedules", "There are no schedules."),
        ("/workers", "No worker holds a lease."),
        ("/bulk?action=retry", "0 jobs would run again"),
    ] {
        let page = desk.get(target);
        assert!(page.contains(what), "{target}: {page}");
    }
}

#[test]
fn every_answer_carries_the_headers_that_keep_it_from_harm() {
    let desk = desk();
    for (method, target) in [
        ("GET", "/"),
        ("GET", "/nowhere"),
        ("POST", "/bulk"),
        ("PUT", "/"),
    ] {
        let page = desk.ask(near(method, target));
        let policy = header(&page, "content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none';"),
            "{target}: {policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(header(&page, "x-content-type-options"), Some("nosniff"));
        assert_eq!(header(&page, "cache-control"), Some("no-store"));
    }
    for (target, content_type) in [
        ("/style.css", "text/css; charset=utf-8"),
        ("/script.js", "text/javascript; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
    ] {
        let file = desk.ask(near("GET", target));
        assert_eq!(
            (file.status, header(&file, "content-type")),
            (200, Some(content_type))
        );
    }
    let head = desk.ask(near("HEAD", "/"));
    assert_eq!((head.status, head.body.len()), (200, 0));
    // What a policy without exceptions asks of pages.
    let page = desk.get("/");
    assert!(
        !page.contains(" style=") && !page.contains(" onclick"),
        "{page}"
    );
}

#[test]
fn hostile_texts_are_shown_as_texts() {
    let desk = desk();
    let hostile = || NewJob {
        queue: HOSTILE.to_owned(),
        payload: format!("{HOSTILE}\u{202e}\0").into_bytes(),
        ..desk.job(HOSTILE)
    };
    let error = HOSTILE.to_owned();
    let id = desk.ended(hostile(), Outcome::Failed { error });
    let runs = hostile();
    desk.insert(runs.clone());
    let claimed = desk.claim(&runs);
    let note = |kind| Note {
        held: held(&claimed),
        kind,
    };
    let text = HOSTILE.to_owned();
    let notes = vec![
        note(NoteKind::Progress { part: 0.5, text }),
        note(NoteKind::Step(Step {
            name: HOSTILE.to_owned(),
            value: HOSTILE.as_bytes().to_vec(),
        })),
    ];
    let _ = laneway::block_on(desk.store.note(notes)).unwrap();
    let schedule = ScheduleChange::Keep(NewSchedule {
        name: HOSTILE.to_owned(),
        pattern: HOSTILE.to_owned(),
        zone: HOSTILE.to_owned(),
        kind: HOSTILE.to_owned(),
        next: Some(SystemTime::UNIX_EPOCH),
    });
    laneway::block_on(desk.store.change_schedules(vec![schedule])).unwrap();
    let encoded = "%3C/td%3E%3Cscript%3Ealert('1')%3C/script%3E%22'%3E%3Cimg%20src=x%3E";
    for target in [
        "/".to_owned(),
        "/jobs".to_owned(),
        format!("/jobs?kind={encoded}&queue={encoded}&error={encoded}"),
        format!("/jobs?state={encoded}"),
        format!("/jobs/{id}"),
        format!("/jobs/{}?said={encoded}", claimed.id),
        "/errors".to_owned(),
        "/schedules".to_owned(),
        "/workers".to_owned(),
        "/bulk?action=delete".to_owned(),
        format!("/bulk?action=delete&kind={encoded}"),
        format!("/{encoded}"),
    ] {
        let page = String::from_utf8(desk.ask(near("GET", &target)).body).unwrap();
        for markup in ["<script>", "<img", "\u{202e}", "\0"] {
            assert!(!page.contains(markup), "{target}: {page}");
        }
    }
    assert!(desk.get("/jobs").contains("&lt;script&gt;"));
}

#[test]
fn what_is_too_long_is_cut() {
    let desk = desk();
    let long = "long ".repeat(200_000);
    let job = NewJob {
        queue: long.clone(),
        payload: format!("\"{}\"", "x".repeat(1_000_000)).into_bytes(),
        ..desk.job(&long)
    };
    let id = desk.ended(job, Outcome::Failed { error: long });
    for target in ["/errors".to_owned(), format!("/jobs/{id}")] {
        let page = desk.get(&target);
        assert!(page.len() < 8_000_000, "{target} has {} bytes", page.len());
    }
    let page = desk.get(&format!("/jobs/{id}"));
    assert!(page.contains("The first 65536 of 1000002 bytes."), "{page}");
    let whole = desk.ask(near("GET", &format!("/jobs/{id}/payload")));
    assert_eq!((whole.status, whole.body.len()), (200, 1_000_002));
    assert_eq!(
        header(&whole, "content-type"),
        Some("application/octet-stream")
    );
    let disposition = header(&whole, "content-disposition").unwrap();
    assert!(disposition.starts_with("attachment;"), "{disposition}");
}

#[test]
fn what_is_not_there_is_said() {
    let desk = desk();
    let unknown = "018f0e9c-7b3a-7c00-8a1b-000000000001";
    for target in [
        "/jobs/7",
        "/jobs/018f0e9c-7b3a-7c00-8a1b-00000000000g",
        &format!("/jobs/{unknown}"),
        &format!("/jobs/{unknown}/payload"),
        &format!("/jobs/{unknown}/result"),
        &format!("/jobs/{unknown}/secrets"),
        "/../etc/passwd",
        "/jobs/../../x",
        "//",
        "/style.css/x",
    ] {
        let status = desk.status("GET", target);
        assert!(status == 404 || target == "//", "{target}: {status}");
    }
    for target in [
        "/jobs?state=x",
        "/jobs?lane=x",
        "/jobs?before=x",
        "/bulk?action=x",
        "/bulk",
    ] {
        assert_eq!(desk.status("GET", target), 400, "{target}");
    }
    for target in [
        "/jobs?page=99999999999999999999999999",
        "/jobs?before=ffffffff-ffff-ffff-ffff-ffffffffffff",
        "/?span=99999999999999999999",
        "/?said=nothing&x=%ff%00&&==",
    ] {
        assert_eq!(desk.status("GET", target), 200, "{target}");
    }
}

#[test]
fn a_page_answers_to_its_methods_alone() {
    let desk = desk();
    let id = desk.failed("broken");
    for (method, target, allowed) in [
        ("POST", "/".to_owned(), "GET, HEAD"),
        ("DELETE", format!("/jobs/{id}"), "GET, HEAD"),
        ("GET", format!("/jobs/{id}/retry"), "POST"),
        ("HEAD", format!("/jobs/{id}/delete"), "POST"),
        ("GET", "/queues/pause".to_owned(), "POST"),
        ("PATCH", "/bulk".to_owned(), "GET, HEAD, POST"),
        ("get", "/jobs".to_owned(), "GET, HEAD"),
    ] {
        let page = desk.ask(near(method, &target));
        assert_eq!(page.status, 405, "{method} {target}");
        assert_eq!(header(&page, "allow"), Some(allowed), "{method} {target}");
    }
    assert_eq!(desk.state(id), Some(JobState::Failed));
}

#[test]
fn a_form_of_another_site_changes_nothing() {
    let desk = desk();
    let id = desk.failed("broken");
    let own = form_token(&desk.get(&format!("/jobs/{id}")));
    let post = |target: &str, body: String| near("POST", target).body(body);
    for target in [
        format!("/jobs/{id}/retry"),
        format!("/jobs/{id}/delete"),
        "/bulk".to_owned(),
        "/queues/pause".to_owned(),
        "/schedules/pause".to_owned(),
    ] {
        let fields = "queue=default&action=delete";
        let without = desk.ask(post(&target, fields.to_owned()));
        assert_eq!(without.status, 403, "{target}");
        let wrong = desk.ask(post(&target, format!("form_token={}0&{fields}", &own[1..])));
        assert_eq!(wrong.status, 403, "{target}");
        let cross = post(&target, format!("form_token={own}&{fields}"));
        let cross = desk.ask(cross.header("Sec-Fetch-Site", b"cross-site"));
        assert_eq!(cross.status, 403, "{target}");
    }
    assert_eq!(desk.state(id), Some(JobState::Failed));
    let large = format!("form_token={own}&x={}", "x".repeat(100_000));
    assert_eq!(desk.ask(post("/bulk", large)).status, 413);
}

#[test]
fn a_read_only_dashboard_has_no_forms_and_changes_nothing() {
    let desk = desk_with(|dashboard| dashboard.read_only().token("open"));
    let id = desk.failed("broken");
    desk.insert(desk.job("mail"));
    for target in [
        "/",
        "/jobs",
        "/errors",
        "/schedules",
        &format!("/jobs/{id}"),
    ] {
        let asked = near("GET", target).header("authorization", b"Bearer open");
        let page = text(&desk.ask(asked));
        assert!(
            !page.contains("method=\"post\"") && !page.contains("form_token"),
            "{page}"
        );
        assert!(page.contains("read-only"), "{target}");
    }
    let bulk = near("GET", "/bulk?action=delete").header("authorization", b"Bearer open");
    assert_eq!(desk.ask(bulk).status, 403);
    // The token itself stands for that of a form, which this dashboard gives to no page.
    let program = near("POST", &format!("/jobs/{id}/retry"))
        .peer("10.0.0.2".parse().unwrap())
        .header("authorization", b"Bearer open");
    let refused = desk.ask(program);
    assert_eq!(refused.status, 403);
    assert!(
        text(&refused).contains("changes nothing"),
        "{}",
        text(&refused)
    );
    assert_eq!(desk.state(id), Some(JobState::Failed));
}

#[test]
fn programs_read_the_numbers_of_the_queues() {
    let desk = desk_with(|dashboard| dashboard.token("open"));
    desk.failed("broken");
    let mut job = desk.job("mail");
    job.queue = "a \"queue\"\\\n".to_owned();
    desk.insert(job);
    assert_eq!(desk.status("GET", "/metrics"), 401);
    let numbers = desk.ask(near("GET", "/metrics").header("authorization", b"Bearer open"));
    let content_type = header(&numbers, "content-type").unwrap();
    assert!(
        content_type.starts_with("text/plain; version=0.0.4"),
        "{content_type}"
    );
    let numbers = text(&numbers);
    for line in [
        "# TYPE laneway_jobs gauge",
        "laneway_jobs{queue=\"default\",state=\"failed\"} 1",
        "laneway_jobs{queue=\"a \\\"queue\\\"\\\\\\n\",state=\"ready\"} 1",
        "laneway_queue_paused{queue=\"default\"} 0",
        "laneway_overdue_seconds{queue=\"default\",lane=\"high\"} 0",
    ] {
        assert!(numbers.lines().any(|one| one == line), "{line}\n{numbers}");
    }
}

#[test]
fn only_this_machine_looks_without_a_token() {
    let desk = desk();
    let far = "10.0.0.2".parse().unwrap();
    assert_eq!(desk.ask(near("GET", "/").peer(far)).status, 403);
    let unknown = PageRequest::new("GET", "/").header("host", b"localhost");
    assert_eq!(desk.ask(unknown).status, 403);
    let rebound = PageRequest::new("GET", "/")
        .header("host", b"evil.example")
        .peer("127.0.0.1".parse().unwrap());
    let page = desk.ask(rebound);
    assert_eq!(page.status, 403);
    assert!(!text(&page).contains("form_token"));
    // No way in by the form for tokens, where there is none.
    let login = near("POST", "/login").peer(far).body("token=");
    assert_eq!(desk.ask(login).status, 403);
}

#[test]
fn a_token_opens_the_dashboard_from_elsewhere() {
    let desk = desk_with(|dashboard| dashboard.at("/admin").token("open").host("jobs.example"));
    let far = |method, target: &str| {
        PageRequest::new(method, target)
            .header("host", b"jobs.example:443")
            .peer("10.0.0.2".parse().unwrap())
    };
    let closed = desk.ask(far("GET", "/admin/jobs"));
    assert_eq!(closed.status, 401);
    assert!(text(&closed).contains("action=\"/admin/login\""));
    assert_eq!(desk.ask(far("GET", "/admin/style.css")).status, 200);
    assert_eq!(desk.ask(far("GET", "/admin/script.js")).status, 401);
    let wrong = desk.ask(far("POST", "/admin/login").body("token=opens"));
    assert_eq!((wrong.status, header(&wrong, "set-cookie")), (401, None));
    let right = desk.ask(far("POST", "/admin/login").body("token=open"));
    assert_eq!(
        (right.status, header(&right, "location")),
        (303, Some("/admin/"))
    );
    let cookie = header(&right, "set-cookie").unwrap();
    assert!(
        cookie.ends_with("; Path=/admin; HttpOnly; SameSite=Strict"),
        "{cookie}"
    );
    assert!(!cookie.contains("open"), "{cookie}");
    let pair = cookie.split(';').next().unwrap();
    let with = |method, target| far(method, target).header("cookie", pair.as_bytes());
    assert_eq!(desk.ask(with("GET", "/admin/jobs")).status, 200);
    assert_eq!(
        desk.ask(with("POST", "/admin/bulk")).status,
        403,
        "no form token"
    );
    let program = far("POST", "/admin/queues/pause").header("authorization", b"Bearer open");
    assert_eq!(desk.ask(program).status, 303);
}

#[test]
fn it_answers_below_its_own_path_alone() {
    let desk = desk_with(|dashboard| dashboard.at("/admin/jobs/"));
    let page = desk.get("/admin/jobs");
    let links = page.matches("href=\"").count();
    assert_eq!(
        links - page.matches("href=\"/admin/jobs").count(),
        1,
        "{page}"
    );
    assert!(page.contains("href=\"#main\""), "the one to the content");
    for target in ["/", "/jobs", "/admin/jobsx", "/admin"] {
        assert_eq!(desk.status("GET", target), 404, "{target}");
    }
}

#[test]
fn the_overview_counts_and_draws() {
    let desk = desk();
    desk.ended(desk.job("mail"), Outcome::Completed(b"1".to_vec()));
    desk.failed("broken");
    desk.insert(desk.job("mail"));
    let page = desk.get("/?span=1%20h");
    for part in [
        "<b>1</b><span>ready</span>",
        "<b>1</b><span>done</span>",
        "<b>1</b><span>failed</span>",
        "<b>0</b><span>quarantined</span>",
        "aria-label=\"Jobs done per second\"",
        "1 jobs failed for good",
        "href=\"/jobs?state=failed&amp;queue=default\"",
        "http-equiv=\"refresh\"",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("NaN") && !page.contains("inf"), "{page}");
}

#[test]
fn a_queue_is_paused_and_resumed() {
    let desk = desk();
    desk.insert(desk.job("mail"));
    let paused = desk.send("/", "/queues/pause", "queue=default");
    assert_eq!(
        (paused.status, header(&paused, "location")),
        (303, Some("/?said=paused"))
    );
    let state = || laneway::block_on(desk.store.queues()).unwrap().queues[0].state;
    assert_eq!(state(), QueueState::Paused);
    assert!(desk.get("/?said=paused").contains("It is paused."));
    let resumed = desk.send("/", "/queues/resume", "queue=default");
    assert_eq!(resumed.status, 303);
    assert_eq!(state(), QueueState::Open);
    let unknown = desk.send("/", "/queues/pause", "queue=unknown");
    assert_eq!(header(&unknown, "location"), Some("/?said=missing"));
    assert_eq!(
        laneway::block_on(desk.store.queues()).unwrap().queues.len(),
        1
    );
}

#[test]
fn the_list_is_filtered_and_goes_on_page_by_page() {
    let desk = desk();
    for number in 0..120 {
        desk.insert(desk.job(&format!("kind.{number}")));
    }
    let high = NewJob {
        lane: laneway::Priority::High,
        ..desk.job("urgent")
    };
    desk.insert(high);
    let page = desk.get("/jobs?lane=high");
    assert!(page.contains("urgent") && !page.contains("kind."), "{page}");
    let (mut target, mut rows) = ("/jobs?state=ready&lane=low".to_owned(), 0);
    for _ in 0..3 {
        let page = desk.get(&target);
        rows += page.matches("data-label=\"State\"").count();
        let older = page
            .split("href=\"")
            .find(|link| link.contains("\">Older</a>"));
        let Some(older) = older else { break };
        target = older.split('"').next().unwrap().replace("&amp;", "&");
        assert!(target.contains("state=ready&lane=low&before="), "{target}");
    }
    assert_eq!(rows, 120);
}

#[test]
fn a_job_page_tells_its_story() {
    let desk = desk();
    let parent = desk.insert(desk.job("parent"));
    let follows = NewJob {
        awaits: Some(Awaits::Settled),
        ..desk.job("after all")
    };
    let job = NewJob {
        awaited_by: Some(follows.id),
        parent: Some(parent),
        timeout: Some(Duration::from_secs(90)),
        ..desk.job("mail")
    };
    let (last, id) = (follows.id, job.id);
    let _ = laneway::block_on(desk.store.insert(vec![follows, job.clone()])).unwrap();
    let error = "busy\nand more".to_owned();
    let after = Duration::ZERO;
    desk.end(&job, Outcome::Retry { after, error });
    desk.end(&job, Outcome::Completed(b"[1,2]".to_vec()));
    let page = desk.get(&format!("/jobs/{id}"));
    for part in [
        "<b>Attempt 1</b>",
        "<b>Attempt 2</b>",
        "busy\nand more",
        "&quot;to&quot;: &quot;Ada&quot;",
        "[\n  1,\n  2\n]",
        &format!("href=\"/jobs/{last}\""),
        &format!("href=\"/jobs/{parent}\""),
        "<dt>Time per attempt</dt><dd>90 s</dd>",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let page = desk.get(&format!("/jobs/{last}"));
    assert!(page.contains(">one job</a>: 1 done"), "{page}");
    let members = desk.get(&format!("/jobs?awaited_by={last}"));
    assert_eq!(
        members.matches("data-label=\"State\"").count(),
        1,
        "{members}"
    );
}

#[test]
fn one_job_is_retried_cancelled_and_deleted() {
    let desk = desk();
    let id = desk.failed("broken");
    let page = format!("/jobs/{id}");
    let send = |action: &str| {
        let response = desk.send(&page, &format!("{page}/{action}"), "");
        assert_eq!(response.status, 303, "{action}");
        header(&response, "location").unwrap().to_owned()
    };
    assert_eq!(send("retry"), format!("{page}?said=retried"));
    assert_eq!(desk.state(id), Some(JobState::Ready));
    assert_eq!(send("retry"), format!("{page}?said=refused"));
    assert_eq!(send("cancel"), format!("{page}?said=cancelled"));
    assert_eq!(desk.state(id), Some(JobState::Cancelled));
    assert_eq!(send("delete"), "/jobs?said=deleted");
    assert_eq!(desk.state(id), None);
    let other = desk.failed("broken");
    let gone = desk.send(&format!("/jobs/{other}"), &format!("{page}/retry"), "");
    assert_eq!(header(&gone, "location"), Some("/jobs?said=missing"));
}

/// Such are those that were cancelled or expired before they were begun.
#[test]
fn a_job_that_ended_without_an_attempt_is_not_said_to_begin() {
    let desk = desk();
    let id = desk.insert(desk.job("mail"));
    let path = format!("/jobs/{id}");
    let begins = "A worker that handles this kind begins it";
    assert!(desk.get(&path).contains(begins));
    let cancelled = laneway::block_on(desk.store.change(vec![ByHand::Cancel(id)]));
    assert_eq!(cancelled, Ok(vec![Changed::Done]));
    let page = desk.get(&path);
    assert!(!page.contains(begins), "{page}");
    assert!(page.contains("No attempt was made"), "{page}");
}

#[test]
fn a_job_of_later_runs_now_and_one_that_is_due_has_no_button() {
    let desk = desk();
    let hour = Duration::from_secs(3600);
    let id = desk.insert(NewJob {
        due: Due::In(hour),
        ..desk.job("mail")
    });
    let page = format!("/jobs/{id}");
    assert!(desk.get(&page).contains("Run now"));
    let sent = desk.send(&page, &format!("{page}/run-now"), "");
    assert_eq!(
        header(&sent, "location"),
        Some(&*format!("{page}?said=hastened"))
    );
    assert!(
        desk.get(&format!("{page}?said=hastened"))
            .contains("waits for no time")
    );
    assert_eq!(desk.claim(&desk.job("mail")).id, id);
    let due = desk.insert(desk.job("mail"));
    assert!(!desk.get(&format!("/jobs/{due}")).contains("Run now"));
}

#[test]
fn all_that_wait_for_their_time_run_now() {
    let desk = desk();
    for _ in 0..2 {
        desk.insert(NewJob {
            due: Due::In(Duration::from_secs(3600)),
            ..desk.job("mail")
        });
    }
    assert!(desk.get("/jobs").contains("Run now\u{2026}"));
    let fields = "action=run-now&kind=mail";
    let target = format!("/bulk?{fields}");
    assert!(
        desk.get(&target)
            .contains("2 jobs would wait for no time any more")
    );
    assert!(text(&desk.send(&target, "/bulk", fields)).contains("Changed: 2 jobs"));
    desk.claim(&desk.job("mail"));
}

#[test]
fn a_running_job_is_asked_to_stop() {
    let desk = desk();
    let job = desk.job("mail");
    let id = desk.insert(job.clone());
    desk.claim(&job);
    let page = format!("/jobs/{id}");
    let asked = desk.send(&page, &format!("{page}/cancel"), "");
    assert_eq!(
        header(&asked, "location"),
        Some(&*format!("{page}?said=asked"))
    );
    assert!(desk.get(&page).contains("its worker has been asked"));
    assert!(desk.get("/workers").contains("asked to stop"));
}

#[test]
fn all_that_match_are_changed_after_a_preview() {
    let desk = desk();
    let failed: Vec<JobId> = (0..3).map(|_| desk.failed("10.0.0.7: busy")).collect();
    let other = desk.failed("refused");
    let preview = desk.get("/bulk?action=retry&state=failed&error=busy");
    assert!(preview.contains("3 jobs would run again"), "{preview}");
    let fields = "action=retry&state=failed&error=busy";
    let target = format!("/bulk?{fields}");
    let before = preview
        .split_once("name=\"before\" value=\"")
        .expect("where it begins")
        .1;
    let before = before.split('"').next().unwrap();
    let newer = desk.failed("10.0.0.8: busy");
    let done = desk.send(&target, "/bulk", &format!("{fields}&before={before}"));
    assert_eq!(done.status, 200);
    assert!(text(&done).contains("Changed: 3 jobs"), "{}", text(&done));
    for id in failed {
        assert_eq!(desk.state(id), Some(JobState::Ready));
    }
    assert_eq!(desk.state(other), Some(JobState::Failed));
    assert_eq!(
        desk.state(newer),
        Some(JobState::Failed),
        "it came after the preview"
    );
}

#[test]
fn more_than_one_request_may_change_goes_on() {
    let desk = desk();
    let many = (0..10_001).map(|_| desk.job("mail")).collect();
    let _ = laneway::block_on(desk.store.insert(many)).unwrap();
    let target = "/bulk?action=cancel&state=ready";
    let preview = desk.get(target);
    assert!(
        preview.contains("10,001 jobs would be cancelled"),
        "{preview}"
    );
    let first = text(&desk.send(target, "/bulk", "action=cancel&state=ready"));
    assert!(first.contains("Changed so far: 10,000 jobs"), "{first}");
    let before = first
        .split_once("name=\"before\" value=\"")
        .expect("it goes on")
        .1;
    let before = before.split('"').next().unwrap();
    let rest = format!("action=cancel&state=ready&changed=10000&before={before}");
    let second = text(&desk.send(target, "/bulk", &rest));
    assert!(second.contains("Changed: 10,001 jobs"), "{second}");
    assert!(
        desk.get("/")
            .contains("<b>10,000+</b><span>cancelled</span>")
    );
}

#[test]
fn errors_that_differ_in_numbers_are_one_group() {
    let desk = desk();
    for number in 0..3 {
        desk.failed(&format!("10.0.0.{number}: the server is busy"));
    }
    desk.failed("refused");
    let page = desk.get("/errors");
    assert!(page.contains("#.#.#.#: the server is busy</a>"), "{page}");
    assert!(
        page.contains("class=\"n\">3</td>") && page.contains("3 failed"),
        "{page}"
    );
    let link = "/jobs?kind=mail&amp;error=%3A%20the%20server%20is%20busy";
    let link = page
        .split("href=\"")
        .find(|part| part.starts_with(link.split("%3A").next().unwrap()));
    let target = link
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .replace("&amp;", "&");
    let list = desk.get(&target);
    assert_eq!(
        list.matches("data-label=\"State\"").count(),
        3,
        "{target}: {list}"
    );
}

#[test]
fn an_error_without_a_text_can_be_followed() {
    let desk = desk();
    desk.failed("");
    assert!(desk.get("/errors").contains(">an error without a text</a>"));
}

#[test]
fn schedules_are_paused_and_resumed() {
    let desk = desk();
    let keep = ScheduleChange::Keep(NewSchedule {
        name: "nightly".to_owned(),
        pattern: "0 3 * * *".to_owned(),
        zone: "UTC".to_owned(),
        kind: "sweep".to_owned(),
        next: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000)),
    });
    laneway::block_on(desk.store.change_schedules(vec![keep])).unwrap();
    let page = desk.get("/schedules");
    assert!(
        page.contains("nightly") && page.contains("0 3 * * *"),
        "{page}"
    );
    assert!(page.contains("none yet"), "{page}");
    let paused = desk.send("/schedules", "/schedules/pause", "schedule=nightly");
    assert_eq!(header(&paused, "location"), Some("/schedules?said=paused"));
    assert!(desk.get("/schedules").contains("Resume"));
    let unknown = desk.send("/schedules", "/schedules/pause", "schedule=x");
    assert_eq!(
        header(&unknown, "location"),
        Some("/schedules?said=missing")
    );
}
