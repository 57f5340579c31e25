//! The careless rule is asked for the number of high consumers of six machines.

use std::panic::catch_unwind;

use chapter_08::Runtime;

#[path = "../../broken.rs"]
#[allow(unreachable_pub)]
mod broken;

fn main() {
    for cores in [64, 8, 4, 3, 2, 1] {
        // A panic prints its message by itself, to the standard error.
        let Ok(high) = catch_unwind(|| broken::high_for(cores)) else {
            println!("cores: {cores}, a panic");
            continue;
        };
        let checked = Runtime::new().with_high_num(high).check();
        let verdict = checked.map_or_else(|error| error.to_string(), |()| "fine".to_owned());
        println!("cores: {cores}, high consumers: {high}: {verdict}");
    }
}
