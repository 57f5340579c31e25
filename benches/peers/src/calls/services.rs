//! The task behind a handle, as each executor's users write it.

use laneway::background::{Service, ServiceHandle as LanewayHandle, service};
use tokio::sync::{mpsc, oneshot};

use super::{Client, Room, Serves};
use crate::executors::laneway::Laneway;
use crate::executors::tokio::Tokio;
use crate::executors::{Executor, Handle, Lane};

impl Serves for Laneway {
    type Client = LanewayHandle<u64, u64>;

    fn serve(&'static self, room: Room) -> LanewayHandle<u64, u64> {
        match room {
            Room::Unbounded => {
                let (handle, background) = service(0, add);
                self.spawn(Lane::Default, background).detach();
                handle
            }
            Room::For(room) => {
                let (handle, background) = Service::new().bounded(room).build(0, add);
                self.spawn(Lane::Default, background).detach();
                handle
            }
        }
    }
}

async fn add(sum: &mut u64, n: u64) -> u64 {
    *sum += n;
    *sum
}

impl Client for LanewayHandle<u64, u64> {
    async fn call(&self, n: u64) -> u64 {
        let sum = LanewayHandle::call(self, n).await;
        sum.expect("the background lives as long as its handles")
    }
}

/// What tokio's users send: the number, and where to send the sum.
type Request = (u64, oneshot::Sender<u64>);

#[derive(Clone)]
pub(crate) enum TokioClient {
    Unbounded(mpsc::UnboundedSender<Request>),
    Bounded(mpsc::Sender<Request>),
}

impl Serves for Tokio {
    type Client = TokioClient;

    fn serve(&'static self, room: Room) -> TokioClient {
        match room {
            Room::Unbounded => {
                let (sender, mut inbox) = mpsc::unbounded_channel();
                let task = async move {
                    let mut sum = 0;
                    while let Some(request) = inbox.recv().await {
                        serve(&mut sum, request);
                    }
                };
                self.spawn(Lane::Default, task).detach();
                TokioClient::Unbounded(sender)
            }
            Room::For(room) => {
                let (sender, mut inbox) = mpsc::channel(room);
                let task = async move {
                    let mut sum = 0;
                    while let Some(request) = inbox.recv().await {
                        serve(&mut sum, request);
                    }
                };
                self.spawn(Lane::Default, task).detach();
                TokioClient::Bounded(sender)
            }
        }
    }
}

fn serve(sum: &mut u64, (n, reply): Request) {
    *sum += n;
    // Whoever asked may have gone away meanwhile.
    let _ = reply.send(*sum);
}

impl Client for TokioClient {
    async fn call(&self, n: u64) -> u64 {
        let (reply, replied) = oneshot::channel();
        let lives = "the task lives as long as its senders";
        match self {
            TokioClient::Unbounded(sender) => sender.send((n, reply)).expect(lives),
            TokioClient::Bounded(sender) => sender.send((n, reply)).await.expect(lives),
        }
        replied.await.expect(lives)
    }
}
