//! The two forms of a workload.

use clap::ValueEnum;

/// The keeper of the tasks' handles, and the way in which the thread outside waits for the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum)]
pub(crate) enum Form {
    /// Handles are awaited, by tasks or in the executor's own `block_on`.
    Awaited,
    /// Tasks are detached and count themselves down; the thread outside parks until the last one
    /// unparks it.
    Detached,
}

impl Form {
    /// The name on the command line and in the CSV file.
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value().expect("no form is skipped");
        value.get_name().to_owned()
    }

    /// The heading above the form's tables.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Form::Awaited => "Handles awaited in `block_on`",
            Form::Detached => "Detached tasks, and a thread that parks",
        }
    }
}
