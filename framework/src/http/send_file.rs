//! An open file as an answer.

use std::fs::File;
use std::hash::{BuildHasher, RandomState};

use super::file::{Body, Facts, Selection, Stat, select};
use super::outgoing::Parts;
use super::response::{Payload, Place, Response};

impl Response<'_> {
    /// Sends what the client is to get of an open file of this media type; `now` in seconds since the
    /// Unix epoch.
    pub(crate) fn send_file(&mut self, file: File, stat: &Stat, media_type: &str, now: u64) {
        let facts = Facts::of_file(stat, now);
        let selection = self.select(&facts, now);
        if self.status == 200 {
            self.status = selection.status;
        }
        let said = self.take_type();
        let media_type = said.as_deref().unwrap_or(media_type);
        let body = Body::of(&selection, media_type, random());
        for (name, value) in &selection.fields {
            self.header(name, value);
        }
        if let Some(kind) = body.content_type {
            self.header("Content-Type", kind);
        }
        let (segments, length) = (body.segments.into(), body.length);
        self.payload = Payload::File(Box::new(Parts { file, segments, length }));
    }

    fn select(&self, facts: &Facts, now: u64) -> Selection {
        match self.place {
            _ if self.status != 200 => select("GET", |_| std::iter::empty(), facts, now),
            Place::Here { head, .. } => select(head.method, |name| head.values(name), facts, now),
            Place::Elsewhere(asked) => {
                let values = |name: &'static str| {
                    let named = asked.fields.iter().filter(move |(ours, _)| *ours == name);
                    named.map(|(_, value)| value.as_slice())
                };
                select(&asked.method, values, facts, now)
            }
        }
    }

    /// What the handler has said that it is; it is said anew, or for each part.
    fn take_type(&mut self) -> Option<String> {
        const NAME: &[u8] = b"content-type:";
        let headers = &mut self.scratch.headers;
        let mut at = 0;
        let (start, end) = headers.split_inclusive(|byte| *byte == b'\n').find_map(|line| {
            let start = at;
            at += line.len();
            let named = line.get(..NAME.len())?.eq_ignore_ascii_case(NAME);
            named.then_some((start, at))
        })?;
        let value = headers[start + NAME.len()..end].trim_ascii();
        let said = String::from_utf8_lossy(value).into_owned();
        headers.drain(start..end);
        Some(said)
    }
}

/// From the keys that the standard library draws for its tables, which nobody outside can know. Workers
/// have the same ones if the master had a table before the fork: their ids are not the same.
fn random() -> u128 {
    let half = || u128::from(RandomState::new().hash_one(std::process::id()));
    half() << 64 | half()
}
