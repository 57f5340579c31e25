//! A piece of an answer's body, on its way to the client.
//!
//! In HTTP/2 hyper takes a piece as soon as there is room for one byte of it, whatever its size,
//! and drops the body after the last one. So the pieces themselves know whether the client reads
//! on, and a request is over when its last piece is.

use std::io::IoSlice;
use std::sync::Arc;

use bytes::{Buf, Bytes};

use super::entry::Entry;
use crate::fleet::Watch;
use crate::gate::Protocol;

pub(crate) struct Piece<D> {
    data: D,
    sending: Sending,
}

/// The request that a piece belongs to.
enum Sending {
    /// In HTTP/1 the socket knows whether the client reads on.
    OfHttp1,
    OneOfMany(Arc<Watch>, u64),
    /// Dropped, it ends the request.
    Last(Box<Entry>),
}

impl<D> Piece<D> {
    pub(crate) fn of(entry: &Entry, data: D) -> Piece<D> {
        let sending = match entry.protocol() {
            Protocol::Http1 => Sending::OfHttp1,
            Protocol::Http2 => {
                let (watch, request) = entry.place();
                Sending::OneOfMany(watch.clone(), request)
            }
        };
        Piece { data, sending }
    }

    /// The last one, of a request in HTTP/2.
    pub(crate) fn last(entry: Entry, data: D) -> Piece<D> {
        let sending = Sending::Last(Box::new(entry));
        Piece { data, sending }
    }

    fn went_on(&self) {
        let (watch, request) = match &self.sending {
            Sending::OfHttp1 => return,
            Sending::OneOfMany(watch, request) => (watch, *request),
            Sending::Last(entry) => entry.place(),
        };
        watch.note_progress(request);
    }
}

impl<D: Buf> Buf for Piece<D> {
    fn remaining(&self) -> usize {
        self.data.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.data.chunk()
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.data.chunks_vectored(slices)
    }

    fn advance(&mut self, bytes: usize) {
        self.data.advance(bytes);
        self.went_on();
    }

    fn copy_to_bytes(&mut self, bytes: usize) -> Bytes {
        self.went_on();
        self.data.copy_to_bytes(bytes)
    }
}
