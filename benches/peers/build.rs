//! Does nothing: a package with a build script is told its output directory, whose path names the
//! profile. See `src/profile.rs`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
}
