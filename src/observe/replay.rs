//! The replay page, and its parts for pages of one's own.
//!
//! [`Recording::write_replay`] writes the whole page. To show recordings in another page, include
//! [`STYLE`] and [`SCRIPT`] once and put [`Recording::to_replay_fragment`] where a player is
//! to appear; the script turns every such element into a player when the page has loaded.
//!
//! ```
//! use laneway::observe::{Recorder, replay};
//!
//! let recording = Recorder::new().recording();
//! let chapter = format!(
//!     "<!doctype html><meta charset=utf-8><style>{}</style>{}<script>{}</script>",
//!     replay::STYLE,
//!     recording.to_replay_fragment(),
//!     replay::SCRIPT,
//! );
//! assert!(chapter.contains(r#"<script type="application/json">"#));
//! ```
//!
//! The other things that the element may carry are told at the top of the script's source.
#![doc = include_str!("FORMAT.md")]

use std::collections::HashMap;
use std::fmt::{self, Display};
use std::io::{self, Write};
use std::panic::Location;

use super::json::{Array, Quoted};
use super::recording::Recording;
use crate::ground::ids::{QueueId, TaskId, WorkerId};
use crate::ground::telemetry::{Event, Placement, PollEnd, Source};

/// The player: JavaScript that needs nothing else. [The module](self) has an example.
pub const SCRIPT: &str = concat!(
    include_str!("replay/model.js"),
    include_str!("replay/words.js"),
    include_str!("replay/theme.js"),
    include_str!("replay/find.js"),
    include_str!("replay/scale.js"),
    include_str!("replay/stage.js"),
    include_str!("replay/lanes.js"),
    include_str!("replay/player.js"),
);

/// The player's style sheet, which touches nothing outside of players.
/// [The module](self) has an example.
pub const STYLE: &str = include_str!("replay/player.css");

const PAGE: &str = include_str!("replay/page.html");

impl Recording {
    /// Writes the replay page: HTML, in one piece. [`Recording`] has an example.
    ///
    /// # Errors
    ///
    /// If `out` fails.
    pub fn write_replay(&self, out: &mut dyn Write) -> io::Result<()> {
        write_page(self, out)
    }

    /// The element that shows this recording inside of another page, which has to include
    /// [`STYLE`] and [`SCRIPT`] once.
    ///
    /// ```
    /// let recording = laneway::observe::Recorder::new().recording();
    /// let fragment = recording.to_replay_fragment();
    /// assert!(fragment.starts_with(r#"<div class="laneway-replay">"#));
    /// ```
    #[must_use]
    pub fn to_replay_fragment(&self) -> String {
        fragment(self)
    }

    /// The recording in the replay page's own format, JSON: see [the module](self).
    ///
    /// ```
    /// let json = laneway::observe::Recorder::new().recording().to_replay_json();
    /// assert!(json.starts_with(r#"{"format":"laneway-replay","version":1,"#));
    /// ```
    #[must_use]
    pub fn to_replay_json(&self) -> String {
        Json(self).to_string()
    }
}

/// Writes the page that shows a recording.
fn write_page(recording: &Recording, out: &mut dyn Write) -> io::Result<()> {
    let mut rest = PAGE;
    let fragment = fragment(recording);
    for (mark, text) in [
        ("/*STYLE*/", STYLE),
        ("<!--RECORDING-->", &fragment),
        ("/*SCRIPT*/", SCRIPT),
    ] {
        let (before, after) = rest.split_once(mark).expect("the page has its marks");
        out.write_all(before.as_bytes())?;
        out.write_all(text.as_bytes())?;
        rest = after;
    }
    out.write_all(rest.as_bytes())
}

/// The element that the script turns into a player.
fn fragment(recording: &Recording) -> String {
    let json = Json(recording);
    format!(
        "<div class=\"laneway-replay\"><script type=\"application/json\">{json}</script></div>\n"
    )
}

/// A recording in the page's own format.
struct Json<'a>(&'a Recording);

impl Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let recording = self.0;
        let tables = Tables::of(recording);
        let queues = recording.shape.queues.iter().map(|name| Quoted(name));
        let homes = recording.shape.homes.iter().map(|home| home.index());
        let places = tables.places.iter().map(|place| Quoted(place));
        let tasks = tables
            .tasks
            .iter()
            .map(|&task| tables.task(recording, task));
        let clock = match recording.is_simulated {
            true => "simulated",
            false => "real",
        };
        let dropped = recording.dropped();
        write!(
            f,
            r#"{{"format":"laneway-replay","version":1,"clock":"{clock}","dropped":{dropped}"#
        )?;
        write!(f, r#","queues":{},"homes":{}"#, Array(queues), Array(homes))?;
        if !recording.shape.standbys.is_empty() {
            let standbys = recording.shape.standbys.iter().map(|worker| worker.index());
            write!(f, r#","standbys":{}"#, Array(standbys))?;
        }
        write!(f, ",\n\"places\":{}", Array(places))?;
        write!(f, ",\n\"tasks\":{}", Array(tasks))?;
        write!(f, ",\n\"events\":[")?;
        let mut before = 0;
        for (index, record) in recording.records.iter().enumerate() {
            let comma = if index > 0 { ",\n" } else { "\n" };
            let later = record.at - before;
            before = record.at;
            let row = tables.row(record.event);
            write!(f, "{comma}{later},{}", CommaSeparated(&row))?;
        }
        write!(f, "\n]}}")
    }
}

