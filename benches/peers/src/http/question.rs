//! The questions that a server is asked, and the size of each.

use std::time::Duration;

use super::churn::{self, Churn};
use super::paced::{self, Pace};
use super::server::Server;
use super::tls_client::TlsClient;
use super::{handler, resting, saturated};
use crate::figures::Figure;
use crate::peer::Peer;
use crate::wire::Wire;

/// One measurement of one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// Requests without a pause on 64 connections, for the text.
    Plain,
    /// The same for JSON.
    Json,
    /// Paced requests while nothing else is done.
    Alone,
    /// Paced requests beside 64 low tasks.
    Beside,
    /// Paced requests while one connection asks for 20 ms of computing.
    Handler,
    /// A connection for each request.
    Churn,
    /// The same in HTTP/2.
    ChurnHttp2,
    /// The same within TLS, each with a handshake.
    ChurnTls,
    /// Many connections that rest after one request.
    Resting,
}

/// How much is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Amounts {
    /// Requests without a pause.
    pub(crate) saturated: usize,
    /// Paced requests.
    pub(crate) paced: usize,
    /// Connections, one after another.
    pub(crate) churned: usize,
    /// The same with a handshake of TLS each.
    pub(crate) secured: usize,
    /// Connections that rest, if there are descriptors for as many.
    pub(crate) resting: usize,
    /// How long they are left alone before they are watched, and how long they are watched.
    pub(crate) rest: [Duration; 2],
    /// How long the machine itself is watched, for its stalls.
    pub(crate) stalls: Duration,
}

impl Amounts {
    pub(crate) const FULL: Amounts = Amounts {
        saturated: 100_000,
        paced: 4_000,
        churned: 10_000,
        secured: 2_000,
        resting: 10_000,
        rest: [Duration::from_millis(2_500), Duration::from_secs(2)],
        stalls: Duration::from_secs(3),
    };
    pub(crate) const QUICK: Amounts = Amounts {
        saturated: 1_000,
        paced: 200,
        churned: 100,
        secured: 20,
        resting: 50,
        rest: [Duration::from_millis(1_200), Duration::from_millis(300)],
        stalls: Duration::from_millis(300),
    };
}

impl Question {
    pub(crate) const ALL: [Question; 9] = [
        Question::Plain,
        Question::Json,
        Question::Alone,
        Question::Beside,
        Question::Handler,
        Question::Churn,
        Question::ChurnHttp2,
        Question::ChurnTls,
        Question::Resting,
    ];

    /// The servers that are asked.
    pub(crate) fn peers(self) -> &'static [Peer] {
        match self {
            Question::Beside => &Peer::BESIDE_LOW,
            Question::Handler => &Peer::BESIDE_HANDLER,
            Question::Alone => &[Peer::Tokio, Peer::Laneway, Peer::LanewayLatencyFirst],
            Question::ChurnHttp2 | Question::ChurnTls => {
                &[Peer::TokioAxum, Peer::Laneway, Peer::LanewayAxum]
            }
            _ => &Peer::SATURATED,
        }
    }

    /// The steps that each poll of the low tasks computes, if there are any.
    pub(crate) fn steps(self, of_2_ms: u64) -> u64 {
        match self {
            Question::Beside => of_2_ms,
            _ => 0,
        }
    }

    pub(crate) fn wire(self) -> Wire {
        match self {
            Question::ChurnTls => Wire::Tls,
            _ => Wire::Plain,
        }
    }

    pub(crate) fn ask(self, server: &mut Server, amounts: Amounts, round: usize) -> Vec<Figure> {
        let pace = Pace {
            per_second: 1_000.0,
            requests: amounts.paced,
            seed: round as u64,
        };
        match self {
            Question::Plain => saturated::measure(server, "plain", "/", amounts.saturated),
            Question::Json => saturated::measure(server, "json", "/json", amounts.saturated),
            Question::Alone => paced::measure(server, "alone", pace),
            Question::Beside => paced::measure(server, "beside", pace),
            Question::Handler => handler::measure(server, pace),
            Question::Churn => churn::measure(server, amounts.churned, &Churn::Http1),
            Question::ChurnHttp2 => churn::measure(server, amounts.churned, &Churn::Http2),
            Question::ChurnTls => {
                let churn = Churn::Tls(TlsClient::new());
                churn::measure(server, amounts.secured, &churn)
            }
            Question::Resting => resting::measure(server, amounts.resting, amounts.rest),
        }
    }
}
