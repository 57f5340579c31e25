//! Payloads, results and values of steps: JSON of at most 1 MiB that can be read back.

use std::fmt;
use std::io::{self, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Serializer;
use serde_json::ser::Formatter;

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
        /// The first level that is too deep: no more are counted.
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
                "{levels} levels or more of lists and objects are too many: {NESTING_LIMIT} can be \
                 read back; keep the parts in a flat list, or the whole as a text within"
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
    let mut json = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut json, Shallow::default());
    let written = value.serialize(&mut serializer);
    written.map_err(|error| match error.is_io() {
        true => PayloadError::TooDeep {
            levels: NESTING_LIMIT + 1,
        },
        false => PayloadError::Encode(error.to_string()),
    })?;
    match json.len() {
        bytes if bytes > PAYLOAD_LIMIT => Err(PayloadError::TooLarge { bytes }),
        _ => Ok(json),
    }
}

/// JSON without spaces that ends with an error where it becomes too deep: a value may lie deeper
/// than the stack has room for. A vector takes all that is written, so that this is the only error
/// of input and output.
#[derive(Default)]
struct Shallow {
    depth: usize,
}

impl Shallow {
    fn begin(&mut self, levels: usize) -> io::Result<()> {
        if self.depth + levels > NESTING_LIMIT {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.depth += levels;
        Ok(())
    }
}

impl Formatter for Shallow {
    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.begin(1)?;
        writer.write_all(b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth -= 1;
        writer.write_all(b"]")
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.begin(1)?;
        writer.write_all(b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth -= 1;
        writer.write_all(b"}")
    }

    /// JSON that the value has as a text.
    fn write_raw_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + Write,
    {
        let levels = depth_of(fragment.as_bytes());
        self.begin(levels)?;
        self.depth -= levels;
        writer.write_all(fragment.as_bytes())
    }
}

/// How deep JSON is.
fn depth_of(json: &[u8]) -> usize {
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

    /// A value that is made while it is written: the value itself takes no stack.
    struct Within(usize);

    impl Serialize for Within {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            match self.0 {
                0 => serializer.serialize_unit(),
                levels => serializer.collect_seq([Within(levels - 1)]),
            }
        }
    }

    #[test]
    fn a_value_that_is_much_too_deep_is_refused_on_a_small_stack() {
        let small = std::thread::Builder::new().stack_size(128 * 1024);
        let refused = small.spawn(|| encode(&Within(1_000_000)));
        let levels = NESTING_LIMIT + 1;
        let too_deep = PayloadError::TooDeep { levels };
        assert_eq!(refused.unwrap().join().unwrap(), Err(too_deep));
    }

    #[test]
    fn json_that_is_written_as_it_is_counts_with_what_it_lies_in() {
        let lists = |levels| format!("{}\"]\"{}", "[".repeat(levels), "]".repeat(levels));
        let mut format = Shallow { depth: 7 };
        let mut json = Vec::new();
        let fits = lists(NESTING_LIMIT - 7);
        format.write_raw_fragment(&mut json, &fits).unwrap();
        assert_eq!(json, fits.as_bytes());
        let deeper = lists(NESTING_LIMIT - 6);
        assert!(format.write_raw_fragment(&mut json, &deeper).is_err());
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
