//! Messages from pieces, so that a change of one octet is a change of one part.

/// The pieces that the octets stand for. An octet that stands for none is itself, and each is behind a
/// backslash.
pub fn spell(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut octets = text.iter();
    while let Some(octet) = octets.next() {
        match piece(*octet) {
            _ if *octet == b'\\' => bytes.extend(octets.next()),
            Some(piece) => bytes.extend_from_slice(piece.as_bytes()),
            None => bytes.push(*octet),
        }
    }
    bytes
}

fn piece(octet: u8) -> Option<&'static str> {
    Some(match octet {
        b'G' => "GET / HTTP/1.1\r\n",
        b'P' => "POST / HTTP/1.1\r\n",
        b'H' => "HEAD / HTTP/1.1\r\n",
        b'O' => "OPTIONS * HTTP/1.1\r\n",
        b'A' => "GET http://a/ HTTP/1.1\r\n",
        b'o' => "POST / HTTP/1.0\r\n",
        b'V' => "GET / HTTP/2.0\r\n",
        b'h' => "Host: a\r\n",
        b'i' => "Host: b:80\r\n",
        b'f' => "X: y\r\n",
        b'F' => " folded\r\n",
        b'k' => "Connection: keep-alive\r\n",
        b'x' => "Connection: close\r\n",
        b'w' => "Expect: 100-continue\r\n",
        b'L' => "Content-Length: ",
        b'T' => "Transfer-Encoding: ",
        b't' => "Trailer: X\r\n",
        b'q' => "Content-Length: 3\r\n",
        b's' => "Transfer-Encoding: chunked\r\n",
        b'c' => "chunked",
        b'C' => "Chunked ,",
        b',' => ", ",
        b'g' => "gzip",
        b'e' | b'n' => "\r\n",
        b'1' => "1\r\na\r\n",
        b'3' => "3\r\nabc\r\n",
        b'z' => "0\r\n\r\n",
        b'Z' => "0\r\n",
        b'u' => "0\r\nX: y\r\n\r\n",
        b';' => ";x=y",
        b'Q' => ";x=\"a;b\"",
        b'b' => "abc",
        b'B' => "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        b'E' => "fffffffffffffff",
        b'S' => "Content-Length : 3\r\n",
        b'D' => "Content-Length: 3, 3\r\n",
        b'N' => "Content-Length: 18446744073709551617\r\n",
        b'I' => "Transfer-Encoding: identity\r\n",
        b'Y' => "Transfer-Encoding: gzip, chunked\r\n",
        b'R' => "\r",
        b'l' => "\n",
        b'_' => " ",
        b'r' => "GET / HTTP/1.1\nHost: a\n\n",
        b'a' => "1\na\n0\n\n",
        b'd' => ";\n",
        b'J' => "0\r\nContent-Length: 3\r\n\r\n",
        _ => return None,
    })
}
