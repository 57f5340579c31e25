//! Nothing to wait for.

use laneway::join;

fn main() {
    join!();
}
