//! The server's routes: a page of three files, and the way into the room.

use async_tungstenite::tungstenite::handshake::server::create_response;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderMap, ORIGIN,
};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use laneway::{Priority, spawn_task};
use laneway_http::{Route, upgrade};

use super::App;
use super::talk::talk;

pub(crate) fn routes(app: App) -> Router {
    Router::new()
        .route("/", get(html))
        .route("/page.css", get(css))
        .route("/page.js", get(js))
        .route("/room", get(enter))
        .with_state(app)
}

/// Agrees to the upgrade, and leaves the connection to a task of its own.
async fn enter(State(app): State<App>, mut request: Request) -> Response {
    // Another site's page may ask a browser for this, too.
    if !is_of_this_page(request.headers()) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let upgraded = upgrade::on(&mut request);
    let mut answer = match create_response(&request.map(|_| ())) {
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

/// Whether a browser says that the page is this server's. A client that is no browser says nothing.
fn is_of_this_page(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(ORIGIN) else {
        return true;
    };
    let origin = origin.to_str().unwrap_or_default();
    let host = origin.split_once("://").map(|(_, host)| host.as_bytes());
    host.is_some() && host == headers.get(HOST).map(|host| host.as_bytes())
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
