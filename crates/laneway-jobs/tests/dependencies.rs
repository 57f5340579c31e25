//! Does a store on Postgres bring a second runtime along?

use std::process::Command;

/// The features of tokio that make it a runtime.
const OF_A_RUNTIME: [&str; 8] = [
    "rt",
    "rt-multi-thread",
    "net",
    "time",
    "process",
    "signal",
    "fs",
    "macros",
];

#[test]
fn tokio_is_there_for_its_traits_and_channels_alone() {
    let tree = tree(&["--features", "postgres"]);
    let line = tree.lines().find(|line| line.starts_with("tokio v"));
    let features = line.expect("it is there").split(' ').nth(2);
    let features: Vec<&str> = features.unwrap_or_default().split(',').collect();
    assert!(features.contains(&"io-util"), "{features:?}");
    for feature in OF_A_RUNTIME {
        assert!(
            !features.contains(&feature),
            "tokio has {feature}: {features:?}"
        );
    }
}

#[test]
fn the_default_features_bring_nothing_of_postgres() {
    let tree = tree(&[]);
    for name in ["tokio", "tokio-postgres", "bytes"] {
        let found = tree
            .lines()
            .any(|line| line.starts_with(&format!("{name} v")));
        assert!(!found, "{name} is there:\n{tree}");
    }
    assert!(tree.lines().any(|line| line.starts_with("rusqlite v")));
}

fn tree(features: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--edges", "normal", "--prefix", "none"])
        .args(["--package", env!("CARGO_PKG_NAME"), "--format", "{p} {f}"])
        .args(features)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text")
}
