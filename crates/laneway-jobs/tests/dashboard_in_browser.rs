//! Does the dashboard work in a real browser: on each screen, in the dark, by keyboard, by itself?
//!
//! This needs Chromium and its driver. Without them the test is skipped, and says so; with
//! `LANEWAY_BROWSER=required` in the environment that is a failure.

// It opens addresses, and no files.
#[allow(dead_code)]
#[path = "../../../tests/browser/mod.rs"]
mod browser;

use std::net::SocketAddr;
use std::time::Duration;

use browser::Browser;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use laneway::net::TcpListener;
use laneway::{Priority, Runtime};
use laneway_http::{BodyError, RequestBody, Server, service_fn};
use laneway_jobs::dashboard::{Dashboard, PageRequest};
use laneway_jobs::sqlite::SqliteStore;
use laneway_jobs::{
    Ctx, Enqueued, Job, JobId, JobState, Jobs, Limit, Retry, Schedule, Worker, WorkerHandle,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

const HOSTILE: &str = "</td></pre><script>window.pwned=1</script><img src=x onerror=pwned=2>";

#[derive(Serialize, Deserialize)]
struct Mail(String);

impl Job for Mail {
    const KIND: &'static str = "mail";
}

async fn answer(
    dashboard: Dashboard,
    request: Request<RequestBody>,
) -> Result<Response<Full<bytes::Bytes>>, BodyError> {
    let (head, body) = request.into_parts();
    let mut asked = PageRequest::new(head.method.as_str(), &head.uri.to_string())
        .peer("127.0.0.1".parse().unwrap());
    for (name, value) in &head.headers {
        asked = asked.header(name.as_str(), value.as_bytes());
    }
    let body = body.collect().await?.to_bytes();
    let page = dashboard.page(asked.body(body)).await;
    let mut answer = Response::builder().status(page.status);
    for (name, value) in page.headers {
        answer = answer.header(name, value);
    }
    Ok(answer.body(page.body.into()).unwrap())
}

/// A runtime with a served dashboard, and jobs of all fates.
struct Served {
    rt: Runtime,
    jobs: Jobs,
    address: SocketAddr,
    failed: JobId,
    _worker: WorkerHandle,
}

async fn work(mail: Mail, ctx: Ctx) -> Result<String, laneway_jobs::JobError> {
    match &*mail.0 {
        "slow" => {
            ctx.progress(0.4, HOSTILE).await?;
            ctx.cancelled().await;
            Ok("stopped".to_owned())
        }
        "good" => Ok("sent".to_owned()),
        other => Err(Retry::never(other)),
    }
}

fn served() -> Served {
    let rt = Runtime::builder().build().unwrap();
    let jobs = Jobs::new(SqliteStore::memory().unwrap());
    let dashboard = Dashboard::new(&jobs);
    let listener = rt.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let service = service_fn(move |request| answer(dashboard.clone(), request));
    rt.spawn(Server::new(service).serve(listener), Priority::High)
        .detach();
    let day = Duration::from_secs(24 * 60 * 60);
    let worker = Worker::new(&jobs)
        .queue("default", Limit::in_flight(8))
        .handle(work)
        .schedule(
            Schedule::every("daily", day)
                .job(|_| Mail("good".into()))
                .unwrap(),
        )
        .start(&rt)
        .unwrap();
    let failed = rt.block_on(async {
        let mail = |text: &str| jobs.enqueue(Mail(text.to_owned()));
        for _ in 0..60 {
            let _ = mail("good").lane(Priority::High).await.unwrap();
        }
        let _ = mail("slow").await.unwrap();
        let _ = mail("waits").queue(HOSTILE).await.unwrap();
        let failed = mail(HOSTILE).await.map(Enqueued::id).unwrap();
        assert!(jobs.wait::<String>(failed).await.is_err());
        failed
    });
    Served {
        rt,
        jobs,
        address,
        failed,
        _worker: worker,
    }
}

impl Served {
    fn open(&self, browser: &Browser, path: &str) {
        browser.visit();
        // Another document than the last one, also at the same address.
        browser.run(&format!(
            "window.left = true; location.href = 'http://{}{path}'",
            self.address
        ));
        browser.eventually(
            "the page is there",
            "return document.readyState === 'complete' && !window.left",
        );
    }

    fn state(&self, id: JobId) -> JobState {
        let views = self.rt.block_on(self.jobs.store().look(vec![id])).unwrap();
        views[0].as_ref().expect("the job is there").state
    }
}

fn main() {
    let programs = match browser::find() {
        Ok(programs) => programs,
        Err(why) => {
            let wish = std::env::var_os("LANEWAY_BROWSER");
            let is_required = wish.is_some_and(|value| value == "required");
            println!("\nskipped: the dashboard was not tested in a browser, since {why}.\n");
            return assert!(!is_required, "{why}");
        }
    };
    let browser = Browser::start(&programs);
    let served = served();
    pages_fit_every_screen(&browser, &served);
    println!("test pages_fit_every_screen ... ok");
    a_page_follows_the_store_by_itself(&browser, &served);
    println!("test a_page_follows_the_store_by_itself ... ok");
    the_reader_is_not_disturbed(&browser, &served);
    println!("test the_reader_is_not_disturbed ... ok");
    the_keyboard_is_enough_to_change_a_job(&browser, &served);
    println!("test the_keyboard_is_enough_to_change_a_job ... ok");
    tables_are_printed(&browser, &served);
    println!("test tables_are_printed ... ok");
}

fn pages_fit_every_screen(browser: &Browser, served: &Served) {
    let job = format!("/jobs/{}", served.failed);
    let pages = [
        "/",
        "/jobs",
        "/errors",
        "/schedules",
        "/workers",
        "/bulk?action=delete",
        &job,
    ];
    for light in ["light", "dark"] {
        browser.prefer(&[("prefers-color-scheme", light)]);
        for (width, height) in [(1280, 900), (390, 800)] {
            browser.resize(width, height);
            for page in pages {
                served.open(browser, page);
                fits(browser, served, &format!("{page}, {width} wide, {light}"));
            }
        }
    }
}

fn fits(browser: &Browser, served: &Served, place: &str) {
    let visit = browser.visit();
    assert_eq!(visit.console, [""; 0], "{place}");
    let own = format!("http://{}/", served.address);
    let foreign = visit.requests.iter().find(|url| !url.starts_with(&own));
    assert_eq!(foreign, None, "{place}");
    let wide = browser.run(
        "return [...document.querySelectorAll('body *')]
             .filter((e) => !e.closest('svg, .skip, thead, pre'))
             .filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
             .map((e) => e.outerHTML.slice(0, 80))",
    );
    assert_eq!(wide, json!([]), "{place}");
    let unsafe_things = browser.run(
        "return [typeof window.pwned, document.querySelectorAll('img').length,
                 document.querySelectorAll('main script').length]",
    );
    assert_eq!(unsafe_things, json!(["undefined", 0, 0]), "{place}");
    // Words against what is behind them, by the formula of the accessibility guidelines.
    let faint = browser.run(CONTRAST);
    assert_eq!(faint, json!([]), "{place}");
}

