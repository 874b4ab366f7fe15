//! Pipelines of requests, most of which are nearly valid.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Some requests behind one another, and what little changes make of them.
pub(crate) fn pipelines() -> impl Strategy<Value = Vec<u8>> {
    let octet = prop_oneof![any::<u8>(), select(b"\r\n \t:;,\0\x7f\x80\xff0a\"/%".to_vec())];
    let change = (any::<Index>(), octet, 0u8..5);
    let changes = prop_oneof![4 => Just(Vec::new()), 1 => vec(change, 1..3)];
    (vec(request(), 1..4), changes).prop_map(|(requests, changes)| {
        let mut bytes = requests.concat();
        for (place, octet, change) in changes {
            let at = place.index(bytes.len());
            match change {
                0 => bytes.insert(at, octet),
                1 if bytes.len() > 1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, bytes[at]),
                3 if bytes.len() > 1 => bytes.truncate(at.max(1)),
                _ => bytes[at] = octet,
            }
        }
        bytes
    })
}

/// Mostly the first.
fn mostly(usual: &'static str, others: &'static [&'static str]) -> BoxedStrategy<&'static str> {
    prop_oneof![60 => Just(usual), 1 => select(others)].boxed()
}

fn request() -> impl Strategy<Value = Vec<u8>> {
    let line = (
        mostly("", &["\r\n", "\n", "\r", "\r\n\r\n", " "]),
        method(),
        space(),
        target(),
        space(),
        version(),
    );
    let fields = vec(field(), 0..4).prop_map(|fields| fields.concat());
    (line, host(), fields, framed_body()).prop_map(|(line, host, fields, (framing, body))| {
        let (before, method, first, target, second, version) = line;
        let head =
            format!("{before}{method}{first}{target}{second}{version}{host}{fields}{framing}\r\n");
        [head.into_bytes(), body].concat()
    })
}

fn method() -> BoxedStrategy<&'static str> {
    let usual = select(&["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"][..]);
    let others = select(
        &["get", "M-SEARCH", "!#$%&'*+-.^_`|~09", "PRI", "", "G(T", "G\u{e9}T", "CONNECT"][..],
    );
    prop_oneof![40 => usual, 1 => others].boxed()
}

fn space() -> BoxedStrategy<&'static str> {
    prop_oneof![150 => Just(" "), 1 => select(&["", "  ", "\t", "\r", "\0"][..])].boxed()
}

fn version() -> BoxedStrategy<&'static str> {
    let others = &[
        "HTTP/1.2\r\n",
        "HTTP/2.0\r\n",
        "http/1.1\r\n",
        "HTTP/1.1\n",
        "HTTP/1.1 \r\n",
        "HTTP/1.1\r",
        "HTTP/01.1\r\n",
        "\r\n",
    ][..];
    prop_oneof![60 => Just("HTTP/1.1\r\n"), 12 => Just("HTTP/1.0\r\n"), 1 => select(others)].boxed()
}

fn target() -> BoxedStrategy<String> {
    let origin = "/[a-z0-9%!$&'()*+,;=:@._~-]{0,6}(\\?[a-z0-9%/?=&]{0,6})?";
    let odd = "/[!-~]{1,3}";
    let absolute = "(http|HTTPS)://(a|b\\.c|[a-z0-9._%-]{1,4}|\\[::1\\])(:[0-9]{0,5})?(/[a-z]{0,3})?(\\?[a-z]{0,2})?";
    let nearly_absolute =
        "(http|https|HTTP|ftp)://[a-z0-9.:\\[\\]@%_-]{0,8}(/[a-z]{0,3})?(\\?[a-z#]{0,2})?";
    let others = select(
        &["*", "a", "a:80", "", "/\u{e9}", "//", "/a b", "http://[::1]:80/", "http://a"][..],
    );
    prop_oneof![
        24 => Just("/".to_owned()),
        12 => origin,
        2 => odd,
        6 => absolute,
        1 => nearly_absolute,
        1 => others.prop_map(str::to_owned),
    ]
    .boxed()
}

fn host() -> BoxedStrategy<String> {
    let value = "[a-z0-9.:\\[\\]@%/ _-]{0,9}".prop_map(|value| format!("Host: {value}\r\n"));
    let others = select(
        &[
            "",
            "Host:\r\n",
            "host:a\r\n",
            "Host: a\r\nHost: a\r\n",
            "Host : a\r\n",
            "Host: [::1]:8080\r\n",
            "Host: \r\n a\r\n",
            "Host: a\n",
        ][..],
    );
    prop_oneof![
        60 => Just("Host: a\r\n".to_owned()),
        2 => value,
        2 => "[!-~]{1,3}".prop_map(|value| format!("Host: a{value}\r\n")),
        2 => others.prop_map(str::to_owned),
    ]
    .boxed()
}

