//! What a section's measurement has come to, and the files that keep it.
//!
//! The tables are made of these files alone, so that a run that measures one section leaves those
//! of the others as they are.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use clap::ValueEnum;

use crate::figures::Figures;
use crate::measure::{Sample, in_ms, samples_from_csv, samples_to_csv};
use crate::peer::Peer;
use crate::profile;
use crate::section::Section;

/// The results of one section.
#[derive(Debug)]
pub(crate) struct Results {
    pub(crate) section: Section,
    pub(crate) machine: Machine,
    pub(crate) figures: Figures,
    csv: String,
}

/// On what was measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Machine {
    cores: usize,
    system: String,
    /// The profile that the program was built with.
    profile: String,
    /// Worker threads of each executor that has no second set of them.
    pub(crate) threads: usize,
}

impl Machine {
    /// This machine, and a program of this profile on it.
    pub(crate) fn here(threads: usize, profile: &str) -> Machine {
        Machine {
            cores: thread::available_parallelism().map_or(0, usize::from),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            profile: profile.to_owned(),
            threads,
        }
    }

    fn from_csv(line: &str) -> Option<Machine> {
        let fields: Vec<&str> = line.split(',').collect();
        let [profile, cores, system, threads] = fields[..] else {
            return None;
        };
        Some(Machine {
            cores: cores.parse().ok()?,
            system: system.to_owned(),
            profile: profile.to_owned(),
            threads: threads.parse().ok()?,
        })
    }

    fn to_csv(&self) -> String {
        let Machine {
            cores,
            system,
            profile,
            threads,
        } = self;
        format!("{profile},{cores},{system},{threads}")
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine {
            cores,
            system,
            profile,
            ..
        } = self;
        write!(f, "{cores} cores, {system}; profile `{profile}`")
    }
}

impl Results {
    pub(crate) fn of_figures(section: Section, machine: Machine, figures: Figures) -> Results {
        Results {
            section,
            machine,
            csv: figures.to_csv(),
            figures,
        }
    }

    pub(crate) fn of_samples(section: Section, machine: Machine, samples: &[Sample]) -> Results {
        Results {
            section,
            csv: samples_to_csv(&machine.profile, samples),
            machine,
            figures: in_ms(samples),
        }
    }

    /// The executors that were measured, in the order of the tables.
    pub(crate) fn peers(&self) -> Vec<Peer> {
        let measured = |peer: &&Peer| self.figures.tell_of(**peer);
        self.section
            .peers()
            .iter()
            .filter(measured)
            .copied()
            .collect()
    }

    /// Whether they are true of a release, as its users build it.
    pub(crate) fn is_of_release(&self) -> bool {
        self.machine.profile == profile::RELEASE
    }

    /// The name of the profile of the program that measured.
    pub(crate) fn profile(&self) -> &str {
        &self.machine.profile
    }

    /// Every number, as the file of the section keeps them.
    pub(crate) fn csv(&self) -> &str {
        &self.csv
    }
}

/// The directory that keeps results: in it, a directory for each profile.
#[derive(Debug)]
pub(crate) struct Kept(PathBuf);

/// The results of programs of one profile.
#[derive(Debug)]
struct OfProfile(PathBuf);

/// The machine of each section. One file, since all are measured on the same one as a rule.
const MACHINES: &str = "machines.csv";
const MACHINES_HEADER: &str = "section,profile,cores,system,threads";

impl Kept {
    /// Results in this package's own directory.
    pub(crate) fn in_package() -> Kept {
        Kept(Path::new(env!("CARGO_MANIFEST_DIR")).join("results"))
    }

    pub(crate) fn write(&self, results: &Results) -> io::Result<()> {
        OfProfile(self.0.join(&results.machine.profile)).write(results)
    }

    /// Everything that is kept, in the order of the sections: what is true of a release, then
    /// what was measured with other profiles.
    ///
    /// # Errors
    ///
    /// If a file holds something else than results.
    pub(crate) fn read(&self) -> io::Result<Vec<Results>> {
        let mut all = Vec::new();
        for profile in self.profiles()? {
            all.extend(OfProfile(self.0.join(profile)).read()?);
        }
        Ok(all)
    }

    /// The names of the profiles, `release` first.
    fn profiles(&self) -> io::Result<Vec<OsString>> {
        let entries: io::Result<Vec<_>> = fs::read_dir(&self.0)?.collect();
        let mut profiles: Vec<OsString> = entries?.iter().map(DirEntry::file_name).collect();
        profiles.sort_by_key(|name| (name != profile::RELEASE, name.clone()));
        Ok(profiles)
    }
}

