//! The server's routes: a page of three files, and the way into the room.

use async_tungstenite::tungstenite::Error;
use async_tungstenite::tungstenite::error::ProtocolError;
use async_tungstenite::tungstenite::handshake::server::create_response;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, ORIGIN, SEC_WEBSOCKET_VERSION,
};
use axum::http::{HeaderName, Method, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use laneway::{Priority, spawn_task};
use laneway_http::upgrade::connect_protocol;
use laneway_http::{Route, upgrade};

use super::App;
use super::talk::talk;

pub(crate) fn routes(app: App) -> Router {
    Router::new()
        .route("/", get(html))
        .route("/page.css", get(css))
        .route("/page.js", get(js))
        .route("/room", get(enter).connect(enter))
        .with_state(app)
}

/// Agrees to the upgrade, and leaves the connection to a task of its own.
async fn enter(State(app): State<App>, mut request: Request<Body>) -> Response {
    // Another site's page may ask a browser for this, too.
    if !is_of_this_page(&request) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let upgraded = upgrade::on(&mut request);
    let mut answer = match agreement(&request.map(|_| ())) {
        Ok(answer) => answer.map(|()| Body::empty()),
        Err(error) => {
            let message = format!("this is for a WebSocket: {error}\n");
            return (StatusCode::BAD_REQUEST, message).into_response();
        }
    };
    let talking = async {
        if let Ok(connection) = upgraded.await {
            talk(connection, app).await;
        }
    };
    spawn_task!(name = "guest", talking, Priority::High).detach();
    answer.extensions_mut().insert(Route::named("/room"));
    answer
}

/// The answer that agrees to a WebSocket: 101 to the upgrade in HTTP/1.1, and in HTTP/2 (RFC 8441)
/// any success to `CONNECT`, where neither a key nor its digest is needed.
fn agreement(request: &Request<()>) -> Result<Response<()>, Error> {
    if request.method() != Method::CONNECT {
        return create_response(request);
    }
    if connect_protocol(request) != Some("websocket") {
        return Err(ProtocolError::MissingUpgradeWebSocketHeader.into());
    }
    match request.headers().get(SEC_WEBSOCKET_VERSION) {
        Some(version) if version == "13" => Ok(Response::new(())),
        _ => Err(ProtocolError::MissingSecWebSocketVersionHeader.into()),
    }
}

/// Whether a browser says that the page is this server's. A client that is no browser says nothing.
fn is_of_this_page<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    let Some(origin) = headers.get(ORIGIN) else {
        return true;
    };
    let origin = origin.to_str().unwrap_or_default();
    let host = origin.split_once("://").map(|(_, host)| host.as_bytes());
    // In HTTP/2 the target has the host.
    let target = request
        .uri()
        .authority()
        .map(|host| host.as_str().as_bytes());
    let field = || headers.get(HOST).map(|host| host.as_bytes());
    host.is_some() && host == target.or_else(field)
}

/// The page runs no script and loads nothing but from this server, whatever it is made to show.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

async fn html() -> impl IntoResponse {
    let policy = [(CONTENT_SECURITY_POLICY, POLICY)];
    let page = file("text/html; charset=utf-8", include_str!("page.html"));
    (policy, page)
}

async fn css() -> impl IntoResponse {
    file("text/css; charset=utf-8", include_str!("page.css"))
}

async fn js() -> impl IntoResponse {
    file("text/javascript; charset=utf-8", include_str!("page.js"))
}

fn file(kind: &'static str, text: &'static str) -> ([(HeaderName, &'static str); 2], &'static str) {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache")], text)
}
