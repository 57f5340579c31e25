//! An ordinary closure that makes the state of a service that restarts.

use laneway::background::{RestartPolicy, Service};

fn main() {
    let service = Service::new().restart(RestartPolicy::new());
    let (sum, background) = service.build(|| 0_u64, async |sum: &mut u64, n: u64| *sum + n);
    drop((sum, background));
}
