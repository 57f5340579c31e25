//! Nothing to wait for.

use laneway::try_join;

fn main() {
    try_join!();
}
