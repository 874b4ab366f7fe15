//! `report.html`, whole in itself, and its pictures as files.

use std::fmt::Write as _;

use super::report::{Report, Run, SHARES, middle, typical};
use super::rows::{self, milliseconds};
use super::scenario::Scenario;
use crate::plot::{Bars, Curve, Strip, bars, curves, escape, strips};

/// Each picture's file name and text.
pub(super) fn pictures(report: &Report, scenarios: &[Scenario]) -> Vec<(String, String)> {
    scenarios.iter().flat_map(|scenario| of_scenario(report, scenario)).collect()
}

fn of_scenario(report: &Report, scenario: &Scenario) -> Vec<(String, String)> {
    let groups = report.by_server(scenario.name);
    if groups.is_empty() {
        return Vec::new();
    }
    let Scenario { name, title, .. } = scenario;
    let mut all = vec![(format!("shares-{name}.svg"), bars(title, &shares(&groups)))];
    if scenario.is_open() {
        let heading = format!("{title}: latency of the short requests");
        all.push((format!("latency-{name}.svg"), curves(&heading, &latencies(&groups))));
        let heading = format!("{title}: workers over time");
        all.push((format!("time-{name}.svg"), strips(&heading, &over_time(&groups))));
    }
    all
}

fn shares(groups: &[(&str, Vec<&Run>)]) -> Vec<Bars> {
    let shown = groups.iter().filter_map(|(server, runs)| {
        let run = typical(runs)?;
        let note = run.evenness.map_or(String::new(), |figures| {
            let p = match figures.p_value {
                small if small < 0.01 => "p < 0.01".to_owned(),
                value => format!("p = {value:.2}"),
            };
            format!("CoV {:.3} (by chance {:.3}), {p}", figures.cov, figures.cov_by_chance)
        });
        Some(Bars { name: (*server).to_owned(), note, counts: run.connections.clone() })
    });
    shown.collect()
}

fn latencies(groups: &[(&str, Vec<&Run>)]) -> Vec<Curve> {
    let shown = groups.iter().map(|(server, runs)| {
        let at = |place: usize| {
            middle(runs, |run| Some(milliseconds(*run.short.as_ref()?.curve_us.get(place)?)))
        };
        let points = SHARES.iter().enumerate().map(|(place, share)| (*share, at(place)));
        let points = points.filter(|(_, milliseconds)| milliseconds.is_finite()).collect();
        let peer = !server.starts_with("evenkeel");
        Curve { name: (*server).to_owned(), peer, points }
    });
    shown.collect()
}

fn over_time(groups: &[(&str, Vec<&Run>)]) -> Vec<Strip> {
    let shown = groups.iter().filter_map(|(server, runs)| {
        let rows = runs.iter().find_map(|run| run.strip.clone())?;
        Some(Strip { name: (*server).to_owned(), rows })
    });
    shown.collect()
}

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:1240px;margin:2em auto;padding:0 \
1em;color:#222;background:#fff}h2{margin-top:2.5em}table{border-collapse:collapse;font-size:13px;\
font-variant-numeric:tabular-nums;margin:1em 0}td,th{padding:2px 6px;text-align:right;border-bottom:1px \
solid #e3e3e3}td:first-child,th:first-child{text-align:left;white-space:nowrap}\
svg{max-width:100%;height:auto;margin:.5em 0}.legend{font-size:13px;color:#555}\
.wide{overflow-x:auto}nav a{margin-right:1em}code{background:#f4f4f4;padding:1px 4px}";

pub(super) fn page(report: &Report, scenarios: &[Scenario]) -> String {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Who gets the \
         connections</title><style>{STYLE}</style>\n<h1>Who gets the connections</h1>\n"
    );
    let machine = &report.machine;
    let _ = writeln!(
        page,
        "<p>{} workers; {} repetitions, servers take turns. {}, {} CPUs, kernel {}; {}. Seed \
         {}.</p>\n<p><code>{}</code></p>",
        report.workers,
        report.repetitions,
        escape(&machine.cpu_model),
        machine.cpus,
        escape(&machine.kernel),
        escape(&machine.peers.join(", ")),
        report.seed,
        escape(&report.command),
    );
    let legend = rows::LEGEND.map(escape).join("<br>");
    let _ = writeln!(page, "<p class=\"legend\">{legend}</p>");
    for remark in report.remarks() {
        let _ = writeln!(page, "<p><strong>{}</strong></p>", escape(&remark));
    }
    for skip in &report.skipped {
        let _ = writeln!(page, "<p>Skipped: {}.</p>", escape(&skip.to_string()));
    }
    let measured = |scenario: &&Scenario| !report.by_server(scenario.name).is_empty();
    page.push_str("<nav>");
    for scenario in scenarios.iter().filter(measured) {
        let _ = write!(page, "<a href=\"#{0}\">{0}</a>", scenario.name);
    }
    page.push_str("</nav>\n");
    for scenario in scenarios.iter().filter(measured) {
        let groups = report.by_server(scenario.name);
        let _ = writeln!(page, "<h2 id=\"{}\">{}</h2>", scenario.name, escape(scenario.title));
        if scenario.is_open() {
            let _ = writeln!(page, "<p>{}</p>", escape(&arrivals(report)));
        }
        page.push_str(&table(scenario, &groups));
        for (_, picture) in of_scenario(report, scenario) {
            page.push_str(&picture);
        }
    }
    page.push_str("</html>\n");
    page
}

fn arrivals(report: &Report) -> String {
    let rate = report.rate_per_second.unwrap_or(0.0);
    let capacity = report.capacity_per_second.map_or(String::new(), |capacity| {
        format!(
            "; in a closed loop the machine answered {capacity:.0} of the mixed ones per second"
        )
    });
    format!("{rate:.0} arrivals per second, each on a new connection{capacity}.")
}

fn table(scenario: &Scenario, groups: &[(&str, Vec<&Run>)]) -> String {
    let cells = |tag: &str, first: &str, cells: &[String]| -> String {
        let cell = |cell: &str| format!("<{tag}>{}</{tag}>", escape(cell));
        let others = cells.iter().map(|text| cell(text)).collect::<String>();
        format!("<tr>{}{others}</tr>\n", cell(first))
    };
    let mut text = "<div class=\"wide\">".to_owned();
    let mut add = |heads: &[&str], row: fn(&[&Run]) -> Vec<String>| {
        let heads: Vec<String> = heads.iter().map(|head| (*head).to_owned()).collect();
        text.push_str("<table>");
        text.push_str(&cells("th", "server", &heads));
        for (server, runs) in groups {
            text.push_str(&cells("td", server, &row(runs)));
        }
        text.push_str("</table>");
    };
    add(&rows::EVENNESS, rows::evenness);
    if scenario.is_open() {
        add(&rows::LATENCY, rows::latency);
    }
    text.push_str("</div>\n");
    text
}
