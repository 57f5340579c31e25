//! What the page is told, as it happens: server-sent events.

use std::convert::Infallible;
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

/// After so long without a change the viewer gets a comment, which shows whether it is there.
const SILENCE: Duration = Duration::from_secs(15);

/// The most tasks that the page shows.
const SHOWN: usize = 300;

/// One that looks at the page. Without any, nothing is looked up.
struct Viewer {
    app: App,
    last: String,
    told: Instant,
    tick: Duration,
}

/// The state of the tasks, now and after each change.
pub(crate) async fn events(State(app): State<App>) -> impl IntoResponse {
    let viewer = Viewer {
        app,
        last: String::new(),
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
            let state = self.state();
            if state != self.last {
                let event = Event::default().data(&state);
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

    fn state(&self) -> String {
        let metrics = self.app.tasks.metrics();
        let state = json!({
            "queued": metrics.queued,
            "running": metrics.running,
            "done": metrics.done,
            "refused": metrics.refused,
            "tasks": listed(&self.app, SHOWN),
        });
        state.to_string()
    }
}
