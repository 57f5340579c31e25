//! The two READMEs: all tables go into this package's, four rows into the repository's.

use std::fs;
use std::io;
use std::iter;
use std::path::Path;

use crate::marks::between_marks;
use crate::report;
use crate::results::{Kept, Results};
use crate::summary;

/// The name of the marks between which the results stand.
const MARKS: &str = "peers";

/// Puts what is kept between the marks of both READMEs.
///
/// # Errors
///
/// If what is kept cannot be read, or a README has no marks.
pub(crate) fn rewrite(kept: &Kept) -> io::Result<()> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let results = kept.read()?;
    rewrite_one(&package.join("README.md"), &all_tables(&results))?;
    rewrite_one(&package.join("../../README.md"), &summary::table(&results))
}

fn all_tables(results: &[Results]) -> String {
    let sections = results.iter().map(report::section);
    let parts = iter::once(report::HOW_TO_READ.to_owned()).chain(sections);
    parts.collect::<Vec<_>>().join("\n")
}

fn rewrite_one(readme: &Path, results: &str) -> io::Result<()> {
    let old = fs::read_to_string(readme)?;
    let new = between_marks(&old, MARKS, results).ok_or_else(|| {
        let readme = readme.display();
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{readme} has no marks <!-- {MARKS}:begin --> and <!-- {MARKS}:end -->"),
        )
    })?;
    eprintln!("rewrote {}", readme.display());
    fs::write(readme, new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readmes_show_what_is_kept() {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let results = Kept::in_package()
            .read()
            .expect("the kept files hold results");
        let shown = [
            (package.join("README.md"), all_tables(&results)),
            (package.join("../../README.md"), summary::table(&results)),
        ];
        for (readme, tables) in shown {
            let text = fs::read_to_string(&readme).expect("there is a README");
            let anew = between_marks(&text, MARKS, &tables).expect("it has marks");
            let readme = readme.display();
            assert!(
                text == anew,
                "{readme} is old: cargo run -p laneway-peers -- --render"
            );
        }
    }
}
