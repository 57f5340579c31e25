//! Servers on tokio: hyper or axum, and where the users of tokio put the low work.

use std::io;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rayon::{ThreadPool, ThreadPoolBuilder};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{spawn_blocking, yield_now};

use super::answers::{answer, router};
use super::tls_on_tokio::TlsListener;
use super::{LowWork, Serving};
use crate::peer::Peer;
use crate::this_thread;
use crate::wire::Wire;

/// Where the low tasks go.
enum Beside {
    SameRuntime,
    BlockingPool,
    Rayon(ThreadPool),
    SecondRuntime(Runtime),
}

pub(crate) fn hyper(peer: Peer, threads: usize) -> Serving {
    serve(threads, Beside::of(peer, threads), accept)
}

pub(crate) fn axum(threads: usize, wire: Wire) -> Serving {
    serve(
        threads,
        Beside::SameRuntime,
        async move |listener| match wire {
            Wire::Plain => axum::serve(listener, router()).await,
            Wire::Tls => axum::serve(TlsListener::new(listener), router()).await,
        },
    )
}

async fn accept(listener: TcpListener) -> io::Result<()> {
    loop {
        let (stream, _peer) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let connection =
            http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
        tokio::spawn(async move {
            // An error is a client that is gone.
            let _ = connection.await;
        });
    }
}

fn serve<F>(threads: usize, beside: Beside, serve: impl FnOnce(TcpListener) -> F) -> Serving
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    // Kept until the process ends.
    let runtime: &Runtime = Box::leak(Box::new(build(&mut builder(threads))));
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"));
    let listener = listener.expect("a port is free");
    let address = listener.local_addr().expect("the listener is bound");
    runtime.spawn(serve(listener));
    let start_low = Box::new(move |work| beside.start_low(runtime, work));
    Serving { address, start_low }
}

impl Beside {
    fn of(peer: Peer, threads: usize) -> Beside {
        match peer {
            Peer::TokioSpawnBlocking => Beside::BlockingPool,
            Peer::TokioRayon => {
                let pool = ThreadPoolBuilder::new().num_threads(threads).build();
                Beside::Rayon(pool.expect("the threads start"))
            }
            Peer::TokioTwo => Beside::SecondRuntime(build(&mut builder(threads))),
            Peer::TokioTwoNiced => {
                let mut builder = builder(threads);
                Beside::SecondRuntime(build(builder.on_thread_start(this_thread::lower)))
            }
            _ => Beside::SameRuntime,
        }
    }

    fn start_low(&self, runtime: &Runtime, work: LowWork) {
        match self {
            Beside::SameRuntime => drop(runtime.spawn(work.for_ever(yield_now))),
            Beside::BlockingPool => drop(runtime.spawn(blocking_for_ever(work))),
            Beside::Rayon(pool) => pool.spawn_fifo(|| on_rayon_for_ever(work)),
            Beside::SecondRuntime(second) => drop(second.spawn(work.for_ever(yield_now))),
        }
    }
}

async fn blocking_for_ever(work: LowWork) {
    loop {
        let work = work.clone();
        let poll = spawn_blocking(move || work.poll()).await;
        poll.expect("the work does not panic");
    }
}

fn on_rayon_for_ever(work: LowWork) {
    work.poll();
    rayon::spawn_fifo(|| on_rayon_for_ever(work));
}

fn builder(threads: usize) -> Builder {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(threads).enable_all();
    builder
}

fn build(builder: &mut Builder) -> Runtime {
    builder.build().expect("the threads start")
}
