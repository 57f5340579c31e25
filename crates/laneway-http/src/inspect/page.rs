//! The page: the replay page's drawing code, and what makes it live.

use laneway::observe::replay;

const PAGE: &str = include_str!("live.html");
const STYLE: &str = include_str!("live.css");
const SCRIPTS: [&str; 4] = [
    replay::SCRIPT,
    include_str!("stream.js"),
    include_str!("now.js"),
    include_str!("live.js"),
];

/// The whole page, in one piece.
pub(super) fn page() -> String {
    PAGE.replace("/*STYLE*/", &[replay::STYLE, STYLE].concat())
        .replace("/*SCRIPT*/", &SCRIPTS.concat())
}
