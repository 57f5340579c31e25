//! Does the live page show in a real browser what a runtime does, and come back when it was lost?
//!
//! This needs Chromium and its driver. Without them the tests are skipped, and say so; with
//! `LANEWAY_BROWSER=required` in the environment that is a failure.

#[allow(dead_code, reason = "the replay page's tests use the rest")]
#[path = "../../../tests/browser/mod.rs"]
mod browser;

use std::env;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use browser::Browser;
use laneway::net::TcpListener;
use laneway::time::interval;
use laneway::{Priority, Runtime, Task, spawn_task};
use laneway_http::{ServeReport, Server, ServerHandle, inspect};
use serde_json::{Value, json};

type Test = (&'static str, fn(&Browser));

const TESTS: &[Test] = &[
    (
        "it_shows_what_happens_quietly",
        it_shows_what_happens_quietly,
    ),
    ("space_pauses_and_goes_on", space_pauses_and_goes_on),
    (
        "plus_and_minus_change_the_window",
        plus_and_minus_change_the_window,
    ),
    (
        "it_draws_every_frame_beside_10_000_tasks_a_second",
        it_draws_every_frame_beside_10_000_tasks_a_second,
    ),
    ("hostile_names_are_text", hostile_names_are_text),
    ("long_polls_are_listed", long_polls_are_listed),
    (
        "what_was_missed_is_counted_and_shown",
        what_was_missed_is_counted_and_shown,
    ),
    (
        "it_fits_on_a_phone_and_a_desk",
        it_fits_on_a_phone_and_a_desk,
    ),
    (
        "colours_follow_the_system_and_the_button",
        colours_follow_the_system_and_the_button,
    ),
    (
        "motion_is_rare_where_it_is_unwelcome",
        motion_is_rare_where_it_is_unwelcome,
    ),
    (
        "a_lost_connection_is_told_and_comes_back",
        a_lost_connection_is_told_and_comes_back,
    ),
    (
        "a_page_that_is_left_is_noticed",
        a_page_that_is_left_is_noticed,
    ),
];

fn main() -> ExitCode {
    let programs = match browser::find() {
        Ok(programs) => programs,
        Err(why) => return skip(&why),
    };
    let browser = Browser::start(&programs);
    // As with other tests, a word on the command line chooses; options are not for us.
    let wanted: Vec<String> = env::args()
        .skip(1)
        .filter(|a| !a.starts_with('-'))
        .collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|w| name.contains(w));
    let mut failed = 0;
    for (name, test) in TESTS.iter().filter(|(name, _)| is_wanted(name)) {
        browser.resize(1280, 900);
        browser.prefer(&[("prefers-color-scheme", "light")]);
        match catch_unwind(AssertUnwindSafe(|| test(&browser))) {
            Ok(()) => println!("test {name} ... ok"),
            Err(_) => {
                failed += 1;
                println!("test {name} ... FAILED");
            }
        }
    }
    println!("\n{failed} failed");
    ExitCode::from(u8::from(failed > 0))
}

fn skip(why: &str) -> ExitCode {
    let is_required = env::var_os("LANEWAY_BROWSER").is_some_and(|value| value == "required");
    println!("\nskipped: the live page was not tested, since {why}.");
    println!("On Debian, apt-get install chromium chromium-driver; or name the programs in");
    println!("the variables CHROMIUM and CHROMEDRIVER.\n");
    ExitCode::from(u8::from(is_required))
}

/// A server of the page of its own runtime.
struct Served {
    rt: Runtime,
    address: SocketAddr,
    handle: ServerHandle,
    serving: Task<ServeReport>,
    page: laneway_http::Inspect,
}

fn served() -> Served {
    served_at("127.0.0.1:0")
}

fn served_at(address: &str) -> Served {
    let builder = Runtime::builder().with_high_num(2).with_low_num(2);
    let rt = builder.build().unwrap();
    let listener = rt.block_on(TcpListener::bind(address)).unwrap();
    let address = listener.local_addr().unwrap();
    let page = inspect(&rt);
    let server = Server::new(page.clone());
    let handle = server.handle();
    let serving = rt.spawn(server.serve(listener), Priority::High);
    Served {
        rt,
        address,
        handle,
        serving,
        page,
    }
}

