//! How answers are shown.

use evenkeel::control::{Status, WorkerStatus};

use crate::answer::Answer;
use crate::figures::age;
use crate::print;
use crate::table::{Column, numbers, table, terminal_width, words};
use crate::visible;

const COLUMNS: [Column; 10] = [
    numbers("worker", 0),
    numbers("pid", 0),
    words("phase", 0),
    numbers("age", 3),
    numbers("generation", 5),
    numbers("connections", 2),
    numbers("open", 1),
    numbers("requests", 0),
    numbers("errors", 4),
    numbers("hangs", 6),
];

/// Its name is said where there are, or could be, several.
pub(crate) fn answer(answer: &Answer, several: bool) {
    let name = answer.name.as_deref().filter(|_| several);
    let name = name.map_or_else(String::new, |name| format!("{name}: "));
    if let Some(status) = &answer.status {
        print::line(format!("{name}{}\n{}", summary(status), workers(&status.workers)));
    } else if answer.ok() {
        print::line(visible::text(&format!("{name}{}", answer.text)));
    } else {
        print::error(format!("{name}{}", answer.text));
    }
}

fn summary(status: &Status) -> String {
    let Status { pid, address, policy, doing, workers_ready, workers_wanted, .. } = status;
    let dispatcher = status.dispatcher.as_ref();
    let dispatcher = dispatcher.map_or_else(String::new, |dispatcher| {
        format!(", dispatcher {} ({})", dispatcher.pid, dispatcher.phase)
    });
    let why = status.policy_why.as_deref();
    let why = why.map_or_else(String::new, |why| {
        format!("\npolicy auto is {policy}: {}", visible::text(why))
    });
    let summary = format!(
        "master {pid} on {address}, policy {policy}, {doing}: {workers_ready} of {workers_wanted} \
         workers ready{dispatcher}"
    );
    visible::text(&summary) + &why
}

pub(crate) fn workers(workers: &[WorkerStatus]) -> String {
    let row = |worker: &WorkerStatus| {
        let counted = |count: u64| if worker.counts { count.to_string() } else { "-".to_owned() };
        vec![
            worker.slot.to_string(),
            if worker.pid == 0 { "-".to_owned() } else { worker.pid.to_string() },
            worker.phase.clone(),
            age(worker.age_s),
            worker.generation.to_string(),
            counted(worker.accepted),
            counted(worker.open),
            counted(worker.requests),
            counted(worker.errors),
            worker.hangs.to_string(),
        ]
    };
    let rows: Vec<Vec<String>> = workers.iter().map(row).collect();
    table(&COLUMNS, &rows, terminal_width())
}
