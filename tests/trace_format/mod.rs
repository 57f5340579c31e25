//! Checks Chrome's trace event format: what ui.perfetto.dev takes for granted, and drops without a
//! word, or draws wrongly, where it does not hold.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

/// A slice of a track, in whole nanoseconds: from, and to.
pub(crate) type Slice = (u64, u64);

/// Finds what is wrong with a trace.
pub(crate) fn faults_of(trace: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let Some(events) = trace["traceEvents"].as_array() else {
        return vec!["there are no traceEvents".to_owned()];
    };
    faults.extend(events.iter().filter_map(fault_of_event));
    if faults.is_empty() {
        let slices = slices(events);
        order(events, &mut faults);
        names(events, &mut faults);
        nesting(&slices, &mut faults);
        arrows(events, &slices, &mut faults);
    }
    faults
}

#[track_caller]
pub(crate) fn assert_sound(trace: &Value) {
    let faults = faults_of(trace);
    let some: Vec<&String> = faults.iter().take(5).collect();
    assert!(faults.is_empty(), "{} faults: {some:#?}", faults.len());
}

/// A time of a trace, in microseconds, as whole nanoseconds.
pub(crate) fn nanos(micros: &Value) -> Option<u64> {
    let nanos = micros.as_f64()? * 1000.0;
    (nanos >= 0.0).then(|| nanos.round() as u64)
}

pub(crate) fn at(event: &Value) -> u64 {
    nanos(&event["ts"]).expect("an event has a time")
}

fn track(event: &Value) -> u64 {
    event["tid"].as_u64().expect("an event has a track")
}

/// What each kind of event has to have.
fn fault_of_event(event: &Value) -> Option<String> {
    let has = |field: &str| !event[field].is_null();
    let common = event["pid"].is_u64() && event["tid"].is_u64() && nanos(&event["ts"]).is_some();
    let own = match event["ph"].as_str() {
        Some("M") => has("name") && event["args"].is_object(),
        Some("X") => has("name") && nanos(&event["dur"]).is_some(),
        Some("s") => has("name") && has("cat") && event["id"].is_u64(),
        Some("f") => has("name") && has("cat") && event["id"].is_u64() && event["bp"] == "e",
        Some("C") => has("name") && event["args"]["waiting"].is_u64(),
        Some("i") => has("name") && event["s"] == "t",
        _ => false,
    };
    (!common || !own).then(|| format!("ill-formed: {event}"))
}

/// Every track's slices in the order of the file.
fn slices(events: &[Value]) -> BTreeMap<u64, Vec<Slice>> {
    let mut slices: BTreeMap<u64, Vec<Slice>> = BTreeMap::new();
    for event in events.iter().filter(|event| event["ph"] == "X") {
        let lasts = nanos(&event["dur"]).expect("a slice lasts");
        let of_track = slices.entry(track(event)).or_default();
        of_track.push((at(event), at(event) + lasts));
    }
    slices
}

/// The file is in the order of time.
fn order(events: &[Value], faults: &mut Vec<String>) {
    for pair in events.windows(2) {
        if at(&pair[1]) < at(&pair[0]) {
            faults.push(format!("out of order: {} before {}", pair[0], pair[1]));
        }
    }
}

/// Every track has a name.
fn names(events: &[Value], faults: &mut Vec<String>) {
    let named = events.iter().filter(|event| event["name"] == "thread_name");
    let named: BTreeSet<u64> = named.map(track).collect();
    for event in events.iter().filter(|event| event["ph"] != "M") {
        if !named.contains(&track(event)) {
            faults.push(format!("on a track without a name: {event}"));
        }
    }
}

/// The slices of a track follow each other or lie within each other, the outer one first.
fn nesting(slices: &BTreeMap<u64, Vec<Slice>>, faults: &mut Vec<String>) {
    for (track, slices) in slices {
        let mut open: Vec<Slice> = Vec::new();
        for &slice in slices {
            open.retain(|&(_, to)| to > slice.0);
            if let Some(outer) = open.iter().find(|&&(_, to)| to < slice.1) {
                faults.push(format!(
                    "track {track}: {slice:?} crosses the end of {outer:?}"
                ));
            }
            open.push(slice);
        }
    }
}

/// Each arrow begins and ends once, not backwards, and within a slice.
fn arrows(events: &[Value], slices: &BTreeMap<u64, Vec<Slice>>, faults: &mut Vec<String>) {
    let mut begun: HashMap<u64, &Value> = HashMap::new();
    let mut ended = 0;
    for event in events {
        let id = event["id"].as_u64();
        match event["ph"].as_str() {
            Some("s") => {
                if begun.insert(id.unwrap(), event).is_some() {
                    faults.push(format!("begins twice: {event}"));
                }
            }
            Some("f") => {
                ended += 1;
                let start = begun.get(&id.unwrap());
                if !start.is_some_and(|start| start["cat"] == event["cat"]) {
                    faults.push(format!("ends without having begun: {event}"));
                }
            }
            _ => continue,
        }
        let slices = slices.get(&track(event)).map_or(&[][..], |slices| slices);
        if !is_within(at(event), slices) {
            faults.push(format!("in no slice: {event}"));
        }
    }
    if begun.len() != ended {
        faults.push(format!("{} arrows begin and {ended} end", begun.len()));
    }
}

/// Whether a moment lies in one of these slices, which are in the order of their beginnings.
fn is_within(moment: u64, slices: &[Slice]) -> bool {
    let begun = slices.partition_point(|&(from, _)| from <= moment);
    slices[..begun].iter().rev().any(|&(_, to)| moment < to)
}
