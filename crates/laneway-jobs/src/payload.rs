//! Payloads, results and values of steps: JSON of at most 1 MiB that can be read back.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The most bytes that a payload, a result or the value of a step may have: 1 MiB.
pub const PAYLOAD_LIMIT: usize = 1 << 20;

/// How deep lists, structs and maps may lie within each other in a payload, a result or the value
/// of a step. JSON that is deeper would not be read back.
pub const NESTING_LIMIT: usize = 127;

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
    /// Its lists, structs and maps lie within each other deeper than [`NESTING_LIMIT`].
    TooDeep {
        /// How deep they lie.
        levels: usize,
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
            PayloadError::TooDeep { levels } => write!(
                f,
                "{levels} levels of lists and objects are more than the {NESTING_LIMIT} that can \
                 be read back; keep the parts in a flat list, or the whole as a text within"
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
    match (json.len(), depth_of(&json)) {
        (bytes, _) if bytes > PAYLOAD_LIMIT => Err(PayloadError::TooLarge { bytes }),
        (_, levels) if levels > NESTING_LIMIT => Err(PayloadError::TooDeep { levels }),
        _ => Ok(json),
    }
}

/// How deep JSON is; 0 where it is too short to be deeper than the limit, or longer than may be.
fn depth_of(json: &[u8]) -> usize {
    let may_be_too_deep = 2 * (NESTING_LIMIT + 1)..=PAYLOAD_LIMIT;
    if !may_be_too_deep.contains(&json.len()) {
        return 0;
    }
    let (mut depth, mut deepest): (usize, usize) = (0, 0);
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => skip_text(&mut bytes),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// Goes on behind a text whose first quotation mark has been read.
fn skip_text(bytes: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
}

pub(crate) fn decode<T: DeserializeOwned>(json: &[u8]) -> Result<T, PayloadError> {
    serde_json::from_slice(json).map_err(|error| PayloadError::Decode(error.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn lists(levels: usize) -> Value {
        let within = |inner, _| Value::Array(vec![inner]);
        (1..levels).fold(Value::Array(Vec::new()), within)
    }

    #[test]
    fn the_deepest_value_that_is_stored_can_be_read_back_and_the_next_one_could_not() {
        let deepest = encode(&lists(NESTING_LIMIT)).unwrap();
        assert_eq!(decode::<Value>(&deepest), Ok(lists(NESTING_LIMIT)));
        let deeper = serde_json::to_vec(&lists(NESTING_LIMIT + 1)).unwrap();
        assert!(decode::<Value>(&deeper).is_err());
        let refused = PayloadError::TooDeep { levels: 128 };
        assert_eq!(encode(&lists(128)), Err(refused));
    }

    #[test]
    fn what_lies_beside_another_or_in_a_text_is_no_level() {
        let beside: Vec<Value> = vec![lists(5); 1_000];
        let texts = ["[".repeat(1_000), "\\\"{".repeat(1_000), "\\".to_owned()];
        for text in texts {
            let value = Value::from(vec![Value::from(beside.clone()), Value::from(text)]);
            let json = encode(&value).unwrap();
            assert_eq!(depth_of(&json), 7);
            assert_eq!(decode(&json), Ok(value));
        }
    }
}
