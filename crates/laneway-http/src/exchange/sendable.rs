//! The answers of a service that can be sent, and their form.
//!
//! hyper trusts the service here: in HTTP/2 it sends a content where none may be, and in both
//! protocols a length that the content does not have, after which a client cannot tell where the
//! next answer begins.

use std::fmt;

use http::header::{CONNECTION, CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING, UPGRADE};
use http::{Method, Response, StatusCode, Version};
use http_body::Body;

use super::answer::Length;
use super::offer::{Offered, says_upgrade};

/// The facts of a request on which the form of its answer depends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    method: Special,
    version: Version,
    offered: Offered,
}

/// The methods whose answers are not like others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Special {
    Head,
    Connect,
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// With a content that goes so far.
    Whole(Length),
    /// Without the content.
    HeadAlone,
}

/// Why an answer cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsendable {
    /// It says that the protocol is another one from now on, which was not offered, or does not say
    /// which one.
    Switch,
    /// It says that the connection is a tunnel from now on, which was not offered.
    Tunnel,
    /// It says that another answer will follow.
    Interim,
    /// The length that it tells is none, or is not that of its content.
    Length,
}

impl Asked {
    pub(crate) fn new(method: &Method, version: Version, offered: Offered) -> Asked {
        let method = match *method {
            Method::HEAD => Special::Head,
            Method::CONNECT => Special::Connect,
            _ => Special::Other,
        };
        Asked {
            method,
            version,
            offered,
        }
    }

    /// Whether a task may wait for an upgrade.
    pub(crate) fn is_offered(self) -> bool {
        self.offered != Offered::Nothing
    }

    pub(crate) fn is_connect(self) -> bool {
        self.method == Special::Connect
    }

    /// Whether an answer gives the connection away, and may do so.
    pub(crate) fn is_given_away_by<B>(self, answer: &Response<B>) -> bool {
        match self.offered {
            Offered::Nothing => false,
            Offered::Tunnel => answer.status().is_success(),
            Offered::Upgrade => {
                answer.status() == StatusCode::SWITCHING_PROTOCOLS
                    && answer.headers().contains_key(UPGRADE)
            }
        }
    }

    /// Makes the head of an answer that gives the connection away such as the client may get.
    pub(crate) fn prepare_upgrade<B>(self, answer: &mut Response<B>) {
        *answer.version_mut() = Version::default();
        let headers = answer.headers_mut();
        headers.remove(CONTENT_LENGTH);
        headers.remove(TRANSFER_ENCODING);
        if self.offered == Offered::Upgrade && !says_upgrade(headers) {
            headers.append(CONNECTION, HeaderValue::from_static("upgrade"));
        }
    }

    /// Judges an answer, and makes its head such as the client may get.
    pub(crate) fn prepare<B: Body>(self, answer: &mut Response<B>) -> Result<Form, Unsendable> {
        // The service may have it from another server. hyper knows which one the client speaks.
        *answer.version_mut() = Version::default();
        self.judge_status(answer.status())?;
        if self.method != Special::Head && has_content(answer.status()) {
            let length = judge_length(answer)?;
            self.tell_of_close(answer);
            return Ok(Form::Whole(length));
        }
        correct_length(answer);
        // In HTTP/1 hyper leaves the content out, and tells its length where none is told.
        if self.version < Version::HTTP_2 && is_as_hyper_expects(answer) {
            return Ok(Form::Whole(Length::Finite));
        }
        answer.headers_mut().remove(TRANSFER_ENCODING);
        self.tell_length(answer);
        Ok(Form::HeadAlone)
    }

    /// In HTTP/1.0 the end of the connection is that of a content whose length is not told.
    fn tell_of_close<B: Body>(self, answer: &mut Response<B>) {
        let headers = answer.headers();
        let is_told =
            || answer.body().size_hint().exact().is_some() || headers.contains_key(CONTENT_LENGTH);
        let says_close = || headers.get(CONNECTION).is_some_and(|said| said == "close");
        if self.version == Version::HTTP_10 && (says_close() || !is_told()) {
            self.end_with(answer);
        }
    }

