//! `schedules`: all schedules with their next and last instants.

use std::time::SystemTime;

use laneway::block_on;
use laneway_jobs::store::{
    Fire, FireOutcome, ScheduleChange, ScheduleChanged, ScheduleState, ScheduleView, Store,
    WantedSchedules,
};
use serde_json::json;

use super::Command;
use crate::args::Args;
use crate::clock::relative;
use crate::failure::Failure;
use crate::out::Out;
use crate::spec::{Spec, value};
use crate::table::Table;
use crate::text::short;
use crate::{json, open};

pub(super) const COMMAND: Command = Command {
    spec: Spec {
        name: "schedules",
        takes: "",
        about: "lists schedules, with their next and last instants",
        options: &[
            value("fires", "N", "the last N instants, in JSON; 20 by default"),
            value(
                "remove",
                "NAME",
                "removes this one, and what is known of its fires",
            ),
        ],
    },
    run,
};

const FIRES: usize = 20;
const CELL: usize = 40;

fn run(args: &Args, out: &mut Out) -> Result<(), Failure> {
    args.no_words()?;
    let fires = args.number("fires")?.unwrap_or(FIRES);
    let store = open::store(args)?;
    match args.value("remove") {
        Some(name) => remove(&*store, name, out),
        None => list(&*store, fires, out),
    }
}

fn remove(store: &dyn Store, name: &str, out: &mut Out) -> Result<(), Failure> {
    let change = ScheduleChange::Remove(name.to_owned());
    let changed = block_on(store.change_schedules(vec![change]))?;
    match changed[..] {
        [ScheduleChanged::Done] => {
            let removed = json!({"name": name, "removed": true});
            out.tell(&format!("the schedule {name} is removed"), &removed)
        }
        _ => Err(Failure::refused(format!("there is no schedule {name:?}"))),
    }
}

fn list(store: &dyn Store, fires: usize, out: &mut Out) -> Result<(), Failure> {
    let wanted = WantedSchedules { names: None, fires };
    let schedules = block_on(store.schedules(wanted))?.schedules;
    out.rows(
        &schedules,
        json::schedule,
        ("there are no schedules", table),
    )
}

fn table(schedules: &[ScheduleView]) -> Table {
    let mut table = Table::new(&["name", "pattern", "zone", "kind", "is", "next", "last"]);
    schedules
        .iter()
        .for_each(|schedule| table.row(row(schedule)));
    table
}

fn row(schedule: &ScheduleView) -> Vec<String> {
    let now = SystemTime::now();
    let is = match schedule.state {
        ScheduleState::Active => "active",
        ScheduleState::Paused => "paused",
    };
    let next = schedule.next.map(|next| relative(next, now));
    let last = schedule.fires.first();
    vec![
        short(&schedule.name, CELL),
        short(&schedule.pattern, CELL),
        short(&schedule.zone, CELL),
        short(&schedule.kind, CELL),
        is.to_owned(),
        next.unwrap_or_else(|| "none".to_owned()),
        last.map_or_else(|| "none".to_owned(), |fire| last_fire(fire, now)),
    ]
}

fn last_fire(fire: &Fire, now: SystemTime) -> String {
    let outcome = match &fire.outcome {
        FireOutcome::Enqueued(_) => "enqueued".to_owned(),
        FireOutcome::Unfinished(_) => "an earlier job was unfinished".to_owned(),
        FireOutcome::Refused(why) => short(why, CELL),
    };
    format!("{}: {outcome}", relative(fire.at, now))
}
