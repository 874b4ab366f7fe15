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
        let body = Body::of(&selection, media_type, random());
        for (name, value) in &selection.fields {
            self.header(name, value);
        }
        let in_parts = selection.slices.len() > 1;
        if let Some(kind) = body.content_type.filter(|_| in_parts || !self.has_type()) {
            self.header("Content-Type", kind);
        }
        let segments = body.segments.into();
        self.payload = Payload::File(Box::new(Parts { file, segments }));
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

    /// The handler has said what it is.
    fn has_type(&self) -> bool {
        const NAME: &[u8] = b"content-type:";
        let lines = self.scratch.headers.split(|byte| *byte == b'\n');
        lines.filter_map(|line| line.get(..NAME.len())).any(|line| line.eq_ignore_ascii_case(NAME))
    }
}

/// From the keys that the standard library draws for its tables, which nobody outside can know. Workers
/// have the same ones if the master had a table before the fork: their ids are not the same.
fn random() -> u128 {
    let half = || u128::from(RandomState::new().hash_one(std::process::id()));
    half() << 64 | half()
}
