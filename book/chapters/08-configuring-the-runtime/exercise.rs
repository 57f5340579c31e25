//! Your turn: `number` settles how many consumers there are.

/// What was set in the program counts most, then what the variable says, then the default.
///
/// This one forgets the first, and takes a variable that is no number for none.
pub fn number(set: Option<usize>, variable: Option<&str>, default: usize) -> Result<usize, String> {
    let _ = set;
    let value = variable.and_then(|value| value.parse().ok());
    Ok(value.unwrap_or(default))
}
