//! An ordinary closure where a service that serves many at once needs an async one.

use laneway::background::Service;

fn main() {
    let service = Service::new().in_flight(8);
    let (sum, background) = service.build(1, |sum: &u64, n: u64| sum + n);
    drop((sum, background));
}
