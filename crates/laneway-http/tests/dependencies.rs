//! Does the package bring a second runtime along?

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
fn tokio_is_there_for_its_channels_alone() {
    let features = features_of("tokio");
    assert!(
        features.iter().any(|feature| feature == "sync"),
        "{features:?}"
    );
    for feature in OF_A_RUNTIME {
        assert!(
            !features.iter().any(|has| has == feature),
            "tokio has {feature}: {features:?}"
        );
    }
}

#[test]
fn neither_hyper_util_nor_axum_is_needed() {
    let tree = tree("{p}");
    for name in ["hyper-util ", "axum ", "tokio-macros "] {
        assert!(
            !tree.lines().any(|line| line.starts_with(name)),
            "{name}is there:\n{tree}"
        );
    }
    assert!(
        tree.lines().any(|line| line.starts_with("hyper ")),
        "hyper is there:\n{tree}"
    );
}

#[test]
fn tls_brings_one_provider_of_ciphers_and_no_runtime() {
    let tree = tree_with("tls", "{p}");
    for name in ["aws-lc-rs ", "aws-lc-sys ", "tokio-rustls "] {
        assert!(
            !tree.lines().any(|line| line.starts_with(name)),
            "{name}is there:\n{tree}"
        );
    }
    assert!(tree.lines().any(|line| line.starts_with("ring ")), "{tree}");
}

/// The features that the normal dependencies of this package turn on in one of them.
fn features_of(package: &str) -> Vec<String> {
    let tree = tree("{p} {f}");
    let line = tree
        .lines()
        .find(|line| line.starts_with(&format!("{package} v")));
    let features = line.expect("the package is there").split(' ').nth(2);
    let features = features.unwrap_or_default().split(',');
    features.map(str::to_owned).collect()
}

fn tree(format: &str) -> String {
    tree_with("", format)
}

fn tree_with(features: &str, format: &str) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--edges", "normal", "--prefix", "none"])
        .args(["--package", env!("CARGO_PKG_NAME"), "--format", format])
        .args(["--features", features])
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
