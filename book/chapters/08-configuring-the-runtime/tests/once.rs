//! Who starts the runtime if many want to? In a process of its own, since there it happens once.

use std::sync::Barrier;
use std::thread;

use chapter_08::{BuildError, Builder, Runtime};

#[test]
fn one_of_many_starts_the_runtime() {
    let all = Barrier::new(8);
    let wanted: Vec<Builder> = (1..=8)
        .map(|low| Runtime::new().with_low_num(low))
        .collect();
    let outcomes: Vec<_> = thread::scope(|scope| {
        let tries: Vec<_> = wanted
            .iter()
            .map(|builder| {
                scope.spawn(|| {
                    all.wait();
                    builder.try_run()
                })
            })
            .collect();
        tries
            .into_iter()
            .map(|tried| tried.join().unwrap())
            .collect()
    });
    let running = Runtime::configuration();
    for (builder, outcome) in wanted.iter().zip(outcomes) {
        let expected = match *builder == running {
            true => Ok(()),
            false => Err(BuildError::AlreadyRunning),
        };
        assert_eq!(outcome, expected, "{builder:?}");
    }
}
