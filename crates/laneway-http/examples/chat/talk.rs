//! The task that has a guest's connection: a WebSocket from the upgrade to the goodbye.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use async_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use async_tungstenite::tungstenite::{Error, Message};
use futures_lite::{FutureExt, StreamExt};
use laneway::time::timeout;
use laneway_http::upgrade::Upgraded;
use serde_json::{Value, json};

use super::App;
use super::room::Seat;

/// The most bytes of a message.
const LONGEST: usize = 4096;

/// How long a guest may be silent: the page says something four times a second, and in the
/// background each minute. From the upgrade on, the times are for this task to keep: those of HTTP
/// do not hold any more.
const SILENCE: Duration = Duration::from_secs(120);

/// How long a guest may take to read.
const READING: Duration = Duration::from_secs(10);

/// The most work that a guest starts at once.
const MOST_WORK: u64 = 64;

type Socket = WebSocketStream<Upgraded>;

/// The next event of a talk.
enum Event {
    Came(Result<Message, Error>),
    ToTell(Arc<str>),
    /// The guest has closed, or says nothing any more.
    Gone,
    TooSlow,
    /// The server has begun to end.
    End,
}

/// Talks until one of both sides ends it.
pub(crate) async fn talk(connection: Upgraded, app: App) {
    let mut end = pin!(connection.end_begun());
    let config = WebSocketConfig::default()
        .max_message_size(Some(LONGEST))
        .max_frame_size(Some(LONGEST));
    let mut socket = WebSocketStream::from_raw_socket(connection, Role::Server, Some(config)).await;
    let seat = app.room.enter();
    let reason = loop {
        let event = next(&mut socket, &seat, end.as_mut()).await;
        let answer = match event {
            Event::Came(Ok(message)) => answer(&message, &seat, &app),
            Event::ToTell(line) => Some(line.to_string()),
            Event::Came(Err(Error::Capacity(_))) => break (CloseCode::Size, "too long"),
            Event::Came(Err(_)) | Event::Gone => return,
            Event::TooSlow => break (CloseCode::Policy, "too slow"),
            Event::End => break (CloseCode::Away, "the server ends"),
        };
        if let Some(text) = answer
            && !matches!(
                timeout(READING, socket.send(Message::text(text))).await,
                Ok(Ok(()))
            )
        {
            return;
        }
    };
    let (code, reason) = reason;
    let goodbye = CloseFrame {
        code,
        reason: reason.into(),
    };
    // Dropped after that, the connection lingers until the guest has closed it.
    let _ = timeout(READING, socket.close(Some(goodbye))).await;
}

async fn next(socket: &mut Socket, seat: &Seat, end: impl Future<Output = ()>) -> Event {
    let came = async {
        match timeout(SILENCE, socket.next()).await {
            Ok(Some(message)) => Event::Came(message),
            Ok(None) | Err(_) => Event::Gone,
        }
    };
    let to_tell = async { seat.next().await.map_or(Event::TooSlow, Event::ToTell) };
    let end = async {
        end.await;
        Event::End
    };
    end.or(to_tell).or(came).await
}

/// Does what a message asks for. The answer to this guest alone, if there is one.
fn answer(message: &Message, seat: &Seat, app: &App) -> Option<String> {
    let asked: Value = serde_json::from_str(message.to_text().ok()?).ok()?;
    if let Some(text) = asked["say"].as_str() {
        let line = json!({ "from": seat.number, "text": text });
        app.room.tell(&line);
    }
    if let Some(count) = asked["work"].as_u64() {
        app.heavy.start(count.min(MOST_WORK) as usize);
    }
    let pong = json!({ "pong": asked.get("ping")?, "work": app.heavy.left(), "you": seat.number });
    Some(pong.to_string())
}
