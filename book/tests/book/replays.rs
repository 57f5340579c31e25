//! Are the replays those of the programs as they are?
//!
//! `UPDATE_REPLAYS=1 cargo test -p laneway-book replays` records them anew.

use std::{env, fs};

use laneway_book::programs::{self, Transcript};
use laneway_book::record;
use laneway_book::text::Piece;

use crate::{Findings, pieces, shelf};

#[test]
fn programs_run_as_their_replays_show() {
    let shelf = shelf();
    let folder = programs::build_all(&shelf).unwrap_or_else(|error| panic!("{error}"));
    let mut findings = Findings::default();
    for chapter in &shelf.chapters {
        for (line, piece) in pieces(chapter) {
            let Piece::Replay(replay) = piece else {
                continue;
            };
            let name = replay.name;
            let kept = shelf.path(&chapter.file(&format!("replays/{name}.json")));
            let new = match env::var_os("UPDATE_REPLAYS") {
                Some(_) => kept.clone(),
                None => folder.join(format!("{name}.json")),
            };
            let file = new.to_string_lossy();
            if let Err(error) = programs::run(&folder, &name, &["--record", &file]) {
                findings.add(error);
                continue;
            }
            let new = fs::read_to_string(&new).expect("the program has recorded itself");
            let kept = fs::read_to_string(&kept).unwrap_or_default();
            let transcript = Transcript::read(&shelf, chapter, &name);
            let one_order = transcript.is_ok_and(|transcript| !transcript.is_concurrent);
            if let Err(what) = compare(&kept, &new, one_order) {
                findings.add(chapter.mistake(line, format!("the replay of {name}: {what}")));
            }
        }
    }
    findings.assert_none();
}

/// Where a program has one order, it takes the same steps. Where not, it spawns the same tasks. In
/// both cases they are spawned where the recording says.
fn compare(kept: &str, new: &str, one_order: bool) -> Result<(), String> {
    let (mut before, mut now) = (record::steps(kept), record::steps(new));
    if !one_order {
        for steps in [&mut before, &mut now] {
            steps.retain(|step| is_spawn(step));
            steps.sort();
        }
    }
    if before.is_empty() || before != now {
        return Err("it takes other steps now".to_owned());
    }
    let tables = |text: &str| -> Vec<String> {
        let lines = text.lines();
        lines
            .take_while(|line| !line.starts_with("\"events\""))
            // One that was recorded without the threads' names is as good.
            .map(|line| line.split(",\"threads\":").next().unwrap_or(line))
            .map(|line| line.trim_end_matches(',').to_owned())
            .collect()
    };
    match tables(kept) == tables(new) {
        true => Ok(()),
        false => Err("its tasks are others now, or spawned elsewhere".to_owned()),
    }
}

fn is_spawn(step: &str) -> bool {
    step.starts_with("0,")
}
