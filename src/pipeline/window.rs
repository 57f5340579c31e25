//! Windows of time: pure arithmetic, which no clock and no task takes part in.
//!
//! All positions are whole numbers of one [`Unit`], counted from the pipeline's epoch. [`Windows`]
//! is the only state: where the next window begins. The caller tells it the time.

use std::fmt;
use std::time::Duration;

/// A unit of time, in which a [`Period`] is given, and which all positions of its windows count.
///
/// ```
/// use laneway::pipeline::{Period, Unit};
///
/// assert_eq!(Period::Minutes(5).unit(), Unit::Minutes);
/// assert_eq!(Unit::Minutes.to_string(), "min");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// Microseconds.
    Micros,
    /// Milliseconds.
    Millis,
    /// Seconds.
    Seconds,
    /// Minutes of 60 seconds.
    Minutes,
}

impl Unit {
    pub(super) const fn nanos(self) -> i128 {
        match self {
            Unit::Micros => 1_000,
            Unit::Millis => 1_000_000,
            Unit::Seconds => 1_000_000_000,
            Unit::Minutes => 60_000_000_000,
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unit::Micros => "us",
            Unit::Millis => "ms",
            Unit::Seconds => "s",
            Unit::Minutes => "min",
        })
    }
}

/// How long a pipeline's windows are, in a unit of their own: from one unit to 1,000 years.
///
/// The timer wakes within a tenth of a millisecond; ticks closer than that come in bunches.
///
/// ```
/// use laneway::pipeline::Period;
/// use std::time::Duration;
///
/// assert_eq!(Period::Seconds(10).duration(), Duration::from_secs(10));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Period {
    /// This number of microseconds.
    Micros(u64),
    /// This number of milliseconds.
    Millis(u64),
    /// This number of seconds.
    Seconds(u64),
    /// This number of minutes.
    Minutes(u64),
}

/// Positions of such windows, and sums of them, stay far from the border of what an `i64` holds.
const LONGEST: Duration = Duration::from_secs(1_000 * 365 * 24 * 60 * 60);

impl Period {
    /// The unit in which it is given.
    ///
    /// ```
    /// use laneway::pipeline::{Period, Unit};
    ///
    /// assert_eq!(Period::Millis(250).unit(), Unit::Millis);
    /// ```
    #[must_use]
    pub fn unit(self) -> Unit {
        match self {
            Period::Micros(_) => Unit::Micros,
            Period::Millis(_) => Unit::Millis,
            Period::Seconds(_) => Unit::Seconds,
            Period::Minutes(_) => Unit::Minutes,
        }
    }

    /// How long it is. Minutes beyond what a duration can say are [`Duration::MAX`].
    ///
    /// ```
    /// use laneway::pipeline::Period;
    /// use std::time::Duration;
    ///
    /// assert_eq!(Period::Minutes(2).duration(), Duration::from_secs(120));
    /// ```
    #[must_use]
    pub fn duration(self) -> Duration {
        match self {
            Period::Micros(n) => Duration::from_micros(n),
            Period::Millis(n) => Duration::from_millis(n),
            Period::Seconds(n) => Duration::from_secs(n),
            Period::Minutes(n) => n.checked_mul(60).map_or(Duration::MAX, Duration::from_secs),
        }
    }

    /// How many units it has, if that is a length for windows.
    pub(super) fn length(self) -> Result<i64, BadLength> {
        let (Period::Micros(n) | Period::Millis(n) | Period::Seconds(n) | Period::Minutes(n)) =
            self;
        if n == 0 {
            return Err(BadLength::Zero);
        }
        if self.duration() > LONGEST {
            return Err(BadLength::TooLong);
        }
        i64::try_from(n).map_err(|_| BadLength::TooLong)
    }
}

/// Why a period is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadLength {
    Zero,
    TooLong,
}

/// A half-open span of time: `start` belongs to it, `end` does not.
///
/// Both are whole numbers of `unit`, counted from the pipeline's epoch: by default Unix time, as
/// [`PipelineClock`](super::PipelineClock) says.
///
/// ```
/// use laneway::pipeline::{Unit, Window};
///
/// let window = Window { start: 10, end: 20, unit: Unit::Seconds };
/// assert!(window.contains(10) && !window.contains(20));
/// assert_eq!(window.to_string(), "[10, 20) s");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// The first position that belongs to it.
    pub start: i64,
    /// The first position after it.
    pub end: i64,
    /// The unit of the positions.
    pub unit: Unit,
}

