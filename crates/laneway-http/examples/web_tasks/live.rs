//! The news for the page, as it happens: server-sent events.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::sse::{Event, Sse};
use futures_lite::stream;
use laneway::shutdown_begun;
use laneway::time::{now, timeout};
use serde_json::json;

use super::app::App;
use super::tasks::listed;

/// How often a viewer is told of changes at most.
const TICK: Duration = Duration::from_millis(200);

/// After this time without a change the viewer gets a comment, which shows whether it is there.
const SILENCE: Duration = Duration::from_secs(5);

/// How old the state may be that a viewer is told.
const FRESH: Duration = Duration::from_millis(100);

/// The most tasks that the page shows.
const SHOWN: usize = 300;

/// The state of the tasks, made once within a moment for all viewers.
#[derive(Clone, Default)]
pub(crate) struct Board(Arc<Mutex<Option<Posted>>>);

struct Posted {
    at: Instant,
    state: Arc<str>,
}

/// One that looks at the page. Without any, nothing is looked up.
struct Viewer {
    app: App,
    last: Arc<str>,
    told: Instant,
    tick: Duration,
}

/// The state of the tasks, now and after each change.
pub(crate) async fn events(State(app): State<App>) -> impl IntoResponse {
    let viewer = Viewer {
        app,
        last: "".into(),
        told: now(),
        tick: Duration::ZERO,
    };
    Sse::new(stream::unfold(viewer, Viewer::next))
}

impl Viewer {
    /// Waits for the next event. A shutdown is the end of them: it would wait for this.
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Viewer)> {
        while timeout(self.tick, shutdown_begun()).await.is_err() {
            self.tick = TICK;
            let state = self.app.board.state(&self.app);
            if state != self.last {
                let event = Event::default().data(&*state);
                self.last = state;
                return Some(self.tell(event));
            }
            if now() - self.told >= SILENCE {
                return Some(self.tell(Event::default().comment("")));
            }
        }
        None
    }

    fn tell(mut self, event: Event) -> (Result<Event, Infallible>, Viewer) {
        self.told = now();
        (Ok(event), self)
    }
}

impl Board {
    /// The state of the tasks, as it is or was a moment ago.
    fn state(&self, app: &App) -> Arc<str> {
        let mut posted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*posted {
            Some(Posted { at, state }) if now() - *at < FRESH => state.clone(),
            _ => {
                let state: Arc<str> = state(app).into();
                *posted = Some(Posted {
                    at: now(),
                    state: state.clone(),
                });
                state
            }
        }
    }
}

fn state(app: &App) -> String {
    let metrics = app.tasks.metrics();
    let state = json!({
        "queued": metrics.queued,
        "running": metrics.running,
        "done": metrics.done,
        "refused": metrics.refused,
        "tasks": listed(app, SHOWN),
    });
    state.to_string()
}