    /// Tells hyper that the connection ends with this answer. It says otherwise to a client of
    /// HTTP/1.0 that asked for it that the connection is kept, whatever the answer says.
    pub(crate) fn end_with<B>(self, answer: &mut Response<B>) {
        if self.version == Version::HTTP_10 {
            *answer.version_mut() = Version::HTTP_10;
        }
    }

    fn judge_status(self, status: StatusCode) -> Result<(), Unsendable> {
        match (status, self.method) {
            (StatusCode::SWITCHING_PROTOCOLS, _) => Err(Unsendable::Switch),
            (status, _) if status.is_informational() => Err(Unsendable::Interim),
            (status, Special::Connect) if status.is_success() => Err(Unsendable::Tunnel),
            _ => Ok(()),
        }
    }

    /// Tells the length of a content that is not sent to `HEAD`, if the service does not.
    fn tell_length<B: Body>(self, answer: &mut Response<B>) {
        if self.method == Special::Head
            && has_content(answer.status())
            && let Some(length) = answer.body().size_hint().exact()
        {
            let told = answer.headers_mut().entry(CONTENT_LENGTH);
            told.or_insert_with(|| length.into());
        }
    }
}

fn has_content(status: StatusCode) -> bool {
    !matches!(
        status,
        StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED
    )
}

/// Leaves of the told lengths of a content that is not sent one at most: a number, and where a
/// length may be told.
fn correct_length<B>(answer: &mut Response<B>) {
    let mut told = answer.headers().get_all(CONTENT_LENGTH).iter();
    let Some(first) = told.next().cloned() else {
        return;
    };
    let is_one = length_of(&first).is_some() && told.all(|other| *other == first);
    let status = answer.status();
    let may_be_told = has_content(status) || status == StatusCode::NOT_MODIFIED;
    match is_one && may_be_told {
        true => answer.headers_mut().insert(CONTENT_LENGTH, first),
        false => answer.headers_mut().remove(CONTENT_LENGTH),
    };
}

/// Whether hyper makes of this what the client may get: it knows of no 205, and of a length that is
/// not that of the content it thinks that the service has erred.
fn is_as_hyper_expects<B>(answer: &Response<B>) -> bool {
    answer.status() != StatusCode::RESET_CONTENT && !answer.headers().contains_key(CONTENT_LENGTH)
}

/// Judges the length that the service tells, if it does. Of a content that comes piece by piece it
/// is not known yet whether that is right.
fn judge_length<B: Body>(answer: &Response<B>) -> Result<Length, Unsendable> {
    let mut told = answer.headers().get_all(CONTENT_LENGTH).iter();
    let Some(first) = told.next() else {
        return Ok(Length::Finite);
    };
    let length = length_of(first).ok_or(Unsendable::Length)?;
    let is_chunked = answer.headers().contains_key(TRANSFER_ENCODING);
    if is_chunked || !told.all(|other| length_of(other) == Some(length)) {
        return Err(Unsendable::Length);
    }
    match answer.body().size_hint().exact() {
        None => Ok(Length::Told(length)),
        Some(exact) if exact == length => Ok(Length::Finite),
        Some(_) => Err(Unsendable::Length),
    }
}

/// The number that a told length is, if it is one.
fn length_of(value: &HeaderValue) -> Option<u64> {
    let text = value.to_str().ok()?;
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

impl Unsendable {
    /// The status that the client gets.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Unsendable::Switch | Unsendable::Tunnel => StatusCode::NOT_IMPLEMENTED,
            Unsendable::Interim | Unsendable::Length => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl fmt::Display for Unsendable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unsendable::Switch => {
                "it names no protocol to switch to, or its request has not asked for an upgrade"
            }
            Unsendable::Tunnel => "it makes the connection a tunnel, which is not offered here",
            Unsendable::Interim => "its status announces another answer",
            Unsendable::Length => "its content-length is not the length of its body",
        })
    }
}
