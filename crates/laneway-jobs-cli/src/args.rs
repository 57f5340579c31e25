//! A command line, read by what its command takes.

use std::collections::BTreeMap;
use std::time::Duration;

use laneway_jobs::{JobId, JobState, NAME_LIMIT, NameError};

use crate::failure::Failure;
use crate::length;
use crate::spec::{OptionSpec, Spec};

/// The contents of a command line.
#[derive(Debug)]
pub(crate) struct Args {
    command: &'static str,
    words: Vec<String>,
    options: BTreeMap<&'static str, String>,
}

impl Args {
    /// Words and options may stand in any order; behind `--` there are words alone.
    pub(crate) fn parse(spec: &'static Spec, given: &[String]) -> Result<Args, Failure> {
        let mut args = Args {
            command: spec.name,
            words: Vec::new(),
            options: BTreeMap::new(),
        };
        let mut given = given.iter();
        while let Some(word) = given.next() {
            match word.strip_prefix("--") {
                Some("") => args.words.extend(given.by_ref().cloned()),
                Some(option) => args.add(spec, option, &mut given)?,
                None if word == "-h" => args.set("help", String::new())?,
                None if word.starts_with('-') && word.len() > 1 => return Err(unknown(spec, word)),
                None => args.words.push(word.clone()),
            }
        }
        Ok(args)
    }

    fn add<'g>(
        &mut self,
        spec: &'static Spec,
        option: &str,
        given: &mut impl Iterator<Item = &'g String>,
    ) -> Result<(), Failure> {
        let (name, inline) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (option, None),
        };
        let found = spec.all_options().find(|option| option.name == name);
        let found = found.ok_or_else(|| unknown(spec, &format!("--{name}")))?;
        let value = value_of(found, inline, || given.next().cloned())?;
        self.set(found.name, value)
    }

    fn set(&mut self, name: &'static str, value: String) -> Result<(), Failure> {
        match self.options.insert(name, value) {
            None => Ok(()),
            Some(_) => Err(Failure::usage(format!("--{name} is there twice"))),
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.options.contains_key(name)
    }

    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }

    pub(crate) fn owned(&self, name: &str) -> Option<String> {
        self.options.get(name).cloned()
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<usize>, Failure> {
        let parsed = self.value(name).map(|text| {
            text.parse()
                .map_err(|_| Failure::usage(format!("--{name} wants a number, not {text:?}")))
        });
        parsed.transpose()
    }

    pub(crate) fn length(&self, name: &str) -> Result<Option<Duration>, Failure> {
        let parsed = self.value(name).map(|text| {
            let wrong =
                || format!("--{name} wants a time such as 90s, 15m, 2h or 7d, not {text:?}");
            length::parse(text).ok_or_else(|| Failure::usage(wrong()))
        });
        parsed.transpose()
    }

    pub(crate) fn state(&self, name: &str) -> Result<Option<JobState>, Failure> {
        let parsed = self.value(name).map(|text| {
            let found = JobState::ALL.into_iter().find(|state| state.name() == text);
            found.ok_or_else(|| {
                let names = JobState::ALL.map(JobState::name).join(", ");
                Failure::usage(format!("--{name} is one of {names}, not {text:?}"))
            })
        });
        parsed.transpose()
    }

    pub(crate) fn id(&self, name: &str) -> Result<Option<JobId>, Failure> {
        self.value(name).map(id_of).transpose()
    }

    pub(crate) fn words(&self) -> &[String] {
        &self.words
    }

    pub(crate) fn ids(&self) -> Result<Vec<JobId>, Failure> {
        self.words.iter().map(|word| id_of(word)).collect()
    }

    pub(crate) fn no_words(&self) -> Result<(), Failure> {
        match self.words.first() {
            None => Ok(()),
            Some(word) => Err(Failure::usage(format!(
                "{} takes no {word:?}",
                self.command
            ))),
        }
    }

    /// The word of a command that takes one queue.
    pub(crate) fn one_queue(&self, wanted: &str) -> Result<&str, Failure> {
        let name = self.one_word(wanted)?;
        fits("the name of a queue", name, NAME_LIMIT)?;
        Ok(name)
    }

    /// An option whose value is a name or a key that jobs have.
    pub(crate) fn named(
        &self,
        option: &str,
        named: &'static str,
        limit: usize,
    ) -> Result<Option<String>, Failure> {
        let value = self.value(option);
        value.map_or(Ok(()), |value| fits(named, value, limit))?;
        Ok(value.map(str::to_owned))
    }

    pub(crate) fn one_word(&self, wanted: &str) -> Result<&str, Failure> {
        match &self.words[..] {
            [word] => Ok(word),
            _ => Err(Failure::usage(format!(
                "{} takes one {wanted}",
                self.command
            ))),
        }
    }
}

/// A longer one would match no job, and a queue of that name could not have any.
fn fits(named: &'static str, name: &str, limit: usize) -> Result<(), Failure> {
    match name.len() {
        bytes if bytes > limit => Err(Failure::usage(
            NameError::TooLong {
                named,
                bytes,
                limit,
            }
            .to_string(),
        )),
        _ => Ok(()),
    }
}

fn id_of(text: &str) -> Result<JobId, Failure> {
    text.parse()
        .map_err(|error: laneway_jobs::NoJobId| Failure::usage(error.to_string()))
}

fn value_of(
    option: &OptionSpec,
    inline: Option<String>,
    next: impl FnOnce() -> Option<String>,
) -> Result<String, Failure> {
    match (option.value, inline) {
        (None, None) => Ok(String::new()),
        (None, Some(_)) => Err(Failure::usage(format!("--{} takes no value", option.name))),
        (Some(_), Some(value)) => Ok(value),
        (Some(value), None) => next()
            .ok_or_else(|| Failure::usage(format!("--{} wants a value: {value}", option.name))),
    }
}

fn unknown(spec: &Spec, option: &str) -> Failure {
    Failure::usage(format!("{} takes no {option:?}", spec.name))
}
