//! The built program, run on databases of all kinds.

mod bad_input;
mod commands;
mod move_killed;
mod serving;
mod support;
