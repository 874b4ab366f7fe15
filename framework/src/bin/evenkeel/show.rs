//! How answers are printed.
#![allow(clippy::print_stdout, reason = "this is the program's output")]

use comfy_table::TableStyle;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use evenkeel::control::{Reply, Status, WorkerStatus};

pub(crate) fn print(reply: &Reply, json: bool) {
    if json {
        // Made of plain data, which can always be written.
        println!("{}", serde_json::to_string(reply).unwrap_or_default());
    } else if let Some(status) = &reply.status {
        println!("{}\n{}", summary(status), table(&status.workers));
    } else if reply.ok {
        println!("{}", reply.text);
    } else {
        eprintln!("error: {}", reply.text);
    }
}

fn summary(status: &Status) -> String {
    let Status { pid, address, policy, doing, workers_ready, workers_wanted, .. } = status;
    let dispatcher = status.dispatcher.as_ref();
    let dispatcher = dispatcher.map_or_else(String::new, |dispatcher| {
        format!(", dispatcher {} ({})", dispatcher.pid, dispatcher.phase)
    });
    let why = status.policy_why.as_deref();
    let why = why.map_or_else(String::new, |why| format!("\npolicy auto is {policy}: {why}"));
    format!(
        "master {pid} on {address}, policy {policy}, {doing}: {workers_ready} of {workers_wanted} \
         workers ready{dispatcher}{why}"
    )
}

fn table(workers: &[WorkerStatus]) -> Table {
    let mut table = Table::new();
    table.load_style(TableStyle::new()).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header([
        "worker",
        "pid",
        "phase",
        "age",
        "generation",
        "connections",
        "open",
        "requests",
        "errors",
        "hangs",
    ]);
    for worker in workers {
        table.add_row([
            worker.slot.to_string(),
            if worker.pid == 0 { "-".to_owned() } else { worker.pid.to_string() },
            worker.phase.clone(),
            age(worker.age_s),
            worker.generation.to_string(),
            worker.accepted.to_string(),
            worker.open.to_string(),
            worker.requests.to_string(),
            worker.errors.to_string(),
            worker.hangs.to_string(),
        ]);
    }
    for (at, column) in table.column_iter_mut().enumerate() {
        // Words to the left, numbers to the right.
        let words = at == 2;
        column.set_cell_alignment(if words { CellAlignment::Left } else { CellAlignment::Right });
    }
    table
}

/// The largest unit, as `ps` and PM2 show it.
fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}
