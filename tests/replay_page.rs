//! Does the replay page show in a real browser what was recorded, to everybody, and nothing else?
//!
//! This needs Chromium and its driver. Without them the tests are skipped, and say so; with
//! `LANEWAY_BROWSER=required` in the environment that is a failure.

mod browser;

use std::env;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use browser::Browser;
use futures_lite::future::yield_now;
use laneway::observe::{Event, Observer, Recorder, Recording, replay};
use laneway::sim::{Sim, work};
use laneway::time::sleep;
use laneway::{Priority, Runtime, Task, join_all, spawn_task};
use serde_json::{Value, json};

type Test = (&'static str, fn(&Browser));

const TESTS: &[Test] = &[
    (
        "it_loads_quietly_and_asks_for_nothing",
        it_loads_quietly_and_asks_for_nothing,
    ),
    ("every_poll_is_drawn", every_poll_is_drawn),
    (
        "the_scrubber_changes_what_is_drawn",
        the_scrubber_changes_what_is_drawn,
    ),
    ("it_plays_to_the_end", it_plays_to_the_end),
    ("hostile_names_are_text", hostile_names_are_text),
    (
        "waits_are_those_of_the_library",
        waits_are_those_of_the_library,
    ),
    ("moments_add_up", moments_add_up),
    ("keys_do_what_pointers_do", keys_do_what_pointers_do),
    (
        "a_filter_leaves_the_tasks_that_fit",
        a_filter_leaves_the_tasks_that_fit,
    ),
    (
        "colours_follow_the_system_and_the_button",
        colours_follow_the_system_and_the_button,
    ),
    (
        "nothing_glides_where_motion_is_unwelcome",
        nothing_glides_where_motion_is_unwelcome,
    ),
    ("it_fits_on_a_phone", it_fits_on_a_phone),
    (
        "fifty_thousand_events_are_drawn_in_no_time",
        fifty_thousand_events_are_drawn_in_no_time,
    ),
    (
        "a_larger_recording_is_seen_through_a_window",
        a_larger_recording_is_seen_through_a_window,
    ),
    (
        "a_page_of_ones_own_can_hold_two_players",
        a_page_of_ones_own_can_hold_two_players,
    ),
    ("what_cannot_be_shown_is_said", what_cannot_be_shown_is_said),
    (
        "it_opens_at_the_busiest_moment",
        it_opens_at_the_busiest_moment,
    ),
    ("idle_time_is_passed_over", idle_time_is_passed_over),
    ("tokens_are_told_apart", tokens_are_told_apart),
    (
        "tasks_may_have_names_and_colours_of_their_own",
        tasks_may_have_names_and_colours_of_their_own,
    ),
    (
        "the_search_finds_queues_and_durations",
        the_search_finds_queues_and_durations,
    ),
    ("long_polls_are_marked", long_polls_are_marked),
    ("many_queues_are_told_apart", many_queues_are_told_apart),
    ("an_address_leads_to_a_moment", an_address_leads_to_a_moment),
    (
        "a_long_queue_name_leaves_room_for_the_search",
        a_long_queue_name_leaves_room_for_the_search,
    ),
    (
        "a_tap_on_a_phone_shows_a_story_at_once",
        a_tap_on_a_phone_shows_a_story_at_once,
    ),
    (
        "no_time_is_shown_that_was_not_measured",
        no_time_is_shown_that_was_not_measured,
    ),
    (
        "each_workers_time_is_accounted_for",
        each_workers_time_is_accounted_for,
    ),
    (
        "a_recording_that_lost_its_beginning_is_shown",
        a_recording_that_lost_its_beginning_is_shown,
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
    println!("\nskipped: the replay page was not tested, since {why}.");
    println!("On Debian, apt-get install chromium chromium-driver; or name the programs in");
    println!("the variables CHROMIUM and CHROMEDRIVER.\n");
    ExitCode::from(u8::from(is_required))
}

// Recordings.

/// A runtime of two high and two low threads, and its recorder.
fn recorded() -> (Runtime, Arc<Recorder>) {
    let recorder = Arc::new(Recorder::new());
    let builder = Runtime::builder().with_high_num(2).with_low_num(2);
    let rt = builder.with_observer(recorder.clone()).build().unwrap();
    (rt, recorder)
}

/// A run with a bit of everything: yields, sleeps, panics, a cancellation, a blocked thread.
fn varied_run() -> Recording {
    async fn varied(n: usize) {
        if n.is_multiple_of(4) {
            sleep(Duration::from_micros(300)).await;
        }
        for _ in 0..n % 5 {
            yield_now().await;
        }
        if n == 3 {
            join_all([spawn_task!(async {})]);
        }
        if n == 5 {
            std::panic::resume_unwind(Box::new("on purpose"));
        }
    }
    let (rt, recorder) = recorded();
    rt.block_on(async {
        let priority = |n: usize| match n % 3 {
            0 => Priority::High,
            _ => Priority::Low,
        };
        let tasks = (0..20).map(|n| spawn_task!(varied(n), priority(n)).fallible());
        let tasks: Vec<_> = tasks.collect();
        drop(spawn_task!(std::future::pending::<()>()));
        for task in tasks {
            // One of them panics.
            let _ = task.await;
        }
    });
    rt.shutdown(Duration::from_secs(20));
    recorder.recording()
}

/// A run of at least so many events.
fn long_run(events: usize) -> Recording {
    let (rt, recorder) = recorded();
    while recorder.recording().len() < events {
        rt.block_on(async {
            let tasks: Vec<Task<()>> = (0..1_000).map(|_| spawn_task!(yield_now())).collect();
            for task in tasks {
                task.await;
            }
        });
    }
    rt.shutdown(Duration::from_secs(20));
    recorder.recording()
}

fn polls(recording: &Recording) -> usize {
    let is_start = |(_, event): &(Duration, Event)| matches!(event, Event::PollStarted { .. });
    recording.events().filter(is_start).count()
}

/// A file that is removed with this value.
struct Page(PathBuf);

impl Page {
    fn new(html: impl AsRef<[u8]>) -> Page {
        let name = format!("laneway-replay-{}.html", std::process::id());
        let path = env::temp_dir().join(name);
        fs::write(&path, html).unwrap();
        Page(path)
    }

    fn of(recording: &Recording) -> Page {
        let mut html = Vec::new();
        recording.write_replay(&mut html).unwrap();
        Page::new(html)
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Opens the page of a recording and waits for the first picture.
fn show(browser: &Browser, recording: &Recording) -> Page {
    let page = Page::of(recording);
    browser.open(&page.0);
    settle(browser);
    page
}

/// Waits until the first player has drawn what there is to draw and everything rests.
fn settle(browser: &Browser) {
    let at_rest = "const p = LanewayReplay.players[0]; return p.frames > 0 && !p.frame;";
    browser.eventually("the player comes to rest", at_rest);
}

/// Calls something of the first player.
fn player(browser: &Browser, expression: &str) -> Value {
    browser.run(&format!(
        "const p = LanewayReplay.players[0]; return {expression};"
    ))
}

/// What is to be seen, as far as pictures are concerned.
fn picture(browser: &Browser, canvas: &str) -> String {
    settle(browser);
    let script = format!("return document.querySelector('{canvas}').toDataURL()");
    browser.run(&script).as_str().unwrap().to_owned()
}

// Tests.

fn it_loads_quietly_and_asks_for_nothing(browser: &Browser) {
    let _page = show(browser, &varied_run());
    let visit = browser.visit();
    assert_eq!(visit.console, [""; 0], "{visit:?}");
    assert_eq!(visit.requests, [""; 0], "{visit:?}");
    // That this can be seen at all.
    browser.run("console.error('seen'); new Image().src = 'http://127.0.0.1:9/x'");
    let visit = browser.visit();
    assert!(
        visit.console.iter().any(|line| line.contains("seen")),
        "{visit:?}"
    );
    // The page forbids itself to ask, which the console tells.
    let forbidden = visit
        .console
        .iter()
        .any(|line| line.contains("Content Security Policy"));
    assert!(forbidden || !visit.requests.is_empty(), "{visit:?}");
}

fn every_poll_is_drawn(browser: &Browser) {
    let recording = varied_run();
    let _page = show(browser, &recording);
    for axis in ["steps", "time"] {
        player(browser, &format!("p.setAxis('{axis}')"));
        settle(browser);
        let drawn = player(browser, "p.stats().polls");
        assert_eq!(drawn, json!(polls(&recording)), "by {axis}");
    }
    // What is out of view is not drawn.
    player(browser, "p.seek(1)");
    player(browser, "p.zoom(0.1)");
    settle(browser);
    let drawn = player(browser, "p.stats().polls").as_u64().unwrap();
    assert!(drawn < polls(&recording) as u64, "{drawn}");
}

fn the_scrubber_changes_what_is_drawn(browser: &Browser) {
    let _page = show(browser, &varied_run());
    let move_to = |share: f64| {
        browser.run(&format!(
            "const s = document.querySelector('.lr-scrubber'); s.value = {share};
             s.dispatchEvent(new Event('input', {{bubbles: true}}));"
        ));
        (picture(browser, ".lr-stage"), picture(browser, ".lr-lanes"))
    };
    let pictures = [0.0, 0.3, 0.7].map(move_to);
    assert_ne!(pictures[0].0, pictures[1].0, "the stage at 0 and 0.3");
    assert_ne!(pictures[1].0, pictures[2].0, "the stage at 0.3 and 0.7");
    assert_ne!(pictures[0].1, pictures[1].1, "the lanes at 0 and 0.3");
    assert_ne!(pictures[1].1, pictures[2].1, "the lanes at 0.3 and 0.7");
    // The same moment is the same picture, however one gets there.
    assert_eq!(move_to(0.3), pictures[1]);
}

fn it_plays_to_the_end(browser: &Browser) {
    let recording = varied_run();
    let _page = show(browser, &recording);
    player(browser, "p.speed = 1000");
    browser.run("document.querySelector('[aria-label^=Play]').click()");
    let is_over = format!(
        "const p = LanewayReplay.players[0]; return !p.playing && p.applied === {}",
        recording.len()
    );
    browser.eventually("the replay comes to its end", &is_over);
    let ended = player(browser, "p.moment.ended");
    let tasks = player(browser, "p.recording.tasks.length");
    assert_eq!(ended, tasks);
}

fn hostile_names_are_text(browser: &Browser) {
    const NAMES: [&str; 6] = [
        "</script><script>window.pwned = 1</script>",
        "<!--<script>",
        "\"'`,]}\\ ${window.pwned = 2}",
        "one\ntwo\r\u{2028}three\u{2029}\0\u{202e}four",
        "<img src=x onerror='window.pwned = 3'>",
        "javascript:window.pwned = 4",
    ];
    let (rt, recorder) = recorded();
    for name in NAMES {
        let task = rt.spawn(async {}, Priority::Low);
        recorder.on_named(task.id(), name);
        rt.block_on(task);
    }
    let long = "x<".repeat(1 << 20);
    let task = rt.spawn(async {}, Priority::Low);
    recorder.on_named(task.id(), &long);
    rt.block_on(task);
    rt.shutdown(Duration::from_secs(20));
    let page = show(browser, &recorder.recording());
    assert!(
        fs::metadata(&page.0).unwrap().len() < 200_000,
        "a long name is cut"
    );

    let visit = browser.visit();
    assert_eq!(
        (visit.console.len(), visit.requests.len()),
        (0, 0),
        "{visit:?}"
    );
    for (task, name) in NAMES.iter().enumerate() {
        player(browser, &format!("p.select({task})"));
        player(browser, "p.setFilter({text: '0'})");
        settle(browser);
        let shown = browser.run("return document.querySelector('.lr-side').textContent");
        let unfit = |c: char| c.is_control() || "\u{2028}\u{2029}\u{202e}".contains(c);
        let expected: String = name
            .chars()
            .map(|c| if unfit(c) { '·' } else { c })
            .collect();
        assert!(
            shown.as_str().unwrap().contains(&expected),
            "{expected:?} in {shown}"
        );
    }
    assert_eq!(
        browser.run("return typeof window.pwned"),
        json!("undefined")
    );
    let elements = browser.run("return document.querySelectorAll('img, script').length");
    assert_eq!(elements, json!(1), "the player's own script");
}

fn waits_are_those_of_the_library(browser: &Browser) {
    let recording = varied_run();
    let _page = show(browser, &recording);
    let shown = player(browser, "p.recording.waits");
    let expected: Vec<Value> = recording
        .waits()
        .iter()
        .map(|waits| {
            let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap();
            json!({"count": waits.count, "p50": nanos(waits.p50), "p99": nanos(waits.p99),
                "max": nanos(waits.max)})
        })
        .collect();
    assert_eq!(shown, json!(expected));
}

fn moments_add_up(browser: &Browser) {
    let recording = varied_run();
    let _page = show(browser, &recording);
    // Every task is in one place, and queues are never shorter than empty.
    let faults = browser.run(
        "const r = LanewayReplay.players[0].recording;
         const faults = [];
         for (let i = 0; i <= r.length; i++) {
           const m = r.moment(i);
           const seen = new Map();
           const note = (task, place) => {
             if (seen.has(task)) faults.push(`${i}: ${task} in ${seen.get(task)} and ${place}`);
             seen.set(task, place);
           };
           m.channels.forEach((tasks, q) => tasks.forEach((t) => note(t, `channel ${q}`)));
           m.workers.forEach((w, n) => w.local.forEach((t) => note(t, `local ${n}`)));
           m.workers.forEach((w, n) => { if (w.held >= 0) note(w.held, `held by ${n}`); });
           m.waiting.forEach((t) => note(t, 'waiting'));
           m.depth.forEach((d, q) => { if (d < 0) faults.push(`${i}: depth ${q} is ${d}`); });
         }
         return faults.slice(0, 5);",
    );
    assert_eq!(faults, json!([]));
    let left = player(browser, "[...p.recording.moment(p.recording.length).depth]");
    assert_eq!(left, json!([0, 0]), "nothing is queued in the end");
}

fn keys_do_what_pointers_do(browser: &Browser) {
    const TAB: char = '\u{e004}';
    const LEFT: char = '\u{e012}';
    const RIGHT: char = '\u{e014}';
    const DOWN: char = '\u{e015}';
    const ESCAPE: char = '\u{e00c}';
    let _page = show(browser, &varied_run());
    // Everything can be reached without a pointer.
    let focus = "const e = document.activeElement; return e.getAttribute('aria-label') ?? e.type;";
    let mut reached = Vec::new();
    for _ in 0..16 {
        browser.press(&[TAB]);
        reached.push(browser.run(focus).as_str().unwrap_or_default().to_owned());
    }
    for wanted in [
        "Play (space)",
        "Speed",
        "Moment",
        "Timeline",
        "Find tasks",
        "Queue",
    ] {
        let found = reached.iter().any(|label| label.starts_with(wanted));
        assert!(found, "{wanted} in {reached:?}");
    }
    // The scrubber goes event by event.
    player(browser, "p.seek(0)");
    browser.run("document.querySelector('.lr-scrubber').focus()");
    browser.press(&[RIGHT, RIGHT, RIGHT, LEFT]);
    assert_eq!(player(browser, "p.applied"), json!(2));
    browser.press(&['.', '.', ',']);
    assert_eq!(player(browser, "p.applied"), json!(3));
    // The timeline goes poll by poll, and tells the story of each.
    browser.run("document.querySelector('.lr-lanes').focus()");
    // Whichever worker polled once only has nothing to the right.
    player(
        browser,
        "p.focusPoll(p.lanes.ofWorker.find((polls) => polls.length > 1)[0])",
    );
    let chosen = || player(browser, "p.selected");
    let first = player(browser, "p.focused.number");
    browser.press(&[RIGHT]);
    assert_ne!(player(browser, "p.focused.number"), first);
    browser.press(&[LEFT]);
    assert_eq!(player(browser, "p.focused.number"), first);
    assert_ne!(chosen(), json!(-1));
    let worker = player(browser, "p.focused.worker");
    browser.press(&[DOWN, DOWN, DOWN]);
    assert!(player(browser, "p.focused.worker").as_i64() >= worker.as_i64());
    let told = browser.run("return document.querySelectorAll('.lr-story button').length");
    assert!(told.as_u64().unwrap() >= 3, "{told}");
    browser.press(&[ESCAPE]);
    assert_eq!(chosen(), json!(-1));
}

fn a_filter_leaves_the_tasks_that_fit(browser: &Browser) {
    let recording = varied_run();
    let _page = show(browser, &recording);
    let all = player(browser, "p.stats().polls").as_u64().unwrap();
    let drawn = |change: &str| {
        player(browser, &format!("p.setFilter({change})"));
        settle(browser);
        player(browser, "p.stats().polls").as_u64().unwrap()
    };
    let of_first = player(
        browser,
        "p.recording.polls.filter((q) => q.task === 0).length",
    );
    let id = player(browser, "p.recording.tasks[0].id");
    assert_eq!(
        drawn(&format!("{{text: '#{id}'}}")),
        of_first.as_u64().unwrap()
    );
    assert_eq!(drawn("{text: 'no such task'}"), 0);
    let by_queue = [drawn("{text: '', queue: 0}"), drawn("{queue: 1}")];
    assert_eq!(by_queue.iter().sum::<u64>(), all);
    assert!(by_queue.iter().all(|&polls| polls > 0), "{by_queue:?}");
    assert_eq!(drawn("{queue: -1}"), all);
}

fn colours_follow_the_system_and_the_button(browser: &Browser) {
    let _page = show(browser, &varied_run());
    let ground = || {
        settle(browser);
        let script =
            "return getComputedStyle(document.querySelector('.laneway-replay')).backgroundColor";
        browser.run(script).as_str().unwrap().to_owned()
    };
    let light = (ground(), picture(browser, ".lr-lanes"));
    browser.prefer(&[("prefers-color-scheme", "dark")]);
    browser.eventually(
        "the dark colours are drawn",
        "return LanewayReplay.players[0].theme.text === '#e6eaf0'",
    );
    let dark = (ground(), picture(browser, ".lr-lanes"));
    assert_ne!(light.0, dark.0);
    assert_ne!(light.1, dark.1);
    browser.run("document.querySelector('.lr-theme').click()");
    assert_eq!((ground(), picture(browser, ".lr-lanes")), light);
}

fn nothing_glides_where_motion_is_unwelcome(browser: &Browser) {
    let _page = show(browser, &varied_run());
    let frames_of_a_step = || {
        let before = player(browser, "p.frames").as_u64().unwrap();
        player(browser, "p.step(1)");
        settle(browser);
        player(browser, "p.frames").as_u64().unwrap() - before
    };
    let middle = "p.seek(Math.floor(p.recording.length / 2))";
    let ten_steps = || {
        player(browser, middle);
        settle(browser);
        (0..10).map(|_| frames_of_a_step()).max().unwrap()
    };
    assert!(ten_steps() > 1, "tokens glide");
    browser.prefer(&[("prefers-reduced-motion", "reduce")]);
    assert_eq!(ten_steps(), 1, "tokens jump");
}

fn it_fits_on_a_phone(browser: &Browser) {
    browser.resize(390, 844);
    let _page = show(browser, &varied_run());
    let width = browser.run("return document.documentElement.scrollWidth");
    assert_eq!(width, json!(390));
    let too_small = browser.run(
        "return [...document.querySelectorAll('.lr-controls button')]
           .filter((b) => b.offsetHeight < 40 || b.offsetWidth < 36).length",
    );
    assert_eq!(too_small, json!(0), "buttons are large enough for a finger");
}

fn fifty_thousand_events_are_drawn_in_no_time(browser: &Browser) {
    let recording = long_run(50_000);
    let _page = show(browser, &recording);
    let times = browser.run(
        "const p = LanewayReplay.players[0];
         const started = performance.now();
         p.stale = true;
         p.drawFrame(16);
         const all = performance.now();
         for (let i = 0; i < 50; i++) { p.seek(i * 900); p.drawFrame(16); }
         return [all - started, (performance.now() - all) / 50];",
    );
    // Some 20 and 3 ms on one core of a small machine. The limits are for what went wrong, not
    // for a busy day.
    let times: Vec<f64> = times
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t.as_f64().unwrap())
        .collect();
    assert!(
        times[0] < 600.0 && times[1] < 60.0,
        "milliseconds: {times:?}"
    );
}

fn a_larger_recording_is_seen_through_a_window(browser: &Browser) {
    let recording = long_run(120_000);
    let _page = show(browser, &recording);
    for axis in ["steps", "time"] {
        player(browser, &format!("p.setAxis('{axis}')"));
        for place in ["0", "p.recording.length / 2", "p.recording.length"] {
            player(browser, &format!("p.seek(Math.floor({place}))"));
            player(browser, "p.zoom(1000)");
            settle(browser);
            let seen = player(
                browser,
                "p.scale.appliedAt(p.scale.view.to) - p.scale.appliedAt(p.scale.view.from)",
            );
            let seen = seen.as_u64().unwrap();
            assert!(
                (10_000..=50_001).contains(&seen),
                "{seen} events by {axis} at {place}"
            );
            let inside = "p.cursor >= p.scale.view.from && p.cursor <= p.scale.view.to";
            assert_eq!(player(browser, inside), json!(true), "by {axis} at {place}");
        }
    }
}

fn a_page_of_ones_own_can_hold_two_players(browser: &Browser) {
    let (a, b) = (varied_run(), varied_run());
    let dark = a.to_replay_fragment().replacen(
        "<div",
        "<div data-theme=dark data-axis=time data-compact",
        1,
    );
    let linked = b.to_replay_fragment().replacen(
        "<div",
        "<div data-source='https://example.org/{file}#L{line}'",
        1,
    );
    let html = format!(
        "<!doctype html><meta charset=utf-8><style>{}</style><h1>Mine</h1>{dark}{linked}\
         <script>{}</script>",
        replay::STYLE,
        replay::SCRIPT
    );
    let page = Page::new(html);
    browser.open(&page.0);
    browser.eventually(
        "both players are drawn",
        "return LanewayReplay.players.length === 2
           && LanewayReplay.players.every((p) => p.frames > 0 && !p.frame)",
    );
    let drawn = browser.run("return LanewayReplay.players.map((p) => p.stats().polls)");
    assert_eq!(drawn, json!([polls(&a), polls(&b)]));
    let axes = browser.run("return LanewayReplay.players.map((p) => p.scale.axis)");
    assert_eq!(axes, json!(["time", "steps"]));
    let link = browser.run(
        "LanewayReplay.players[1].select(0);
         return document.querySelector('.lr-place a').href",
    );
    let link = link.as_str().unwrap();
    assert!(
        link.starts_with("https://example.org/tests/replay_page.rs#L"),
        "{link}"
    );
    let heading = browser.run("return getComputedStyle(document.querySelector('h1')).fontSize");
    assert_eq!(heading, json!("32px"), "the page around is left alone");
}

fn what_cannot_be_shown_is_said(browser: &Browser) {
    let fragments = [
        r#"{"format":"laneway-replay","version":2}"#,
        r#"{"format":"something else"}"#,
        "not JSON",
    ];
    let body: String = fragments
        .iter()
        .map(|json| {
            format!(
                "<div class=laneway-replay><script type='application/json'>{json}</script></div>"
            )
        })
        .collect();
    let page = Page::new(format!(
        "<!doctype html><meta charset=utf-8>{body}<script>{}</script>",
        replay::SCRIPT
    ));
    browser.open(&page.0);
    let said = browser
        .run("return [...document.querySelectorAll('[role=alert]')].map((e) => e.textContent)");
    let said: Vec<&str> = said
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert_eq!(said.len(), 3, "{said:?}");
    assert!(
        said[0].contains("version 1 of the format, not 2"),
        "{said:?}"
    );
    assert!(said[1].contains("no recording of Laneway"), "{said:?}");
    // And an empty one is no error.
    let _page = show(browser, &Recorder::new().recording());
    let visit = browser.visit();
    assert_eq!(visit.console, [""; 0], "{visit:?}");
    player(browser, "p.toggle()");
    settle(browser);
    let visit = browser.visit();
    assert_eq!(visit.console, [""; 0], "{visit:?}");
}

fn a_recording_that_lost_its_beginning_is_shown(browser: &Browser) {
    let recorder = Arc::new(Recorder::with_capacity(512));
    let builder = Runtime::builder().with_high_num(1).with_low_num(1);
    let rt = builder.with_observer(recorder.clone()).build().unwrap();
    for _ in 0..20 {
        rt.block_on(async {
            let tasks: Vec<Task<()>> = (0..200).map(|_| spawn_task!(yield_now())).collect();
            for task in tasks {
                task.await;
            }
        });
    }
    rt.shutdown(Duration::from_secs(20));
    let recording = recorder.recording();
    assert!(recording.dropped() > 0);
    let _page = show(browser, &recording);
    assert_eq!(player(browser, "p.stats().polls"), json!(polls(&recording)));
    player(browser, "p.seek(p.recording.length)");
    for task in [0, 1, 2] {
        player(browser, &format!("p.select({task})"));
    }
    settle(browser);
    let visit = browser.visit();
    assert_eq!(visit.console, [""; 0], "{visit:?}");
}

// What a reader looks for.

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// What is recorded of a simulation of one high and one low worker.
fn simulated(run: impl Future<Output = ()> + Send + 'static) -> Recording {
    let recorder = Arc::new(Recorder::new());
    let sim = Sim::seed(1).high(1).low(1).observer(recorder.clone());
    sim.run(run).unwrap();
    recorder.recording()
}

/// An hour of nothing, ten tasks at work for a while, and another hour.
async fn busy_between_idle_hours() {
    sleep(ms(3_600_000)).await;
    let tasks: Vec<Task<()>> = (0..10)
        .map(|n| spawn_task!(async move { work(ms(1 + n)) }))
        .collect();
    for task in tasks {
        task.await;
    }
    sleep(ms(3_600_000)).await;
    spawn_task!(async { work(ms(2)) }).await;
}

fn it_opens_at_the_busiest_moment(browser: &Browser) {
    let recording = simulated(busy_between_idle_hours());
    let _page = show(browser, &recording);
    let tasks_there = "p.moment.depth.reduce((a, b) => a + b)
        + p.moment.workers.filter((w) => w.polling.length).length";
    let there = player(browser, tasks_there).as_u64().unwrap();
    assert!(there >= 9, "{there} of ten tasks are queued or polled");
    assert!(player(browser, "p.stats().tokens").as_u64().unwrap() >= 9);
    // By time, the view leaves out the hours in which nothing happens.
    let real = recording
        .to_replay_fragment()
        .replacen("<div", "<div data-axis=time", 1);
    let compact = recording
        .to_replay_fragment()
        .replacen("<div", "<div data-compact", 1);
    let page = Page::new(format!(
        "<!doctype html><meta charset=utf-8><style>{}</style>{real}{compact}<script>{}</script>",
        replay::STYLE,
        replay::SCRIPT
    ));
    browser.open(&page.0);
    settle(browser);
    let seen = player(browser, "(p.scale.view.to - p.scale.view.from) / 1e6");
    let seen = seen.as_f64().unwrap();
    assert!((10.0..1_000.0).contains(&seen), "{seen} ms are in view");
    assert!(player(browser, "p.stats().polls").as_u64().unwrap() >= 10);
    // A player in a text begins at the beginning, as the text does.
    assert_eq!(
        browser.run("return LanewayReplay.players[1].applied"),
        json!(0)
    );
}

fn idle_time_is_passed_over(browser: &Browser) {
    let _page = show(browser, &simulated(busy_between_idle_hours()));
    player(browser, "p.setAxis('time')");
    let seen = browser.run(
        "const p = LanewayReplay.players[0];
         p.seek(0);
         p.playing = true;
         const seen = new Set();
         let frames = 0;
         for (; p.playing && frames < 10000; frames++) { p.advance(50); seen.add(p.applied); }
         return [frames, seen.size, p.applied === p.recording.length];",
    );
    // Half a minute, by twenty frames a second; the two hours alone would take all of it.
    let frames = seen[0].as_u64().unwrap();
    assert!((100..=700).contains(&frames), "{seen}");
    assert!(seen[1].as_u64().unwrap() >= 10, "the work is seen: {seen}");
    assert_eq!(seen[2], json!(true));
}

/// What is written on a canvas when it is drawn anew.
fn written(browser: &Browser) -> Vec<String> {
    let texts = browser.run(
        "const p = LanewayReplay.players[0];
         const write = CanvasRenderingContext2D.prototype.fillText;
         const texts = [];
         CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
           texts.push(text);
           return write.call(this, text, ...rest);
         };
         p.stale = true;
         p.drawFrame(1000);
         CanvasRenderingContext2D.prototype.fillText = write;
         return texts;",
    );
    let texts = texts.as_array().unwrap().iter();
    texts
        .map(|text| text.as_str().unwrap().to_owned())
        .collect()
}

fn tasks_may_have_names_and_colours_of_their_own(browser: &Browser) {
    let recording = simulated(async {
        let named = |name: &'static str| spawn_task!(name = name, sleep(ms(1)));
        for task in [named("parser"), named("mailer")] {
            task.await;
        }
    });
    let fragment = recording.to_replay_fragment();
    let fragment = fragment.replacen("<div", "<div data-names data-colours=tasks", 1);
    let (style, script) = (replay::STYLE, replay::SCRIPT);
    let page = Page::new(format!(
        "<!doctype html><meta charset=utf-8><style>{style}</style>{fragment}<script>{script}</script>"
    ));
    browser.open(&page.0);
    settle(browser);
    player(
        browser,
        "p.seek(p.recording.story(p.recording.tasks.findIndex((t) => t.name === 'mailer')).at(1))",
    );
    settle(browser);
    let shown = written(browser);
    assert!(shown.iter().any(|text| text == "mailer"), "{shown:?}");
    assert!(!shown.iter().any(|text| text.contains('#')), "{shown:?}");
    let colours = player(
        browser,
        "new Set(p.recording.tasks.map((task, t) => p.recording.colourOf(t, task.queue))).size
         === p.recording.tasks.length",
    );
    assert_eq!(colours, json!(true));
}

fn tokens_are_told_apart(browser: &Browser) {
    let recording = simulated(async {
        // More than a thousand, and then a few that wait and have names.
        for _ in 0..2_100 {
            spawn_task!(async {}).detach();
        }
        sleep(ms(1)).await;
        let named = |name: &'static str| spawn_task!(name = name, sleep(ms(1)));
        for task in [named("parser"), named("mailer")] {
            task.await;
        }
    });
    let _page = show(browser, &recording);
    let labels = player(
        browser,
        "new Set(p.recording.tasks.map(({ id }) => String(id).slice(-p.stage.digits))).size",
    );
    let tasks = player(browser, "p.recording.tasks.length");
    assert!(tasks.as_u64().unwrap() > 2_100);
    assert_eq!(labels, tasks, "no two tokens are alike");
    let shown = written(browser);
    let number = player(
        browser,
        "String(p.recording.tasks[[...p.stage.tokens.keys()].at(-1)].id)",
    );
    assert!(
        shown
            .iter()
            .any(|text| Some(text.as_str()) == number.as_str()),
        "{number} {shown:?}"
    );
    // Where there is room, the name stands beside the token.
    player(
        browser,
        "p.seek(p.recording.story(p.recording.tasks.findIndex((t) => t.name === 'mailer')).at(-4))",
    );
    settle(browser);
    let shown = written(browser);
    assert!(shown.iter().any(|text| text == "mailer"), "{shown:?}");
}

fn the_search_finds_queues_and_durations(browser: &Browser) {
    const ENTER: char = '\u{e007}';
    let recording = simulated(async {
        for length in [1, 7, 3, 9] {
            spawn_task!(name = format!("job of {length} ms"), async move {
                work(ms(length))
            })
            .await;
        }
        spawn_task!(async { work(ms(2)) }, Priority::High).await;
    });
    let _page = show(browser, &recording);
    let search = |text: &str| -> Vec<String> {
        player(browser, &format!("p.setFilter({{text: '{text}'}})"));
        let hits = browser.run(
            "return [...document.querySelectorAll('.lr-matches button')].map((b) => b.innerText)",
        );
        let hits = hits.as_array().unwrap().iter();
        hits.map(|hit| hit.as_str().unwrap().to_owned()).collect()
    };
    for (text, found) in [
        ("polls over 5 ms", 2),
        ("poll > 2.5ms", 3),
        ("over 0.5 s", 0),
        ("waits over 20 s", 0),
        ("panicked", 0),
        ("low", 1),
        ("job of", 4),
        ("no such thing", 0),
    ] {
        assert_eq!(search(text).len(), found, "{text}: {:?}", search(text));
    }
    // A result has a name, what it was found for, and where it comes from.
    let hits = search("polls over 5 ms");
    assert!(
        hits[0].contains("job of 7 ms") && hits[0].contains("polled 7.00 ms"),
        "{hits:?}"
    );
    assert!(hits[0].contains("tests/replay_page.rs:"), "{hits:?}");
    settle(browser);
    assert_eq!(
        player(browser, "p.stats().polls"),
        json!(2),
        "the others are faint"
    );
    // Enter goes from one to the next, and around.
    browser.run("document.querySelector('[type=search]').focus()");
    let mut told = Vec::new();
    for _ in 0..3 {
        browser.press(&[ENTER]);
        told.push(browser.run("return document.querySelector('.lr-told h2').textContent"));
    }
    let told: Vec<&str> = told.iter().filter_map(Value::as_str).collect();
    assert!(
        told[0].ends_with("job of 7 ms") && told[1].ends_with("job of 9 ms"),
        "{told:?}"
    );
    assert_eq!(told[0], told[2]);
    let count = browser.run("return document.querySelector('.lr-hits').textContent");
    assert_eq!(count, json!("1 of 2 hits"));
}

fn long_polls_are_marked(browser: &Browser) {
    let recording = simulated(async {
        for length in [1, 25, 9, 11] {
            spawn_task!(async move { work(ms(length)) }).await;
        }
    });
    let _page = show(browser, &recording);
    assert_eq!(player(browser, "p.stats().long"), json!(2));
    let marked = browser.run("return document.querySelector('td.lr-long').textContent");
    assert_eq!(marked, json!("25.0 ms"));
}

fn many_queues_are_told_apart(browser: &Browser) {
    let recorder = Arc::new(Recorder::new());
    let names: Vec<String> = (0..18).map(|n| format!("further {n}")).collect();
    let builder = Runtime::builder().with_high_num(1).with_low_num(1);
    let builder = names
        .iter()
        .fold(builder, |b, name| b.with_queue(name, 1, &[]));
    let rt = builder.with_observer(recorder.clone()).build().unwrap();
    for name in &names {
        rt.block_on(rt.spawn(async {}, name.as_str()));
    }
    rt.shutdown(Duration::from_secs(20));
    let _page = show(browser, &recorder.recording());
    // In the lanes by colour and stripes, on the stage by the whole picture of a token.
    let kinds = browser.run(
        "const p = LanewayReplay.players[0];
         const queues = p.recording.queues.map((_, q) => q);
         const lanes = new Set(queues.map((q) => p.theme.queue(q) + p.theme.round(q)));
         const tokens = new Set([...document.querySelectorAll('.lr-glyph')].map((g) => g.toDataURL()));
         return [queues.length, lanes.size, tokens.size];",
    );
    assert_eq!(kinds, json!([20, 20, 20]));
}

fn an_address_leads_to_a_moment(browser: &Browser) {
    let recording = varied_run();
    let _page = show(browser, &recording);
    player(browser, "p.seek(20), p.select(3)");
    browser.run("document.querySelector('.lr-link').click()");
    let id = player(browser, "p.recording.tasks[3].id");
    let hash = browser.run("return location.hash");
    assert_eq!(hash, json!(format!("#event=20&task={id}")));
    browser.run(&format!(
        "location.hash = '#event=31&task={id}'; location.reload()"
    ));
    browser.eventually(
        "it opens where the address says",
        "const p = globalThis.LanewayReplay?.players[0];
         return p?.applied === 31 && p.selected === 3",
    );
    // And while the page is open.
    browser.run("location.hash = '#event=7'");
    browser.eventually(
        "it goes to the moment",
        "return LanewayReplay.players[0].applied === 7",
    );
    // What is no moment is passed over.
    browser.run("location.hash = '#event=x&player=9'");
    assert_eq!(player(browser, "p.applied"), json!(7));
}

fn a_long_queue_name_leaves_room_for_the_search(browser: &Browser) {
    let recorder = Arc::new(Recorder::new());
    let name = "a queue with a long name, for all that has to do with the disk";
    let builder = Runtime::builder().with_high_num(1).with_low_num(1);
    let builder = builder
        .with_queue(name, 1, &[])
        .with_observer(recorder.clone());
    let rt = builder.build().unwrap();
    rt.block_on(rt.spawn(async {}, name));
    rt.shutdown(Duration::from_secs(20));
    let recording = recorder.recording();
    for width in [1280, 390] {
        browser.resize(width, 844);
        let _page = show(browser, &recording);
        let box_width = browser.run("return document.querySelector('[type=search]').offsetWidth");
        assert!(box_width.as_u64().unwrap() >= 150, "{box_width} of {width}");
        let page_width = browser.run("return document.documentElement.scrollWidth");
        assert_eq!(page_width, json!(width));
    }
}

fn a_tap_on_a_phone_shows_a_story_at_once(browser: &Browser) {
    browser.resize(390, 844);
    let _page = show(browser, &varied_run());
    for place in ["first", "last"] {
        let seen = browser.run(&format!(
            "const p = LanewayReplay.players[0];
             p.select(-1);
             scrollTo(0, 0);
             const tokens = [...p.stage.tokens.values()].sort((a, b) => a.y - b.y);
             const token = '{place}' === 'first' ? tokens[0] : tokens.at(-1);
             const box = p.stageCanvas.getBoundingClientRect();
             const at = {{ clientX: box.left + token.x, clientY: box.top + token.y, bubbles: true }};
             p.stageCanvas.dispatchEvent(new PointerEvent('pointerdown', at));
             const story = document.querySelector('.lr-story li').getBoundingClientRect();
             const tapped = p.stageCanvas.getBoundingClientRect().top + token.y;
             const told = document.querySelector('.lr-told').getBoundingClientRect();
             return [p.selected >= 0, story.top >= 0 && story.bottom <= innerHeight,
                     tapped >= 0 && tapped < told.top];"
        ));
        assert_eq!(
            seen,
            json!([true, true, true]),
            "{place}: chosen, told, still in sight"
        );
    }
    browser.run("document.querySelector('.lr-close').click()");
    assert_eq!(player(browser, "p.selected"), json!(-1));
    let place = browser.run("return getComputedStyle(document.querySelector('.lr-told')).position");
    assert_eq!(place, json!("static"));
}

fn no_time_is_shown_that_was_not_measured(browser: &Browser) {
    let recorder = Arc::new(Recorder::new());
    // One thread: from each yield to the next poll there is no time to be measured.
    let builder = Runtime::builder().with_high_num(0).with_low_num(1);
    let rt = builder.with_observer(recorder.clone()).build().unwrap();
    rt.block_on(rt.spawn(
        async {
            for _ in 0..200 {
                yield_now().await;
            }
        },
        Priority::Low,
    ));
    rt.shutdown(Duration::from_secs(20));
    let yields = simulated(async {
        for _ in 0..5 {
            spawn_task!(yield_now()).await;
        }
    });
    for recording in [recorder.recording(), yields] {
        assert_eq!(
            recording.waits()[1].p50,
            Duration::ZERO,
            "{:?}",
            recording.waits()
        );
        let _page = show(browser, &recording);
        let told = browser.run(
            "const p = LanewayReplay.players[0];
             const r = p.recording;
             p.select(0);
             const told = [document.body.innerText];
             for (let i = 0; i < r.length; i++) told.push(L_sentence(r, i));
             for (const poll of r.polls) told.push(...LanewayReplay.pollWords(r, poll));
             return told.filter((text) => /(^|[^0-9.])[0-9] ns/.test(text)).slice(0, 5);
             function L_sentence(r, i) { return LanewayReplay.sentence(r, i); }",
        );
        assert_eq!(told, json!([]));
    }
}

fn each_workers_time_is_accounted_for(browser: &Browser) {
    let recording = simulated(async {
        spawn_task!(async {
            work(ms(30));
            sleep(ms(70)).await;
        })
        .await;
    });
    let _page = show(browser, &recording);
    let rows = browser.run(
        "return [...document.querySelectorAll('.lr-shares tbody tr')].map((row) =>
             [...row.children].map((cell) => cell.textContent))",
    );
    let shares = |row: usize| [&rows[row][2], &rows[row][3]].map(|cell| cell.as_str().unwrap());
    let both = [shares(0), shares(1)];
    assert!(both.contains(&["30%", "70%"]), "{rows}");
    assert_eq!(rows[0][0], json!("high 0"));
}