impl Served {
    /// Opens the page, and waits until it is live.
    #[track_caller]
    fn open(&self, browser: &Browser) {
        browser.go(&format!("http://{}/", self.address));
        browser.eventually(
            "the page is live",
            &stats("s.state === 'live' && s.frames > 1"),
        );
    }

    /// Spawns named tasks at a steady rate, for as long as the handle lives.
    fn load(&self, name: &'static str, at_once: usize) -> Task<()> {
        let load = async move {
            let mut ticks = interval(Duration::from_millis(5));
            loop {
                ticks.tick().await;
                for _ in 0..at_once {
                    spawn_task!(name = name, async {}, Priority::Low).detach();
                }
            }
        };
        self.rt.named("load").spawn(load, Priority::High)
    }

    fn end(self) {
        self.handle.shutdown();
        assert!(self.rt.block_on(self.serving).is_clean());
    }
}

/// A script that asks something of what the page has done.
fn stats(question: &str) -> String {
    format!("const s = LanewayReplay.live.stats(); return {question}")
}

fn it_shows_what_happens_quietly(browser: &Browser) {
    let served = served();
    let load = served.load("request", 10);
    served.open(browser);
    browser.eventually(
        "events come",
        &stats("s.applied > 5000 && s.drawn.polls > 1000"),
    );
    browser.eventually(
        "the kind of task is listed",
        "return document.querySelector('.ll-tasks').textContent.includes('request')",
    );
    browser.eventually(
        "the queues are listed",
        "return document.querySelectorAll('.ll-waits tbody tr').length === 2",
    );
    let visit = browser.visit();
    assert_eq!(visit.console, [""; 0]);
    let stream = format!("http://{}/events", served.address);
    assert_eq!(visit.requests, [stream]);
    drop(load);
    served.end();
}

fn space_pauses_and_goes_on(browser: &Browser) {
    let served = served();
    let load = served.load("request", 1);
    served.open(browser);
    browser.press(&[' ']);
    browser.eventually("it pauses", &stats("s.state === 'paused'"));
    let before = browser.run(&stats("[s.applied, s.batch]"));
    browser.eventually(
        "batches pass by",
        &stats(&format!("s.batch > {} + 5", before[1])),
    );
    assert_eq!(browser.run(&stats("s.applied")), before[0]);
    browser.press(&[' ']);
    browser.eventually("it goes on", &stats("s.state === 'live' && s.gaps === 1"));
    browser.eventually("events come", &stats(&format!("s.applied > {}", before[0])));
    drop(load);
    served.end();
}

fn plus_and_minus_change_the_window(browser: &Browser) {
    let served = served();
    served.open(browser);
    let window = || browser.run("return document.querySelector('select').value");
    assert_eq!(window(), json!("5"));
    browser.press(&['-', '-']);
    assert_eq!(window(), json!("10"));
    browser.press(&['+', '+', '+', '+']);
    assert_eq!(window(), json!("1"));
    served.end();
}

/// Counts for three seconds what the page is called for and what it draws.
const COUNT_FRAMES: &str = "
    const stats = () => LanewayReplay.live.stats();
    return new Promise((resolve) => requestAnimationFrame((begun) => {
        const before = stats();
        let calls = 0;
        const count = (at) => {
            calls++;
            if (at - begun < 3000) return requestAnimationFrame(count);
            const { frames, applied, cost } = stats();
            resolve([at - begun, calls, frames - before.frames, applied - before.applied, cost]);
        };
        requestAnimationFrame(count);
    }));";

fn it_draws_every_frame_beside_10_000_tasks_a_second(browser: &Browser) {
    let served = served();
    let load = served.load("request", 50);
    served.open(browser);
    browser.eventually("events come", &stats("s.applied > 5000"));
    let counted = browser.run(COUNT_FRAMES);
    let [ms, calls, drawn, events, cost] = [0, 1, 2, 3, 4].map(|i| number(&counted[i]));
    let per_second = |count: f64| count * 1000.0 / ms;
    println!(
        "the page drew {:.1} frames of {:.1} a second, each in {cost:.1} ms, beside {:.0} events a \
         second",
        per_second(drawn),
        per_second(calls),
        per_second(events),
    );
    // What the browser asks for, the page draws; on a busy machine it asks for less than 60.
    assert!(drawn >= calls - 1.0, "{drawn} frames drawn of {calls}");
    assert!(
        per_second(drawn) >= 5.0,
        "{:.1} a second",
        per_second(drawn)
    );
    // Each task is spawned, scheduled, polled and ended.
    assert!(per_second(events) >= 10_000.0, "the load has come");
    drop(load);
    served.end();
}

