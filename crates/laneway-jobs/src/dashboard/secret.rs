//! The secret of the dashboard, which other sites do not know.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::hint::black_box;

/// Keys that the standard library draws from the system's randomness. They end with the process,
/// and so does what was signed with them.
#[derive(Clone)]
pub(super) struct Secret([RandomState; 2]);

/// A signature: 32 hexadecimal digits.
pub(super) type Signature = String;

impl Secret {
    pub(super) fn new() -> Secret {
        Secret([RandomState::new(), RandomState::new()])
    }

    /// The signature of a text for a purpose.
    pub(super) fn sign(&self, purpose: &str, text: &str) -> Signature {
        let half = |keys: &RandomState| {
            let mut hasher = keys.build_hasher();
            // The length parts the two.
            hasher.write_usize(purpose.len());
            hasher.write(purpose.as_bytes());
            hasher.write(text.as_bytes());
            hasher.finish()
        };
        let [first, second] = &self.0;
        format!("{:016x}{:016x}", half(first), half(second))
    }

    /// Whether two texts are the same. How long it takes depends on their lengths alone: what is
    /// compared are signatures, which only this process can make.
    pub(super) fn same(&self, one: &str, other: &str) -> Sameness {
        let signatures = [one, other].map(|text| self.sign("same", text));
        let bytes = signatures[0].bytes().zip(signatures[1].bytes());
        let differing = bytes.fold(0, |bits, (a, b)| black_box(bits | (a ^ b)));
        match differing {
            0 => Sameness::Same,
            _ => Sameness::Different,
        }
    }
}

/// The outcome of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sameness {
    Same,
    Different,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_depend_on_the_secret_the_purpose_and_the_text() {
        let (secret, other) = (Secret::new(), Secret::new());
        let signature = secret.sign("form", "a");
        assert_eq!(signature, secret.sign("form", "a"));
        assert_eq!(signature.len(), 32);
        for different in [
            secret.sign("for", "ma"),
            secret.sign("form", "b"),
            other.sign("form", "a"),
        ] {
            assert_ne!(signature, different);
        }
        assert_eq!(secret.same("token", "token"), Sameness::Same);
        assert_eq!(secret.same("token", "Token"), Sameness::Different);
        assert_eq!(secret.same("", "a"), Sameness::Different);
    }
}
