//! The tasks: ordered, looked at, cancelled.

use axum::extract::{FromRequestParts, Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use laneway::background::{Cancelling, SubmitError, Work, WorkId, WorkStatus};
use serde_json::{Value, json};

use super::app::App;
use super::failure::{Failure, json_answer};
use super::heavy;
use super::order::Order;

/// The most tasks that are listed.
const LISTED: usize = 1_000;

pub(crate) async fn submit_sync(State(app): State<App>, order: Order) -> Result<Response, Failure> {
    submit(&app, heavy::on_a_thread(order))
}

pub(crate) async fn submit_async(
    State(app): State<App>,
    order: Order,
) -> Result<Response, Failure> {
    submit(&app, heavy::in_polls(order))
}

fn submit(app: &App, work: Work<()>) -> Result<Response, Failure> {
    let refused = |error: SubmitError<()>| {
        let message = error.to_string();
        Failure::new(StatusCode::SERVICE_UNAVAILABLE, message)
    };
    let id = app.tasks.submit(work).map_err(refused)?;
    let body = shown(id, &app.tasks.status(id));
    let location = [(LOCATION, format!("/tasks/{id}"))];
    Ok((location, json_answer(StatusCode::ACCEPTED, &body)).into_response())
}

pub(crate) async fn list(State(app): State<App>) -> Response {
    json_answer(StatusCode::OK, &listed(&app, LISTED))
}

/// The newest tasks, the newest first.
pub(crate) fn listed(app: &App, at_most: usize) -> Value {
    let listed = app.tasks.list(at_most).into_iter();
    let with_name = listed.map(|work| {
        let mut body = shown(work.id, &work.status);
        body["name"] = json!(work.name.as_deref());
        body
    });
    with_name.collect()
}

pub(crate) async fn show(State(app): State<App>, Id(id): Id) -> Result<Response, Failure> {
    match app.tasks.status(id) {
        WorkStatus::Unknown => Err(unknown(id)),
        status => Ok(json_answer(StatusCode::OK, &shown(id, &status))),
    }
}

pub(crate) async fn cancel(State(app): State<App>, Id(id): Id) -> Result<Response, Failure> {
    let cancelling = app.tasks.cancel(id);
    let status = app.tasks.status(id);
    let body = shown(id, &status);
    match cancelling {
        Cancelling::Unknown => Err(unknown(id)),
        Cancelling::TooLate if status != WorkStatus::Cancelled => {
            let failure = Failure::new(StatusCode::CONFLICT, "the task has ended already");
            Err(failure.with(body))
        }
        _ => Ok(json_answer(StatusCode::OK, &body)),
    }
}

fn unknown(id: impl std::fmt::Display) -> Failure {
    Failure::new(StatusCode::NOT_FOUND, format!("there is no task {id}"))
}

/// A task as clients see it.
fn shown(id: WorkId, status: &WorkStatus) -> Value {
    let mut body = json!({ "id": u64::from(id), "state": status.to_string() });
    match status {
        WorkStatus::Queued { ahead } => body["ahead"] = json!(ahead),
        WorkStatus::Running { progress, .. } => body["progress"] = json!(progress.fraction),
        WorkStatus::Failed { message } => body["message"] = json!(&**message),
        WorkStatus::Done | WorkStatus::Cancelled | WorkStatus::Unknown => {}
    }
    body
}

/// The number of a task, from the path.
pub(crate) struct Id(WorkId);

impl<S: Sync + Send> FromRequestParts<S> for Id {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Id, Failure> {
        let word = Path::<String>::from_request_parts(parts, state).await;
        let word = word.map_or_else(|_| "of that name".to_owned(), |Path(word)| word);
        word.parse().map(Id).map_err(|_| unknown(word))
    }
}
