//! An ordinary closure where a periodic process needs an async one.

use laneway::background;
use std::time::Duration;

fn main() {
    let (ticks, background) = background::every(Duration::from_secs(1), || println!("tick"));
    drop((ticks, background));
}
