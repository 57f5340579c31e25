//! A server and a client of WebSockets on Laneway's own sockets, by async-tungstenite.
//! `cargo run -p laneway-others --bin laneway-websocket`
//!
//! Nothing is needed: the crate takes any stream with the traits of `futures-io`, and Laneway's
//! sockets have them. Its features for runtimes stay off.

#[path = "../../output/mod.rs"]
mod output;

use std::error::Error;

use async_tungstenite::tungstenite::{self, Message};
use async_tungstenite::{accept_async, client_async};
use futures_lite::StreamExt;
use laneway::net::{TcpListener, TcpStream};
use laneway::{Priority, spawn_task};

/// Sends each text back until the client says goodbye.
async fn echo(stream: TcpStream) -> tungstenite::Result<usize> {
    let mut socket = accept_async(stream).await?;
    let mut echoed = 0;
    while let Some(message) = socket.next().await {
        let message = message?;
        if message.is_text() {
            socket.send(message).await?;
            echoed += 1;
        }
    }
    Ok(echoed)
}

async fn talk(stream: TcpStream) -> tungstenite::Result<()> {
    let (mut socket, _answer) = client_async("ws://localhost/", stream).await?;
    for text in ["hello", "and goodbye"] {
        socket.send(Message::text(text)).await?;
        let echo = socket
            .next()
            .await
            .ok_or(tungstenite::Error::ConnectionClosed)??;
        println!("{}", echo.to_text()?);
    }
    socket.close(None).await
}

fn main() -> Result<(), Box<dyn Error>> {
    output::may_end("laneway-websocket");
    laneway::block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let client = TcpStream::connect(listener.local_addr()?).await?;
        let (server, _) = listener.accept().await?;
        let echoing = spawn_task!(echo(server), Priority::High);
        talk(client).await?;
        println!("{} texts came back", echoing.await?);
        Ok(())
    })
}
