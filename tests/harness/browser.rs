//! A real Chromium without a window, spoken to by its `DevTools` protocol over two pipes, so that it ends
//! when this process does.

use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::privilege::is_installed;
use super::wait::{PATIENCE, wait_until};

/// A browser with one page open.
pub(crate) struct Browser {
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    session: Option<String>,
    last_id: u64,
    /// What the page logged as an error, and what was asked of other hosts.
    pub(crate) complaints: Vec<String>,
    pub(crate) requests: Vec<String>,
    _profile: TempDir,
}

impl Browser {
    /// `None`, and said so, where there is none.
    pub(crate) fn start(what: &str) -> Option<Self> {
        if !is_installed("chromium", what) {
            return None;
        }
        let profile = tempfile::tempdir().unwrap();
        // The protocol is on descriptors 3 and 4. Its own sandbox does not work for root, and /dev/shm may be
        // small in a container.
        let line = "exec chromium --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage \
                    --no-first-run --disable-background-networking --disable-component-update \
                    --disable-sync --hide-scrollbars --user-data-dir=\"$1\" --remote-debugging-pipe \
                    about:blank 3<&0 4>&1 </dev/null >/dev/null 2>&1";
        let mut command = Command::new("sh");
        command.args(["-c", line, "sh"]).arg(profile.path());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (orders, answers) = (child.stdin.take(), child.stdout.take().unwrap());
        let mut this = Self {
            child,
            orders,
            answers: BufReader::new(answers),
            session: None,
            last_id: 0,
            complaints: Vec::new(),
            requests: Vec::new(),
            _profile: profile,
        };
        this.attach();
        Some(this)
    }

    fn attach(&mut self) {
        let target = self.tell("Target.createTarget", &json!({ "url": "about:blank" }));
        let how = json!({ "targetId": target["targetId"], "flatten": true });
        let session = self.tell("Target.attachToTarget", &how);
        self.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            self.tell(&format!("{domain}.enable"), &json!({}));
        }
    }

    /// As large as this, bright or dark.
    pub(crate) fn look(&mut self, width: u32, height: u32, scheme: &str) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.tell("Emulation.setDeviceMetricsOverride", &size);
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.tell("Emulation.setEmulatedMedia", &json!({ "features": features }));
    }

    pub(crate) fn open(&mut self, url: &str) {
        self.tell("Page.navigate", &json!({ "url": url }));
    }

    /// What an expression of JavaScript gives.
    pub(crate) fn evaluate(&mut self, expression: &str) -> Value {
        let how = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.tell("Runtime.evaluate", &how);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    pub(crate) fn wait_until(&mut self, expression: &str) {
        wait_until(expression, || self.evaluate(expression) == Value::Bool(true));
    }

    /// Saves what is seen.
    pub(crate) fn picture(&mut self, path: &Path) {
        let answer = self.tell("Page.captureScreenshot", &json!({ "format": "png" }));
        std::fs::write(path, base64(answer["data"].as_str().unwrap())).unwrap();
    }

    fn tell(&mut self, method: &str, parameters: &Value) -> Value {
        self.last_id += 1;
        let mut order = json!({ "id": self.last_id, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            order["sessionId"] = json!(session);
        }
        let orders = self.orders.as_mut().unwrap();
        orders.write_all(order.to_string().as_bytes()).unwrap();
        orders.write_all(&[0]).unwrap();
        loop {
            let heard = self.hear();
            if heard["id"] == json!(self.last_id) {
                assert!(heard["error"].is_null(), "{method}: {heard}");
                return heard["result"].clone();
            }
        }
    }

    /// The next message, an answer or an event.
    fn hear(&mut self) -> Value {
        let mut message = Vec::new();
        while message.last() != Some(&0) {
            if self.answers.buffer().is_empty() {
                let mut ready = [PollFd::new(self.answers.get_ref().as_fd(), PollFlags::POLLIN)];
                let patience = PollTimeout::try_from(PATIENCE).unwrap();
                assert_eq!(poll(&mut ready, patience), Ok(1), "the browser does not answer");
            }
            let read = self.answers.fill_buf().unwrap();
            assert!(!read.is_empty(), "the browser is gone");
            let end = read.iter().position(|byte| *byte == 0).map_or(read.len(), |at| at + 1);
            message.extend_from_slice(&read[..end]);
            self.answers.consume(end);
        }
        message.pop();
        let message: Value = serde_json::from_slice(&message).unwrap();
        let parameters = &message["params"];
        match message["method"].as_str() {
            Some("Runtime.exceptionThrown" | "Log.entryAdded") => {
                self.complaints.push(parameters.to_string());
            }
            Some("Network.requestWillBeSent") => {
                self.requests.extend(parameters["request"]["url"].as_str().map(str::to_owned));
            }
            _ => {}
        }
        message
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It ends when its orders do.
        drop(self.orders.take());
        let gone = || self.child.try_wait().is_ok_and(|status| status.is_some());
        if !std::thread::panicking() {
            wait_until("the browser to end", gone);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The bytes of base64 (RFC 4648, section 4), which is how pictures come.
fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0);
    for digit in text.bytes().filter(|digit| *digit != b'=') {
        let value = DIGITS.iter().position(|known| *known == digit).expect("base64");
        bits = bits << 6 | u32::try_from(value).unwrap();
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).unwrap());
        }
    }
    bytes
}
