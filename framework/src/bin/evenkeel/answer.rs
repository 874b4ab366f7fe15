//! What became of each of those that were told something.

use evenkeel::control::{Reply, Status};
use serde_json::{Value, json};

use crate::cli::Cli;
use crate::outcome::{Failure, NOT_DONE};
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
            Err(Failure { code, text }) => Self { name, code, text, status: None },
        }
    }

    /// Of what has nothing to say but a text.
    pub(crate) fn plain(name: Option<String>, outcome: Result<String, Failure>) -> Self {
        match outcome {
            Ok(text) => Self { name, code: 0, text, status: None },
            Err(Failure { code, text }) => Self { name, code, text, status: None },
        }
    }

    pub(crate) fn ok(&self) -> bool {
        self.code == 0
    }

    pub(crate) fn json(&self) -> Value {
        let mut value = json!({ "ok": self.ok(), "text": self.text });
        if let Some(name) = &self.name {
            value["app"] = name.as_str().into();
        }
        if let Some(status) = &self.status {
            value["status"] = json!(status);
        }
        if !self.ok() {
            value["code"] = self.code.into();
        }
        value
    }
}

/// Shows them, and says the worst code. `listed`: names were said, or `all`, so that there is a list of answers
/// however many there are.
pub(crate) fn report(cli: &Cli, listed: bool, answers: &[Answer]) -> u8 {
    let several = answers.len() > 1;
    for answer in answers.iter().filter(|answer| !cli.json || !answer.ok()) {
        show::answer(answer, several);
    }
    if cli.json {
        let values: Vec<Value> = answers.iter().map(Answer::json).collect();
        match &values[..] {
            [only] if !listed => print::json(only),
            all => print::json(&all),
        }
    }
    answers.iter().map(|answer| answer.code).max().unwrap_or_default()
}
