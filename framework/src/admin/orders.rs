//! What the admin process is told to change, and tells the master.

use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;
use serde_json::json;

use crate::control::{Client, Command, Scale};
use crate::http::Response;

/// Lines to the master that nobody uses now.
pub(super) struct Orders(Mutex<Vec<Client>>);

/// What the body of `/api/scale` says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scaling {
    workers: Number,
}

/// `4`, `"4"`, `"+1"` or `"-1"`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Plain(u16),
    Text(String),
}

/// The command that is meant.
pub(super) fn read(path: &str, body: &[u8]) -> Result<Command, String> {
    if path == "/api/reload" {
        return Ok(Command::Reload {});
    }
    let wrong = |error: &dyn std::fmt::Display| format!("say {{\"workers\":\"+1\"}}: {error}");
    let scaling: Scaling = serde_json::from_slice(body).map_err(|error| wrong(&error))?;
    let workers = match scaling.workers {
        Number::Plain(workers) => Scale::To(workers),
        Number::Text(text) => text.parse().map_err(|error| wrong(&error))?,
    };
    Ok(Command::Scale { workers })
}

impl Orders {
    pub(super) fn new(lines: Vec<UnixStream>) -> Self {
        Self(Mutex::new(lines.into_iter().map(Client::of).collect()))
    }

    fn lines(&self) -> std::sync::MutexGuard<'_, Vec<Client>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the master do it, and answers with what became of it. Not on the loop's thread.
    pub(super) fn carry_out(&self, command: Command, response: &mut Response<'_>) {
        let line = self.lines().pop();
        let (status, ok, text) = match line {
            None => (503, false, "too much is being done already: try again".to_owned()),
            Some(mut line) => match line.send(&command) {
                Ok(reply) => {
                    self.lines().push(line);
                    (if reply.ok { 200 } else { 409 }, reply.ok, reply.text)
                }
                // The line is lost with whatever may still come on it.
                Err(error) => (503, false, error.to_string()),
            },
        };
        response.close().status(status).header("Content-Type", "application/json");
        response.header("Cache-Control", "no-store");
        response.body(json!({ "ok": ok, "text": text }).to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_workers_is_read_in_all_its_forms() {
        let read = |body: &str| read("/api/scale", body.as_bytes());
        let scale = |workers| Ok(Command::Scale { workers });
        assert_eq!(read(r#"{"workers":"+1"}"#), scale(Scale::By(1)));
        assert_eq!(read(r#"{"workers":"4"}"#), scale(Scale::To(4)));
        assert_eq!(read(r#"{"workers":4}"#), scale(Scale::To(4)));
        for wrong in
            ["", "{}", r#"{"workers":"many"}"#, r#"{"workers":-1}"#, r#"{"workers":1,"x":2}"#]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
