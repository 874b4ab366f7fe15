use super::*;
use crate::limits::LOG_LINE_BYTES_MAX;

const RECORD: Record<'_> = Record {
    remote: None,
    method: b"GET",
    target: b"/a?b=c",
    version: "HTTP/1.1",
    status: 200,
    body_bytes: 2326,
    duration_ns: 1_234_567,
    referer: None,
    user_agent: Some(b"curl/8.5.0"),
    worker: 3,
    unix_seconds: 971_186_136,
};

fn line(format: LogFormat, record: &Record<'_>) -> String {
    let mut out = b"before\n".to_vec();
    Lines::new(format).append(&mut out, record);
    String::from_utf8(out.split_off(7)).unwrap()
}

fn json(record: &Record<'_>) -> serde_json::Value {
    serde_json::from_str(&line(LogFormat::Json, record)).unwrap()
}

#[test]
fn the_common_and_the_combined_format_are_those_of_nginx() {
    let remote = Some("192.0.2.7:4711".parse().unwrap());
    let record = Record { remote, ..RECORD };
    let common = "192.0.2.7 - - [10/Oct/2000:13:55:36 +0000] \"GET /a?b=c HTTP/1.1\" 200 2326";
    assert_eq!(line(LogFormat::Common, &record), format!("{common}\n"));
    let combined = format!("{common} \"-\" \"curl/8.5.0\"\n");
    assert_eq!(line(LogFormat::Combined, &record), combined);
}

#[test]
fn a_line_of_json_has_all_that_is_known() {
    let remote = Some("192.0.2.7:4711".parse().unwrap());
    let referer = Some(b"http://there/".as_slice());
    let line = line(LogFormat::Json, &Record { remote, referer, ..RECORD });
    let wanted = "{\"time\":\"2000-10-10T13:55:36Z\",\"remote\":\"192.0.2.7\",\"port\":4711,\
                  \"method\":\"GET\",\"target\":\"/a?b=c\",\"version\":\"HTTP/1.1\",\"status\":200,\
                  \"bytes\":2326,\"duration_us\":1234,\"referer\":\"http://there/\",\
                  \"user_agent\":\"curl/8.5.0\",\"worker\":3}\n";
    assert_eq!(line, wanted);
}

#[test]
fn what_is_not_known_is_a_dash_or_null() {
    let record = Record { method: b"", target: b"", user_agent: None, status: 400, ..RECORD };
    assert_eq!(
        line(LogFormat::Combined, &record),
        "- - - [10/Oct/2000:13:55:36 +0000] \"-\" 400 2326 \"-\" \"-\"\n"
    );
    let json = json(&record);
    for name in ["remote", "port", "method", "target", "version", "referer", "user_agent"] {
        assert!(json[name].is_null(), "{name}");
    }
}

#[test]
fn addresses_of_both_kinds_are_written_as_what_they_are() {
    let of = |address: &str| {
        let record = Record { remote: Some(address.parse().unwrap()), ..RECORD };
        let line = line(LogFormat::Common, &record);
        assert_eq!(json(&record)["remote"], line.split(' ').next().unwrap());
        line.split(' ').next().unwrap().to_owned()
    };
    assert_eq!(of("[2001:db8::1]:80"), "2001:db8::1");
    assert_eq!(of("[::ffff:192.0.2.7]:80"), "192.0.2.7");
    assert_eq!(of("255.255.255.255:80"), "255.255.255.255");
}

/// Whatever is sent in any field: it stays one line, and the fields stay apart.
#[test]
fn no_line_can_be_forged_or_broken() {
    let all: Vec<u8> = (0..=255).collect();
    let evil: [&[u8]; 5] = [
        b"/\" 200 0 \"-\" \"-\"\n192.0.2.9 - - [10/Oct/2000:13:55:36 +0000] \"GET /forged",
        b"\",\"status\":200,\"x\":\"\n{\"time\":\"forged\"}",
        b"\\\" \\",
        "\u{2028}\u{85}\r\u{b}\u{c}\u{1b}[2J".as_bytes(),
        &all,
    ];
    for evil in evil {
        let fields = Some(evil);
        let record =
            Record { method: evil, target: evil, referer: fields, user_agent: fields, ..RECORD };
        let line_of_it = line(LogFormat::Combined, &record);
        let (text, end) = line_of_it.split_at(line_of_it.len() - 1);
        assert_eq!(end, "\n");
        assert!(text.bytes().all(|octet| (0x20..0x7f).contains(&octet)), "{text}");
        let parts: Vec<&str> = text.split('"').collect();
        assert_eq!(parts.len(), 7, "{text}");
        assert_eq!((parts[2], parts[4], parts[6]), (" 200 2326 ", " ", ""));

        let line_of_it = line(LogFormat::Json, &record);
        assert_eq!(line_of_it.chars().filter(|char| char.is_control()).count(), 1);
        let json = json(&record);
        assert_eq!(json.as_object().unwrap().len(), 12);
        assert_eq!(json["status"], 200);
        assert_eq!(json["user_agent"], *String::from_utf8_lossy(evil));
    }
}

/// So that a pipe takes it in one piece, and lines of several workers never mix.
#[test]
fn the_longest_line_is_not_longer_than_a_pipe_takes_at_once() {
    assert_eq!(LOG_LINE_BYTES_MAX, libc::PIPE_BUF);
    for filler in [&b"x"[..], b"\n", b"\"", b"\xff", "\u{1f600}".as_bytes()] {
        let text = filler.repeat(10_000);
        let record = Record {
            remote: Some("[1111:2222:3333:4444:5555:6666:7777:8888]:65535".parse().unwrap()),
            method: &text,
            target: &text,
            version: "HTTP/1.1",
            status: u16::MAX,
            body_bytes: u64::MAX,
            duration_ns: u64::MAX,
            referer: Some(&text),
            user_agent: Some(&text),
            worker: u16::MAX,
            unix_seconds: u64::MAX,
        };
        for format in LogFormat::ALL {
            let length = line(*format, &record).len();
            assert!(length <= LOG_LINE_BYTES_MAX, "{format}: {length}");
        }
        json(&record);
    }
}
