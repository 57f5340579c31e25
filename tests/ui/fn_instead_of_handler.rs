//! An ordinary function where a service needs an async one.

use laneway::background;

fn add(sum: &mut u64, n: u64) -> u64 {
    *sum += n;
    *sum
}

fn main() {
    let (sum, background) = background::service(0, add);
    drop((sum, background));
}
