//! Payloads, results and values of steps: JSON of at most 1 MiB.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The most bytes that a payload, a result or the value of a step may have: 1 MiB.
pub const PAYLOAD_LIMIT: usize = 1 << 20;

/// Why a value cannot be stored, or not be read back.
///
/// ```
/// use laneway_jobs::{PAYLOAD_LIMIT, PayloadError};
///
/// let error = PayloadError::TooLarge { bytes: 2 * PAYLOAD_LIMIT };
/// assert!(error.to_string().contains("store the data elsewhere"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PayloadError {
    /// It has more than [`PAYLOAD_LIMIT`] bytes.
    TooLarge {
        /// How many it has.
        bytes: usize,
    },
    /// Its type does not serialize to JSON.
    Encode(String),
    /// The stored bytes are no value of this type.
    Decode(String),
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PayloadError::TooLarge { bytes } => write!(
                f,
                "{bytes} bytes are more than the {PAYLOAD_LIMIT} that a job may carry; \
                 store the data elsewhere and give the job its address"
            ),
            PayloadError::Encode(message) => write!(f, "the value is no JSON: {message}"),
            PayloadError::Decode(message) => {
                write!(f, "the stored JSON does not fit the type: {message}")
            }
        }
    }
}

impl std::error::Error for PayloadError {}

pub(crate) fn encode(value: &impl Serialize) -> Result<Vec<u8>, PayloadError> {
    let json =
        serde_json::to_vec(value).map_err(|error| PayloadError::Encode(error.to_string()))?;
    match json.len() {
        bytes if bytes > PAYLOAD_LIMIT => Err(PayloadError::TooLarge { bytes }),
        _ => Ok(json),
    }
}

pub(crate) fn decode<T: DeserializeOwned>(json: &[u8]) -> Result<T, PayloadError> {
    serde_json::from_slice(json).map_err(|error| PayloadError::Decode(error.to_string()))
}
