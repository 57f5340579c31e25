//! A task behind a handle that adds numbers: `cargo run --release --example sum_service` shows it
//! ready made, the same written out as a `Future` by hand, and what threads and latecomers get.

mod record;

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::thread;

use async_channel::{Receiver, Sender};
use futures_lite::Stream;
use laneway::{Runtime, background, block_on, spawn_task};

use record::Record;

/// The whole of it, ready made: a state, and what to do with a request.
async fn add(sum: &mut u64, n: u64) -> u64 {
    *sum += n;
    *sum
}

/// A request by hand: the number, and the sender for its own reply.
type Request = (u64, Sender<u64>);

/// The same by hand: the task is a future that polls its inbox.
struct SumByHand {
    inbox: Pin<Box<Receiver<Request>>>,
    sum: u64,
}

impl Future for SumByHand {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // After so many requests other tasks have a turn. `background::service` sees to it as well.
        for _ in 0..64 {
            // Pending: the inbox keeps the waker and wakes this task for the next request.
            match ready!(self.inbox.as_mut().poll_next(cx)) {
                Some((n, reply)) => {
                    self.sum += n;
                    // The caller may have gone away meanwhile.
                    let _ = reply.try_send(self.sum);
                }
                None => return Poll::Ready(()),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// The work of a handle's `call`, by hand.
async fn call_by_hand(outbox: &Sender<Request>, n: u64) -> Option<u64> {
    let (reply, replied) = async_channel::bounded(1);
    outbox.send((n, reply)).await.ok()?;
    replied.recv().await.ok()
}

async fn by_hand() {
    let (outbox, inbox) = async_channel::unbounded();
    let inbox = Box::pin(inbox);
    let task = spawn_task!(SumByHand { inbox, sum: 0 });
    for n in [1, 2, 3] {
        println!("by hand:     + {n} = {:?}", call_by_hand(&outbox, n).await);
    }
    drop(outbox);
    task.await;
}

async fn ready_made() {
    let (sum, background) = background::service(0, add);
    let task = spawn_task!(background);
    for n in [1, 2, 3] {
        println!("ready made:  + {n} = {:?}", sum.call(n).await);
    }
    // A handle goes anywhere: here to threads that know nothing of the runtime.
    let threads = [(); 4].map(|()| {
        let sum = sum.clone();
        thread::spawn(move || (0..1_000).all(|_| block_on(sum.call(1)).is_ok()))
    });
    let all = threads.map(|thread| thread.join().expect("a caller does not panic"));
    println!(
        "4 threads:   {all:?}, and now it is {:?}",
        sum.call(0).await
    );

    // Dropping the last handle ends it, too; `close` does so for handles that others hold.
    sum.close();
    pin!(task).await;
    let error = sum.call(4).await.expect_err("it has ended");
    println!("closed:      {error}");
}

fn main() -> Result<(), laneway::BuildError> {
    let record = Record::from_args("sum_service");

    let rt = record.watch(Runtime::builder()).build()?;
    rt.block_on(by_hand());
    rt.block_on(ready_made());
    record.save();
    Ok(())
}
