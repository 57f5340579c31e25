//! Reads what criterion found about a pair from the files that it leaves.

use std::path::Path;
use std::{fs, io};

use serde_json::Value;

use crate::comparison::{Change, Row};

/// Reads the row of a configuration from criterion's folder for it.
pub(crate) fn read(configuration: &str, folder: &Path) -> io::Result<Row> {
    let estimates = json(&folder.join("new/estimates.json"))?;
    let sample = json(&folder.join("new/sample.json"))?;
    let change = folder.join("change/estimates.json");
    let row = row(configuration, &estimates, &sample);
    let mut row = row.ok_or_else(|| {
        let folder = folder.display();
        io::Error::other(format!(
            "{folder}: not the estimates that criterion 0.8 writes"
        ))
    })?;
    if change.exists() {
        row.change = change_of(&json(&change)?);
    }
    Ok(row)
}

fn json(path: &Path) -> io::Result<Value> {
    let named =
        |error: &dyn std::fmt::Display| io::Error::other(format!("{}: {error}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| named(&error))?;
    serde_json::from_str(&text).map_err(|error| named(&error))
}

/// A row without a change.
pub(crate) fn row(configuration: &str, estimates: &Value, sample: &Value) -> Option<Row> {
    Some(Row {
        configuration: configuration.to_owned(),
        median: estimates["median"]["point_estimate"].as_f64()?,
        quartiles: quartiles(times(sample)?)?,
        change: None,
    })
}

pub(crate) fn change_of(estimates: &Value) -> Option<Change> {
    let median = &estimates["median"];
    let interval = &median["confidence_interval"];
    Some(Change {
        median: median["point_estimate"].as_f64()?,
        between: [
            interval["lower_bound"].as_f64()?,
            interval["upper_bound"].as_f64()?,
        ],
    })
}

/// Each sample's time for one iteration.
fn times(sample: &Value) -> Option<Vec<f64>> {
    let (iterations, times) = (sample["iters"].as_array()?, sample["times"].as_array()?);
    let both = iterations.iter().zip(times);
    both.map(|(iterations, time)| Some(time.as_f64()? / iterations.as_f64()?))
        .collect()
}

/// The first and the third quartile, by linear interpolation.
fn quartiles(mut times: Vec<f64>) -> Option<[f64; 2]> {
    times.sort_by(f64::total_cmp);
    let last = times.len().checked_sub(1)?;
    let at = |part: f64| {
        let place = last as f64 * part;
        let (below, above) = (times[place.floor() as usize], times[place.ceil() as usize]);
        below + (above - below) * place.fract()
    };
    Some([at(0.25), at(0.75)])
}
