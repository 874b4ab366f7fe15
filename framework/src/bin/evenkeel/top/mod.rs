//! Workers live, read from the scoreboards.

mod sample;
mod screen;

use std::time::{Duration, Instant};

use evenkeel::apps::App;
use serde_json::Value;

use crate::cli::Cli;
use crate::outcome::Failure;
use crate::print;
use crate::table::terminal_width;
use crate::target::{Target, running, targets};
use sample::Sample;
use screen::{Screen, Wish};

/// `evenkeel top`.
pub(crate) fn top(cli: &Cli, names: &[String], once: bool, interval: f64) -> Result<u8, Failure> {
    let interval = Duration::from_secs_f64(interval);
    let mut before = look(cli, names)?;
    if once || cli.json {
        std::thread::sleep(interval);
        let now = look(cli, names)?;
        if cli.json {
            let all: Vec<Value> = pairs(&before, &now).map(|(old, new)| new.json(old)).collect();
            print::json(&all);
        } else {
            print::line(text(&before, &now, terminal_width()));
        }
        return Ok(0);
    }
    let screen = Screen::open()?;
    let mut now = before.clone();
    loop {
        let (width, _) = Screen::size();
        Screen::draw(&text(&before, &now, Some(width)))?;
        let until = Instant::now() + interval;
        match screen.wait(until)? {
            Wish::End => return Ok(0),
            Wish::Redraw => {}
            Wish::Look => {
                let next = look(cli, names)?;
                before = std::mem::replace(&mut now, next);
            }
        }
    }
}

/// All that are named, or all that run.
fn look(cli: &Cli, names: &[String]) -> Result<Vec<Sample>, Failure> {
    let apps: Vec<App> = if names.is_empty() && cli.control.is_none() {
        running()?
    } else {
        targets(cli, names)?.into_iter().map(Target::known).collect::<Result<_, _>>()?
    };
    Ok(apps.iter().filter_map(Sample::of).collect())
}

fn pairs<'a>(
    before: &'a [Sample],
    now: &'a [Sample],
) -> impl Iterator<Item = (Option<&'a Sample>, &'a Sample)> {
    now.iter().map(|new| (before.iter().find(|old| old.is_of(new)), new))
}

fn text(before: &[Sample], now: &[Sample], width: Option<u16>) -> String {
    if now.is_empty() {
        return "no application runs".to_owned();
    }
    let parts: Vec<String> = pairs(before, now).map(|(old, new)| new.text(old, width)).collect();
    parts.join("\n\n")
}
