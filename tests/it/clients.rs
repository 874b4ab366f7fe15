//! Clients that were made by others.

use std::ffi::OsString;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use crate::harness::app::{App, NONE, intakes};
use crate::harness::privilege::skip;

const INHERITED: &[&str] = &["--listener", "inherited"];

/// Names the folder that has `node_modules/undici`; otherwise it is looked for beside the scripts.
const FOLDER_OF_PACKAGES: &str = "EVENKEEL_NODE_PACKAGES";
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/clients");

fn app(arguments: &[&str]) -> App {
    App::demo(&[&["--workers", "2"], arguments].concat())
}

fn curl(app: &App, targets: &[&str], arguments: &[&str]) -> Command {
    let mut command = Command::new("curl");
    command.args(["-sS", "--max-time", "20"]).args(arguments);
    command.args(targets.iter().map(|target| format!("http://127.0.0.1:{}{target}", app.port)));
    command
}

/// What it wrote, if it was content.
fn content(command: &mut Command, input: &[u8]) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it is installed");
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // It may end without having read all.
    let writing = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    let _ = writing.join().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {text}{}", said(&output));
    output
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Below the demo's limit for bodies that it holds in memory.
fn body() -> Vec<u8> {
    (0..900_000u32).map(|n| u8::try_from(n % 251).unwrap()).collect()
}

#[test]
fn curl_keeps_its_connection_for_two_urls() {
    for arguments in intakes() {
        let app = app(arguments);
        let connects = &["-w", "%{num_connects} "];
        let output = content(&mut curl(&app, &["/", "/", "/stream?kib=1", "/"], connects), b"");
        let said = said(&output);
        assert!(said.starts_with("hello\n1 hello\n0 "), "{arguments:?}: {said}");
        assert!(said.ends_with("\n0 hello\n0 "), "{arguments:?}: {said}");
        app.stop();
    }
}

#[test]
fn curl_gets_heads_answers_of_1_0_and_parts_of_files() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file.txt"), "0123456789").unwrap();
    let app = app(&["--files", folder.path().to_str().unwrap()]);
    let get =
        |target, arguments: &[&str]| said(&content(&mut curl(&app, &[target], arguments), b""));
    let head = get("/", &["-I"]);
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("Content-Length: 6\r\n"), "{head}");
    let old = get("/", &["-i", "--http1.0"]);
    assert!(old.contains("Connection: close\r\n") && old.ends_with("\r\n\r\nhello\n"), "{old}");
    // Without a coding that it knows, the end of the connection is the end of the answer.
    assert_eq!(get("/stream?kib=10", &["--http1.0"]).len(), 10 << 10);
    assert_eq!(get("/files/file.txt", &["-r", "2-4"]), "234");
    assert_eq!(get("/files/file.txt", &["-C", "7"]), "789");
    app.stop();
}

#[test]
fn curl_sends_bodies_in_each_way_it_knows() {
    for arguments in [NONE, INHERITED] {
        let app = app(arguments);
        let body = body();
        let expects = &["-v", "-H", "Expect: 100-continue", "--expect100-timeout", "20"];
        let known = content(curl(&app, &["/echo"], expects).args(["--data-binary", "@-"]), &body);
        assert!(known.stdout == body);
        let talk = String::from_utf8_lossy(&known.stderr).into_owned();
        assert!(talk.contains("< HTTP/1.1 100 Continue"), "{talk}");
        let chunked = &["-v", "-X", "POST", "-T", "-"];
        let chunked = content(&mut curl(&app, &["/echo", "/echo"], chunked), &body);
        let talk = String::from_utf8_lossy(&chunked.stderr).into_owned();
        assert!(talk.contains("> Transfer-Encoding: chunked"), "{talk}");
        assert!(chunked.stdout.starts_with(&body));
        let large = body.repeat(5);
        let counted = content(&mut curl(&app, &["/upload"], &["-X", "POST", "-T", "-"]), &large);
        assert!(said(&counted).starts_with("4500000 octets, "), "{}", said(&counted));
        app.stop();
    }
}

#[test]
fn curl_is_told_that_its_body_is_too_long_before_it_sends_it() {
    let app = app(&[]);
    let expects = ["-H", "Expect: 100-continue", "--expect100-timeout", "20"];
    let asks = ["--data-binary", "@-", "-w", "%{http_code} %{size_upload}"];
    let refused = content(curl(&app, &["/echo"], &expects).args(asks), &vec![b'x'; 2 << 20]);
    assert!(said(&refused).ends_with("413 0"), "{}", said(&refused));
    app.stop();
}

#[test]
fn http_client_of_python_is_content() {
    runs_its_checks("python3", "http_client.py", &[]);
}

#[test]
fn http_of_node_is_content() {
    runs_its_checks("node", "node_http.mjs", &[]);
}

#[test]
fn fetch_of_node_is_content() {
    runs_its_checks("node", "node_fetch.mjs", &[]);
}

#[test]
fn undici_is_content() {
    let folder = std::env::var_os(FOLDER_OF_PACKAGES).unwrap_or_else(|| SCRIPTS.into());
    if !std::path::Path::new(&folder).join("node_modules/undici").exists() {
        return skip("undici as a client", "the package undici");
    }
    runs_its_checks("node", "undici.mjs", &[folder]);
}

/// The scripts judge by themselves, each answer and all connections.
fn runs_its_checks(program: &str, script: &str, more: &[OsString]) {
    if !Command::new(program).arg("--version").output().is_ok_and(|it| it.status.success()) {
        return skip(script, program);
    }
    for arguments in [NONE, INHERITED] {
        let app = app(arguments);
        let mut command = Command::new(program);
        command.arg(format!("{SCRIPTS}/{script}")).arg(app.port.to_string()).args(more);
        let output = content(&mut command, b"");
        let well = said(&output).matches(": well\n").count();
        assert!(well > 3, "{arguments:?}: {}", said(&output));
        app.stop();
    }
}
