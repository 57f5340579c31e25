//! The processor time of a Postgres server, which is other processes.

use std::fs;

/// The system counts processor time of other processes in hundredths of a second.
const TICK: f64 = 0.01;

/// The processor time of the server whose first process this is, in seconds.
pub(crate) fn server_time(first: u32) -> f64 {
    let processes = fs::read_dir("/proc")
        .expect("a system with /proc")
        .flatten();
    let times = processes.filter_map(|process| {
        let stat = fs::read_to_string(process.path().join("stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
        let number = |place: usize| fields.get(place)?.parse::<u64>().ok();
        let own = process.file_name().to_str()?.parse() == Ok(first);
        match own {
            // Those of its children that have ended as well.
            true => Some((11..15).filter_map(number).sum::<u64>()),
            false => (number(1)? == u64::from(first)).then_some(number(11)? + number(12)?),
        }
    });
    times.sum::<u64>() as f64 * TICK
}
