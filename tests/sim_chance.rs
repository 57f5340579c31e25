//! Does everything that a simulated program draws from fastrand follow from the seed?

use std::cell::Cell;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use laneway::background::{Every, Periodic};
use laneway::blocking::unblock;
use laneway::sim::{Run, Sim};
use laneway::time::sleep;
use laneway::{Priority, join, spawn_task, yield_now};

const MS: Duration = Duration::from_millis(1);

/// The numbers that a program drew, in the order in which it drew them.
#[derive(Clone, Default)]
struct Drawn(Arc<Mutex<Vec<u64>>>);

impl Drawn {
    fn draw(&self) -> u64 {
        let number = fastrand::u64(..);
        self.0.lock().unwrap().push(number);
        number
    }

    fn numbers(&self) -> Vec<u64> {
        self.0.lock().unwrap().clone()
    }
}

/// Draws on every kind of thread that a simulation has: in tasks, in closures given to `unblock`,
/// behind a task that blocks its thread. The draws decide how it goes on.
async fn draws_everywhere(drawn: Drawn) {
    for round in 0..10 {
        let (low, high, closure) = (drawn.clone(), drawn.clone(), drawn.clone());
        let low = spawn_task!(async move {
            for _ in 0..low.draw() % 4 {
                yield_now().await;
            }
            let inner = low.clone();
            join!(spawn_task!(async move {
                inner.draw();
            }));
            low.draw();
        });
        let high = spawn_task!(
            async move { sleep(MS * (high.draw() % 3) as u32).await },
            Priority::High
        );
        if drawn.draw().is_multiple_of(2) {
            unblock(move || closure.draw()).await;
        }
        join!(low, high);
        assert!(round < 10);
    }
}

/// Runs the program that draws, and disturbs this thread's generator before.
fn run(seed: u64) -> (Vec<u64>, Run<()>) {
    fastrand::seed(rand_seed());
    let drawn = Drawn::default();
    let run = Sim::seed(seed).run(draws_everywhere(drawn.clone()));
    (drawn.numbers(), run.unwrap())
}

/// Another number each time.
fn rand_seed() -> u64 {
    thread_local!(static NEXT: Cell<u64> = const { Cell::new(1) });
    NEXT.replace(NEXT.get().wrapping_mul(6_364_136_223_846_793_005) + 1)
}

#[test]
fn a_program_that_draws_has_one_schedule_under_one_seed() {
    for seed in 0..20 {
        let (numbers, first) = run(seed);
        assert!(numbers.len() >= 40);
        for _ in 0..3 {
            let (again, next) = run(seed);
            assert_eq!(again, numbers, "seed {seed}");
            assert_eq!(next.fingerprint, first.fingerprint, "seed {seed}");
        }
    }
    assert_ne!(run(1).0, run(2).0);
}

/// What the making of a program draws under a seed.
fn drawn_in_the_making(seed: u64) -> Vec<u64> {
    fastrand::seed(rand_seed());
    let drawn = Drawn::default();
    let make = || {
        drawn.draw();
        drawn.draw();
        // Draws too: how far the first tick is put off.
        let (periodic, _background) = Every::new(MS).jitter(MS).build(async || {});
        Periodic::stop(&periodic);
        draws_everywhere(drawn.clone())
    };
    Sim::seed(seed).explore(1, make).unwrap();
    drawn.numbers()
}

#[test]
fn the_making_of_a_program_draws_what_the_seed_decides() {
    for seed in 0..20 {
        let numbers = drawn_in_the_making(seed);
        assert_eq!(drawn_in_the_making(seed), numbers, "seed {seed}");
    }
    assert_ne!(drawn_in_the_making(1), drawn_in_the_making(2));
}

#[test]
fn a_seed_that_fails_by_what_the_making_drew_fails_again() {
    let make = || {
        let unlucky = fastrand::u8(..20) == 0;
        async move { assert!(!unlucky, "an unlucky draw") }
    };
    let failed = Sim::seed(0).explore(1_000, make).unwrap_err();
    for _ in 0..20 {
        fastrand::seed(rand_seed());
        let again = Sim::seed(failed.seed).explore(1, make);
        assert_eq!(again.unwrap_err().to_string().lines().count(), 2);
    }
}

#[test]
fn the_callers_own_generator_goes_on_as_if_nothing_had_been() {
    let program = || {
        fastrand::u64(..);
        async {
            fastrand::u64(..);
        }
    };
    fastrand::seed(7);
    let expected = [fastrand::u64(..), fastrand::u64(..)];
    fastrand::seed(7);
    Sim::seed(1).explore(3, program).unwrap();
    let first = fastrand::u64(..);
    let panicking = || -> std::future::Ready<()> {
        fastrand::u64(..);
        panic!("in the making")
    };
    Sim::seed(1).explore(3, panicking).unwrap_err();
    assert_eq!([first, fastrand::u64(..)], expected);
}

#[test]
fn a_simulation_within_a_simulation_leaves_the_outer_ones_draws_alone() {
    let numbers = |with_inner: bool| {
        let run = Sim::seed(4).run(async move {
            let before = fastrand::u64(..);
            if with_inner {
                Sim::seed(5)
                    .explore(1, || async {
                        fastrand::u64(..);
                    })
                    .unwrap();
            }
            (before, fastrand::u64(..))
        });
        run.unwrap().output
    };
    assert_eq!(numbers(true), numbers(false));
}

#[test]
fn the_schedule_does_not_repeat_what_the_program_draws() {
    let alike = (0..200).filter(|seed| {
        let run = Sim::seed(*seed).run(async { fastrand::u64(..) });
        let own = fastrand::Rng::with_seed(*seed).u64(..);
        let made = Sim::seed(*seed);
        let mut in_the_making = 0;
        made.explore(1, || {
            in_the_making = fastrand::u64(..);
            async {}
        })
        .unwrap();
        let drawn = run.unwrap().output;
        drawn == own || in_the_making == own || in_the_making == drawn
    });
    assert_eq!(alike.count(), 0);
}
