//! The depth to which polls may lie within each other on one stack.

/// How deep polls lie within each other on one stack.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nesting {
    pub(super) levels: u32,
    /// Where on the stack the outermost begins.
    outermost: Option<usize>,
}

/// How much of a thread's stack polls within polls may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// A quarter of it, and no more than [`MOST_LEVELS`] levels.
    ForJoined,
    /// Half of it.
    ForAny,
}

/// How deep the polls of joined tasks may lie within each other.
const MOST_LEVELS: u32 = 64;

impl Nesting {
    pub(super) const NONE: Nesting = Nesting {
        levels: 0,
        outermost: None,
    };

    /// One level more.
    pub(super) fn deeper(self) -> Nesting {
        Nesting {
            levels: self.levels + 1,
            ..self
        }
    }

    /// One level more, at this address of the stack, if there is room for it.
    pub(super) fn deeper_within(self, room: Room, here: usize, stack: usize) -> Option<Nesting> {
        let outermost = self.outermost.unwrap_or(here);
        let used = outermost.abs_diff(here);
        let has_room = match room {
            Room::ForJoined => self.levels < MOST_LEVELS && used < stack / 4,
            Room::ForAny => used < stack / 2,
        };
        has_room.then_some(Nesting {
            levels: self.levels + 1,
            outermost: Some(outermost),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many levels of this size there may be on a stack of a mebibyte.
    fn levels(room: Room, size: usize) -> usize {
        let addresses = (1..).map(|level| usize::MAX - level * size);
        let mut nesting = Some(Nesting::NONE);
        addresses
            .take_while(|&here| {
                nesting = nesting.and_then(|nesting| nesting.deeper_within(room, here, 1 << 20));
                nesting.is_some()
            })
            .count()
    }

    #[test]
    fn joined_tasks_may_take_a_quarter_of_the_stack_and_so_many_levels() {
        assert_eq!(levels(Room::ForJoined, 1 << 16), 4);
        assert_eq!(levels(Room::ForJoined, 100), 64);
    }

    #[test]
    fn any_tasks_may_take_half_of_the_stack() {
        assert_eq!(levels(Room::ForAny, 1 << 16), 8);
        assert_eq!(levels(Room::ForAny, 1 << 10), 512);
    }
}
