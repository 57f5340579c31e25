//! Two tasks of different outputs have no common `Vec`.

use laneway::{join, spawn_task};

fn main() {
    let number = spawn_task!(async { 42 });
    let text = spawn_task!(async { "forty-two" });
    join!(number, text);
}
