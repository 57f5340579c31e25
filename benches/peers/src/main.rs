//! Measures Laneway against other runtimes. `--help` tells the options.

#[path = "../../../examples/output/mod.rs"]
mod output;

fn main() -> std::io::Result<()> {
    output::may_end("laneway-peers");
    laneway_peers::compare()
}
