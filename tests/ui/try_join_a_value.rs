//! A value instead of a task.

use laneway::try_join;

fn main() {
    let results = try_join!(42);
    drop(results);
}
