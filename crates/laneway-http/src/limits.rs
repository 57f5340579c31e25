//! The limits of a client's demands and of its time.

use std::time::Duration;

/// The amounts and times that a server grants to its clients.
///
/// | setting | default | a client that goes beyond it |
/// |---|---|---|
/// | [`connections`](Limits::connections) | 10,000 | waits; idle ones are closed for it |
/// | [`first_byte`](Limits::first_byte) | 10 s | is closed |
/// | [`handshake`](Limits::handshake) | 10 s | is closed |
/// | [`head_time`](Limits::head_time) | 10 s | gets 408 |
/// | [`head_bytes`](Limits::head_bytes) | 16 kB | gets 431 |
/// | [`head_fields`](Limits::head_fields) | 100 | gets 431 |
/// | [`target_bytes`](Limits::target_bytes) | 8 kB | gets 414 |
/// | [`body_bytes`](Limits::body_bytes) | 2 MB | gets 413 once a handler reads so much |
/// | [`body_stall`](Limits::body_stall) | 10 s | gets 408 |
/// | [`body_rate`](Limits::body_rate) | 1 kB/s over 30 s | gets 408 |
/// | [`write_stall`](Limits::write_stall) | 30 s | is cut off |
/// | [`idle`](Limits::idle) | 60 s | is closed |
/// | [`linger`](Limits::linger) | 64 kB, 2 s | is closed, though it still sends |
/// | [`streams`](Limits::streams) | 100 | has the stream refused (HTTP/2) |
/// | [`hibernate`](Limits::hibernate) | 1 s | has its buffers freed until its next byte |
/// | [`shutdown`](Limits::shutdown) | 10 s | is cut off, and named in the report |
///
/// A connection in HTTP/2 that sends 10,000 frames within 10 s that belong to no request, such as
/// PING, SETTINGS or WINDOW_UPDATE, gets GOAWAY and is closed. Those that follow from requests and
/// their answers are not counted: five frames for each request, and three for each DATA that the
/// server sends, with one more for each kB of it. A connection that resets its streams before the
/// server has accepted them is closed as well.
///
/// Of these, an [`upgraded`](crate::upgrade) connection has to keep to `connections` and `shutdown`
/// alone, and an upgraded stream of HTTP/2 to `streams` and `shutdown`.
///
/// A kB is 1,024 bytes. `Limits::default()` is [`Limits::public`].
///
/// ```
/// use laneway_http::Limits;
/// use std::time::Duration;
///
/// let limits = Limits::public().body_bytes(64 * 1024).idle(Duration::from_secs(5));
/// assert_ne!(limits, Limits::public());
/// ```
///
/// Times beyond a century count as one: `Duration::MAX` takes a limit away. A value with which no
/// request could be served is a panic that names the setting.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "limits do nothing until a server is given them"]
pub struct Limits {
    pub(crate) connections: usize,
    pub(crate) first_byte: Duration,
    pub(crate) handshake: Duration,
    pub(crate) head_time: Duration,
    pub(crate) head_bytes: usize,
    pub(crate) head_fields: usize,
    pub(crate) target_bytes: usize,
    pub(crate) body_bytes: u64,
    pub(crate) body_stall: Duration,
    pub(crate) body_rate: (u64, Duration),
    pub(crate) write_stall: Duration,
    pub(crate) idle: Duration,
    pub(crate) hibernate: Duration,
    pub(crate) linger: (usize, Duration),
    pub(crate) streams: u32,
    pub(crate) shutdown: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits::public()
    }
}

impl Limits {
    /// The limits for a server that strangers can reach. The table above has them.
    pub fn public() -> Limits {
        Limits {
            connections: 10_000,
            first_byte: Duration::from_secs(10),
            handshake: Duration::from_secs(10),
            head_time: Duration::from_secs(10),
            head_bytes: 16 * 1024,
            head_fields: 100,
            target_bytes: 8 * 1024,
            body_bytes: 2 * 1024 * 1024,
            body_stall: Duration::from_secs(10),
            body_rate: (1024, Duration::from_secs(30)),
            write_stall: Duration::from_secs(30),
            idle: Duration::from_secs(60),
            hibernate: Duration::from_secs(1),
            linger: (64 * 1024, Duration::from_secs(2)),
            streams: 100,
            shutdown: Duration::from_secs(10),
        }
    }

    /// The most connections at a time; 0 counts as 1. Beyond them, the idle ones that have rested
    /// longest are closed, and if there is none, new ones wait to be accepted. The default is
    /// 10,000.
    pub fn connections(mut self, most: usize) -> Limits {
        self.connections = most.max(1);
        self
    }

    /// How long a new connection may be silent. The default is 10 s.
    ///
    /// # Panics
    ///
    /// If the time is zero.
    #[track_caller]
    pub fn first_byte(mut self, time: Duration) -> Limits {
        self.first_byte = some_time("first_byte", time);
        self
    }

    /// How long the handshake of TLS may take, from the beginning of the connection. The default
    /// is 10 s. [`first_byte`](Limits::first_byte) counts from its end.
    ///
    /// # Panics
    ///
    /// If the time is zero.
    #[track_caller]
    pub fn handshake(mut self, time: Duration) -> Limits {
        self.handshake = some_time("handshake", time);
        self
    }

    /// How long the head of a request may take, from its first byte to its last. The default is
    /// 10 s.
    ///
    /// # Panics
    ///
    /// If the time is zero.
    #[track_caller]
    pub fn head_time(mut self, time: Duration) -> Limits {
        self.head_time = some_time("head_time", time);
        self
    }