fn field() -> BoxedStrategy<String> {
    let valid = "[A-Za-z!#$%&'*+.^_`|~-]{1,5}:[ \t]{0,2}[ -~\t\u{80}-\u{ff}]{0,8}\r\n";
    let known = select(
        &[
            "Connection: keep-alive\r\n",
            "Connection: keep-alive\r\n",
            "Connection: close\r\n",
            "Connection: x, close\r\n",
            "connection: Close ,\r\n",
            "Connection: upgrade\r\nUpgrade: h2c\r\n",
            "Expect: 100-continue\r\n",
            "Expect: 100-Continue\r\n",
            "Trailer: X\r\n",
            "TE: trailers\r\n",
        ][..],
    );
    let odd = select(
        &[
            "X : y\r\n",
            "X: y\r\n z\r\n",
            "X: y\r\n\tz\r\n",
            " X: y\r\n",
            ": y\r\n",
            "X\r\n",
            "X: a\rb\r\n",
            "X: a\nb\r\n",
            "X: a\0b\r\n",
            "X: a\u{7f}b\r\n",
            "X(: y\r\n",
            "X: y\n",
            "X: y\r",
            "Expect: more\r\n",
            "Expect:\r\n",
            "\r\n",
        ][..],
    );
    prop_oneof![
        40 => valid,
        20 => known.prop_map(str::to_owned),
        1 => odd.prop_map(str::to_owned),
    ]
    .boxed()
}

/// The fields that frame a body, and a body, which mostly go together.
fn framed_body() -> BoxedStrategy<(String, Vec<u8>)> {
    let none = Just((String::new(), Vec::new()));
    let counted = vec(any::<u8>(), 0..12)
        .prop_map(|body| (format!("Content-Length: {}\r\n", body.len()), body));
    let coded = chunks().prop_map(|body| ("Transfer-Encoding: chunked\r\n".to_owned(), body));
    let odd = (vec(framing(), 1..3), chunks()).prop_map(|(fields, body)| (fields.concat(), body));
    prop_oneof![12 => none, 10 => counted, 12 => coded, 2 => odd].boxed()
}

fn framing() -> BoxedStrategy<String> {
    let length = "[0-9+, -]{0,3}".prop_map(|value| format!("Content-Length: {value}\r\n"));
    let coding = prop_oneof![
        Just("chunked"),
        select(&["Chunked", "gzip", "identity", "xchunked", "chunked;a", "", "\"chunked\""][..])
    ];
    let codings = vec(coding, 1..3)
        .prop_map(|codings| format!("Transfer-Encoding: {}\r\n", codings.join(",")));
    let others = select(
        &[
            "Content-Length : 1\r\n",
            "Content-Length: 18446744073709551616\r\n",
            "Content-Length:\t1 \r\n",
            "content-length: 1048577\r\n",
            "Transfer-Encoding:\u{b}chunked\r\n",
            "Transfer-Encoding:\r\n chunked\r\n",
            "Transfer_Encoding: chunked\r\n",
        ][..],
    );
    prop_oneof![2 => length, 3 => codings, 1 => others.prop_map(str::to_owned)].boxed()
}

/// A chunked body, mostly well formed.
fn chunks() -> BoxedStrategy<Vec<u8>> {
    let extension = prop_oneof![
        20 => Just(String::new()),
        4 => "[ \t]?;[ \t]?[a-z]{1,2}([ ]?=[ ]?([a-z]{1,2}|\"([a-z; ]|\\\\\"){0,3}\"))?",
        1 => "[ \t;=a\"\\\\\r\n]{1,4}",
    ];
    let end = mostly("\r\n", &["\n", "\r", "", "\r\r\n", "x\r\n"]);
    let zeros = mostly("", &["0", "00", "0x", "+", " "]);
    let data = vec(any::<u8>(), 1..20);
    let chunk = (data, extension.clone(), zeros, end.clone(), end.clone()).prop_map(
        |(data, extension, zeros, first, second)| {
            let line = format!("{zeros}{:x}{extension}{first}", data.len());
            [line.into_bytes(), data, second.into()].concat()
        },
    );
    let field = prop_oneof![
        8 => "[A-Za-z-]{1,6}:[ -~]{0,5}\r\n",
        1 => select(&["Host: a\r\n", "TE: x\r\n", "X : y\r\n", " X: y\r\n", "X\r\n", "X: y\n", "content-length: 1\r\n", "X: \0\r\n"][..]).prop_map(str::to_owned),
    ];
    let trailer = prop_oneof![6 => Just(Vec::new()), 1 => vec(field, 1..3)];
    (vec(chunk, 0..3), extension, end.clone(), trailer, end)
        .prop_map(|(chunks, extension, first, trailer, second)| {
            let last = format!("0{extension}{first}{}{second}", trailer.concat());
            [chunks.concat(), last.into_bytes()].concat()
        })
        .boxed()
}
