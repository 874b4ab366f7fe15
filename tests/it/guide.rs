//! What the guides say is so.

use std::fs;
use std::path::Path;

use crate::harness::cli::Cli;
use crate::tidy::{ROOT, page, source_files};

/// All that the documentation of Node's `cluster` names.
const OF_NODE: &[&str] = &[
    "isPrimary",
    "isMaster",
    "isWorker",
    "cluster.worker`",
    "cluster.workers",
    "cluster.settings",
    "cluster.fork()",
    "cluster.disconnect()",
    "setupPrimary",
    "setupMaster",
    "schedulingPolicy",
    "SCHED_NONE",
    "SCHED_RR",
    "NODE_CLUSTER_SCHED_POLICY",
    "NODE_UNIQUE_ID",
    "`exec`",
    "`args`",
    "`execArgv`",
    "`cwd`",
    "`serialization`",
    "`silent`",
    "`stdio`",
    "`uid`",
    "`gid`",
    "`inspectPort`",
    "`windowsHide`",
    "worker.id",
    "worker.process",
    "exitedAfterDisconnect",
    "worker.send()",
    "process.send()",
    "worker.disconnect()",
    "worker.kill()",
    "destroy()",
    "isConnected()",
    "isDead()",
    "| `fork` |",
    "| `online` |",
    "| `listening` |",
    "| `message` |",
    "| `disconnect` |",
    "| `exit` |",
    "`setup`",
    "| `error`",
    "`readableAll`",
    "`backlog`",
    "`ipv6Only`",
    "`exclusive: true`",
    "`server.maxConnections`",
];

/// The rows of a guide's tables below this head: what it is there, what it is here, and the test that shows it.
fn rows(text: &str, heads: &[&str]) -> Vec<[String; 3]> {
    let cells = |line: &str| {
        let cells: Vec<String> =
            line.split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect();
        <[String; 5]>::try_from(cells).ok().map(|[_, there, here, test, _]| [there, here, test])
    };
    let table =
        |line: &&str| line.starts_with("| ") && !heads.iter().any(|head| line.starts_with(head));
    text.lines().filter(table).map(|line| cells(line).expect(line)).collect()
}

/// There is such a test: `FILE::FUNCTION`.
fn is_declared(test: &str) -> bool {
    let (file, function) = test.split_once("::").expect("FILE::FUNCTION");
    let path = Path::new(ROOT).join("tests/it").join(file).with_extension("rs");
    let source = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{test}: {error}"));
    let head = format!("fn {function}() {{");
    let mut pairs = source.lines().zip(source.lines().skip(1));
    pairs.any(|(before, line)| before == "#[test]" && line == head)
}

fn guide(name: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join("framework/src/guide").join(name)).unwrap()
}

#[test]
fn each_thing_of_nodes_cluster_has_its_row_and_each_row_its_test() {
    let text = guide("node.md");
    for name in OF_NODE {
        assert!(text.contains(name), "{name} is missing");
    }
    let rows = rows(&text, &["| Node | Evenkeel"]);
    assert!(rows.len() > 50, "{} rows", rows.len());
    for [there, here, test] in rows {
        if test.is_empty() {
            assert!(here.starts_with("absent: "), "{there} has no test");
        } else {
            assert!(is_declared(&test), "{there}: there is no test {test}");
        }
    }
}

#[test]
fn each_verb_of_the_command_line_has_its_row_and_each_row_its_test() {
    let text = guide("pm2.md");
    let (_, from) = text.split_once("## Each verb").unwrap();
    let rows = rows(from.split("\n## ").next().unwrap(), &["| verb |"]);
    for [verb, _, test] in &rows {
        assert!(is_declared(test), "{verb}: there is no test {test}");
    }
    let help = Cli::new().done(&["--help"]);
    let (_, verbs) = help.split_once("Commands:\n").unwrap();
    let verbs = verbs.lines().take_while(|line| !line.is_empty());
    // What goes on in the next line is deeper.
    let verbs: Vec<&str> = verbs
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|verb| *verb != "help")
        .collect();
    assert!(verbs.len() > 12, "{help}");
    for verb in verbs {
        let named =
            |row: &[String; 3]| row[0].split(|c: char| !c.is_alphanumeric()).next() == Some(verb);
        assert!(rows.iter().any(named), "{verb} has no row");
    }
}

#[test]
fn what_is_said_of_security_has_its_tests() {
    let sources = source_files("framework/src").into_iter().chain(source_files("tests/it"));
    let sources: String = sources.map(|(_, text)| text).collect();
    let text = page("SECURITY.md");
    let spans = text.split('`').skip(1).step_by(2).filter(|span| !span.contains("Server::"));
    let tests: Vec<&str> = spans.filter_map(|span| Some(span.rsplit_once("::")?.1)).collect();
    assert!(tests.len() > 25, "{tests:?}");
    for test in tests {
        let head = format!("#[test]\nfn {test}() {{");
        let within = format!("#[test]\n    fn {test}() {{");
        assert!(sources.contains(&head) || sources.contains(&within), "there is no test {test}");
    }
}
