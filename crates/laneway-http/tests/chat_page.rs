//! Does the page of the example `chat` work in a real browser, on a phone as on a desk?
//!
//! This needs Chromium and its driver. Without them the tests are skipped, and say so; with
//! `LANEWAY_BROWSER=required` in the environment that is a failure.

#[allow(dead_code, reason = "the replay page's tests use the rest")]
#[path = "../../../tests/browser/mod.rs"]
mod browser;

use std::env::{self, consts::EXE_SUFFIX};
use std::io::{BufRead, BufReader};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Child, Command, ExitCode, Stdio};

use browser::Browser;
use serde_json::json;

type Test = (&'static str, fn(&Browser, &Chat));

const TESTS: &[Test] = &[
    ("what_is_said_comes_as_text", what_is_said_comes_as_text),
    (
        "heavy_work_is_started_and_shown",
        heavy_work_is_started_and_shown,
    ),
    (
        "it_fits_on_a_phone_and_a_desk",
        it_fits_on_a_phone_and_a_desk,
    ),
    ("a_lost_server_is_told", a_lost_server_is_told),
];

fn main() -> ExitCode {
    let programs = match browser::find() {
        Ok(programs) => programs,
        Err(why) => return skip(&why),
    };
    let browser = Browser::start(&programs);
    let mut failed = 0;
    for (name, test) in TESTS {
        browser.resize(1280, 900);
        browser.prefer(&[("prefers-color-scheme", "light")]);
        let tested = catch_unwind(AssertUnwindSafe(|| test(&browser, &Chat::started())));
        println!(
            "test {name} ... {}",
            if tested.is_ok() { "ok" } else { "FAILED" }
        );
        failed += u8::from(tested.is_err());
    }
    println!("\n{failed} failed");
    ExitCode::from(failed.min(1))
}

fn skip(why: &str) -> ExitCode {
    let is_required = env::var_os("LANEWAY_BROWSER").is_some_and(|value| value == "required");
    println!("\nskipped: the page of the chat was not tested, since {why}.");
    ExitCode::from(u8::from(is_required))
}

/// A running example. It is killed with this value.
struct Chat {
    child: std::cell::RefCell<Child>,
    address: String,
}

impl Chat {
    /// cargo puts examples beside the folder of the test executables.
    fn started() -> Chat {
        let test = env::current_exe().expect("a test knows its own path");
        let profile = test.ancestors().nth(2).expect("tests lie in PROFILE/deps");
        let mut child = Command::new(profile.join(format!("examples/chat{EXE_SUFFIX}")))
            .args(["--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("cargo build -p laneway-http --examples makes it");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .expect("a line");
        let address = line.trim_end().strip_prefix("listening on http://");
        Chat {
            address: address.unwrap_or_else(|| panic!("{line:?}")).to_owned(),
            child: child.into(),
        }
    }

    fn open(&self, browser: &Browser) {
        browser.go(&format!("http://{}/", self.address));
        browser.eventually(
            "the guest is there",
            "return document.getElementById('latency').textContent !== '–'",
        );
    }

    fn kill(&self) {
        let _ = self.child.borrow_mut().kill();
        let _ = self.child.borrow_mut().wait();
    }
}

impl Drop for Chat {
    fn drop(&mut self) {
        self.kill();
    }
}

fn text_of(browser: &Browser, id: &str) -> String {
    let script = format!("return document.getElementById('{id}').textContent");
    browser.run(&script).as_str().unwrap_or_default().to_owned()
}

fn say(browser: &Browser, text: &str) {
    let script = format!(
        "document.getElementById('text').value = {}; \
         document.querySelector('#say button').click()",
        json!(text)
    );
    browser.run(&script);
}

#[track_caller]
fn assert_quiet(browser: &Browser) {
    let console = browser.visit().console;
    assert!(console.is_empty(), "{console:?}");
}

fn what_is_said_comes_as_text(browser: &Browser, chat: &Chat) {
    chat.open(browser);
    assert_eq!(text_of(browser, "link"), "you alone are here");
    let hostile = "<img src=x onerror=document.title='x'>";
    say(browser, hostile);
    browser.eventually(
        "the line is there",
        "return document.querySelectorAll('#lines li.own').length === 1",
    );
    assert_eq!(text_of(browser, "lines"), format!("you{hostile}"));
    assert_eq!(text_of(browser, "text"), "");
    assert_quiet(browser);
}

fn heavy_work_is_started_and_shown(browser: &Browser, chat: &Chat) {
    chat.open(browser);
    browser.run("document.getElementById('work').click()");
    browser.eventually(
        "work is left",
        "return Number(document.getElementById('left').textContent) > 0",
    );
    browser.eventually(
        "it is measured beside it",
        "return Number(document.getElementById('count').textContent) >= 12",
    );
    assert_ne!(text_of(browser, "left"), "0");
    assert_quiet(browser);
}

fn it_fits_on_a_phone_and_a_desk(browser: &Browser, chat: &Chat) {
    chat.open(browser);
    for text in [
        "Hello",
        "Is anybody here? The other window is heavy at work.",
        &"x".repeat(300),
    ] {
        say(browser, text);
    }
    browser.eventually(
        "the lines are there",
        "return document.querySelectorAll('#lines li').length === 3",
    );
    for (width, height) in [(360, 740), (1280, 900)] {
        for scheme in ["light", "dark"] {
            browser.resize(width, height);
            browser.prefer(&[("prefers-color-scheme", scheme)]);
            let wider = "return document.documentElement.scrollWidth > innerWidth";
            assert_eq!(browser.run(wider), json!(false), "{width}");
        }
    }
    assert_quiet(browser);
}

fn a_lost_server_is_told(browser: &Browser, chat: &Chat) {
    chat.open(browser);
    chat.kill();
    browser.eventually(
        "the loss is told",
        "return document.getElementById('link').className === 'lost'",
    );
    assert_eq!(text_of(browser, "link"), "no connection; it is tried again");
}
