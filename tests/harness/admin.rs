//! The admin process of a program under test.

use super::app::App;
use super::client::{Answer, Client, Failure};
use super::exposition::{Form, Samples, parse};
use super::process::Process;
use super::wait::wait_for;

/// Where it is to be reached.
pub(crate) struct Admin {
    pub(crate) port: u16,
}

/// Arguments for an admin process on a port of the kernel's choice.
pub(crate) const ADMIN: [&str; 2] = ["--admin", "127.0.0.1:0"];

pub(crate) const JSON: &str = "Content-Type: application/json";

impl Admin {
    /// By the log.
    pub(crate) fn of(app: &App) -> Self {
        let port = wait_for("the admin address in the log", || {
            let log = app.log.text();
            let (_, after) = log.split_once("the admin process is to be reached")?;
            let line = after.lines().next().filter(|_| after.contains('\n'))?;
            line.rsplit(':').next()?.trim().parse().ok()
        });
        Self { port }
    }

    /// The demo with a control socket and an admin process.
    pub(crate) fn demo(arguments: &[&str]) -> (App, Self) {
        let app = App::controlled(&[&ADMIN, arguments].concat());
        let admin = Self::of(&app);
        (app, admin)
    }

    /// One request with these fields, and its answer.
    pub(crate) fn try_ask(
        &self,
        request: &str,
        fields: &[&str],
        body: &str,
    ) -> Result<Answer, Failure> {
        let mut client = Client::connect(self.port)?;
        client.send(asked(request, self.port, fields, body))?;
        client.answer()
    }

    pub(crate) fn ask(&self, request: &str, fields: &[&str], body: &str) -> Answer {
        let answer = self.try_ask(request, fields, body);
        answer.unwrap_or_else(|failure| panic!("{request}: {failure:?}"))
    }

    pub(crate) fn get(&self, target: &str) -> Answer {
        self.ask(&format!("GET {target}"), &[], "")
    }

    pub(crate) fn post(&self, target: &str, body: &str) -> Answer {
        self.ask(&format!("POST {target}"), &[JSON], body)
    }

    pub(crate) fn state(&self) -> serde_json::Value {
        let answer = self.get("/api/state");
        assert_eq!(answer.status, 200, "{}", answer.text());
        serde_json::from_slice(&answer.body).unwrap()
    }

    /// The text in this format, and what it says.
    pub(crate) fn metrics(&self, form: Form) -> (String, Samples) {
        let answer = self.ask("GET /metrics", &[form.accept()], "");
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("content-type"), Some(form.content_type()));
        let text = answer.text();
        let samples = parse(&text, form).unwrap_or_else(|wrong| panic!("{wrong}"));
        (text, samples)
    }

    pub(crate) fn samples(&self) -> Samples {
        self.metrics(Form::OpenMetrics).1
    }
}

pub(crate) fn asked(request: &str, port: u16, fields: &[&str], body: &str) -> String {
    let host = format!("Host: 127.0.0.1:{port}");
    let own = fields.iter().any(|field| field.starts_with("Host:"));
    let fields: Vec<&str> = fields.iter().copied().chain((!own).then_some(host.as_str())).collect();
    let fields = fields.join("\r\n");
    format!("{request} HTTP/1.1\r\n{fields}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// The admin process, by the newest line in the log that names it.
pub(crate) fn admin_process(app: &App) -> Process {
    wait_for("the admin process", || app.child_named("admin"))
}
