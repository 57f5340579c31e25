//! Which page a path asks for.

use crate::job_id::JobId;
use crate::store::JobAction;

/// A page, or a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Overview,
    Jobs,
    Job(JobId),
    /// The payload or the result of a job, as it is stored.
    Part(JobId, JobPart),
    Errors,
    Schedules,
    Workers,
    /// The numbers of the queues, for a program.
    Metrics,
    /// The preview of a change to all that match.
    Bulk,
    Login,
    Style,
    Script,
    Icon,
    Change(Change),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JobPart {
    Payload,
    Result,
}

/// A change that a form makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Job(JobId, JobAction),
    Queue(Switch),
    Schedule(Switch),
    Bulk,
    Login,
}

/// An action that a queue or a schedule allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Switch {
    Pause,
    Resume,
}

/// The page or change that a method and a path ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Routed {
    To(Route),
    /// There is such a path, for other methods: these.
    OtherMethod(&'static str),
    Nowhere,
}

impl Switch {
    pub(super) fn name(self) -> &'static str {
        match self {
            Switch::Pause => "pause",
            Switch::Resume => "resume",
        }
    }

    fn named(name: &str) -> Option<Switch> {
        let both = [Switch::Pause, Switch::Resume];
        both.into_iter().find(|switch| switch.name() == name)
    }
}

pub(super) fn job_action(name: &str) -> Option<JobAction> {
    JobAction::ALL
        .into_iter()
        .find(|action| action.name() == name)
}

/// Finds what is asked for. `path` begins behind where the dashboard is mounted.
pub(super) fn routed(method: &str, path: &str) -> Routed {
    let shown = shown(path);
    let change = change(path);
    match (method, shown, change) {
        ("GET" | "HEAD", Some(route), _) => Routed::To(route),
        ("POST", _, Some(change)) => Routed::To(Route::Change(change)),
        (_, Some(_), Some(_)) => Routed::OtherMethod("GET, HEAD, POST"),
        (_, Some(_), None) => Routed::OtherMethod("GET, HEAD"),
        (_, None, Some(_)) => Routed::OtherMethod("POST"),
        (_, None, None) => Routed::Nowhere,
    }
}

fn shown(path: &str) -> Option<Route> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    Some(match parts[..] {
        [""] => Route::Overview,
        ["jobs"] => Route::Jobs,
        ["jobs", id] => Route::Job(id.parse().ok()?),
        ["jobs", id, "payload"] => Route::Part(id.parse().ok()?, JobPart::Payload),
        ["jobs", id, "result"] => Route::Part(id.parse().ok()?, JobPart::Result),
        ["errors"] => Route::Errors,
        ["schedules"] => Route::Schedules,
        ["workers"] => Route::Workers,
        ["metrics"] => Route::Metrics,
        ["bulk"] => Route::Bulk,
        ["login"] => Route::Login,
        ["style.css"] => Route::Style,
        ["script.js"] => Route::Script,
        ["icon.svg"] => Route::Icon,
        _ => return None,
    })
}

fn change(path: &str) -> Option<Change> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    Some(match parts[..] {
        ["jobs", id, action] => Change::Job(id.parse().ok()?, job_action(action)?),
        ["queues", switch] => Change::Queue(Switch::named(switch)?),
        ["schedules", switch] => Change::Schedule(Switch::named(switch)?),
        ["bulk"] => Change::Bulk,
        ["login"] => Change::Login,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_methods_lead_to_pages() {
        let id = "018f0e9c-7b3a-7c00-8a1b-000000000001";
        let job: JobId = id.parse().unwrap();
        let to = |method, path: &str| routed(method, path);
        assert_eq!(to("GET", ""), Routed::To(Route::Overview));
        assert_eq!(to("HEAD", "/jobs/"), Routed::To(Route::Jobs));
        assert_eq!(
            to("GET", &format!("/jobs/{id}")),
            Routed::To(Route::Job(job))
        );
        let retry = Route::Change(Change::Job(job, JobAction::Retry));
        assert_eq!(to("POST", &format!("/jobs/{id}/retry")), Routed::To(retry));
        assert_eq!(
            to("GET", &format!("/jobs/{id}/retry")),
            Routed::OtherMethod("POST")
        );
        assert_eq!(to("DELETE", "/jobs"), Routed::OtherMethod("GET, HEAD"));
        assert_eq!(to("PUT", "/bulk"), Routed::OtherMethod("GET, HEAD, POST"));
        for path in [
            "/jobs/7",
            "/jobs/x/retry",
            "/jobs//",
            "/etc",
            "/jobs/../errors/x",
            "//x",
        ] {
            let nowhere = to("GET", path);
            let is_list = path == "/jobs//";
            assert_eq!(nowhere == Routed::Nowhere, !is_list, "{path}");
        }
    }
}
