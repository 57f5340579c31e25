//! The page that plays one recording. A reader's own runs are no part of the book's pages.

use crate::record;

/// The page of Laneway's own recordings, with marks where its parts belong.
const PAGE: &str = include_str!("../../src/observe/replay/page.html");

/// The player's style sheet.
pub const STYLE: &str = include_str!("../../src/observe/replay/player.css");

/// The player. This package does not build Laneway for it: the renderer's tests compare the two.
pub const SCRIPT: &str = concat!(
    include_str!("../../src/observe/replay/model.js"),
    include_str!("../../src/observe/replay/words.js"),
    include_str!("../../src/observe/replay/theme.js"),
    include_str!("../../src/observe/replay/find.js"),
    include_str!("../../src/observe/replay/scale.js"),
    include_str!("../../src/observe/replay/stage.js"),
    include_str!("../../src/observe/replay/lanes.js"),
    include_str!("../../src/observe/replay/player.js"),
);

/// The title that the page has for Laneway's own recordings.
const TITLE: &str = "Laneway replay";

/// A page, in one piece, that plays a recording of a chapter's program.
#[must_use]
pub fn page(title: &str, recording: &str) -> String {
    let colours = record::colours(recording);
    let player = format!(
        "<div class=\"laneway-replay\" data-names data-colours=\"{colours}\">\
         <script type=\"application/json\">\n{recording}</script></div>\n"
    );
    PAGE.replace(TITLE, title)
        .replace("/*STYLE*/", STYLE)
        .replace("/*SCRIPT*/", SCRIPT)
        .replace("<!--RECORDING-->", &player)
}
