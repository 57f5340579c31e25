//! The fields of a form or a query, as addresses and bodies of forms carry them.

/// Fields in the order in which they came. A name that comes twice counts once: the first one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads `name=value&name=value`, whatever it is: what is malformed is taken as it stands.
    pub(super) fn read(text: &str) -> Form {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        let fields = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        });
        Form(fields.collect())
    }

    /// The value of a field; `None` where it is missing or empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut fields = self.0.iter();
        let (_, value) = fields.find(|(field, _)| field == name)?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, hex_pair(tail)) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            (b'+', _) => bytes.push(b' '),
            (other, _) => bytes.push(*other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex_pair(text: &[u8]) -> Option<u8> {
    let digit = |place: usize| char::from(*text.get(place)?).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

/// Writes a value so that [`Form::read`] gives it back.
pub(super) fn encoded(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(byte));
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_value_comes_back_and_any_text_can_be_read() {
        for value in ["a b", "ä&=%+\"<\0", "100%", ""] {
            let form = Form::read(&format!("x={}&y=1", encoded(value)));
            assert_eq!(form.get("x").unwrap_or_default(), value);
            assert_eq!(form.get("y"), Some("1"));
        }
        for text in ["%", "%4", "%zz=%", "&&=&", "a=%ff", "%é=1"] {
            let _ = Form::read(text);
        }
        assert_eq!(Form::read("a=%4").get("a"), Some("%4"));
        assert_eq!(Form::read("a=1&a=2").get("a"), Some("1"));
    }
}
