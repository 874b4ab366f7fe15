//! All applications. Nobody is asked: it is read from the runtime directory.

use std::collections::BTreeMap;

use evenkeel::apps::{App, apps};
use evenkeel::internals::total;
use evenkeel::{Phase, Snapshot, WorkerSnapshot};
use serde_json::{Value, json};

use crate::cli::Cli;
use crate::figures::{age, memory, private_memory, since};
use crate::outcome::Failure;
use crate::table::{Column, numbers, table, terminal_width, words};
use crate::{print, saved};

const COLUMNS: [Column; 11] = [
    words("name", 0),
    numbers("pid", 0),
    words("state", 0),
    numbers("workers", 0),
    words("address", 1),
    words("policy", 5),
    numbers("uptime", 2),
    numbers("requests", 3),
    numbers("open", 6),
    numbers("deaths", 7),
    numbers("memory", 4),
];

/// What is shown of one application.
struct Row {
    name: String,
    app: Option<App>,
    saved: bool,
    now: Option<Snapshot>,
    address: String,
}

/// `evenkeel list`.
pub(crate) fn list(cli: &Cli) -> Result<u8, Failure> {
    let rows = rows()?;
    if cli.json {
        print::json(&rows.iter().map(Row::json).collect::<Vec<_>>());
    } else if rows.is_empty() {
        print::line("no application runs, and none is saved");
    } else {
        let cells: Vec<Vec<String>> = rows.iter().map(Row::cells).collect();
        print::line(table(&COLUMNS, &cells, terminal_width()));
    }
    Ok(0)
}

fn rows() -> Result<Vec<Row>, Failure> {
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for (name, application) in saved::load()?.app {
        let address = application.settings.listen.unwrap_or_default().join(", ");
        rows.insert(name.clone(), Row { name, app: None, saved: true, now: None, address });
    }
    for app in apps()? {
        let name = app.record.name.clone();
        let saved = rows.contains_key(&name);
        let now = app.snapshot();
        let address = app.record.addresses.join(", ");
        rows.insert(name.clone(), Row { name, app: Some(app), saved, now, address });
    }
    Ok(rows.into_values().collect())
}

impl Row {
    fn running(&self) -> Option<&App> {
        self.app.as_ref().filter(|app| app.is_running())
    }

    fn workers(&self) -> impl Iterator<Item = &WorkerSnapshot> {
        self.now.iter().flat_map(|now| &now.workers)
    }

    /// Ready, and all that are there or are to come.
    fn count(&self) -> (usize, usize) {
        let here = self.workers().filter(|worker| worker.phase != Phase::Vacant);
        (self.workers().filter(|worker| worker.phase == Phase::Ready).count(), here.count())
    }

    fn sum(&self, of: fn(&WorkerSnapshot) -> u64) -> u64 {
        total(self.workers().map(of))
    }

    /// Replacements that were wished are none.
    fn deaths(&self) -> u64 {
        self.now.as_ref().map_or(0, |now| now.deaths)
    }

    fn memory(&self) -> u64 {
        let master = self.running().map(|app| app.record.pid);
        let workers = self.workers().map(|worker| worker.pid).filter(|pid| *pid != 0);
        workers.chain(master).map(private_memory).sum()
    }

    fn state(&self) -> &'static str {
        if self.running().is_some() { "running" } else { "stopped" }
    }

    fn cells(&self) -> Vec<String> {
        let mut cells = vec![self.name.clone()];
        let Some(app) = self.running() else {
            let dash = || "-".to_owned();
            cells.extend([dash(), self.state().to_owned(), dash(), self.address.clone()]);
            cells.resize_with(COLUMNS.len(), dash);
            return cells;
        };
        let (ready, here) = self.count();
        // A program that is not ours counts nothing.
        let counted =
            |of| if app.record.foreign { "-".to_owned() } else { self.sum(of).to_string() };
        cells.extend([
            app.record.pid.to_string(),
            self.state().to_owned(),
            format!("{ready}/{here}"),
            self.address.clone(),
            app.record.policy.clone(),
            age(since(app.record.started)),
            counted(|worker| worker.requests),
            counted(|worker| worker.open),
            self.deaths().to_string(),
            memory(self.memory()),
        ]);
        cells
    }

    fn json(&self) -> Value {
        let running = self.running();
        let (ready, here) = self.count();
        // A program that is not ours counts nothing.
        let foreign = running.is_some_and(|app| app.record.foreign);
        let counted = |of| (!foreign).then(|| self.sum(of));
        json!({
            "name": self.name,
            "ok": true,
            "state": self.state(),
            "saved": self.saved,
            "pid": running.map(|app| app.record.pid),
            "workers_ready": ready,
            "workers": here,
            "addresses": running.map(|app| &app.record.addresses),
            "policy": running.map(|app| &app.record.policy),
            "foreign": running.map(|app| app.record.foreign),
            "uptime_s": running.map(|app| since(app.record.started)),
            "requests": counted(|worker| worker.requests),
            "open": counted(|worker| worker.open),
            "deaths": self.deaths(),
            "respawns": self.sum(|worker| worker.respawns),
            "memory_bytes": self.memory(),
        })
    }
}
