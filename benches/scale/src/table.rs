//! The table: what each task comes to, for each workload and each number of workers.

use laneway_counted::counted::Counts;

/// A name, and the count that stands below it.
pub(crate) type Column = (&'static str, fn(&Counts) -> u64);

/// What is counted for each task. No count of these may grow with the workers.
pub(crate) const COLUMNS: [Column; 8] = [
    ("shared writes", |counts| counts.shared_writes),
    ("transfers", |counts| counts.transfers),
    ("channel locks", |counts| counts.channel_locks),
    ("other locks", |counts| counts.other_locks),
    ("unparks", |counts| counts.unparks),
    ("looks", |counts| counts.looks),
    ("vain steals", |counts| counts.vain_steals),
    ("moves", |counts| counts.moves),
];

/// One run.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) workload: String,
    pub(crate) workers: usize,
    pub(crate) tasks: usize,
    pub(crate) counts: Counts,
    /// The nanoseconds for each task on this machine's own cores, where there are enough.
    pub(crate) measured: Option<f64>,
}

impl Row {
    pub(crate) fn per_task(&self, count: u64) -> f64 {
        count as f64 / self.tasks as f64
    }

    pub(crate) fn predicted(&self) -> f64 {
        self.counts.nanoseconds / self.tasks as f64
    }
}

/// The rows as a table in Markdown.
pub(crate) fn markdown(rows: &[Row]) -> String {
    let names = COLUMNS.iter().map(|(name, _)| format!(" {name} |"));
    let names: String = names.collect();
    let rule = "---:|".repeat(COLUMNS.len() + 3);
    let mut text =
        format!("| workload | workers |{names} predicted ns | measured ns |\n|---|{rule}\n");
    rows.iter().for_each(|row| text.push_str(&line(row)));
    text
}

fn line(row: &Row) -> String {
    let cell = |&(_, of): &Column| format!(" {:.2} |", row.per_task(of(&row.counts)));
    let cells: String = COLUMNS.iter().map(cell).collect();
    let measured = row.measured.map_or("-".to_owned(), |ns| format!("{ns:.0}"));
    let predicted = row.predicted();
    format!(
        "| {} | {} |{cells} {predicted:.0} | {measured} |\n",
        row.workload, row.workers
    )
}
