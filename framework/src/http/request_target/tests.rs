use super::*;

#[test]
fn targets_are_of_one_of_the_forms() {
    for (target, valid) in [
        ("/", true),
        ("//", true),
        ("/a;b=c,d:@!$&'()*+~._-", true),
        ("/a?b?/c", true),
        ("/%41%ff", true),
        ("/%4", false),
        ("/%", false),
        ("/%4g", false),
        ("/?100%", true),
        ("/[x]{y}|^\\", true),
        ("/?`", true),
        ("/`", false),
        ("/\"", false),
        ("/?\"", false),
        ("/<x>", false),
        ("/a#b", false),
        ("/\u{e9}", false),
        ("/a b", false),
        ("/a\x7f", false),
        ("", false),
        ("*", false),
        ("a", false),
        ("a:80", false),
        ("http://a", true),
        ("HTTP://a:80/b?c", true),
        ("https://[::1]:443/", true),
        ("http://a?b", true),
        ("http://a:/", true),
        ("http://", false),
        ("http:///b", false),
        ("http://:80/", false),
        ("http://u@a/", false),
        ("http://a:b/", false),
        ("http:/a", false),
        ("http:a", false),
        ("ftp://a/", false),
        ("http://a/#b", false),
    ] {
        assert_eq!(check("GET", target).is_ok(), valid, "{target:?}");
    }
    assert_eq!(check("OPTIONS", "*"), Ok(()));
    assert!(check("OPTIONS", "*?").is_err());
    assert_eq!(check("CONNECT", "a:80").map_err(|refusal| refusal.status), Err(501));
}

#[test]
fn authorities_name_a_host_and_perhaps_a_port() {
    for (text, valid) in [
        ("", true),
        ("a", true),
        ("a.b-c_d", true),
        ("a:80", true),
        ("a:", true),
        ("a:65535", true),
        ("a:65536", false),
        ("a:000080", false),
        ("a:8o", false),
        ("a:-1", false),
        (":80", false),
        ("a:b:80", false),
        ("a%41", false),
        ("a%4", false),
        ("a%", false),
        ("a b", false),
        ("a@b", false),
        ("a/b", false),
        ("a?b", false),
        ("a\\b", false),
        ("\u{e9}", false),
        ("127.0.0.1:80", true),
        ("[::1]", true),
        ("[::1]:80", true),
        ("[::ffff:127.0.0.1]", true),
        ("[1:2:3:4:5:6:7:8]", true),
        ("[]", false),
        ("[::1", false),
        ("::1", false),
        ("[::1]a", false),
        ("[::1]80", false),
        ("[:::1]", false),
        ("[1::2::3]", false),
        ("[127.0.0.1]", false),
        ("[fe80::1%25eth0]", false),
        ("[fe80::1%eth0]", false),
        ("[v1.a]", false),
    ] {
        let found = is_authority(text.as_bytes(), Emptiness::Allowed);
        assert_eq!(found, valid, "{text:?}");
    }
    assert!(!is_authority(b"", Emptiness::Refused));
}
