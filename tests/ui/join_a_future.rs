//! A future that was never spawned.

use laneway::join;

async fn answer() -> u32 {
    42
}

fn main() {
    join!(answer());
}
