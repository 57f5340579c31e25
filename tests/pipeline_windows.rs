//! Do the windows of a pipeline tile the line of time, however late its ticks are?

use std::sync::{Arc, Mutex};
use std::time::Duration;

use laneway::pipeline::{DataSet, MissedWindows, Outputs, Period, Pipeline, Shared, Window};
use laneway::sim::{Sim, work};
use laneway::time::sleep;
use laneway::{Stealing, spawn_task};

const MS: Duration = Duration::from_millis(1);

const POLICIES: [MissedWindows; 3] = [
    MissedWindows::Burst,
    MissedWindows::Skip,
    MissedWindows::Coalesce,
];

fn sim(seed: u64) -> Sim {
    let sim = Sim::seed(seed).high(1).low(2);
    sim.stealing(Stealing::None)
}

/// A pipeline every 10 ms, whose stage takes so long for the windows that begin then.
fn slow_pipeline(
    missed: MissedWindows,
    slow: &'static [(i64, u32)],
) -> (Pipeline<(), i64>, Outputs<i64>) {
    Pipeline::builder(Shared::new(()))
        .stage_fn("start", move |_: &(), window| {
            if let Some((_, millis)) = slow.iter().find(|(start, _)| *start == window.start) {
                work(MS * *millis);
            }
            Ok(window.start)
        })
        .every(Period::Millis(10))
        .missed_windows(missed)
        .capacity(100)
        .build()
        .unwrap()
}

fn span(window: Window) -> (i64, i64) {
    (window.start, window.end)
}

type Row = ((i64, i64), i64, Option<(i64, i64)>);

fn row(data_set: &DataSet<i64>) -> Row {
    let skipped = data_set.skipped.map(span);
    (span(data_set.window), data_set.timestamp, skipped)
}

/// What comes out if the stage takes 25 ms, at 10, for the first window.
fn after_a_late_tick(missed: MissedWindows) -> (Vec<Row>, [u64; 2]) {
    let run = sim(1).run(async move {
        let (pipeline, outputs) = slow_pipeline(missed, &[(0, 25)]);
        let running = pipeline.start_here();
        sleep(55 * MS).await;
        let counts = running.shutdown().await.counts;
        let mut rows = Vec::new();
        while let Ok(data_set) = outputs.recv_async().await {
            rows.push(row(&data_set));
        }
        assert_eq!(counts.ticks, rows.len() as u64);
        (rows, [counts.skipped, counts.coalesced])
    });
    run.unwrap().output
}

#[test]
fn burst_runs_the_missed_windows_one_after_another() {
    let expected = [
        ((0, 10), 10, None),
        ((10, 20), 35, None),
        ((20, 30), 35, None),
        ((30, 40), 40, None),
        ((40, 50), 50, None),
    ];
    let (rows, counts) = after_a_late_tick(MissedWindows::Burst);
    assert_eq!((rows.as_slice(), counts), (&expected[..], [0, 0]));
}

#[test]
fn skip_runs_the_latest_window_and_names_the_rest() {
    let expected = [
        ((0, 10), 10, None),
        ((20, 30), 35, Some((10, 20))),
        ((30, 40), 40, None),
        ((40, 50), 50, None),
    ];
    let (rows, counts) = after_a_late_tick(MissedWindows::Skip);
    assert_eq!((rows.as_slice(), counts), (&expected[..], [1, 0]));
}

#[test]
fn coalesce_runs_the_missed_windows_as_one() {
    let expected = [
        ((0, 10), 10, None),
        ((10, 30), 35, None),
        ((30, 40), 40, None),
        ((40, 50), 50, None),
    ];
    let (rows, counts) = after_a_late_tick(MissedWindows::Coalesce);
    assert_eq!((rows.as_slice(), counts), (&expected[..], [0, 1]));
}

