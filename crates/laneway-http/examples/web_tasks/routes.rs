//! The server's routes.

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use laneway::blocking;
use laneway::observe::Prometheus;
use laneway_http::Route;

use super::app::App;
use super::failure::Failure;
use super::{live, page, tasks};

/// The table of routes.
pub(crate) fn routes(app: App) -> Router {
    Router::new()
        .route("/", get(page::html))
        .route("/page.css", get(page::css))
        .route("/page.js", get(page::js))
        .route("/events", get(live::events))
        .route("/healthz", get(health))
        .route("/metrics", get(metrics))
        .route("/tasks", get(tasks::list))
        .route("/tasks/sync", post(tasks::submit_sync))
        .route("/tasks/async", post(tasks::submit_async))
        .route("/tasks/{id}", get(tasks::show).delete(tasks::cancel))
        .route_layer(from_fn(name_route))
        .method_not_allowed_fallback(wrong_method)
        .fallback(not_found)
        .with_state(app)
}

/// Lets the metrics count an answer by the pattern of its route.
async fn name_route(path: MatchedPath, request: Request, next: Next) -> Response {
    let mut answer = next.run(request).await;
    let route = Route::named(path.as_str().to_owned());
    answer.extensions_mut().insert(route);
    answer
}

async fn health() -> impl IntoResponse {
    ([(CACHE_CONTROL, "no-store")], "ok")
}

async fn metrics(State(app): State<App>) -> impl IntoResponse {
    let of_laneway = Prometheus::new()
        .runtime("web", app.runtime.metrics(), [])
        .task_queue("tasks", app.tasks.metrics())
        .blocking(blocking::metrics())
        .render();
    let headers = [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (headers, of_laneway + &app.server.prometheus())
}

/// axum adds which methods are allowed.
async fn wrong_method(method: Method, uri: Uri) -> Failure {
    let message = format!("{} does not take {method}: see Allow", uri.path());
    Failure::new(StatusCode::METHOD_NOT_ALLOWED, message)
}

async fn not_found(uri: Uri) -> Failure {
    let message = format!("there is nothing at {}", uri.path());
    Failure::new(StatusCode::NOT_FOUND, message)
}
