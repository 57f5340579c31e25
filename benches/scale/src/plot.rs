//! The curves as a picture: nanoseconds for each task over the number of workers.

use std::fmt::Write;

use crate::table::Row;

const WIDTH: f64 = 260.0;
const HEIGHT: f64 = 150.0;
const MARGIN: f64 = 50.0;

/// One frame for each workload, each with its predicted curve and what was measured.
pub(crate) fn svg(rows: &[Row]) -> String {
    let groups: Vec<&[Row]> = rows.chunk_by(|a, b| a.workload == b.workload).collect();
    let (across, down) = (3, groups.len().div_ceil(3));
    let (frame_width, frame_height) = (WIDTH + 2.0 * MARGIN, HEIGHT + 2.0 * MARGIN);
    let (width, height) = (frame_width * f64::from(across), frame_height * down as f64);
    let mut picture = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for (number, group) in groups.iter().enumerate() {
        let x = frame_width * (number % 3) as f64 + MARGIN;
        let y = frame_height * (number / 3) as f64 + MARGIN;
        let frame = frame(group);
        writeln!(picture, "<g transform=\"translate({x} {y})\">{frame}</g>").expect("a string");
    }
    picture + "</svg>\n"
}

fn frame(rows: &[Row]) -> String {
    let values = rows
        .iter()
        .flat_map(|row| [Some(row.predicted()), row.measured]);
    let highest = values.flatten().fold(1.0, f64::max) * 1.1;
    let most = rows.iter().map(|row| row.workers).max().unwrap_or(2);
    // Each doubling of the workers takes as much room.
    let x = |workers: usize| WIDTH * (workers as f64).log2() / (most as f64).log2();
    let y = |ns: f64| HEIGHT * (1.0 - ns / highest);
    let point = |row: &Row| format!("{:.1},{:.1} ", x(row.workers), y(row.predicted()));
    let points: String = rows.iter().map(point).collect();
    let mut frame = format!(
        "<text y=\"-12\" font-weight=\"bold\">{}, ns a task</text>\
         <path d=\"M0 0V{HEIGHT}H{WIDTH}\" fill=\"none\" stroke=\"black\"/>\
         <text x=\"-6\" y=\"8\" text-anchor=\"end\">{highest:.0}</text>\
         <text x=\"-6\" y=\"{HEIGHT}\" text-anchor=\"end\">0</text>\
         <polyline points=\"{points}\" fill=\"none\" stroke=\"#0a58ca\" stroke-width=\"2\"/>",
        rows[0].workload
    );
    for row in rows {
        let (x, below) = (x(row.workers), HEIGHT + 16.0);
        let workers = row.workers;
        write!(
            frame,
            "<text x=\"{x:.1}\" y=\"{below}\" text-anchor=\"middle\">{workers}</text>"
        )
        .expect("a string");
        if let Some(measured) = row.measured {
            let y = y(measured);
            write!(
                frame,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"#c1121f\"/>"
            )
            .expect("a string");
        }
    }
    frame
}
