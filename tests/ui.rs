//! Do mistakes at the macros give messages that help?
//!
//! Each file of `tests/ui` makes one mistake; the `.stderr` beside it is what the compiler says.
//! To record the messages anew: `TRYBUILD=overwrite cargo test --test ui`, then read each.

use std::process::Command;

/// The compiler whose words are recorded. Another one may say the same in other words.
const RECORDED_WITH: &str = "rustc 1.95.";

#[test]
fn mistakes_at_the_macros_are_explained() {
    if !compiler().starts_with(RECORDED_WITH) {
        assert_all_recorded();
        println!("the messages were recorded with {RECORDED_WITH}x and are not compared");
        return;
    }
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
    // With `cron` there are two functions called `every`, and the compiler writes out which.
    cases.compile_fail(match cfg!(feature = "cron") {
        true => "tests/ui/with_cron/*.rs",
        false => "tests/ui/without_cron/*.rs",
    });
}

fn assert_all_recorded() {
    let cases = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ui")).unwrap();
    let names: Vec<String> = cases
        .map(|case| case.unwrap().file_name().into_string().unwrap())
        .collect();
    for case in names.iter().filter_map(|name| name.strip_suffix(".rs")) {
        let recorded = format!("{case}.stderr");
        assert!(
            names.contains(&recorded),
            "{case}.rs has no recorded message"
        );
    }
}

fn compiler() -> String {
    let rustc = option_env!("RUSTC").unwrap_or("rustc");
    let version = Command::new(rustc).arg("--version").output();
    version.map_or_else(
        |_| String::new(),
        |output| String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}
