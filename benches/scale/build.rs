//! Has this package's build of Laneway count: see `counted/mod.rs`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-cfg=counted");
    // Laneway's features, none of which is of interest here.
    let features = ["cron", "metrics", "net", "slices", "tracing"];
    for feature in features {
        println!("cargo::rustc-check-cfg=cfg(feature, values(\"{feature}\"))");
    }
}
