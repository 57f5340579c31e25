//! An ordinary closure where a service needs an async one.

use laneway::background;

fn main() {
    let (sum, background) = background::service(0, |sum: &mut u64, n: u64| {
        *sum += n;
        *sum
    });
    drop((sum, background));
}
