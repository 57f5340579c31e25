//! The commands, one file each.

mod bench;
mod by_hand;
mod doctor;
mod drain;
mod list;
mod migrate;
mod move_all;
mod pauses;
mod prune;
mod schedules;
mod serve;
mod show;
mod workers;

use crate::args::Args;
use crate::failure::Failure;
use crate::out::Out;
use crate::spec::Spec;

/// A command: what it takes, and what it does.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) spec: Spec,
    pub(crate) run: fn(&Args, &mut Out) -> Result<(), Failure>,
}

/// All commands, in the order of the help.
pub(crate) const COMMANDS: &[Command] = &[
    list::COMMAND,
    show::COMMAND,
    by_hand::RETRY,
    by_hand::RUN_NOW,
    by_hand::CANCEL,
    by_hand::DELETE,
    pauses::PAUSE,
    pauses::RESUME,
    drain::COMMAND,
    schedules::COMMAND,
    workers::COMMAND,
    serve::COMMAND,
    prune::COMMAND,
    move_all::COMMAND,
    migrate::COMMAND,
    doctor::COMMAND,
    bench::COMMAND,
];
