//! What became of each of those that were told something.

use evenkeel::control::{Reply, Status};
use serde_json::{Value, json};

use crate::cli::Cli;
use crate::outcome::{Failure, NOT_DONE};
use crate::target::is_all;
use crate::{print, show};

/// What became of one of them.
pub(crate) struct Answer {
    /// Absent, if the master has none.
    pub(crate) name: Option<String>,
    /// 0, if it was done.
    pub(crate) code: u8,
    pub(crate) text: String,
    pub(crate) status: Option<Status>,
}

impl Answer {
    pub(crate) fn of(name: Option<String>, outcome: Result<Reply, Failure>) -> Self {
        match outcome {
            Ok(Reply { ok, text, status, .. }) => {
                Self { name, code: if ok { 0 } else { NOT_DONE }, text, status }
            }
            Err(Failure { code, text, .. }) => Self { name, code, text, status: None },
        }
    }

    /// Of what has nothing to say but a text.
    pub(crate) fn plain(name: Option<String>, outcome: Result<String, Failure>) -> Self {
        match outcome {
            Ok(text) => Self { name, code: 0, text, status: None },
            Err(Failure { code, text, .. }) => Self { name, code, text, status: None },
        }
    }

    pub(crate) fn ok(&self) -> bool {
        self.code == 0
    }

    pub(crate) fn json(&self) -> Value {
        let mut value = value(self.name.as_deref(), None);
        value["text"] = self.text.as_str().into();
        if let Some(status) = &self.status {
            value["status"] = json!(status);
        }
        if !self.ok() {
            value["ok"] = false.into();
            value["code"] = self.code.into();
        }
        value
    }
}

/// What programs read of each application, whatever the verb, which may add more to it.
pub(crate) fn value(name: Option<&str>, failure: Option<&Failure>) -> Value {
    match failure {
        None => json!({ "name": name, "ok": true }),
        Some(Failure { code, text, .. }) => {
            json!({ "name": name, "ok": false, "text": text, "code": code })
        }
    }
}

/// Of a command that failed before anything was done: one for each application that is named.
pub(crate) fn not_begun(names: &[String], failure: &Failure) -> Vec<Value> {
    let guilty = failure.of.as_deref();
    let one = |name: &String| {
        if guilty.is_none_or(|guilty| guilty == name) {
            return value(Some(name), Some(failure));
        }
        let text = format!("not tried: {failure}");
        value(Some(name), Some(&Failure::not_done(text)))
    };
    if names.is_empty() || is_all(names) {
        return vec![value(guilty, Some(failure))];
    }
    names.iter().map(one).collect()
}

/// All of nothing is no failure.
pub(crate) fn nothing(cli: &Cli, text: &str) -> u8 {
    if cli.json {
        print::json(&json!([]));
    }
    print::note(text);
    0
}

/// Shows them, and says the worst code. `names`: those that were said.
pub(crate) fn report(cli: &Cli, names: &[String], answers: &[Answer]) -> u8 {
    if answers.is_empty() {
        return nothing(cli, "no application runs");
    }
    let several = answers.len() > 1 || is_all(names);
    for answer in answers.iter().filter(|answer| !cli.json || !answer.ok()) {
        show::answer(answer, several);
    }
    if cli.json {
        print::json(&answers.iter().map(Answer::json).collect::<Vec<_>>());
    }
    answers.iter().map(|answer| answer.code).max().unwrap_or_default()
}
