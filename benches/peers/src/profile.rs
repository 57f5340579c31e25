//! The profile that this program was built with.
//!
//! Cargo tells a build script no more than `release` or `debug`, whichever a profile inherits. The
//! output directory of the build script stands below a directory of the profile's own name, and the
//! path is fixed when the program is compiled: it holds wherever the program is moved to.

use std::path::{Component, Path};

/// The name of the profile of a release, with which everything is measured.
pub(crate) const RELEASE: &str = "release";

/// The profile's name, and `debug` for `dev`.
pub(crate) fn name() -> &'static str {
    let profile = of_output_directory(Path::new(env!("OUT_DIR")));
    profile.expect("cargo builds below a directory of the profile's name")
}

/// The argument of cargo's `--profile` for this profile.
pub(crate) fn option() -> &'static str {
    match name() {
        "debug" => "dev",
        name => name,
    }
}

/// The directory above the last one that is called `build`.
fn of_output_directory(path: &Path) -> Option<&str> {
    let mut upwards = path.components().rev();
    upwards.find(|component| component.as_os_str() == "build")?;
    match upwards.next()? {
        Component::Normal(profile) => profile.to_str(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_every_layout_names_the_profile() {
        let layouts = [
            ("/x/target/release/build/laneway-peers-0a/out", "release"),
            (
                "/x/target/release-lto/build/laneway-peers-0a/out",
                "release-lto",
            ),
            (
                "/build/x86_64-unknown-linux-gnu/debug/build/laneway-peers-0a/out",
                "debug",
            ),
            (
                "/x/target/release-lto/build/laneway-peers/0a/out",
                "release-lto",
            ),
        ];
        for (path, profile) in layouts {
            assert_eq!(
                of_output_directory(Path::new(path)),
                Some(profile),
                "{path}"
            );
        }
        assert_eq!(of_output_directory(Path::new("/x/out")), None);
    }

    #[test]
    fn this_test_knows_its_own_profile() {
        let program = std::env::current_exe().expect("a test knows its own path");
        let mut directories = program.ancestors().filter_map(Path::file_name);
        assert!(
            directories.any(|directory| directory == name()),
            "{program:?}"
        );
    }
}
