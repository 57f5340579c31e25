//! How long an answer is. All answers to the same request have one length.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

/// A request whose connection is kept.
pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

/// Asks once, and counts.
pub(crate) fn answer_length(address: SocketAddr, request: &str) -> usize {
    let mut stream = TcpStream::connect(address).expect("the server accepts");
    stream
        .write_all(request.as_bytes())
        .expect("the server reads");
    let mut bytes = Vec::new();
    loop {
        let mut space = [0; 1024];
        let read = stream.read(&mut space).expect("the server answers");
        assert!(read > 0, "the server closed before its answer's end");
        bytes.extend_from_slice(&space[..read]);
        if let Some(length) = length(&bytes) {
            assert!(bytes.len() <= length, "one answer was asked for");
            if bytes.len() == length {
                return length;
            }
        }
    }
}

/// The length of head and body, once the head is there.
fn length(bytes: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    let (head, _body) = text.split_once("\r\n\r\n")?;
    assert!(
        head.starts_with("http/1.1 200 "),
        "the server answered {head}"
    );
    let (_, rest) = head.split_once("content-length: ")?;
    let body: usize = rest.lines().next()?.parse().ok()?;
    Some(head.len() + 4 + body)
}

#[cfg(test)]
mod tests {
    use super::length;

    #[test]
    fn the_length_is_that_of_head_and_body() {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 13\r\ndate: x\r\n\r\n";
        assert_eq!(length(head.as_bytes()), Some(head.len() + 13));
        assert_eq!(length(&head.as_bytes()[..20]), None);
    }
}
