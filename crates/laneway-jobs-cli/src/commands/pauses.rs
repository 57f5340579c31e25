//! `pause` and `resume`: queues and schedules.

use laneway::block_on;
use laneway_jobs::store::{ByHand, LIST_LIMIT, QueueState, ScheduleChange, ScheduleChanged, Store};
use serde_json::json;

use super::Command;
use crate::args::Args;
use crate::failure::Failure;
use crate::open;
use crate::out::Out;
use crate::spec::{OptionSpec, Spec, flag};

const OPTIONS: &[OptionSpec] = &[flag("schedule", "the name is one of a schedule")];

pub(super) const PAUSE: Command = Command {
    spec: Spec {
        name: "pause",
        takes: "NAME",
        about: "lets workers take no more of a queue, or a schedule not fire",
        options: OPTIONS,
    },
    run: |args, out| run(Wanted::Paused, args, out),
};

pub(super) const RESUME: Command = Command {
    spec: Spec {
        name: "resume",
        takes: "NAME",
        about: "ends the pause of a queue or a schedule",
        options: OPTIONS,
    },
    run: |args, out| run(Wanted::Open, args, out),
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Paused,
    Open,
}

fn run(wanted: Wanted, args: &Args, out: &mut Out) -> Result<(), Failure> {
    let name = match args.has("schedule") {
        true => args.one_word("NAME")?,
        false => args.one_queue("NAME")?,
    };
    let store = open::store(args)?;
    let is_new = !args.has("schedule") && state_of(&*store, name)?.is_none();
    let what = match args.has("schedule") {
        true => schedule(wanted, name, &*store)?,
        false => queue(wanted, name, &*store)?,
    };
    let (is, paused) = match wanted {
        Wanted::Paused => ("is paused", true),
        Wanted::Open => ("is not paused", false),
    };
    let answer = json!({"what": what, "name": name, "paused": paused});
    let so_far = match is_new {
        true => ", which has had no jobs so far,",
        false => "",
    };
    out.tell(&format!("the {what} {name}{so_far} {is}"), &answer)
}

fn schedule(wanted: Wanted, name: &str, store: &dyn Store) -> Result<&'static str, Failure> {
    let change = match wanted {
        Wanted::Paused => ScheduleChange::Pause(name.to_owned()),
        Wanted::Open => ScheduleChange::Resume(name.to_owned()),
    };
    let changed = block_on(store.change_schedules(vec![change]))?;
    match changed[..] {
        [ScheduleChanged::Done] => Ok("schedule"),
        _ => Err(Failure::refused(format!("there is no schedule {name:?}"))),
    }
}

/// A queue may be paused before its first job; one that is resumed has to be there.
fn queue(wanted: Wanted, name: &str, store: &dyn Store) -> Result<&'static str, Failure> {
    let change = match wanted {
        Wanted::Paused => ByHand::Pause(name.to_owned()),
        Wanted::Open if state_of(store, name)?.is_none() => {
            return Err(Failure::refused(format!("there is no queue {name:?}")));
        }
        Wanted::Open => ByHand::Resume(name.to_owned()),
    };
    block_on(store.change(vec![change]))?;
    Ok("queue")
}

/// Whether a queue is paused; `None` where there is none. A list that is full tells of the first
/// queues alone: any other one counts as open.
pub(super) fn state_of(store: &dyn Store, name: &str) -> Result<Option<QueueState>, Failure> {
    let queues = block_on(store.queues())?.queues;
    let left_out = (queues.len() == LIST_LIMIT).then_some(QueueState::Open);
    let found = queues.into_iter().find(|queue| queue.name == name);
    Ok(found.map(|queue| queue.state).or(left_out))
}
