//! Measures Laneway against other runtimes. `--help` tells the options.

fn main() -> std::io::Result<()> {
    laneway_peers::compare()
}
