//! A client that needs tokio's reactor, beside a server that does not: reqwest asks `laneway-http`.
//! `cargo run -p laneway-others --bin laneway-reqwest`
//!
//! reqwest opens sockets and sets timers of tokio's and spawns a task of tokio's for each
//! connection. `Compat` lets a future find tokio's runtime in each of its polls, and starts one of a
//! single thread when it is first used. The task itself runs on Laneway, in the lane that it was
//! spawned for; what is read and written goes over that thread.

#[path = "../../output/mod.rs"]
mod output;

use std::convert::Infallible;
use std::error::Error;

use async_compat::CompatExt;
use http::{Request, Response};
use laneway::net::TcpListener;
use laneway::{Priority, spawn_task};
use laneway_http::{RequestBody, serve, service_fn};

/// Says what it was asked for.
async fn answer(request: Request<RequestBody>) -> Result<Response<String>, Infallible> {
    let path = request.uri().path();
    Ok(Response::new(format!("you asked for {path}")))
}

/// Asks, all within `Compat`: the answer's body comes over tokio's reactor too.
async fn ask(url: String) -> Result<String, reqwest::Error> {
    let asked = async {
        let answer = reqwest::get(url).await?.error_for_status()?;
        answer.text().await
    };
    asked.compat().await
}

fn main() -> Result<(), Box<dyn Error>> {
    output::may_end("laneway-reqwest");
    laneway::block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let serving = spawn_task!(serve(listener, service_fn(answer)), Priority::High);
        for path in ["first", "second"] {
            let asked = spawn_task!(ask(format!("http://{address}/{path}")), Priority::High);
            println!("{}", asked.await?);
        }
        serving.cancel().await;
        Ok(())
    })
}
