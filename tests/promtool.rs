//! Does Prometheus' own tool take what is written, and find that no counter was ever reset?
//!
//! This needs `promtool`. Without it the tests are skipped, and say so; with
//! `LANEWAY_PROMTOOL=required` in the environment that is a failure.

mod common;
mod prometheus_text;

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use common::eventually;
use laneway::background::{PeriodicMetrics, ServiceMetrics, TaskQueueMetrics};
use laneway::observe::{Monitor, Prometheus, prometheus};
use laneway::pipeline::PipelineCounts;
use laneway::{Priority, Runtime, blocking};
use prometheus_text::{Labels, parse};

/// Runs `promtool`, or says that it is missing.
fn promtool(arguments: &[&str], input: &str) -> Option<(bool, String)> {
    let tool = env::var_os("PROMTOOL").unwrap_or_else(|| "promtool".into());
    let started = Command::new(tool)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = started else {
        let is_required = env::var_os("LANEWAY_PROMTOOL").is_some_and(|value| value == "required");
        assert!(!is_required, "there is no promtool");
        println!("skipped: there is no promtool. On Debian, apt-get install prometheus.");
        return None;
    };
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    Some((output.status.success(), said))
}

/// A runtime with a monitor that has done a bit of everything.
fn used() -> (Runtime, Arc<Monitor>) {
    let monitor = Arc::new(Monitor::new());
    let builder = Runtime::builder().with_queue("a \"b\" \\ c\nd", 1, &[]);
    let rt = builder.with_observer(monitor.clone()).build().unwrap();
    rt.block_on(rt.spawn(async {}, Priority::High));
    drop(rt.spawn(std::future::pending::<()>(), Priority::Low));
    (rt, monitor)
}

#[test]
fn the_text_has_no_fault() {
    let (rt, monitor) = used();
    let text = Prometheus::new()
        .runtime("one", rt.metrics(), monitor.queues())
        .runtime("an\"other\"\n", rt.metrics(), monitor.queues())
        .service("mail", ServiceMetrics::default())
        .periodic(PeriodicMetrics::default())
        .task_queue("reports", TaskQueueMetrics::default())
        .pipeline("eye\\", PipelineCounts::default())
        .blocking(blocking::metrics())
        .render();
    let Some((is_fine, said)) = promtool(&["check", "metrics"], &text) else {
        return;
    };
    assert!(is_fine && said.is_empty(), "{said}");
    let text = prometheus(&rt.metrics(), &monitor.queues());
    let (is_fine, said) = promtool(&["check", "metrics"], &text).unwrap();
    assert!(is_fine && said.is_empty(), "{said}");
    // It can find one.
    let wrong = "# HELP a_total A.\n# TYPE a_total counter\na_total 1\n# HELP a_total A.\n";
    assert!(!promtool(&["check", "metrics"], wrong).unwrap().0);
}

/// A series as rule tests name it.
fn series_name(name: &str, labels: &Labels) -> String {
    let labels: Vec<String> = labels.iter().map(|(k, v)| format!("{k}={v:?}")).collect();
    format!("{name}{{{}}}", labels.join(","))
}

/// What was scraped of a runtime that does nothing: the values of its times, series by series.
fn times_of_an_idle_runtime(scrapes: usize) -> BTreeMap<String, Vec<f64>> {
    let rt = Runtime::builder()
        .with_high_num(1)
        .with_low_num(1)
        .build()
        .unwrap();
    eventually("both workers sleep", || {
        rt.metrics()
            .workers
            .iter()
            .all(|w| w.parked > Duration::ZERO)
    });
    let mut times: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for _ in 0..scrapes {
        let mut families = parse(&prometheus(&rt.metrics(), &[]));
        let family = families.remove("laneway_worker_seconds_total").unwrap();
        for ((name, labels), value) in family.samples {
            times
                .entry(series_name(&name, &labels))
                .or_default()
                .push(value);
        }
    }
    times
}

/// A test of rules: one scrape every second, and expressions that have to give nothing.
fn rule_test(series: &BTreeMap<String, Vec<f64>>, at: usize, nothing: &[&str]) -> String {
    let mut text = String::from("evaluation_interval: 1s\ntests:\n- interval: 1s\n");
    text += "  input_series:\n";
    for (name, values) in series {
        let values: Vec<String> = values.iter().map(|value| format!("{value:.9}")).collect();
        writeln!(text, "  - series: '{name}'").unwrap();
        writeln!(text, "    values: '{}'", values.join(" ")).unwrap();
    }
    text += "  promql_expr_test:\n";
    for expression in nothing {
        writeln!(text, "  - expr: '{expression}'").unwrap();
        writeln!(text, "    eval_time: {at}s\n    exp_samples: []").unwrap();
    }
    text
}

/// A file that is removed with this value.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, text: &str) -> Scratch {
        let name = format!("laneway-promtool-{}-{name}", std::process::id());
        let path = env::temp_dir().join(name);
        fs::write(&path, text).unwrap();
        Scratch(path)
    }

    fn path(&self) -> &str {
        let path: &Path = &self.0;
        path.to_str().unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn an_idle_runtime_is_not_busy_by_any_rule() {
    let mut times = times_of_an_idle_runtime(61);
    let nothing = [
        "resets(laneway_worker_seconds_total[1m]) > 0",
        "rate(laneway_worker_seconds_total{state=\"busy\"}[1m]) > 0",
        "rate(laneway_worker_seconds_total[1m]) > 1",
    ];
    let test = Scratch::new("idle.yml", &rule_test(&times, 60, &nothing));
    let Some((is_fine, said)) = promtool(&["test", "rules", test.path()], "") else {
        return;
    };
    assert!(is_fine, "{said}");
    // It sees a counter that falls by a hair.
    let some = times.values_mut().next().unwrap();
    *some = (0..61).map(|n| 1.0 - f64::from(n % 2) * 1e-9).collect();
    let test = Scratch::new("falls.yml", &rule_test(&times, 60, &nothing));
    let (is_fine, said) = promtool(&["test", "rules", test.path()], "").unwrap();
    assert!(!is_fine, "{said}");
}
