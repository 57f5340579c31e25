//! The other way: a variable of the environment says how many consumers there are.

use std::env;
use std::process::Command;

use chapter_08::Runtime;

/// What the variable says, or else 2.
fn number_from(variable: &str) -> usize {
    let value = env::var(variable).ok();
    value.and_then(|value| value.parse().ok()).unwrap_or(2)
}

fn main() {
    if env::args().nth(1).as_deref() == Some("configured") {
        Runtime::new().with_high_num(number_from("HIGH_NUM")).run();
        println!("{} high consumers", Runtime::configuration().high);
        return;
    }
    for (variable, value) in [
        ("HIGH_NUM", "3"),
        ("HIGH_NMU", "3"),
        ("HIGH_NUM", "three"),
        ("HIGH_NUM", "3 "),
    ] {
        let mut program = Command::new(env::current_exe().expect("a program has a file"));
        program.arg("configured").env_remove("HIGH_NUM");
        let output = program.env(variable, value).output();
        let output = output.expect("it can be run once more").stdout;
        print!("{variable}={value:<6} {}", String::from_utf8_lossy(&output));
    }
}
