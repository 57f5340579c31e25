//! The arguments and options of each command, and the help that tells them.

use std::fmt::Write;

use crate::commands::Command;

/// The arguments and options of a command.
#[derive(Debug)]
pub(crate) struct Spec {
    pub(crate) name: &'static str,
    /// The arguments, as the help shows them behind the name.
    pub(crate) takes: &'static str,
    pub(crate) about: &'static str,
    pub(crate) options: &'static [OptionSpec],
}

/// An option of a command.
#[derive(Debug)]
pub(crate) struct OptionSpec {
    pub(crate) name: &'static str,
    /// The name of its value; `None` where it takes none.
    pub(crate) value: Option<&'static str>,
    pub(crate) about: &'static str,
}

pub(crate) const fn value(
    name: &'static str,
    value: &'static str,
    about: &'static str,
) -> OptionSpec {
    OptionSpec {
        name,
        value: Some(value),
        about,
    }
}

pub(crate) const fn flag(name: &'static str, about: &'static str) -> OptionSpec {
    OptionSpec {
        name,
        value: None,
        about,
    }
}

/// The options of every command.
const COMMON: &[OptionSpec] = &[
    value(
        "database",
        "DATABASE",
        "a file or postgres://..; without it, LANEWAY_JOBS_DATABASE",
    ),
    flag("json", "prints one JSON object per line"),
    flag("help", "says this"),
];

impl Spec {
    pub(crate) fn all_options(&self) -> impl Iterator<Item = &'static OptionSpec> {
        self.options.iter().chain(COMMON)
    }

    pub(crate) fn help(&self) -> String {
        let mut help = format!("{}\n\nlaneway-jobs {}", self.about, self.name);
        if !self.takes.is_empty() {
            let _ = write!(help, " {}", self.takes);
        }
        help.push_str(" [OPTIONS]\n\n");
        let lines = self.all_options().map(OptionSpec::line);
        help.push_str(&lines.collect::<Vec<_>>().join("\n"));
        help
    }
}

impl OptionSpec {
    fn line(&self) -> String {
        let usage = match self.value {
            Some(value) => format!("--{} {value}", self.name),
            None => format!("--{}", self.name),
        };
        format!("  {usage:<24} {}", self.about)
    }
}

pub(crate) fn overview(commands: &[Command]) -> String {
    let mut help = String::from(
        "Looks at the durable jobs of a database, changes them, moves them.\n\n\
         laneway-jobs COMMAND [OPTIONS]\n\n",
    );
    for command in commands {
        let usage = format!("{} {}", command.spec.name, command.spec.takes);
        let _ = writeln!(help, "  {usage:<24} {}", command.spec.about);
    }
    help.push_str(
        "\nThe database, a file or postgres://.., is given by --database or LANEWAY_JOBS_DATABASE. \
         \n`laneway-jobs help COMMAND` says what a command takes. \
         Exit codes: 0 done, 1 not done or not found, 2 wrong usage.",
    );
    help
}
