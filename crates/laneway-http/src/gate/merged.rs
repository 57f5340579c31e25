//! Small DATA frames that follow one another, made one.
//!
//! h2 bounds what the heads of small DATA frames cost: a client that sends some 500 of them before
//! the service has read any is taken for a flood, and loses its connection. A client that uploads
//! in small pieces, or speaks WebSocket, sends as many at once, and they come by one read. So those
//! of one stream that lie side by side in a read go to h2 as one frame, whose bytes the window
//! bounds. That is the same to the service, and to flow control, which does not count heads.

use super::frames::{DATA, HEAD};

/// Payloads from this size on are not small. h2 counts what is missing to it.
const SMALL: usize = 256;

/// The most bytes of a payload: what a peer may send before it was told another number.
const MOST: usize = 16 * 1024;

/// Hands on the frames that these bytes begin with, some of them as one. What follows the last
/// whole frame goes as it is.
pub(crate) fn hand_merged(mut bytes: &[u8], mut put: impl FnMut(&[u8])) {
    let mut apart = 0;
    while let Some(length) = length_of_frame(&bytes[apart..]) {
        let run = Run::first_of(&bytes[apart..]);
        if run.frames < 2 {
            apart += length;
            continue;
        }
        let (before, rest) = bytes.split_at(apart);
        let (merged, rest) = rest.split_at(run.length);
        put(before);
        put(&run.head(merged));
        merged_payloads(merged).for_each(&mut put);
        (bytes, apart) = (rest, 0);
    }
    put(bytes);
}

/// The length of the first of these frames, if it is there as a whole.
fn length_of_frame(bytes: &[u8]) -> Option<usize> {
    let [high, middle, low] = *bytes.first_chunk()?;
    let length = HEAD + u32::from_be_bytes([0, high, middle, low]) as usize;
    (length <= bytes.len()).then_some(length)
}

/// Small DATA frames of one stream, side by side.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    frames: usize,
    /// How many bytes they have with their heads.
    length: usize,
}

impl Run {
    fn first_of(bytes: &[u8]) -> Run {
        let mut run = Run::default();
        while let Some(length) = length_of_frame(&bytes[run.length..]) {
            let frame = &bytes[run.length..][..length];
            let is_same = frame[3..HEAD] == bytes[3..HEAD];
            if !is_small_data(frame) || !is_same || run.length + length > MOST {
                break;
            }
            run.frames += 1;
            run.length += length;
        }
        run
    }

    /// The head of the one frame that these become.
    fn head(self, merged: &[u8]) -> [u8; HEAD] {
        let payload = (self.length - self.frames * HEAD) as u32;
        let mut head = [0; HEAD];
        head.copy_from_slice(&merged[..HEAD]);
        head[..3].copy_from_slice(&payload.to_be_bytes()[1..]);
        head
    }
}

/// Whether a frame is one of these: without padding, and not the last of its stream.
fn is_small_data(frame: &[u8]) -> bool {
    let payload = frame.len() - HEAD;
    frame[3] == DATA && frame[4] == 0 && (1..SMALL).contains(&payload)
}

fn merged_payloads(mut frames: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (frame, rest) = frames.split_at(length_of_frame(frames)?);
        frames = rest;
        Some(&frame[HEAD..])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let head = [
            length[1], length[2], length[3], kind, flags, 0, 0, 0, stream,
        ];
        [&head[..], payload].concat()
    }

    fn data(stream: u8, payload: &[u8]) -> Vec<u8> {
        frame(DATA, 0, stream, payload)
    }

    #[track_caller]
    fn assert_handed(bytes: &[&[u8]], handed: &[&[u8]]) {
        let mut got = Vec::new();
        hand_merged(&bytes.concat(), |part| got.extend_from_slice(part));
        assert_eq!(got, handed.concat());
    }

    #[test]
    fn small_frames_of_one_stream_become_one() {
        let (ping, a, bc) = (frame(6, 0, 0, &[7; 8]), data(1, b"a"), data(1, b"bc"));
        let (d, e) = (data(3, b"d"), data(3, b"e"));
        assert_handed(&[], &[]);
        assert_handed(&[&a], &[&a]);
        assert_handed(&[&a, &bc], &[&data(1, b"abc")]);
        let sent = [&ping[..], &a, &bc, &d, &e, &ping, &a];
        assert_handed(
            &sent,
            &[&ping, &data(1, b"abc"), &data(3, b"de"), &ping, &a],
        );
    }

    #[test]
    fn other_frames_stay_as_they_are() {
        let one = data(1, b"a");
        for other in [
            data(1, b""),
            data(3, b"b"),
            data(1, &[0; SMALL]),
            frame(DATA, 1, 1, b"the end"),
            frame(DATA, 8, 1, &[1, 2, 0]),
            frame(1, 0, 1, b"fields"),
            frame(3, 0, 1, &[0; 4]),
        ] {
            let frames = [&one[..], &other, &one, &other];
            assert_handed(&frames, &frames);
        }
    }

    #[test]
    fn what_is_not_there_as_a_whole_stays_as_it_is() {
        let (a, b) = (data(1, b"aaa"), data(1, b"bbb"));
        for cut in 0..b.len() {
            let part = &b[..cut];
            assert_handed(&[&a, part], &[&a, part]);
            assert_handed(&[&a, &a, part], &[&data(1, b"aaaaaa"), part]);
        }
    }

    #[test]
    fn no_frame_becomes_larger_than_one_may_be() {
        let small = data(1, &[7; 100]);
        let many = vec![small; 1000];
        let mut got = Vec::new();
        hand_merged(&many.concat(), |part| got.extend_from_slice(part));
        let (mut payload, mut rest) = (0, &got[..]);
        while let Some(length) = length_of_frame(rest) {
            assert!((MOST / 2..=MOST + HEAD).contains(&length) || length == rest.len());
            payload += length - HEAD;
            rest = &rest[length..];
        }
        assert_eq!((payload, rest.len()), (100_000, 0));
    }
}
