//! Does the shipped runtime pass all nine chapters?

use std::sync::LazyLock;

use laneway_conformance::{Priority, Runtime};

pub(crate) struct Laneway;

const HIGH: usize = 2;
const LOW: usize = 2;

static RUNTIME: LazyLock<laneway::Runtime> = LazyLock::new(|| {
    let builder = laneway::Runtime::builder().with_high_num(HIGH);
    // Nice low threads would leave high tasks alone, and chapter 5 steals both ways.
    let runtime = builder.with_low_num(LOW).with_low_nice(0).build();
    runtime.expect("the numbers are good")
});

fn level(priority: Priority) -> laneway::Priority {
    match priority {
        Priority::High => laneway::Priority::High,
        Priority::Low => laneway::Priority::Low,
    }
}

impl Runtime for Laneway {
    type Task<T: Send + 'static> = laneway::Task<T>;

    fn block_on<F: Future>(future: F) -> F::Output {
        laneway::block_on(future)
    }

    fn spawn<F>(future: F) -> laneway::Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        RUNTIME.spawn(future, laneway::Priority::Low)
    }

    fn consumers() -> usize {
        HIGH + LOW
    }

    fn consumers_of(priority: Priority) -> usize {
        match priority {
            Priority::High => HIGH,
            Priority::Low => LOW,
        }
    }

    fn spawn_at<F>(future: F, priority: Priority) -> laneway::Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        RUNTIME.spawn(future, level(priority))
    }

    fn spawn_task<F>(future: F) -> laneway::Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        laneway::spawn_task!(future)
    }

    fn spawn_task_at<F>(future: F, priority: Priority) -> laneway::Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        laneway::spawn_task!(future, level(priority))
    }

    fn join<T: Send + 'static>(tasks: Vec<laneway::Task<T>>) -> Vec<T> {
        laneway::join_all(tasks)
    }

    fn try_join<T: Send + 'static>(tasks: Vec<laneway::Task<T>>) -> Vec<Result<T, String>> {
        let outcomes = laneway::try_join_all(tasks).into_iter();
        outcomes
            .map(|outcome| outcome.map_err(|error| error.to_string()))
            .collect()
    }

    fn join_three<T: Send + 'static>(tasks: [laneway::Task<T>; 3]) -> Vec<T> {
        let [first, second, third] = tasks;
        laneway::join!(first, second, third)
    }

    fn try_join_three<T: Send + 'static>(tasks: [laneway::Task<T>; 3]) -> Vec<Result<T, String>> {
        let [first, second, third] = tasks;
        let outcomes = laneway::try_join!(first, second, third).into_iter();
        outcomes
            .map(|outcome| outcome.map_err(|error| error.to_string()))
            .collect()
    }

    async fn gather<T: Send + 'static>(tasks: Vec<laneway::Task<T>>) -> Vec<T> {
        let mut outputs = Vec::new();
        for task in tasks {
            outputs.push(task.await);
        }
        outputs
    }

    fn accepts(high: usize, low: usize) -> bool {
        let builder = laneway::Runtime::builder().with_high_num(high);
        builder.with_low_num(low).build().is_ok()
    }

    /// The shipped rule cannot be told of another machine, and has tests of its own: here its numbers
    /// for this machine have to make a runtime.
    fn high_for(_: usize) -> usize {
        let built = laneway::Runtime::builder().build();
        usize::from(built.is_ok())
    }

    fn start_with(high: usize, low: usize) -> bool {
        let builder = laneway::Runtime::new().with_high_num(high);
        builder.with_low_num(low).try_run().is_ok()
    }

    fn start_process(mut work: impl FnMut() + Send + 'static) {
        let process = async move {
            loop {
                work();
                laneway::yield_now().await;
            }
        };
        RUNTIME.spawn(process, laneway::Priority::Low).detach();
    }

    fn detach<T: Send + 'static>(task: laneway::Task<T>) {
        task.detach();
    }
}

laneway_conformance::conformance!(Laneway, up_to = 9);