impl Window {
    /// Whether a position lies in it.
    ///
    /// ```
    /// use laneway::pipeline::{Unit, Window};
    ///
    /// let window = Window { start: 0, end: 5, unit: Unit::Millis };
    /// assert_eq!((-1..7).filter(|at| window.contains(*at)).count(), 5);
    /// ```
    #[must_use]
    pub fn contains(&self, position: i64) -> bool {
        (self.start..self.end).contains(&position)
    }

    /// How many units long it is.
    ///
    /// ```
    /// use laneway::pipeline::{Unit, Window};
    ///
    /// assert_eq!(Window { start: -5, end: 5, unit: Unit::Seconds }.length(), 10);
    /// ```
    #[must_use]
    pub fn length(&self) -> i64 {
        self.end.saturating_sub(self.start)
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {}) {}", self.start, self.end, self.unit)
    }
}

/// The fate of windows whose ticks could not run in time: because stages took longer than the
/// period, the outputs were full, or the runtime was busy.
///
/// With each of them, the windows of the data sets and the spans that
/// [`DataSet::skipped`](super::DataSet::skipped) names lie one after another on the line of time,
/// without a gap and without an overlap, and all their borders are multiples of the period.
///
/// Say the period is 10 s, the window `[0, 10)` should have run at 10, and the pipeline comes to
/// it at 35:
///
/// | | data sets from then on |
/// |---|---|
/// | `Burst` | `[0, 10)`, `[10, 20)` and `[20, 30)` at once; `[30, 40)` at 40 |
/// | `Skip` | `[20, 30)` at once, which says that `[0, 20)` was skipped; `[30, 40)` at 40 |
/// | `Coalesce` | `[0, 30)` at once; `[30, 40)` at 40 |
///
/// ```
/// use laneway::pipeline::MissedWindows;
///
/// assert_eq!(MissedWindows::default(), MissedWindows::Burst);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MissedWindows {
    /// Each runs, one after another, until the pipeline has caught up. The default. A pipeline
    /// that is always slower than its period falls behind further and further.
    #[default]
    Burst,
    /// Only the latest complete window runs. Its data set names the span that was left out.
    Skip,
    /// All complete windows run as one, which is longer by whole periods.
    Coalesce,
}

/// The window of one tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DueWindow {
    pub(super) window: Window,
    /// The span that was left out before it.
    pub(super) skipped: Option<Window>,
}

/// The windows that follow one another: hands out each position once.
#[derive(Clone, Debug)]
pub(super) struct Windows {
    /// Where the next one starts: a multiple of the length, and the end of what was handed out.
    start: i64,
    length: i64,
    unit: Unit,
    missed: MissedWindows,
}

impl Windows {
    /// Begins with the window that `now` lies in.
    pub(super) fn new(now: i64, length: i64, unit: Unit, missed: MissedWindows) -> Windows {
        assert!(length > 0, "windows of length {length}");
        Windows {
            start: now - now.rem_euclid(length),
            length,
            unit,
            missed,
        }
    }

    /// When the next window is complete.
    pub(super) fn due(&self) -> i64 {
        self.start + self.length
    }

    /// The next tick, if its window is complete at `now`.
    pub(super) fn take(&mut self, now: i64) -> Option<DueWindow> {
        if now < self.due() {
            return None;
        }
        let latest_end = now - now.rem_euclid(self.length);
        let (from, to) = match self.missed {
            MissedWindows::Burst => (self.start, self.due()),
            MissedWindows::Skip => (latest_end - self.length, latest_end),
            MissedWindows::Coalesce => (self.start, latest_end),
        };
        let skipped = (self.start < from).then(|| self.span(self.start, from));
        self.start = to;
        Some(DueWindow {
            window: self.span(from, to),
            skipped,
        })
    }

    /// How many periods fit into a span.
    pub(super) fn count(&self, span: Window) -> u64 {
        u64::try_from(span.length() / self.length).expect("a span does not end before it starts")
    }