    /// The most bytes of a head, and of the fields of one in HTTP/2, where each field counts for 32
    /// bytes more than it has. The default is 16 kB.
    ///
    /// # Panics
    ///
    /// If it is less than 256.
    #[track_caller]
    pub fn head_bytes(mut self, most: usize) -> Limits {
        assert!(
            most >= LEAST_HEAD,
            "head_bytes({most}) has no room for the head of a request: it takes {LEAST_HEAD} or \
             more, and usize::MAX takes the limit away"
        );
        self.head_bytes = most;
        self
    }

    /// The most fields of a head, up to 16,384: a larger number counts as that. Beyond 100, each
    /// request takes memory for this number of fields. The default is 100.
    ///
    /// # Panics
    ///
    /// If it is zero.
    #[track_caller]
    pub fn head_fields(mut self, most: usize) -> Limits {
        assert!(
            most > 0,
            "head_fields(0) would refuse each request that names its host: it takes 1 or more, \
             and usize::MAX is the most that there can be"
        );
        self.head_fields = most.min(MOST_FIELDS);
        self
    }

    /// The most bytes of a request's target. The default is 8 kB.
    ///
    /// # Panics
    ///
    /// If it is zero.
    #[track_caller]
    pub fn target_bytes(mut self, most: usize) -> Limits {
        assert!(
            most > 0,
            "target_bytes(0) would refuse each request: it takes 1 or more, and usize::MAX takes \
             the limit away"
        );
        self.target_bytes = most;
        self
    }

    /// The most bytes of a request's body that a handler can read; with 0, no body has any. The
    /// default is 2 MB.
    pub fn body_bytes(mut self, most: u64) -> Limits {
        self.body_bytes = most;
        self
    }

    /// How long a handler waits for the next bytes of a body. A wait begins with a read that finds
    /// none and ends when they come, also where the handler has given the read up. The default is
    /// 10 s.
    ///
    /// # Panics
    ///
    /// If the time is zero.
    #[track_caller]
    pub fn body_stall(mut self, time: Duration) -> Limits {
        self.body_stall = some_time("body_stall", time);
        self
    }

    /// The fewest bytes a second of a body, over a time of waiting for them. The time that a
    /// handler takes between two reads does not count. A rate of 0 takes the limit away. The
    /// default is 1 kB/s over 30 s.
    ///
    /// # Panics
    ///
    /// If the time is zero.
    #[track_caller]
    pub fn body_rate(mut self, bytes_per_second: u64, over: Duration) -> Limits {
        assert!(
            !over.is_zero(),
            "body_rate({bytes_per_second}, 0) has no time over which bytes could be counted: the \
             time is more than zero, such as Duration::from_secs(30), and a rate of 0 takes the \
             limit away"
        );
        self.body_rate = match bytes_per_second {
            0 => (0, CENTURY),
            rate => (rate, bounded(over)),
        };
        self
    }

    /// How long an answer may wait for its client to read on. The default is 30 s.
    ///
    /// # Panics
    ///
    /// If the time is zero.
    #[track_caller]
    pub fn write_stall(mut self, time: Duration) -> Limits {
        self.write_stall = some_time("write_stall", time);
        self
    }

    /// How long a connection may rest between two requests; with zero, each is closed after its
    /// first rest. The default is 60 s.
    pub fn idle(mut self, time: Duration) -> Limits {
        self.idle = bounded(time);
        self
    }

    /// After how long a rest a connection hibernates: its buffers are freed until its next byte
    /// comes. The default is 1 s.
    pub fn hibernate(mut self, after: Duration) -> Limits {
        self.hibernate = bounded(after);
        self
    }

    /// How much is read, and for how long, of what a client still sends after an answer that ends
    /// its connection, so that the answer reaches it. The default is 64 kB and 2 s.
    pub fn linger(mut self, bytes: usize, time: Duration) -> Limits {
        self.linger = (bytes, bounded(time));
        self
    }

    /// The most requests at a time on one connection in HTTP/2. The default is 100.
    ///
    /// # Panics
    ///
    /// If it is zero.
    #[track_caller]
    pub fn streams(mut self, most: u32) -> Limits {
        assert!(
            most > 0,
            "streams(0) would refuse each request in HTTP/2: it takes 1 or more"
        );
        self.streams = most;
        self
    }

    /// How long requests may take to finish when the server shuts down; with zero, they are cut off
    /// at once. The default is 10 s.
    pub fn shutdown(mut self, time: Duration) -> Limits {
        self.shutdown = bounded(time);
        self
    }
}

/// The most fields that a head can have. A `HeaderMap` holds half as many again and panics beyond,
/// and hyper makes room for all that there may be.
const MOST_FIELDS: usize = 16 * 1024;

/// The least that a head can be bounded to. The fields that each request in HTTP/2 has count for
/// some 170 bytes.
const LEAST_HEAD: usize = 256;

/// As good as for ever, and within what an instant can hold.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

fn bounded(time: Duration) -> Duration {
    time.min(CENTURY)
}

#[track_caller]
fn some_time(setting: &str, time: Duration) -> Duration {
    assert!(
        !time.is_zero(),
        "{setting}(0) would give each client no time at all: the time is more than zero, and \
         Duration::MAX takes the limit away"
    );
    bounded(time)
}
