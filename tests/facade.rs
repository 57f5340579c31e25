//! Does a recorder of the `metrics` crate get the runtime's numbers?

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use laneway::background::{PeriodicMetrics, ServiceMetrics, TaskQueueMetrics};
use laneway::blocking;
use laneway::observe::facade::{
    publish, publish_as, publish_blocking, publish_periodic, publish_pipeline, publish_service,
    publish_task_queue,
};
use laneway::pipeline::PipelineCounts;
use laneway::sim::{Sim, work};
use laneway::{Priority, spawn_task};
use metrics_facade::{
    Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};

/// Keeps the numbers: counters as they are, gauges as the bits of their `f64`.
#[derive(Default)]
struct Keeps(Mutex<BTreeMap<String, Arc<AtomicU64>>>);

impl Keeps {
    fn number(&self, kind: &str, key: &Key) -> Arc<AtomicU64> {
        let labels: Vec<String> = key
            .labels()
            .map(|label| format!("{}={}", label.key(), label.value()))
            .collect();
        let name = format!("{kind} {} {}", key.name(), labels.join(" "));
        self.0.lock().unwrap().entry(name).or_default().clone()
    }

    #[track_caller]
    fn get(&self, name: &str) -> u64 {
        let numbers = self.0.lock().unwrap();
        let number = numbers.get(name);
        let number = number.unwrap_or_else(|| panic!("no {name} in {numbers:#?}"));
        number.load(Ordering::Relaxed)
    }
}

impl Recorder for Keeps {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.number("counter", key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.number("gauge", key))
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[test]
fn a_recorder_gets_every_number_and_the_latest() {
    let keeps = Keeps::default();
    let run = |tasks: u64| {
        let sim = Sim::seed(1).high(0).low(1).queue("a disk", 1, &[]);
        let run = sim.run(async move {
            for _ in 0..tasks {
                spawn_task!(async { work(Duration::from_millis(3)) }, Priority::High).await;
            }
        });
        run.unwrap().metrics
    };
    for tasks in [1, 5] {
        metrics_facade::with_local_recorder(&keeps, || publish(&run(tasks)));
        assert_eq!(
            keeps.get("counter laneway_tasks_spawned_total queue=high"),
            tasks
        );
        assert_eq!(
            keeps.get("counter laneway_stolen_in_total queue=low"),
            tasks
        );
        assert_eq!(
            keeps.get("counter laneway_worker_polls_total worker=0 home=low"),
            tasks
        );
        let busy = "counter laneway_worker_microseconds_total worker=0 home=low state=busy";
        assert_eq!(keeps.get(busy), 3_000 * tasks);
    }
    assert_eq!(
        keeps.get("counter laneway_worker_polls_total worker=1 home=a disk"),
        0
    );
    assert_eq!(
        f64::from_bits(keeps.get("gauge laneway_queue_depth queue=a disk")),
        0.0
    );
    // Nine of each of three queues, three and three times of each of two workers.
    assert_eq!(keeps.0.lock().unwrap().len(), 9 * 3 + 6 * 2);
}

#[test]
fn several_runtimes_and_what_stands_on_them_are_told_apart() {
    let keeps = Keeps::default();
    let run = |tasks: u64| {
        let run = Sim::seed(1).high(1).low(0).run(async move {
            for _ in 0..tasks {
                spawn_task!(async {}, Priority::High).await;
            }
        });
        run.unwrap().metrics
    };
    let mut process = PeriodicMetrics::default();
    (process.name, process.completed) = ("rotation".to_owned(), 4);
    let mut service = ServiceMetrics::default();
    service.queued = 6;
    let mut queue = TaskQueueMetrics::default();
    (queue.done, queue.waited) = (3, Duration::from_millis(2));
    let mut counts = PipelineCounts::default();
    counts.ticks = 5;
    metrics_facade::with_local_recorder(&keeps, || {
        publish_as("web", &run(2));
        publish_as("batch", &run(3));
        publish_service("mail", &service);
        publish_periodic(&process);
        publish_task_queue("reports", &queue);
        publish_pipeline("eye", &counts);
        publish_blocking(&blocking::metrics());
    });
    let spawned = |runtime: &str| {
        let name = "counter laneway_tasks_spawned_total";
        keeps.get(&format!("{name} runtime={runtime} queue=high"))
    };
    assert_eq!([spawned("web"), spawned("batch")], [2, 3]);
    let gauge = |name: &str| f64::from_bits(keeps.get(&format!("gauge {name}")));
    assert_eq!(gauge("laneway_service_queued service=mail"), 6.0);
    assert_eq!(
        keeps.get("counter laneway_periodic_completed_total process=rotation"),
        4
    );
    assert_eq!(
        keeps.get("counter laneway_pipeline_ticks_total pipeline=eye"),
        5
    );
    let reports = |name: &str| {
        keeps.get(&format!(
            "counter laneway_task_queue_{name} task_queue=reports"
        ))
    };
    assert_eq!(reports("done_total"), 3);
    assert_eq!(reports("wait_microseconds_total"), 2_000);
    assert!(gauge("laneway_blocking_max_threads ") >= 1.0);
}
