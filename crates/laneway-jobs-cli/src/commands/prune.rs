//! `prune`: deletes settled jobs that are old enough.

use laneway::block_on;
use laneway_jobs::store::{Pruning, Store};
use serde_json::json;

use super::Command;
use crate::args::Args;
use crate::failure::Failure;
use crate::open;
use crate::out::Out;
use crate::progress::Progress;
use crate::spec::{Spec, value};

pub(super) const COMMAND: Command = Command {
    spec: Spec {
        name: "prune",
        takes: "",
        about: "deletes old jobs that are settled",
        options: &[
            value(
                "done-after",
                "TIME",
                "done or cancelled this long ago; 1d by default",
            ),
            value(
                "failed-after",
                "TIME",
                "failed this long ago; 14d by default",
            ),
        ],
    },
    run,
};

fn run(args: &Args, out: &mut Out) -> Result<(), Failure> {
    args.no_words()?;
    let default = Pruning::default();
    let pruning = Pruning {
        done_after: args.length("done-after")?.unwrap_or(default.done_after),
        failed_after: args.length("failed-after")?.unwrap_or(default.failed_after),
        ..default
    };
    let store = open::store(args)?;
    let deleted = block_on(prune(&*store, pruning))?;
    out.tell(
        &format!("{deleted} jobs were deleted"),
        &json!({"deleted": deleted}),
    )
}

async fn prune(store: &dyn Store, pruning: Pruning) -> Result<usize, Failure> {
    let (mut progress, mut deleted) = (Progress::new(), 0);
    loop {
        match store.prune(pruning).await? {
            0 => return Ok(deleted),
            more => deleted += more,
        }
        progress.show(&format!("{deleted} deleted"));
    }
}
