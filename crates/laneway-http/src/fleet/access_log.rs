//! The access log: a line for each request, and one more for each connection that was upgraded.

use std::net::SocketAddr;
use std::time::Duration;

use http::{Method, StatusCode, Uri};
use laneway::time::now;

use super::watch::{InFlight, Watch};

/// The target of the lines.
const ACCESS: &str = "laneway_http::access";

/// Whether the log takes the lines.
pub(crate) fn is_on() -> bool {
    log::log_enabled!(target: ACCESS, log::Level::Info)
}

/// Tells the log of a request that is over. One without a status was cut off.
pub(crate) fn tell_of_request(
    peer: SocketAddr,
    (method, uri): &(Method, Uri),
    status: Option<StatusCode>,
    took: Duration,
) {
    let status = status.as_ref().map_or("cut-off", StatusCode::as_str);
    let (path, took) = (path_of(uri), took.as_micros());
    log::info!(target: ACCESS, "{peer} {method} {path} {status} {took} us");
}

/// Tells the log of the end of an upgraded connection.
pub(crate) fn tell_of_upgrade(watch: &Watch, upgraded: &InFlight) {
    let took = now().saturating_duration_since(upgraded.since).as_micros();
    let (peer, method, path) = (watch.peer(), &upgraded.method, upgraded.path());
    log::info!(target: ACCESS, "{peer} {method} {path} upgraded {took} us");
}

/// The path of a target, or the host of a tunnel.
fn path_of(uri: &Uri) -> &str {
    match uri.authority() {
        Some(host) if uri.path().is_empty() => host.as_str(),
        _ => uri.path(),
    }
}
