//! Does the section on servers ask each server exactly as often as it says?

use std::process::{Command, Output};

fn peers(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_laneway-peers"))
        .args(arguments)
        .output()
        .expect("the program is built")
}

/// The cells of the row of this name in the table of this name.
fn row(text: &str, table: &str, name: &str) -> Vec<String> {
    let begin = format!("| {table} |");
    let mut lines = text.lines().skip_while(|line| !line.starts_with(&begin));
    let begin = format!("| {name} |");
    let row = lines.find(|line| line.starts_with(&begin));
    let row = row.unwrap_or_else(|| panic!("no row {name} in {table}:\n{text}"));
    row.split('|').map(|cell| cell.trim().to_owned()).collect()
}

#[test]
fn a_quick_run_asks_each_server_as_often_as_it_says() {
    let output = peers(&["--section", "http", "--quick", "--dry-run"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let text = String::from_utf8(output.stdout).expect("text");
    let (plain, secure) = (["1000"; 2], ["100", "100", "20", "50"]);
    let (paced, unpaced, plain_churn) = (["200"; 3], [""; 3], ["100", "", "", "50"]);
    let asked = [
        ("tokio", paced, plain_churn),
        ("laneway", paced, secure),
        ("laneway-latency-first", paced, plain_churn),
        ("tokio-axum", unpaced, secure),
        ("laneway-axum", unpaced, secure),
    ];
    for (name, paced, churn) in asked {
        let counts = [&plain[..], &paced, &churn].concat();
        let row = row(&text, "answered in a round", name);
        assert_eq!(row[2..11], counts, "{name}");
    }
    for name in [
        "tokio-spawn-blocking",
        "tokio-rayon",
        "tokio-two",
        "tokio-two-niced",
    ] {
        let counts = ["", "", "", "200", "", "", "", "", ""];
        let row = row(&text, "answered in a round", name);
        assert_eq!(row[2..11], counts, "{name}");
    }
    let goal = row(&text, "to reach", "p99 vs tokio's spawn");
    assert!(goal[4] == "reached" || goal[4] == "**missed**", "{goal:?}");
}

#[test]
fn a_section_that_is_unknown_is_bad_usage() {
    let output = peers(&["--section", "https"]);
    assert_eq!(output.status.code(), Some(2));
}
