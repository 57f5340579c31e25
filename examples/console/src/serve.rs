//! Sets up the console's layer, and the server by which the console asks it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread;

use console_subscriber::{ConsoleLayer, Server, ServerParts};
use tonic::transport::server::TcpIncoming;
use tracing::Level;
use tracing::subscriber::NoSubscriber;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

/// Lets the console's layer listen to what is told by `tracing` in this process, and serves it at
/// a port of 127.0.0.1, which the layer's users expect to be 6669.
///
/// # Errors
///
/// If the port is taken, or if the layer was built so that it would refuse to work.
pub(crate) fn serve(port: u16) -> io::Result<SocketAddr> {
    if !cfg!(console_without_tokio_unstable) {
        return Err(io::Error::other(
            "built without `--cfg console_without_tokio_unstable`, which .cargo/config.toml of \
             the repository sets unless the variable RUSTFLAGS is set: build without the variable",
        ));
    }
    let listener = listen(port)?;
    let address = listener.local_addr()?;
    let (layer, server) = ConsoleLayer::builder().build();
    // What else is told in this process is none of the console's business.
    let tasks = Targets::new()
        .with_target("laneway::task", Level::INFO)
        .with_target("runtime::waker", Level::TRACE);
    tracing_subscriber::registry()
        .with(layer.with_filter(tasks))
        .init();
    thread::Builder::new()
        .name("console-server".to_owned())
        .spawn(|| {
            if let Err(error) = answer(server, listener) {
                eprintln!("laneway-console: the console is no longer served: {error}");
            }
        })?;
    Ok(address)
}

fn listen(port: u16) -> io::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| {
        let words = format!("cannot serve at 127.0.0.1:{port} ({error}): try another --port");
        io::Error::new(error.kind(), words)
    })?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Answers the console, on a tokio runtime of this thread.
fn answer(server: Server, listener: TcpListener) -> Result<(), Box<dyn std::error::Error>> {
    // The server does not tell of itself.
    let _silence = tracing::subscriber::set_default(NoSubscriber::default());
    let ServerParts {
        instrument_server,
        aggregator,
        ..
    } = server.into_parts();
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    tokio.block_on(async {
        tokio::spawn(aggregator.run());
        let incoming = TcpIncoming::from(tokio::net::TcpListener::from_std(listener)?);
        tonic::transport::Server::builder()
            .add_service(instrument_server)
            .serve_with_incoming(incoming)
            .await?;
        Ok(())
    })
}