/// Numbers with commas between them.
struct CommaSeparated<'a>(&'a [i64]);

impl Display for CommaSeparated<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, number) in self.0.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma}{number}")?;
        }
        Ok(())
    }
}

/// The tables to which rows refer by position.
#[derive(Default)]
struct Tables {
    tasks: Vec<TaskId>,
    position: HashMap<TaskId, usize>,
    places: Vec<String>,
    place_of: HashMap<TaskId, usize>,
}

impl Tables {
    fn of(recording: &Recording) -> Tables {
        let mut tables = Tables::default();
        let mut known: HashMap<&'static Location<'static>, usize> = HashMap::new();
        for record in &recording.records {
            let Some(task) = record.task() else {
                continue;
            };
            if !tables.position.contains_key(&task) {
                tables.position.insert(task, tables.tasks.len());
                tables.tasks.push(task);
            }
            if let Event::Spawned { spawned_at, .. } = record.event {
                let place = *known.entry(spawned_at).or_insert_with(|| {
                    tables.places.push(spawned_at.to_string());
                    tables.places.len() - 1
                });
                tables.place_of.insert(task, place);
            }
        }
        tables
    }

    /// A task's number, place and name.
    fn task(&self, recording: &Recording, task: TaskId) -> String {
        let place = or_none(self.place_of.get(&task).copied());
        match recording.name(task) {
            Some(name) => format!("[{},{place},{}]", task.0, Quoted(name)),
            None => format!("[{},{place}]", task.0),
        }
    }

    fn task_number(&self, task: TaskId) -> i64 {
        or_none(self.position.get(&task).copied())
    }

    /// Kind, task, queue, worker, detail.
    fn row(&self, event: Event) -> [i64; 5] {
        let task = |task| self.task_number(task);
        match event {
            Event::Spawned {
                task: id,
                queue,
                by,
                ..
            } => [0, task(id), number(queue), by_number(by), 0],
            Event::Scheduled {
                task: id,
                queue,
                by,
                to,
            } => [1, task(id), number(queue), by_number(by), placement(to)],
            Event::Taken {
                task: id,
                queue,
                worker,
                from,
            } => [
                2,
                task(id),
                number(queue),
                by_number(Some(worker)),
                source(from),
            ],
            Event::PollStarted { task: id, worker } => {
                [3, task(id), NONE, by_number(Some(worker)), 0]
            }
            Event::PollEnded {
                task: id,
                worker,
                end,
            } => [4, task(id), NONE, by_number(Some(worker)), poll_end(end)],
            Event::Parked { worker } => [5, NONE, NONE, by_number(Some(worker)), 0],
            Event::Unparked { worker } => [6, NONE, NONE, by_number(Some(worker)), 0],
            Event::Replaced { worker } => [7, NONE, NONE, by_number(Some(worker)), 0],
            Event::Cancelled { task: id, by } => [8, task(id), NONE, by_number(by), 0],
            Event::Escalated { task: id, by } => [9, task(id), NONE, by_number(by), 0],
            Event::TimerArmed {
                task: id,
                by,
                after_us,
            } => {
                let after_us = i64::try_from(after_us).unwrap_or(i64::MAX);
                [10, task(id), NONE, by_number(by), after_us]
            }
            Event::TimerFired { task: id } => [11, task(id), NONE, NONE, 0],
        }
    }
}

const NONE: i64 = -1;

fn or_none(position: Option<usize>) -> i64 {
    position.map_or(NONE, |position| position as i64)
}

fn number(queue: QueueId) -> i64 {
    or_none(Some(queue.index()))
}

fn by_number(worker: Option<WorkerId>) -> i64 {
    or_none(worker.map(WorkerId::index))
}

fn placement(to: Placement) -> i64 {
    match to {
        Placement::NextSlot => 0,
        Placement::Deque => 1,
        Placement::Channel => 2,
    }
}

fn source(from: Source) -> i64 {
    match from {
        Source::Local => 0,
        Source::Channel => 1,
        Source::Worker(victim) => 2 + by_number(Some(victim)),
    }
}

fn poll_end(end: PollEnd) -> i64 {
    match end {
        PollEnd::Pending => 0,
        PollEnd::Yielded => 1,
        PollEnd::Ready => 2,
        PollEnd::Panicked => 3,
        PollEnd::Cancelled => 4,
    }
}
