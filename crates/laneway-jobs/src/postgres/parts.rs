//! Long lists in parts. A message to the server has less than 1 GiB, and so has each of its values:
//! a statement for more would end the connection.

/// The values of one statement have no more bytes than this together, unless one item alone has.
pub(super) const BYTES_AT_ONCE: usize = 16 << 20;

/// How many bytes an item adds to a statement, more or less.
pub(super) type Weigh<T> = fn(&T) -> usize;

/// How many of the first items go into one statement: at least one of those that are there.
pub(super) fn fitting(weights: impl Iterator<Item = usize>) -> usize {
    let mut bytes: usize = 0;
    let fit = weights.take_while(|weight| {
        bytes = bytes.saturating_add(*weight);
        bytes <= BYTES_AT_ONCE
    });
    fit.count().max(1)
}

/// The list in parts that each go into one statement. An empty list has none.
pub(super) fn parts<T>(all: &[T], weigh: Weigh<T>) -> impl Iterator<Item = &[T]> {
    let mut left = all;
    std::iter::from_fn(move || {
        let fit = fitting(left.iter().map(weigh)).min(left.len());
        let (part, rest) = left.split_at(fit);
        left = rest;
        Some(part).filter(|part| !part.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lengths of the parts of items that weigh so much.
    fn lengths(weights: &[usize]) -> Vec<usize> {
        parts(weights, |weight| *weight)
            .map(<[usize]>::len)
            .collect()
    }

    #[test]
    fn a_list_is_cut_where_it_would_get_too_heavy() {
        let half = BYTES_AT_ONCE / 2;
        assert_eq!(lengths(&[]), Vec::<usize>::new());
        assert_eq!(lengths(&[0; 10_000]), [10_000]);
        assert_eq!(lengths(&[half; 5]), [2, 2, 1]);
        assert_eq!(lengths(&[BYTES_AT_ONCE, 1, 1]), [1, 2]);
    }

    #[test]
    fn what_is_too_heavy_alone_is_a_part_of_its_own() {
        assert_eq!(lengths(&[1, usize::MAX, usize::MAX, 1]), [1, 1, 1, 1]);
    }
}