    fn span(&self, start: i64, end: i64) -> Window {
        Window {
            start,
            end,
            unit: self.unit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICIES: [MissedWindows; 3] = [
        MissedWindows::Burst,
        MissedWindows::Skip,
        MissedWindows::Coalesce,
    ];

    fn windows(now: i64, length: i64, missed: MissedWindows) -> Windows {
        Windows::new(now, length, Unit::Seconds, missed)
    }

    fn span(window: Window) -> (i64, i64) {
        (window.start, window.end)
    }

    /// When a tick was taken, its window, and what was skipped before it.
    type Row = (i64, (i64, i64), Option<(i64, i64)>);

    /// The ticks that are there at 35 and at 40, of windows of 10 from 0.
    fn after_a_late_one(missed: MissedWindows) -> Vec<Row> {
        let mut windows = windows(0, 10, missed);
        let mut ticks = Vec::new();
        for now in [35, 40] {
            while let Some(tick) = windows.take(now) {
                ticks.push((now, span(tick.window), tick.skipped.map(span)));
            }
        }
        ticks
    }

    #[test]
    fn burst_runs_each_missed_window() {
        let expected = [
            (35, (0, 10), None),
            (35, (10, 20), None),
            (35, (20, 30), None),
            (40, (30, 40), None),
        ];
        assert_eq!(after_a_late_one(MissedWindows::Burst), expected);
    }

    #[test]
    fn skip_runs_the_latest_and_names_what_it_left_out() {
        let expected = [(35, (20, 30), Some((0, 20))), (40, (30, 40), None)];
        assert_eq!(after_a_late_one(MissedWindows::Skip), expected);
    }

    #[test]
    fn coalesce_runs_one_window_over_all_that_was_missed() {
        let expected = [(35, (0, 30), None), (40, (30, 40), None)];
        assert_eq!(after_a_late_one(MissedWindows::Coalesce), expected);
    }

    #[test]
    fn the_first_window_is_the_one_that_the_start_lies_in() {
        for (now, start) in [(0, 0), (9, 0), (10, 10), (-1, -10), (-10, -10), (-11, -20)] {
            let mut windows = windows(now, 10, MissedWindows::Burst);
            assert_eq!(windows.due(), start + 10, "started at {now}");
            assert_eq!(windows.take(start + 9), None);
            let tick = windows.take(start + 10).expect("it is complete");
            assert_eq!(span(tick.window), (start, start + 10));
        }
    }

    #[test]
    fn a_clock_that_stands_still_gives_no_window_twice() {
        for missed in POLICIES {
            let mut windows = windows(0, 10, missed);
            assert!(windows.take(10).is_some());
            assert_eq!(windows.take(10), None, "{missed:?}");
            assert_eq!(windows.take(19), None, "{missed:?}");
        }
    }

    /// However late the ticks are, every position from the start on is in one window or one skipped
    /// span, in order, all borders are aligned, and nothing runs before it is complete.
    #[test]
    fn windows_tile_the_line_of_time() {
        for seed in 0..10_000 {
            let mut rng = fastrand::Rng::with_seed(seed);
            let length = rng.i64(1..=rng.clone().i64(1..=1_000));
            let mut now = rng.i64(-1_000_000..1_000_000);
            for missed in POLICIES {
                let mut windows = windows(now, length, missed);
                let mut border = now.div_euclid(length) * length;
                for _ in 0..50 {
                    // In step, a little late, or late by many windows.
                    now += match rng.u8(0..3) {
                        0 => (windows.due() - now).max(0),
                        1 => rng.i64(0..=2 * length),
                        _ => rng.i64(0..=20 * length),
                    };
                    border = assert_tiles(&mut windows, now, border, missed);
                    assert_eq!(windows.due(), border + length, "seed {seed}, {missed:?}");
                    assert!(now < windows.due(), "seed {seed}, {missed:?}: all is taken");
                }
            }
        }
    }

    /// Takes all ticks that are there; gives where the last one ends.
    fn assert_tiles(windows: &mut Windows, now: i64, from: i64, missed: MissedWindows) -> i64 {
        let mut border = from;
        let mut ticks = 0;
        while let Some(DueWindow { window, skipped }) = windows.take(now) {
            ticks += 1;
            for span in skipped.into_iter().chain([window]) {
                assert_eq!(span.start, border, "a gap or an overlap");
                assert!(span.end > span.start, "an empty span");
                assert_eq!(span.start.rem_euclid(windows.length), 0, "not aligned");
                assert_eq!(span.end.rem_euclid(windows.length), 0, "not aligned");
                border = span.end;
            }
            assert!(window.end <= now, "ran before it was complete");
            let is_single = window.length() == windows.length;
            assert!(is_single || missed == MissedWindows::Coalesce);
            assert!(skipped.is_none() || missed == MissedWindows::Skip);
        }
        assert!(ticks <= 1 || missed == MissedWindows::Burst);
        border
    }

    #[test]
    fn an_interval_that_is_no_length_is_refused() {
        assert_eq!(Period::Seconds(0).length(), Err(BadLength::Zero));
        assert_eq!(Period::Micros(0).length(), Err(BadLength::Zero));
        for endless in [
            Period::Minutes(u64::MAX),
            Period::Seconds(u64::MAX),
            Period::Micros(u64::MAX),
        ] {
            assert_eq!(endless.length(), Err(BadLength::TooLong), "{endless:?}");
        }
        assert_eq!(Period::Minutes(5).length(), Ok(5));
    }
}
