//! The option by which connections send at once what is written (`TCP_NODELAY`).
//!
//! A server writes whole answers, or parts that are to be seen. On Linux connections have the
//! option from their listener, which saves a system call for each (T40). The connections that
//! waited before the listener had it do not; these are accepted first, and each of them gets it.
//! This file never accepts a connection: `accept.rs` does.

use laneway::net::{TcpListener, TcpStream};

/// How many connections are asked for the option in vain, at most: more than wait at a listener.
const ASKED: u32 = 8192;

/// The way in which connections get the option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nodelay {
    /// The next one is asked whether it has the option. So many have been asked in vain.
    Asks(u32),
    /// From the listener.
    Inherited,
    /// One by one, since the system does not hand it on.
    OneByOne,
}

impl Nodelay {
    /// Gives the option to a listener, whose connections are accepted from now on.
    pub(crate) fn of(listener: &TcpListener) -> Nodelay {
        match listener.set_nodelay(true) {
            Ok(()) => Nodelay::Asks(0),
            Err(_) => Nodelay::OneByOne,
        }
    }

    /// Sees to it that a connection, which was accepted next, has the option.
    pub(crate) fn see_to(&mut self, stream: &TcpStream) {
        if let Nodelay::Asks(in_vain) = *self {
            *self = match stream.nodelay() {
                Ok(true) => Nodelay::Inherited,
                _ if in_vain >= ASKED => Nodelay::OneByOne,
                _ => Nodelay::Asks(in_vain + 1),
            };
        }
        if *self != Nodelay::Inherited {
            // Without effect on a connection that is gone already.
            let _ = stream.set_nodelay(true);
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn connections_that_waited_before_are_set_and_later_ones_inherit() {
        laneway::block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let _earlier = [(); 3].map(|()| std::net::TcpStream::connect(address).unwrap());
            let mut nodelay = Nodelay::of(&listener);
            for in_vain in 1..=3 {
                let (stream, _) = listener.accept().await.unwrap();
                assert!(!stream.nodelay().unwrap());
                nodelay.see_to(&stream);
                assert!(stream.nodelay().unwrap());
                assert_eq!(nodelay, Nodelay::Asks(in_vain));
            }
            for _ in 0..3 {
                let _later = std::net::TcpStream::connect(address).unwrap();
                let (stream, _) = listener.accept().await.unwrap();
                nodelay.see_to(&stream);
                assert_eq!(nodelay, Nodelay::Inherited);
                assert!(stream.nodelay().unwrap());
            }
        });
    }

    #[test]
    fn where_the_system_hands_nothing_on_connections_are_not_asked_for_ever() {
        laneway::block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            let mut nodelay = Nodelay::Asks(ASKED);
            nodelay.see_to(&stream);
            assert_eq!(nodelay, Nodelay::OneByOne);
            assert!(stream.nodelay().unwrap());
        });
    }
}