#[test]
fn a_window_is_complete_when_it_runs() {
    // Started in the middle of a window, whose first half counts as well.
    let run = sim(1).run(async {
        sleep(1_234 * MS).await;
        let (pipeline, outputs) = slow_pipeline(MissedWindows::Burst, &[]);
        let _running = pipeline.start_here();
        let data_set = outputs.recv_async().await.unwrap();
        assert_eq!(row(&data_set), ((1_230, 1_240), 1_240, None));
    });
    run.unwrap();
}

#[test]
fn positions_are_in_the_unit_of_the_interval() {
    for (interval, second_start) in [
        (Period::Micros(500), 500),
        (Period::Millis(250), 250),
        (Period::Seconds(30), 30),
        (Period::Minutes(5), 5),
    ] {
        let run = sim(1).run(async move {
            let (pipeline, outputs) = Pipeline::builder(Shared::new(()))
                .stage_fn("start", |_: &(), window| Ok(window.start))
                .every(interval)
                .build()
                .unwrap();
            let _running = pipeline.start_here();
            outputs.recv_async().await.unwrap();
            let second = outputs.recv_async().await.unwrap();
            assert_eq!(second.window.unit, interval.unit());
            (span(second.window), second.timestamp)
        });
        let run = run.unwrap();
        assert_eq!(
            run.output,
            ((second_start, 2 * second_start), 2 * second_start)
        );
        assert_eq!(run.elapsed, 2 * interval.duration());
    }
}

/// Every millisecond from the first window on is counted by exactly one run of the stage, or
/// named as skipped.
#[test]
fn windows_have_no_gap_and_no_overlap_whatever_is_late() {
    for missed in POLICIES {
        let explored = Sim::seed(0).high(2).low(2).explore(100, || async move {
            let durations = Arc::new(Mutex::new(fastrand::Rng::with_seed(7)));
            let (pipeline, outputs) = Pipeline::builder(Shared::new(()))
                .stage_fn("one", late(durations.clone()))
                .stage_fn("two", late(durations))
                .every(Period::Millis(10))
                .missed_windows(missed)
                .capacity(2)
                .build()
                .unwrap();
            let running = pipeline.start_here();
            let other = spawn_task!(async {
                for n in 0..20 {
                    work(MS * n);
                    sleep(MS * 2 * n).await;
                }
            });
            let mut border = 0;
            for n in 0..40 {
                let data_set = outputs.recv_async().await.unwrap();
                border = assert_follows(&data_set, border, missed);
                // A receiver that is slow as well.
                sleep(MS * (n * 7 % 23)).await;
            }
            other.await;
            running.shutdown().await;
        });
        let explored = explored.unwrap();
        assert!(explored.distinct > 50, "{explored:?}");
    }
}

fn late(
    durations: Arc<Mutex<fastrand::Rng>>,
) -> impl Fn(&(), Window) -> Result<i64, laneway::pipeline::StageError> {
    move |_, window| {
        let millis = durations.lock().unwrap().u32(0..30);
        work(MS * millis);
        Ok(window.length())
    }
}

/// Gives where the data set's window ends.
fn assert_follows(data_set: &DataSet<i64>, from: i64, missed: MissedWindows) -> i64 {
    let mut border = from;
    for span in data_set.skipped.into_iter().chain([data_set.window]) {
        assert_eq!(span.start, border, "{missed:?}: a gap or an overlap");
        assert_eq!((span.start % 10, span.end % 10), (0, 0), "{missed:?}");
        assert!(span.end > span.start, "{missed:?}");
        border = span.end;
    }
    let window = data_set.window;
    assert!(data_set.timestamp >= window.end, "{missed:?}: too early");
    match missed {
        MissedWindows::Burst => assert_eq!((window.length(), data_set.skipped), (10, None)),
        MissedWindows::Skip => assert_eq!(window.length(), 10),
        MissedWindows::Coalesce => assert_eq!(data_set.skipped, None),
    }
    if missed != MissedWindows::Burst {
        assert!(
            data_set.timestamp < window.end + 10,
            "{missed:?}: not the latest"
        );
    }
    border
}
