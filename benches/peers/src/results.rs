//! What a section's measurement has come to, and the files that keep it.
//!
//! The tables are made of these files alone, so that a run that measures one section leaves those
//! of the others as they are.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use clap::ValueEnum;

use crate::figures::Figures;
use crate::measure::{Sample, in_ms, samples_from_csv, samples_to_csv};
use crate::peer::Peer;
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
    /// Worker threads of each executor that has no second set of them.
    pub(crate) threads: usize,
}

impl Machine {
    /// This machine.
    pub(crate) fn here(threads: usize) -> Machine {
        Machine {
            cores: thread::available_parallelism().map_or(0, usize::from),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            threads,
        }
    }

    fn from_csv(line: &str) -> Option<Machine> {
        let fields: Vec<&str> = line.split(',').collect();
        let [cores, system, threads] = fields[..] else {
            return None;
        };
        Some(Machine {
            cores: cores.parse().ok()?,
            system: system.to_owned(),
            threads: threads.parse().ok()?,
        })
    }

    fn to_csv(&self) -> String {
        format!("{},{},{}", self.cores, self.system, self.threads)
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cores, {}", self.cores, self.system)
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
            machine,
            csv: samples_to_csv(samples),
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

    /// Every number, as the file of the section keeps them.
    pub(crate) fn csv(&self) -> &str {
        &self.csv
    }
}

/// The directory that keeps results.
#[derive(Debug)]
pub(crate) struct Kept(PathBuf);

/// The machine of each section. One file, since all are measured on the same one as a rule.
const MACHINES: &str = "machines.csv";
const MACHINES_HEADER: &str = "section,cores,system,threads";

impl Kept {
    /// Results in this package's own directory.
    pub(crate) fn in_package() -> Kept {
        Kept(Path::new(env!("CARGO_MANIFEST_DIR")).join("results"))
    }

    pub(crate) fn write(&self, results: &Results) -> io::Result<()> {
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

    /// Everything that is kept, in the order of the sections.
    ///
    /// # Errors
    ///
    /// If a file holds something else than results.
    pub(crate) fn read(&self) -> io::Result<Vec<Results>> {
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
    use super::*;

    #[test]
    fn a_machine_survives_its_csv_form() {
        let machine = Machine::here(2);
        assert_eq!(Machine::from_csv(&machine.to_csv()), Some(machine));
        assert_eq!(Machine::from_csv("two,linux,2"), None);
    }

    #[test]
    fn every_section_can_be_read_from_the_files_that_are_kept() {
        let kept = Kept::in_package()
            .read()
            .expect("the kept files hold results");
        let sections: Vec<Section> = kept.iter().map(|results| results.section).collect();
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
}
