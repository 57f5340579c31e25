//! The ring under the model checker: what is read is whole, whatever the writer does meanwhile.
//!
//! Chunks hold one event here, so that the writer soon comes round to what is being read. That
//! nobody waits needs no model: there is nothing to wait for.

use loom::sync::Arc;

use super::*;
use crate::ground::sync::check;

/// How the ring is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Read {
    AsShipped,
    /// The count is not looked at again after the copying.
    TrustsTheFirstLook,
}

fn push(ring: &Ring<1>, number: u64) {
    ring.make_room();
    ring.push(Stamped {
        at: number,
        event: Packed {
            task: number,
            what: number,
        },
        place: None,
    });
}

fn read(ring: &Ring<1>, how: Read) -> (Vec<Stamped>, u64) {
    if how == Read::AsShipped {
        return ring.read_from(0);
    }
    let mut events = Vec::new();
    let end = ring.pushed.load(Ordering::Acquire);
    let first = end.saturating_sub(1);
    (first..end).for_each(|number| ring.copy(number..number + 1, &mut events));
    (events, first)
}

/// Reads, and gives how many came before what was read.
fn read_whole(ring: &Ring<1>, how: Read) -> u64 {
    let (events, before) = read(ring, how);
    for (Stamped { at, event, .. }, number) in events.into_iter().zip(before..) {
        assert_eq!([at, event.task, event.what], [number; 3], "torn");
    }
    before
}

/// One event is there, and `coming` more come while the ring is read.
fn read_while(coming: u64, how: Read) {
    let ring = Arc::new(Ring::new(1));
    push(&ring, 0);
    let writer = {
        let ring = ring.clone();
        loom::thread::spawn(move || (1..=coming).for_each(|number| push(&ring, number)))
    };
    read_whole(&ring, how);
    writer.join().expect("the writer only writes");
    assert_eq!(read_whole(&ring, how), coming);
}

#[test]
fn what_is_read_is_whole() {
    check(4, || read_while(3, Read::AsShipped));
}

#[test]
#[should_panic(expected = "torn")]
fn without_the_second_look_an_event_may_be_torn() {
    check(4, || read_while(3, Read::TrustsTheFirstLook));
}