const CONTRAST: &str = "
    const channels = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
    const light = (c) => {
      const [r, g, b] = c.map((v) => v / 255)
        .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (e) => {
      for (; e; e = e.parentElement) {
        const c = channels(getComputedStyle(e).backgroundColor);
        if (c.length === 3 || c[3] > 0) return c;
      }
      return [255, 255, 255];
    };
    const faint = [];
    for (const e of document.querySelectorAll('body *')) {
      const words = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
      if (!words || e.closest('svg, noscript, option')) continue;
      const [a, b] = [channels(getComputedStyle(e).color), behind(e)].map((c) => light(c.slice(0, 3)));
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      if (ratio < 4.5) faint.push(ratio.toFixed(1) + ' ' + e.outerHTML.slice(0, 80));
    }
    return faint.slice(0, 5);";

fn a_page_follows_the_store_by_itself(browser: &Browser, served: &Served) {
    browser.resize(1280, 900);
    served.open(browser, "/jobs?queue=new");
    assert_eq!(rows(browser), json!(0));
    served.open(browser, "/");
    let queues = "[...document.querySelectorAll('h3')].map((e) => e.textContent)";
    let is_new = format!("return {queues}.includes('new')");
    assert_eq!(browser.run(&is_new), json!(false));
    browser.run("window.same = true");
    let mail = served.jobs.enqueue(Mail("waits".to_owned())).queue("new");
    let _ = served.rt.block_on(async { mail.await }).unwrap();
    browser.eventually("the new queue is shown", &is_new);
    assert_eq!(
        browser.run("return window.same"),
        json!(true),
        "the page was not loaded again"
    );
    let live = browser.run("return document.getElementById('live').textContent");
    assert_eq!(live, json!("live"));
    let visit = browser.visit();
    assert_eq!(visit.console, [""; 0]);
}

fn rows(browser: &Browser) -> serde_json::Value {
    browser.run("return document.querySelectorAll('tbody tr').length")
}

fn the_reader_is_not_disturbed(browser: &Browser, served: &Served) {
    served.open(browser, "/");
    browser
        .run("document.querySelector('main button').focus(); window.at = document.activeElement");
    browser.eventually(
        "the page says that it waits",
        "return document.getElementById('live').textContent.startsWith('paused')",
    );
    let same = "return document.activeElement === window.at && window.at.isConnected";
    assert_eq!(browser.run(same), json!(true));
    browser.run("document.activeElement.blur()");
    browser.eventually(
        "the page goes on",
        "return document.getElementById('live').textContent === 'live'",
    );
    // A message about a change leaves the address, so that a later load does not repeat it.
    served.open(browser, "/?said=paused");
    assert_eq!(browser.run("return location.search"), json!(""));
}

const TAB: char = '\u{e004}';
const ENTER: char = '\u{e007}';

fn the_keyboard_is_enough_to_change_a_job(browser: &Browser, served: &Served) {
    served.open(browser, &format!("/jobs/{}", served.failed));
    browser.press(&[TAB]);
    let focused = || browser.run("return document.activeElement.textContent");
    assert_eq!(focused(), json!("Skip to the content"));
    browser.press(&[ENTER]);
    browser.eventually(
        "the content is next",
        "return document.activeElement.id === 'main'",
    );
    browser.press(&[TAB]);
    assert_eq!(focused(), json!("Run again"));
    let seen = browser.run("return getComputedStyle(document.activeElement).outlineStyle");
    assert_eq!(seen, json!("solid"), "the focus is seen");
    browser.run("window.left = true");
    browser.press(&[ENTER]);
    browser.eventually(
        "it is told",
        "return !window.left && document.querySelector('.said') !== null",
    );
    let said = browser.run("return document.querySelector('.said').textContent");
    assert_eq!(said, json!("The job will run again."));
    let _ = served
        .rt
        .block_on(served.jobs.wait::<String>(served.failed));
    assert_eq!(
        served.state(served.failed),
        JobState::Failed,
        "it ran and failed again"
    );
    let attempts = "return document.querySelectorAll('.timeline li').length";
    browser.eventually("both attempts are told", &format!("{attempts} === 2"));
}

fn tables_are_printed(browser: &Browser, served: &Served) {
    served.open(browser, "/jobs");
    browser.devtools("Emulation.setEmulatedMedia", &json!({"media": "print"}));
    let shown = browser.run(
        "const shown = (e) => getComputedStyle(e).display;
         return [shown(document.querySelector('form')), shown(document.querySelector('header nav')),
                 shown(document.querySelector('thead'))]",
    );
    browser.devtools("Emulation.setEmulatedMedia", &json!({"media": ""}));
    assert_eq!(shown, json!(["none", "none", "table-header-group"]));
}
