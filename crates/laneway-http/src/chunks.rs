//! Where a chunked body ends.
//!
//! Nothing is checked here but where the parts begin and end: hyper decodes the same bytes and
//! refuses what is malformed, after which no more is read. Where both could differ, this one takes
//! fewer bytes.

/// A place within a chunked body.
#[derive(Debug)]
pub(crate) struct Chunks {
    part: Part,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// The digits of a size.
    Size(u64),
    /// The rest of the line of a size.
    Extension(u64),
    Data(u64),
    /// The end of the line after the data.
    DataEnd,
    /// A line of the trailers, with the number of its bytes that have come without its end.
    Trailer(usize),
    Over,
}

impl Chunks {
    pub(crate) fn new() -> Chunks {
        Chunks {
            part: Part::Size(0),
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.part == Part::Over
    }

    /// Goes on through the bytes to the end of the body or of the bytes. How many it took.
    pub(crate) fn advance(&mut self, bytes: &[u8]) -> usize {
        let mut place = 0;
        while place < bytes.len() && !self.is_over() {
            place += self.step(&bytes[place..]);
        }
        place
    }

    fn step(&mut self, bytes: &[u8]) -> usize {
        if let Part::Data(left) = self.part {
            let taken = left.min(bytes.len() as u64);
            self.part = match left - taken {
                0 => Part::DataEnd,
                left => Part::Data(left),
            };
            return taken as usize;
        }
        self.part = self.part.after(bytes[0]);
        1
    }
}

impl Part {
    fn after(self, byte: u8) -> Part {
        match (self, byte) {
            (Part::Size(0) | Part::Extension(0), b'\n') => Part::Trailer(0),
            (Part::Size(size) | Part::Extension(size), b'\n') => Part::Data(size),
            (Part::Size(size), _) => match char::from(byte).to_digit(16) {
                Some(digit) => Part::Size(size.saturating_mul(16).saturating_add(digit.into())),
                None => Part::Extension(size),
            },
            (Part::DataEnd, b'\n') => Part::Size(0),
            (Part::Trailer(0), b'\n') => Part::Over,
            (Part::Trailer(_), b'\n') => Part::Trailer(0),
            (Part::Trailer(length), b'\r') => Part::Trailer(length),
            (Part::Trailer(length), _) => Part::Trailer(length + 1),
            (part, _) => part,
        }
    }
}
