//! Is what `prometheus` writes what Prometheus reads, and are the numbers the runtime's?

mod prometheus_text;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use laneway::background::{
    Every, PeriodicMetrics, Service, ServiceMetrics, TaskQueue, TaskQueueMetrics, Work,
};
use laneway::observe::{Monitor, Prometheus, RuntimeMetrics, prometheus};
use laneway::pipeline::PipelineCounts;
use laneway::sim::{Sim, work};
use laneway::time::sleep;
use laneway::{Priority, blocking, spawn_task};

use prometheus_text::{Family, Labels, parse};

fn labels(pairs: &[(&str, &str)]) -> Labels {
    let owned = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
    pairs.iter().map(owned).collect()
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// The text after a run with one worker at home in the low queue and one in another.
fn text_of_a_run(further: &str) -> String {
    let monitor = Arc::new(Monitor::new());
    let sim = Sim::seed(1).high(0).low(1).queue(further, 1, &[]);
    let run = sim.observer(monitor.clone()).run(async {
        spawn_task!(async { work(ms(5)) }).await;
        spawn_task!(async { work(ms(300)) }).await;
        spawn_task!(async {}, Priority::High).await;
        drop(spawn_task!(std::future::pending::<()>()));
        sleep(ms(95)).await;
    });
    prometheus(&run.unwrap().metrics, &monitor.queues())
}

#[track_caller]
fn value(families: &BTreeMap<String, Family>, name: &str, pairs: &[(&str, &str)]) -> f64 {
    let family = families.values().find_map(|family| {
        let key = (name.to_owned(), labels(pairs));
        family.samples.get(&key)
    });
    *family.unwrap_or_else(|| panic!("no {name} {pairs:?} in {families:#?}"))
}

#[test]
fn the_numbers_are_the_runtimes() {
    let families = parse(&text_of_a_run("disk"));
    let of = |name: &str, queue: &str| value(&families, name, &[("queue", queue)]);
    assert_eq!(of("laneway_tasks_spawned_total", "low"), 3.0);
    assert_eq!(of("laneway_tasks_completed_total", "low"), 2.0);
    assert_eq!(of("laneway_tasks_cancelled_total", "low"), 1.0);
    assert_eq!(of("laneway_tasks_panicked_total", "low"), 0.0);
    assert_eq!(of("laneway_tasks_live", "low"), 0.0);
    assert_eq!(of("laneway_queue_depth", "disk"), 0.0);
    assert_eq!(of("laneway_stolen_out_total", "high"), 1.0);
    assert_eq!(of("laneway_stolen_in_total", "low"), 1.0);
    let seconds = |state| {
        let worker = [("worker", "0"), ("home", "low"), ("state", state)];
        value(&families, "laneway_worker_seconds_total", &worker)
    };
    assert_eq!(seconds("busy"), 0.305);
    assert_eq!(seconds("parked"), 0.095);
    assert_eq!(seconds("searching"), 0.0);
    let idle = [("worker", "1"), ("home", "disk")];
    assert_eq!(value(&families, "laneway_worker_polls_total", &idle), 0.0);
}

#[test]
fn the_histograms_are_cumulative_and_end_with_the_count() {
    let families = parse(&text_of_a_run("disk"));
    let family = &families["laneway_task_poll_seconds"];
    assert_eq!(family.kind, "histogram");
    let buckets = |queue: &str| {
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for ((name, labels), &count) in &family.samples {
            if name.ends_with("_bucket") && labels["queue"] == queue {
                buckets.push((labels["le"].parse().unwrap(), count));
            }
        }
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        buckets
    };
    let low = buckets("low");
    assert!(low.is_sorted_by(|a, b| a.1 <= b.1), "{low:?}");
    // The third was cancelled in its queue and never polled.
    assert_eq!(low.last(), Some(&(f64::INFINITY, 2.0)));
    // 5 ms lies between 4.2 and 16.8, 300 between 268 and 1,074.
    let at = |seconds: f64| low.iter().find(|(le, _)| *le >= seconds).unwrap().1;
    assert_eq!(
        [at(0.004), at(0.016), at(0.268), at(1.0)],
        [0.0, 1.0, 1.0, 2.0]
    );
    let of = |name: &str| value(&families, name, &[("queue", "low")]);
    assert_eq!(of("laneway_task_poll_seconds_sum"), 0.305);
    assert_eq!(of("laneway_task_poll_seconds_count"), 2.0);
    assert_eq!(buckets("disk").last(), Some(&(f64::INFINITY, 0.0)));
}

#[test]
fn a_queue_may_be_called_anything() {
    let name = "a \"quoted\" \\ name,\nwith} = lines{ # HELP é";
    let families = parse(&text_of_a_run(name));
    assert_eq!(
        value(&families, "laneway_queue_depth", &[("queue", name)]),
        0.0
    );
    let home = [("worker", "1"), ("home", name)];
    assert_eq!(value(&families, "laneway_worker_parks_total", &home), 1.0);
}

#[test]
fn names_follow_the_conventions() {
    let families = parse(&text_of_a_run("disk"));
    let kinds: BTreeSet<&str> = families.values().map(|family| &*family.kind).collect();
    assert_eq!(kinds, BTreeSet::from(["counter", "gauge", "histogram"]));
    for (name, family) in &families {
        assert!(name.starts_with("laneway_"), "{name}");
        assert_eq!(name.ends_with("_total"), family.kind == "counter", "{name}");
        assert!(!family.samples.is_empty(), "{name}");
    }
}

#[test]
fn without_a_monitor_there_are_no_histograms() {
    let run = Sim::seed(2).run(async {}).unwrap();
    let families = parse(&prometheus(&run.metrics, &[]));
    assert!(families.values().all(|family| family.kind != "histogram"));
    assert_eq!(families.len(), 13);
}

/// The numbers of a runtime that has run so many high tasks.
fn metrics_after(tasks: usize) -> RuntimeMetrics {
    let run = Sim::seed(3).high(1).low(1).run(async move {
        for _ in 0..tasks {
            spawn_task!(async {}, Priority::High).await;
        }
    });
    run.unwrap().metrics
}

#[test]
fn several_runtimes_are_told_apart_by_a_label() {
    let monitor = Arc::new(Monitor::new());
    let sim = Sim::seed(1).high(1).low(3).observer(monitor.clone());
    let batch = sim.run(async { spawn_task!(async {}).await }).unwrap();
    let text = Prometheus::new()
        .runtime("web", metrics_after(2), [])
        .runtime("batch", batch.metrics, monitor.queues())
        .render();
    let families = parse(&text);
    let spawned = |runtime: &str, queue: &str| {
        let labels = [("runtime", runtime), ("queue", queue)];
        value(&families, "laneway_tasks_spawned_total", &labels)
    };
    assert_eq!([spawned("web", "high"), spawned("web", "low")], [2.0, 0.0]);
    assert_eq!(
        [spawned("batch", "high"), spawned("batch", "low")],
        [0.0, 1.0]
    );
    let last = [("runtime", "batch"), ("worker", "3"), ("home", "low")];
    assert!(value(&families, "laneway_worker_polls_total", &last) <= 1.0);
    let waits = &families["laneway_task_wait_seconds"];
    assert!(
        waits
            .samples
            .keys()
            .all(|(_, labels)| labels["runtime"] == "batch")
    );
    let seconds = &families["laneway_worker_seconds_total"];
    assert_eq!(
        seconds.samples.len(),
        3 * (2 + 4),
        "three states of each worker"
    );
}

#[test]
fn what_stands_on_a_runtime_is_scraped_too() {
    let (echo, background) = Service::new().build((), async |_: &mut (), n: u8| n);
    let every = Every::new(Duration::from_secs(3_600)).name("rotation");
    let (rotation, periodic) = every.build(async || ());
    let queue = TaskQueue::bounded(8);
    let run = Sim::seed(4).high(1).low(1).run({
        let (echo, queue) = (echo.clone(), queue.clone());
        async move {
            spawn_task!(background).detach();
            spawn_task!(periodic).detach();
            assert_eq!(echo.call(7).await.unwrap(), 7);
            for _ in 0..2 {
                let takes = Work::future(async |_| sleep(ms(5)).await);
                queue.submit(takes).unwrap();
            }
            sleep(ms(20)).await;
        }
    });
    run.unwrap();
    let mut counts = PipelineCounts::default();
    (counts.ticks, counts.timed_out) = (5, 2);
    let text = Prometheus::new()
        .service("echo", echo.metrics())
        .periodic(rotation.metrics())
        .task_queue("reports", queue.metrics())
        .pipeline("eye", counts)
        .blocking(blocking::metrics())
        .render();
    let families = parse(&text);
    let of = |name: &str, labels: &[(&str, &str)]| value(&families, name, labels);
    let echo = [("service", "echo")];
    assert_eq!(of("laneway_service_completed_total", &echo), 1.0);
    assert_eq!(of("laneway_service_in_flight", &echo), 0.0);
    let rotation = [("process", "rotation")];
    assert_eq!(of("laneway_periodic_completed_total", &rotation), 1.0);
    let reports = [("task_queue", "reports")];
    assert_eq!(of("laneway_task_queue_done_total", &reports), 2.0);
    assert_eq!(of("laneway_task_queue_kept", &reports), 2.0);
    assert_eq!(of("laneway_task_queue_wait_seconds_total", &reports), 0.005);
    assert_eq!(
        of("laneway_task_queue_longest_wait_seconds", &reports),
        0.005
    );
    assert_eq!(of("laneway_task_queue_run_seconds_total", &reports), 0.01);
    let eye = [("pipeline", "eye")];
    assert_eq!(of("laneway_pipeline_ticks_total", &eye), 5.0);
    assert_eq!(of("laneway_pipeline_timed_out_total", &eye), 2.0);
    let threads = of("laneway_blocking_max_threads", &[]);
    assert_eq!(threads, blocking::metrics().max_threads as f64);
    // Nothing of what is not there.
    assert!(
        families
            .keys()
            .all(|name| !name.starts_with("laneway_queue"))
    );
}

#[test]
fn anything_may_be_called_anything_and_twice_the_same() {
    let name = "a \"quoted\" \\ name,\nwith} = lines{ # HELP é";
    let second = format!("{name} (2)");
    let mut process = PeriodicMetrics::default();
    process.name = name.to_owned();
    let mut text = Prometheus::new();
    for _ in 0..2 {
        text = text
            .runtime(name, metrics_after(1), [])
            .service(name, ServiceMetrics::default())
            .task_queue(name, TaskQueueMetrics::default())
            .periodic(process.clone())
            .pipeline(name, PipelineCounts::default());
    }
    let families = parse(&text.render());
    for name in [name, &second] {
        let queue = [("runtime", name), ("queue", "high")];
        assert_eq!(value(&families, "laneway_tasks_spawned_total", &queue), 1.0);
        for (metric, label) in [
            ("laneway_service_restarts_total", "service"),
            ("laneway_periodic_running", "process"),
            ("laneway_task_queue_refused_total", "task_queue"),
            ("laneway_pipeline_busy_total", "pipeline"),
        ] {
            assert_eq!(value(&families, metric, &[(label, name)]), 0.0);
        }
    }
    for (name, family) in &families {
        assert_eq!(name.ends_with("_total"), family.kind == "counter", "{name}");
    }
    assert_eq!(Prometheus::new().render(), "");
}
