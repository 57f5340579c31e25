//! The news that processes at one database tell each other.

/// The changes that a store's commit has made for the workers of other processes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum News {
    /// A queue may have jobs that are due.
    Queue(String),
    /// All queues may have some, and schedules may have changed.
    Everywhere,
    /// Schedules are others, or have other instants or states.
    Schedules,
}

/// The server takes less than 8,000 bytes; a queue of a longer name wakes all.
const LONGEST: usize = 7_000;
/// In the place of a queue, and not separated by a space as those are: a process that does not know
/// of it looks at everything.
const SCHEDULES: &str = "/schedules";

impl News {
    /// The payload of the notification; the sender's name has no space.
    pub(super) fn payload(&self, sender: &str) -> String {
        match self {
            News::Queue(queue) if queue.len() <= LONGEST => format!("{sender} {queue}"),
            News::Queue(_) | News::Everywhere => format!("{sender} "),
            News::Schedules => format!("{sender}{SCHEDULES}"),
        }
    }

    /// The sender's name, and what it tells.
    pub(super) fn read(payload: &str) -> (&str, News) {
        match (payload.split_once(' '), payload.strip_suffix(SCHEDULES)) {
            (Some((sender, "")), _) => (sender, News::Everywhere),
            (Some((sender, queue)), _) => (sender, News::Queue(queue.to_owned())),
            (None, Some(sender)) => (sender, News::Schedules),
            (None, None) => (payload, News::Everywhere),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_read_as_it_was_meant() {
        let queues = ["a", "a b", "a/schedules", " "].map(|queue| News::Queue(queue.to_owned()));
        for news in queues
            .into_iter()
            .chain([News::Everywhere, News::Schedules])
        {
            assert_eq!(News::read(&news.payload("me")), ("me", news.clone()));
        }
        let long = News::Queue("x".repeat(9_000)).payload("me");
        assert_eq!(News::read(&long), ("me", News::Everywhere));
    }
}
