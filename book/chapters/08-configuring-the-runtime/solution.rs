//! A solution: each source is asked in turn, and no source is passed over in silence.

/// What was set in the program counts most, then what the variable says, then the default.
pub fn number(set: Option<usize>, variable: Option<&str>, default: usize) -> Result<usize, String> {
    match (set, variable) {
        (Some(number), _) => Ok(number),
        (None, Some(value)) => match value.trim().parse() {
            Ok(number) => Ok(number),
            Err(_) => Err(format!(
                "{value:?} is no number: set one, or unset the variable"
            )),
        },
        (None, None) => Ok(default),
    }
}
