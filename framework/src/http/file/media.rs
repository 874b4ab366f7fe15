//! Media types by the ending of a name.
//!
//! A table of our own: the types that the web is made of are few and change rarely, and
//! `mime_guess` would bring a thousand that nobody serves, and a build script.

use std::path::Path;

/// What a file is sent as when its ending says nothing (RFC 2046 section 4.5.1).
const UNKNOWN: &str = "application/octet-stream";

/// The media type of a file, by its ending, whatever the case. Text is said to be in UTF-8.
pub(crate) fn media_type(path: &Path) -> &'static str {
    let Some(ending) = path.extension().and_then(|ending| ending.to_str()) else { return UNKNOWN };
    let found = TYPES.iter().find(|(known, _)| ending.eq_ignore_ascii_case(known));
    found.map_or(UNKNOWN, |(_, media_type)| media_type)
}

/// As the registry of IANA has them, where it has them.
const TYPES: [(&str, &str); 49] = [
    ("html", "text/html; charset=utf-8"),
    ("htm", "text/html; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("map", "application/json"),
    ("webmanifest", "application/manifest+json"),
    ("jsonld", "application/ld+json"),
    ("wasm", "application/wasm"),
    ("xml", "application/xml"),
    ("xhtml", "application/xhtml+xml"),
    ("rss", "application/rss+xml"),
    ("atom", "application/atom+xml"),
    ("txt", "text/plain; charset=utf-8"),
    ("log", "text/plain; charset=utf-8"),
    ("md", "text/markdown; charset=utf-8"),
    ("csv", "text/csv; charset=utf-8"),
    ("ics", "text/calendar; charset=utf-8"),
    ("vtt", "text/vtt; charset=utf-8"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("avif", "image/avif"),
    ("svg", "image/svg+xml"),
    ("ico", "image/vnd.microsoft.icon"),
    ("bmp", "image/bmp"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
    ("ttf", "font/ttf"),
    ("otf", "font/otf"),
    ("mp3", "audio/mpeg"),
    ("m4a", "audio/mp4"),
    ("ogg", "audio/ogg"),
    ("opus", "audio/ogg"),
    ("wav", "audio/wav"),
    ("flac", "audio/flac"),
    ("mp4", "video/mp4"),
    ("webm", "video/webm"),
    ("mov", "video/quicktime"),
    ("pdf", "application/pdf"),
    ("epub", "application/epub+zip"),
    ("zip", "application/zip"),
    ("gz", "application/gzip"),
    ("tar", "application/x-tar"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::super::characters::is_token;
    use super::*;

    #[test]
    fn the_ending_says_the_type() {
        for (name, expected) in [
            ("index.html", "text/html; charset=utf-8"),
            ("/a.b/photo.JPG", "image/jpeg"),
            ("a.min.js", "text/javascript; charset=utf-8"),
            ("a.tar.gz", "application/gzip"),
            ("README", UNKNOWN),
            (".html", UNKNOWN),
            ("a.", UNKNOWN),
            ("a.html/b", UNKNOWN),
            ("a.exe", UNKNOWN),
            ("", UNKNOWN),
        ] {
            assert_eq!(media_type(Path::new(name)), expected, "{name}");
        }
    }

    #[test]
    fn each_ending_stands_once_with_a_well_formed_type() {
        let endings: BTreeSet<&str> = TYPES.iter().map(|(ending, _)| *ending).collect();
        assert_eq!(endings.len(), TYPES.len());
        for (ending, media_type) in TYPES {
            let essence = media_type.strip_suffix("; charset=utf-8").unwrap_or(media_type);
            let (kind, name) = essence.split_once('/').expect("a slash");
            assert!(is_token(kind.as_bytes()) && is_token(name.as_bytes()), "{media_type}");
            assert!(ending.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()));
            assert_eq!(kind == "text", media_type.contains("charset"), "{media_type}");
        }
    }
}
