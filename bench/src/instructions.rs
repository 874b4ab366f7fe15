//! Instructions that a request costs in the protocol alone: head, framing, the handler's call, encoding.
//! Times tell little on a shared machine; counts are the same each time. They differ between CPUs, since
//! parsers choose their vector instructions when they run, and between compilers, so budgets leave a
//! margin. They are counted on the CPU that valgrind shows, which has AVX2 where the real one has it.

mod budget;
mod cases;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use evenkeel::internals::rehearse;

use crate::columns;
use budget::Budget;
use cases::CASES;

/// What to do with the counts.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Fail when a case is above its budget
    #[arg(long)]
    check: bool,
    /// Make what was counted the budget
    #[arg(long, conflicts_with = "check")]
    write: bool,
    /// File of the budgets
    #[arg(long, value_name = "FILE", default_value = "bench/budget.csv")]
    budget: PathBuf,
}

/// One case under callgrind.
#[derive(Args, Debug)]
pub(crate) struct Rehearsal {
    case: String,
    times: u32,
}

/// Each case runs so often, and twice as often: the difference is free of the start and the end.
const TIMES: u32 = 100;

pub(crate) fn run(options: &Options) -> Result<()> {
    let mut budget = Budget::read(&options.budget)?;
    let heads = ["case", "octets in", "instructions", "budget"].map(str::to_owned).to_vec();
    let (mut lines, mut over) = (vec![heads], Vec::new());
    for case in CASES {
        let counted = instructions(case.name)?;
        let most = budget.of(case.name);
        lines.push(vec![
            case.name.to_owned(),
            case.input().len().to_string(),
            counted.to_string(),
            most.map_or("none".to_owned(), |most| most.to_string()),
        ]);
        match most {
            None => over.push(format!("{}: no budget", case.name)),
            Some(most) if counted > most => {
                over.push(format!("{}: {counted} instructions, and {most} are allowed", case.name));
            }
            Some(most) if counted < most - most / 10 => {
                println!("{}: far below its budget, which can be lowered", case.name);
            }
            Some(_) => {}
        }
        budget.set(case.name, counted);
    }
    print!("instructions per request, by callgrind\n{}", columns::align(&lines));
    if cfg!(debug_assertions) {
        println!(
            "This build is not optimised: its counts tell nothing of one that is (--release)."
        );
    }
    if options.write {
        return budget.write(&options.budget);
    }
    ensure!(
        !options.check || over.is_empty(),
        "over budget; make it cheaper, or renew the budgets with --write and say why:\n{}",
        over.join("\n")
    );
    Ok(())
}

/// What callgrind runs.
pub(crate) fn rehearsal(options: &Rehearsal) -> Result<()> {
    let case = CASES.iter().find(|case| case.name == options.case).context("no such case")?;
    ensure!(rehearse(&case.input(), options.times) > 0, "nothing was answered");
    Ok(())
}

fn instructions(case: &str) -> Result<u64> {
    let folder = tempfile::tempdir()?;
    let [once, twice] = [TIMES, 2 * TIMES].map(|times| counted(case, times, folder.path()));
    let (once, twice) = (once?, twice?);
    let requests = CASES.iter().find(|known| known.name == case).map_or(1, |case| case.requests);
    Ok((twice - once) / u64::from(TIMES) / requests)
}

fn counted(case: &str, times: u32, folder: &Path) -> Result<u64> {
    let out = folder.join("callgrind.out");
    let mut valgrind = Command::new("valgrind");
    valgrind.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", out.display()));
    valgrind.arg(std::env::current_exe()?).args(["rehearsal", case, &times.to_string()]);
    let output = valgrind.stdin(Stdio::null()).output();
    let output = output.context("valgrind cannot be run: install it (Debian: valgrind)")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "valgrind: {said}");
    let text = std::fs::read_to_string(out)?;
    let summary = text
        .lines()
        .find_map(|line| line.strip_prefix("summary: ").or_else(|| line.strip_prefix("totals: ")));
    match summary.and_then(|count| count.trim().parse().ok()) {
        Some(count) => Ok(count),
        None => bail!("callgrind counted nothing: {said}"),
    }
}