impl OfProfile {
    fn write(&self, results: &Results) -> io::Result<()> {
        fs::create_dir_all(&self.0)?;
        fs::write(self.path(results.section), results.csv())?;
        let mut machines = self.machines();
        machines.retain(|(section, _)| *section != results.section);
        machines.push((results.section, results.machine.clone()));
        let mut text = format!("{MACHINES_HEADER}\n");
        for (section, machine) in machines {
            text += &format!("{},{}\n", section.name(), machine.to_csv());
        }
        fs::write(self.0.join(MACHINES), text)
    }

    fn read(&self) -> io::Result<Vec<Results>> {
        let sections = Section::value_variants().iter().copied();
        let kept = sections.filter(|&section| self.path(section).exists());
        kept.map(|section| self.read_section(section)).collect()
    }

    fn read_section(&self, section: Section) -> io::Result<Results> {
        let path = self.path(section);
        let csv = fs::read_to_string(&path)?;
        let figures = match section {
            Section::Executors => samples_from_csv(&csv).map(|samples| in_ms(&samples)),
            _ => Figures::from_csv(&csv),
        };
        let machine = self.machine(section);
        match (figures, machine) {
            (Some(figures), Some(machine)) => Ok(Results {
                section,
                machine,
                figures,
                csv,
            }),
            (None, _) => Err(unreadable(&path, "it holds other lines than results")),
            (_, None) => Err(unreadable(&path, "machines.csv has no line for it")),
        }
    }

    fn machine(&self, section: Section) -> Option<Machine> {
        let mut machines = self.machines().into_iter();
        let (_, machine) = machines.find(|(of, _)| *of == section)?;
        Some(machine)
    }

    fn machines(&self) -> Vec<(Section, Machine)> {
        let text = fs::read_to_string(self.0.join(MACHINES)).unwrap_or_default();
        let machine = |line: &str| {
            let (section, machine) = line.split_once(',')?;
            Some((Section::named(section)?, Machine::from_csv(machine)?))
        };
        text.lines().filter_map(machine).collect()
    }

    fn path(&self, section: Section) -> PathBuf {
        self.0.join(format!("{}.csv", section.name()))
    }
}

fn unreadable(path: &Path, why: &str) -> io::Error {
    let path = path.display();
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("{path} cannot be read: {why}; measure that section with --write"),
    )
}

#[cfg(test)]
mod tests {
    use std::{env, process};

    use super::*;
    use crate::figures::Figure;

    #[test]
    fn a_machine_survives_its_csv_form() {
        let machine = Machine::here(2, profile::RELEASE);
        assert_eq!(Machine::from_csv(&machine.to_csv()), Some(machine));
        assert_eq!(Machine::from_csv("release,two,linux,2"), None);
    }

    #[test]
    fn every_section_can_be_read_from_the_files_that_are_kept() {
        let kept = Kept::in_package()
            .read()
            .expect("the kept files hold results");
        let release = kept.iter().filter(|results| results.is_of_release());
        let sections: Vec<Section> = release.map(|results| results.section).collect();
        assert_eq!(sections, Section::value_variants());
        for results in kept {
            assert_eq!(
                results.peers(),
                results.section.peers(),
                "{:?}",
                results.section
            );
        }
    }

    #[test]
    fn each_profile_keeps_its_own_results() {
        let root = env::temp_dir().join(format!("laneway-peers-kept-{}", process::id()));
        let kept = Kept(root.clone());
        let measured = |profile: &str, value| {
            let mut figures = Figures::default();
            figures.push(0, Peer::Tokio, Figure::new("threads", value));
            Results::of_figures(Section::Idle, Machine::here(2, profile), figures)
        };
        for (profile, value) in [
            ("dev", 1.0),
            ("release", 2.0),
            ("release-lto", 3.0),
            ("dev", 4.0),
        ] {
            let written = kept.write(&measured(profile, value));
            written.expect("a temporary directory can be written to");
        }
        let read = kept.read().expect("what was written can be read");
        fs::remove_dir_all(root).expect("the directory is the test's own");
        let values: Vec<_> = read
            .iter()
            .map(|results| {
                (
                    results.profile(),
                    results.figures.values(Peer::Tokio, "threads"),
                )
            })
            .collect();
        let expected = [("release", 2.0), ("dev", 4.0), ("release-lto", 3.0)];
        assert_eq!(
            values,
            expected.map(|(profile, value)| (profile, Some(vec![value])))
        );
    }
}
