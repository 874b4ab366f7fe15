//! Who gets the connections, and what it costs the slowest request.

mod csv;
mod disturb;
mod html;
mod machine;
mod measure;
mod report;
mod rows;
mod scenario;
mod settings;
mod table;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use tempfile::NamedTempFile;

use crate::interrupt;
use crate::procfs;
use crate::subject::{Kind, Start, Subject};
use report::Report;
use scenario::Scenario;
use settings::Settings;

pub(crate) use settings::Options;

pub(crate) fn run(options: &Options) -> Result<()> {
    let kinds = Kind::named(&options.only)?;
    let scenarios = Scenario::named(&options.scenario)?;
    procfs::check()?;
    // A folder that cannot be written is found before the measurement, not after it.
    if let Some(folder) = &options.out {
        fs::create_dir_all(folder).and_then(|()| NamedTempFile::new_in(folder)).with_context(
            || format!("cannot write to {}: choose another --out", folder.display()),
        )?;
    }
    let mut settings = Settings::of(options);
    if settings.rate.is_none() && scenarios.iter().any(Scenario::is_open) {
        let capacity = measure::capacity(&settings)?;
        settings.capacity = Some(capacity);
        settings.rate = Some(options.share * capacity);
    }
    let mut report = Report::new(&settings);
    report.cut_short = match measure_all(&mut report, &kinds, &scenarios, &settings) {
        // An interrupted run may fail in any way.
        _ if interrupt::requested() => Some("interrupted".to_owned()),
        Err(error) => Some(format!("{error:#}")),
        Ok(()) => None,
    };
    table::print(&report, &scenarios);
    if let Some(folder) = &options.out {
        write(&report, &scenarios, folder)?;
    }
    match report.cut_short {
        Some(why) => bail!("{why}: these are the runs that were finished"),
        None => Ok(()),
    }
}

/// Servers take turns in each scenario, another one first in each repetition, and scenarios in each
/// repetition, so that what disturbs the machine disturbs all alike.
fn measure_all(
    report: &mut Report,
    kinds: &[Kind],
    scenarios: &[Scenario],
    settings: &Settings,
) -> Result<()> {
    let runs = settings.repetitions as usize * scenarios.len() * kinds.len();
    let bar = ProgressBar::new(runs as u64).with_style(ProgressStyle::with_template(
        "{elapsed_precise} [{bar:30}] {pos}/{len} {msg}",
    )?);
    for repetition in 1..=settings.repetitions {
        let mut subjects: Vec<Subject> = Vec::new();
        for kind in kinds {
            bar.set_message(format!("starts {}", kind.name));
            match kind.start(settings.workers)? {
                Start::Running(subject) => subjects.push(subject),
                Start::Skipped(why) => report.skip(&kind.name, None, &why),
            }
            interrupt::check()?;
        }
        for scenario in scenarios {
            let turns = subjects.iter().cycle().skip(repetition as usize - 1);
            for subject in turns.take(subjects.len()) {
                bar.set_message(format!("{} · {}", scenario.name, subject.name()));
                bar.inc(1);
                if let Some(reason) = scenario.skips(subject) {
                    report.skip(subject.name(), Some(scenario.name), reason);
                    continue;
                }
                report.runs.push(measure::run(subject, scenario, settings, repetition)?);
            }
        }
    }
    bar.finish_and_clear();
    Ok(())
}

fn write(report: &Report, scenarios: &[Scenario], folder: &Path) -> Result<()> {
    let save = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    save("results.json", &report.json()?)?;
    save("results.csv", &csv::text(report)?)?;
    for (name, picture) in html::pictures(report, scenarios) {
        save(&name, &picture)?;
    }
    save("report.html", &html::page(report, scenarios))
}
