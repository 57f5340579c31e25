//! Laneway's server, in two set-ups and under axum.

use laneway::net::TcpListener;
use laneway::{Builder, Priority, Runtime};
use laneway_http::tls::Tls;
use laneway_http::{Server, service_fn};

use super::answers::{answer, router};
use super::{KEY, Serving};
use crate::certificate::CHAIN;
use crate::wire::Wire;

/// The default runtime: see `executors/laneway.rs`.
pub(crate) fn by_default(threads: usize, wire: Wire) -> Serving {
    function(default_queues(threads), wire)
}

pub(crate) fn latency_first(threads: usize) -> Serving {
    let builder = Runtime::builder().latency_first();
    let builder = builder.with_high_num(threads).with_low_num(threads);
    function(builder, Wire::Plain)
}

pub(crate) fn axum(threads: usize, wire: Wire) -> Serving {
    serve(default_queues(threads), |listener| {
        over(wire, Server::new(router())).serve(listener)
    })
}

fn default_queues(threads: usize) -> Builder {
    let high = threads.div_ceil(2);
    Runtime::builder()
        .with_high_num(high)
        .with_low_num((threads - high).max(1))
}

fn function(builder: Builder, wire: Wire) -> Serving {
    serve(builder, |listener| {
        over(wire, Server::new(service_fn(answer))).serve(listener)
    })
}

fn over<S>(wire: Wire, server: Server<S>) -> Server<S> {
    match wire {
        Wire::Plain => server,
        Wire::Tls => server.tls(Tls::from_pem(CHAIN, KEY).expect("they belong together")),
    }
}

fn serve<F>(builder: Builder, serve: impl FnOnce(TcpListener) -> F) -> Serving
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    // Kept until the process ends.
    let runtime: &Runtime = Box::leak(Box::new(builder.build().expect("the threads start")));
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"));
    let listener = listener.expect("a port is free");
    let address = listener.local_addr().expect("the listener is bound");
    runtime.spawn(serve(listener), Priority::High).detach();
    let start_low = Box::new(move |work: super::LowWork| {
        let low = work.for_ever(laneway::yield_now);
        runtime.spawn(low, Priority::Low).detach();
    });
    Serving { address, start_low }
}
