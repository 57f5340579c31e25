//! What a runtime has taken for some workloads, as the suite prints it, and the table of two.

use std::fmt::Write as _;
use std::time::Duration;

/// What a runtime took for one workload, each time for one of the things that it is named after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// What took the time.
    pub name: String,
    /// The median of all rounds.
    pub median: Duration,
    /// The shortest round's.
    pub least: Duration,
    /// The longest round's.
    pub most: Duration,
}

impl Figure {
    /// The figures among the lines that the suite printed: three numbers of nanoseconds, and a name.
    #[must_use]
    pub fn all_in(printed: &str) -> Vec<Figure> {
        printed.lines().filter_map(Figure::read).collect()
    }

    fn read(line: &str) -> Option<Figure> {
        let mut parts = line.splitn(4, ' ');
        let mut time = || Some(Duration::from_nanos(parts.next()?.parse().ok()?));
        let (median, least, most) = (time()?, time()?, time()?);
        let name = parts.next()?.to_owned();
        Some(Figure {
            name,
            median,
            least,
            most,
        })
    }

    fn cell(&self) -> String {
        let Figure {
            median,
            least,
            most,
            ..
        } = self;
        format!("{median:.1?} ({least:.1?} to {most:.1?})")
    }
}

/// A table of the figures of a reader's step, with Laneway's beside them.
#[must_use]
pub fn table(step: &str, own: &[Figure], laneway: &[Figure]) -> String {
    let mut rows = vec![[String::new(), step.to_owned(), "Laneway".to_owned()]];
    for figure in own {
        let other = laneway.iter().find(|other| other.name == figure.name);
        let other = other.map(Figure::cell).unwrap_or_default();
        rows.push([figure.name.clone(), figure.cell(), other]);
    }
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or_default()
    };
    let (first, second) = (width(0), width(1));
    let mut table = String::new();
    for [name, own, other] in &rows {
        let line = format!("{name:first$}  {own:second$}  {other}");
        writeln!(table, "{}", line.trim_end()).expect("a string takes all");
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str =
        "a word of the program's\n900 800 1000 a yield\n2000 1500 9000000 a task\n";

    #[test]
    fn lines_that_are_no_figures_are_left_out() {
        let figures = Figure::all_in(PRINTED);
        let names: Vec<&str> = figures.iter().map(|figure| figure.name.as_str()).collect();
        assert_eq!(names, ["a yield", "a task"]);
        assert_eq!(figures[1].most, Duration::from_millis(9));
    }

    #[test]
    fn the_table_has_a_line_for_each_workload_of_the_step() {
        let own = Figure::all_in(PRINTED);
        let table = table("your step 2", &own, &Figure::all_in("90 80 100 a yield"));
        assert_eq!(
            table.lines().collect::<Vec<_>>(),
            [
                "         your step 2                 Laneway",
                "a yield  900.0ns (800.0ns to 1.0µs)  90.0ns (80.0ns to 100.0ns)",
                "a task   2.0µs (1.5µs to 9.0ms)",
            ]
        );
    }
}
