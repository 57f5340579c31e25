//! `serve`: shows the jobs in a browser.

use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use laneway::Runtime;
use laneway::net::TcpListener;
use laneway_http::{BodyError, RequestBody, Server, service_fn};
use laneway_jobs::Jobs;
use laneway_jobs::dashboard::{Dashboard, PageRequest};
use serde_json::json;

use super::Command;
use crate::args::Args;
use crate::failure::Failure;
use crate::open;
use crate::out::Out;
use crate::spec::{Spec, flag, value};

pub(super) const COMMAND: Command = Command {
    spec: Spec {
        name: "serve",
        takes: "",
        about: "shows the jobs in a browser, until it is interrupted",
        options: &[
            value(
                "listen",
                "ADDRESS",
                "where; with port 0 the system chooses one [127.0.0.1:8080]",
            ),
            value(
                "token",
                "TOKEN",
                "every client gives it, also from other machines; put TLS before it",
            ),
            value("host", "NAME", "a name by which browsers call this machine"),
            flag("read-only", "changes nothing"),
        ],
    },
    run,
};

fn run(args: &Args, out: &mut Out) -> Result<(), Failure> {
    args.no_words()?;
    let address = listen_address(args)?;
    no_empty(args, "token")?;
    no_empty(args, "host")?;
    no_closed_door(args, address)?;
    let store = open::store(args)?;
    let dashboard = dashboard(args, &Jobs::shared(store));
    let failed = |error: &dyn std::fmt::Display| Failure::refused(error.to_string());
    let rt = Runtime::builder().build().map_err(|error| failed(&error))?;
    let listener = rt
        .block_on(TcpListener::bind(address))
        .map_err(|error| cannot_listen(address, &error))?;
    let address = listener.local_addr().map_err(|error| failed(&error))?;
    let url = format!("http://{address}/");
    let told = out.tell(
        &format!("the jobs are shown at {url}"),
        &json!({"url": url}),
    );
    Failure::unless_closed(told)?;
    let service = service_fn(move |request| answer(dashboard.clone(), request));
    rt.block_on(Server::new(service).serve(listener));
    Ok(())
}

fn listen_address(args: &Args) -> Result<SocketAddr, Failure> {
    let address = args.value("listen").unwrap_or("127.0.0.1:8080");
    let wrong = |_| {
        let message = format!("--listen takes an address such as 127.0.0.1:8080, not {address:?}");
        Failure::usage(message)
    };
    address.parse().map_err(wrong)
}

/// A variable that is not set leaves nothing behind the option.
fn no_empty(args: &Args, name: &str) -> Result<(), Failure> {
    match args.value(name) {
        Some("") => Err(Failure::usage(format!("--{name} is empty"))),
        _ => Ok(()),
    }
}

/// Without a token no other machine is let in, so that it would listen to them for nothing.
fn no_closed_door(args: &Args, address: SocketAddr) -> Result<(), Failure> {
    match address.ip().is_loopback() || args.has("token") {
        true => Ok(()),
        false => Err(Failure::usage(format!(
            "--listen {address} is for other machines, and none is let in without --token"
        ))),
    }
}

fn cannot_listen(address: SocketAddr, error: &io::Error) -> Failure {
    Failure::refused(format!(
        "cannot listen on {address}: {error}; --listen names another address"
    ))
}

fn dashboard(args: &Args, jobs: &Jobs) -> Dashboard {
    let mut dashboard = Dashboard::new(jobs);
    if let Some(token) = args.value("token") {
        dashboard = dashboard.token(token);
    }
    if let Some(name) = args.value("host") {
        dashboard = dashboard.host(name);
    }
    match args.has("read-only") {
        true => dashboard.read_only(),
        false => dashboard,
    }
}

/// Answers a request by a page.
async fn answer(
    dashboard: Dashboard,
    request: Request<RequestBody>,
) -> Result<Response<Full<Bytes>>, BodyError> {
    let (head, body) = request.into_parts();
    let target = head.uri.to_string();
    let mut asked = PageRequest::new(head.method.as_str(), &target).peer(body.peer().ip());
    for (name, value) in &head.headers {
        asked = asked.header(name.as_str(), value.as_bytes());
    }
    let page = dashboard.page(asked.body(body.collect().await?.to_bytes()));
    let page = page.await;
    let mut answer = Response::builder().status(page.status);
    for (name, value) in page.headers {
        answer = answer.header(name, value);
    }
    let body = Full::new(page.body.into());
    Ok(answer
        .body(body)
        .expect("the dashboard's headers are sound"))
}
