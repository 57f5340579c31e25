//! The end of a chunked body.
//!
//! Nothing is checked here but where the parts begin and end: hyper decodes the same bytes and
//! refuses what is malformed, after which no more is read. There is one thing that it does not
//! refuse, and takes for a part of the trailers, with all that follows: a line feed alone at the
//! end of one of their lines. Others find the end of the body there, so it is malformed here.

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
    /// The beginning of a line of the trailers.
    TrailerBegin,
    /// Within such a line.
    Trailer,
    /// After the carriage return of such a line. An empty line ends the body.
    TrailerEnd(Line),
    Over,
    Malformed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Empty,
    Full,
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

    /// Whether the next byte may not follow.
    pub(crate) fn is_malformed(&self) -> bool {
        self.part == Part::Malformed
    }

    /// Goes on through the bytes to the end of the body or of the bytes, or to one that may not
    /// follow. How many it took.
    pub(crate) fn advance(&mut self, bytes: &[u8]) -> usize {
        let mut place = 0;
        while place < bytes.len() && !self.is_over() && !self.is_malformed() {
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
        usize::from(!self.is_malformed())
    }
}

impl Part {
    fn after(self, byte: u8) -> Part {
        match (self, byte) {
            (Part::Size(0) | Part::Extension(0), b'\n') => Part::TrailerBegin,
            (Part::Size(size) | Part::Extension(size), b'\n') => Part::Data(size),
            (Part::Size(size), _) => match char::from(byte).to_digit(16) {
                Some(digit) => Part::Size(size.saturating_mul(16).saturating_add(digit.into())),
                None => Part::Extension(size),
            },
            (Part::DataEnd, b'\n') => Part::Size(0),
            (Part::TrailerEnd(Line::Empty), b'\n') => Part::Over,
            (Part::TrailerEnd(Line::Full), b'\n') => Part::TrailerBegin,
            (Part::TrailerBegin | Part::Trailer, b'\n') => Part::Malformed,
            (Part::TrailerBegin, b'\r') => Part::TrailerEnd(Line::Empty),
            (Part::Trailer, b'\r') => Part::TrailerEnd(Line::Full),
            (Part::TrailerBegin | Part::Trailer, _) => Part::Trailer,
            (Part::TrailerEnd(_), _) => Part::Malformed,
            (part, _) => part,
        }
    }
}
