//! The parts of an address that the store reads itself, before the driver reads the rest.

use super::connect_error::ConnectError;

/// An address, without what the driver does not know.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) rest: String,
    pub(super) schema: Option<String>,
    pub(super) ssl_mode: Option<String>,
    pub(super) ssl_root_cert: Option<String>,
}

impl Url {
    pub(super) fn read(address: &str) -> Result<Url, ConnectError> {
        let mut url = Url::default();
        match (address.contains("://"), address.split_once('?')) {
            (true, None) => address.clone_into(&mut url.rest),
            (true, Some((rest, settings))) => url.read_settings(rest, settings)?,
            // A value within quotes may have anything in it, and is the driver's.
            (false, _) if address.contains('\'') => address.clone_into(&mut url.rest),
            (false, _) => url.read_words(address)?,
        }
        Ok(url)
    }

    /// `name=value&name=value`, with signs in percents.
    fn read_settings(&mut self, rest: &str, settings: &str) -> Result<(), ConnectError> {
        let mut left = Vec::new();
        for setting in settings.split('&') {
            let (name, value) = setting.split_once('=').unwrap_or((setting, ""));
            match self.place(name) {
                Some(place) => keep(place, name, decoded(value)?)?,
                None => left.push(setting),
            }
        }
        self.rest = match left.is_empty() {
            true => rest.to_owned(),
            false => format!("{rest}?{}", left.join("&")),
        };
        Ok(())
    }

    /// `name=value name=value`.
    fn read_words(&mut self, words: &str) -> Result<(), ConnectError> {
        let mut left = Vec::new();
        for word in words.split_whitespace() {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            match self.place(name).filter(|_| !value.is_empty()) {
                Some(place) => keep(place, name, value.to_owned())?,
                None => left.push(word),
            }
        }
        self.rest = left.join(" ");
        Ok(())
    }

    fn place(&mut self, name: &str) -> Option<&mut Option<String>> {
        match name {
            "schema" => Some(&mut self.schema),
            "sslmode" => Some(&mut self.ssl_mode),
            "sslrootcert" => Some(&mut self.ssl_root_cert),
            _ => None,
        }
    }
}

fn keep(place: &mut Option<String>, name: &str, value: String) -> Result<(), ConnectError> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(ConnectError::Url(format!("{name} is there twice"))),
    }
}

fn decoded(text: &str) -> Result<String, ConnectError> {
    let wrong = || ConnectError::Url(format!("{text:?} has a % without two digits, or no text"));
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2).ok_or_else(wrong)?;
        if digits.starts_with('+') {
            return Err(wrong());
        }
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| wrong())?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

/// A text as it stands in an address.
pub(super) fn encoded(text: &str) -> String {
    let signs = text.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    });
    signs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(address: &str) -> Url {
        Url::read(address).unwrap()
    }

    #[test]
    fn what_is_ours_is_taken_out_and_the_rest_is_the_drivers() {
        let url = read("postgres://me@db/app?sslmode=verify-full&connect_timeout=3&schema=a%20b");
        assert_eq!(url.rest, "postgres://me@db/app?connect_timeout=3");
        assert_eq!(url.schema.as_deref(), Some("a b"));
        assert_eq!(url.ssl_mode.as_deref(), Some("verify-full"));
        assert_eq!(read("postgres://db/app?schema=x").rest, "postgres://db/app");
        let words = read("host=db sslmode=verify-ca sslrootcert=/a.pem user=me");
        assert_eq!(words.rest, "host=db user=me");
        assert_eq!(words.ssl_root_cert.as_deref(), Some("/a.pem"));
        let quoted = "host=db password='a sslmode=disable b'";
        assert_eq!(read(quoted).rest, quoted);
    }

    #[test]
    fn a_setting_that_is_there_twice_or_broken_is_refused() {
        for address in [
            "postgres://db/app?schema=a&schema=b",
            "postgres://db/app?schema=%4",
            "postgres://db/app?schema=%zz",
            "postgres://db/app?schema=%ff",
            "postgres://db/app?schema=%+f",
        ] {
            let refused = Url::read(address);
            assert!(matches!(refused, Err(ConnectError::Url(_))), "{address}");
        }
    }

    #[test]
    fn what_is_encoded_is_read_again() {
        let name = "a \"'&%ä?";
        let url = read(&format!("postgres://db/app?schema={}", encoded(name)));
        assert_eq!(url.schema.as_deref(), Some(name));
    }
}
