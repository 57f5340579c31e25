//! The output: lines and tables for people, or one JSON object per line.

use std::env;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use serde_json::Value;

use crate::args::Args;
use crate::failure::Failure;
use crate::table::Table;
use crate::text::{harmless, harmless_json};

/// The reader that it is printed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    People,
    Json,
}

/// Whether states have colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    States,
    None,
}

/// Standard output.
#[derive(Debug)]
pub(crate) struct Out {
    form: Form,
    colour: Colour,
    stdout: BufWriter<Stdout>,
}

impl Out {
    pub(crate) fn of(args: &Args) -> Out {
        let form = match args.has("json") {
            true => Form::Json,
            false => Form::People,
        };
        Out {
            form,
            ..Out::plain()
        }
    }

    pub(crate) fn plain() -> Out {
        let stdout = io::stdout();
        let unset = |name| env::var_os(name).is_none_or(|value| value.is_empty());
        let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        let colour = match stdout.is_terminal() && unset("NO_COLOR") && !dumb {
            true => Colour::States,
            false => Colour::None,
        };
        Out {
            form: Form::People,
            colour,
            stdout: BufWriter::new(stdout),
        }
    }

    pub(crate) fn form(&self) -> Form {
        self.form
    }

    /// A line for people, whose own line ends are kept.
    pub(crate) fn line(&mut self, text: &str) -> Result<(), Failure> {
        for line in text.split('\n') {
            writeln!(self.stdout, "{}", harmless(line))?;
        }
        self.end()
    }

    /// A line for people, whatever the names in it hold.
    fn sentence(&mut self, text: &str) -> Result<(), Failure> {
        writeln!(self.stdout, "{}", harmless(text))?;
        self.end()
    }

    pub(crate) fn table(&mut self, table: &Table) -> Result<(), Failure> {
        for line in table.lines(self.colour) {
            writeln!(self.stdout, "{line}")?;
        }
        Ok(())
    }

    pub(crate) fn json(&mut self, value: &Value) -> Result<(), Failure> {
        writeln!(self.stdout, "{}", harmless_json(&value.to_string()))?;
        Ok(())
    }

    /// An object for each row, or a table of all; where there are none, a sentence says so.
    pub(crate) fn rows<T>(
        &mut self,
        rows: &[T],
        to_json: impl Fn(&T) -> Value,
        (none, table): (&str, impl FnOnce(&[T]) -> Table),
    ) -> Result<(), Failure> {
        match self.form {
            Form::Json => rows.iter().try_for_each(|row| self.json(&to_json(row))),
            Form::People if rows.is_empty() => self.line(none),
            Form::People => self.table(&table(rows)),
        }
    }

    /// The one or the other.
    pub(crate) fn tell(&mut self, text: &str, value: &Value) -> Result<(), Failure> {
        match self.form {
            Form::People => self.sentence(text),
            Form::Json => self.json(value).and_then(|()| self.end()),
        }
    }

    /// All is with the reader.
    pub(crate) fn end(&mut self) -> Result<(), Failure> {
        Ok(self.stdout.flush()?)
    }
}