fn hostile_names_are_text(browser: &Browser) {
    let served = served();
    let load = served.load(
        "<img src=x onerror='window.hurt = 1'></script><script>hurt = 1",
        1,
    );
    served.open(browser);
    browser.eventually(
        "the name is there as text",
        "return document.querySelector('.ll-tasks').textContent.includes('<img src=x')",
    );
    let harm = "return [typeof hurt, document.images.length, document.scripts.length]";
    assert_eq!(browser.run(harm), json!(["undefined", 0, 1]));
    drop(load);
    served.end();
}

fn long_polls_are_listed(browser: &Browser) {
    let served = served();
    served.open(browser);
    let blunder = async {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(30) {}
    };
    let task = served.rt.named("blunder").spawn(blunder, Priority::Low);
    browser.eventually(
        "it is listed",
        "return /\\d ms +on .*: blunder/.test(document.querySelector('.ll-long').textContent)",
    );
    served.rt.block_on(task);
    served.end();
}

fn what_was_missed_is_counted_and_shown(browser: &Browser) {
    let served = served();
    let load = served.load("storm", 2_000);
    served.open(browser);
    browser.eventually(
        "events are missed",
        &stats("s.missed > 10000 && s.gaps > 0"),
    );
    browser.eventually(
        "it is shown",
        "return /\\d events missed/.test(document.querySelector('.ll-rates').textContent)",
    );
    let bounded = "s.polls < 250000 && s.backlog < 100";
    assert_eq!(browser.run(&stats(bounded)), json!(true));
    drop(load);
    served.end();
}

fn it_fits_on_a_phone_and_a_desk(browser: &Browser) {
    let served = served();
    for (width, height) in [(390, 844), (1280, 900)] {
        browser.resize(width, height);
        served.open(browser);
        let size = browser.run("return [document.documentElement.scrollWidth, innerWidth]");
        assert_eq!(size[0], size[1], "nothing is wider than {width}");
        let small = "return [...document.querySelectorAll('button, select')]\
            .filter((e) => e.offsetHeight < (innerWidth < 500 ? 42 : 34)).length";
        assert_eq!(browser.run(small), json!(0));
    }
    served.end();
}

fn colours_follow_the_system_and_the_button(browser: &Browser) {
    let served = served();
    let ground = "return getComputedStyle(document.body).backgroundColor";
    let (light, dark) = (json!("rgb(255, 255, 255)"), json!("rgb(20, 24, 31)"));
    served.open(browser);
    assert_eq!(browser.run(ground), light);
    browser.prefer(&[("prefers-color-scheme", "dark")]);
    assert_eq!(browser.run(ground), dark);
    browser.run("document.querySelector('.lr-theme').click()");
    assert_eq!(browser.run(ground), light);
    served.end();
}

fn motion_is_rare_where_it_is_unwelcome(browser: &Browser) {
    let served = served();
    browser.prefer(&[("prefers-reduced-motion", "reduce")]);
    served.open(browser);
    let now = || browser.run(&stats("[performance.now(), s.frames, s.batch]"));
    let before = now();
    browser.eventually(
        "time passes",
        &stats(&format!("s.batch > {} + 40", before[2])),
    );
    let after = now();
    let [ms, frames] = [0, 1].map(|i| number(&after[i]) - number(&before[i]));
    assert!(frames <= ms / 500.0 + 1.0, "{frames} frames in {ms} ms");
    served.end();
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

fn a_lost_connection_is_told_and_comes_back(browser: &Browser) {
    let first = served();
    let address = first.address;
    first.open(browser);
    first.end();
    browser.eventually("it is told", &stats("s.state === 'lost'"));
    let words = "return document.querySelector('[role=status]').textContent";
    assert_eq!(browser.run(words), json!("connection lost, trying again"));
    let second = served_at(&address.to_string());
    browser.eventually("it is live again", &stats("s.state === 'live'"));
    second.end();
}

fn a_page_that_is_left_is_noticed(browser: &Browser) {
    let served = served();
    served.open(browser);
    assert_eq!(served.page.viewers(), 1);
    browser.go("about:blank");
    let begun = Instant::now();
    while served.page.viewers() > 0 {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "it is still there"
        );
        std::thread::yield_now();
    }
    served.end();
}
