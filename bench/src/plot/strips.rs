//! Workers over time, darker where more requests were answered.

use std::fmt::Write as _;

use super::{Anchor, FAINT, INK, Svg};
use crate::stats::float;

/// One server: a row for each worker, a number for each part of the time.
pub(crate) struct Strip {
    pub(crate) name: String,
    pub(crate) rows: Vec<Vec<u32>>,
}

const COLUMNS: usize = 2;
const PANEL_WIDTH: f64 = 480.0;
const CELLS_WIDTH: f64 = 436.0;
const ROW: f64 = 11.0;
const HEAD: f64 = 44.0;
/// From no request to twice the mean.
const SHADES: [&str; 9] = [
    "#f2f2f2", "#dbe9f6", "#bad6eb", "#89bedc", "#539ecd", "#2b7bba", "#0b559f", "#083a75",
    "#041e42",
];
const MEAN_IN_SHADES: f64 = 4.0;

pub(crate) fn strips(title: &str, servers: &[Strip]) -> String {
    let workers = servers.iter().map(|strip| strip.rows.len()).max().unwrap_or(0);
    let panel_height = 34.0 + float(workers) * ROW;
    let rows = float(servers.len().div_ceil(COLUMNS));
    let mut svg = Svg::new(PANEL_WIDTH * float(COLUMNS), HEAD + 14.0 + rows * panel_height);
    svg.text((16.0, 24.0), Anchor::Start, 16, INK, title);
    let key = "A row is a worker, time runs to the right. Grey: no request arrived for it that it \
               answered; medium blue: the mean; dark: twice the mean or more.";
    svg.text((16.0, HEAD), Anchor::Start, 12, FAINT, key);
    for (place, strip) in servers.iter().enumerate() {
        let left = 22.0 + float(place % COLUMNS) * PANEL_WIDTH;
        let top = HEAD + 10.0 + float(place / COLUMNS) * panel_height;
        svg.text((left, top + 18.0), Anchor::Start, 12, INK, &strip.name);
        cells(&mut svg, (left, top + 24.0), &strip.rows);
    }
    svg.finish(title)
}

fn cells(svg: &mut Svg, (left, top): (f64, f64), rows: &[Vec<u32>]) {
    let bins = rows.first().map_or(1, Vec::len);
    let total: u64 = rows.iter().flatten().map(|count| u64::from(*count)).sum();
    let mean = float(total) / float(bins * rows.len()).max(1.0);
    let width = CELLS_WIDTH / float(bins);
    // One path for each shade keeps the file small.
    let mut paths = [const { String::new() }; SHADES.len()];
    for (row, counts) in rows.iter().enumerate() {
        let middle = top + float(row) * ROW + ROW / 2.0;
        for (bin, count) in counts.iter().enumerate() {
            let path = &mut paths[shade(*count, mean)];
            let _ = write!(path, "M{:.1} {middle:.1}h{width:.2}", left + float(bin) * width);
        }
    }
    for (path, shade) in paths.iter().zip(SHADES).filter(|(path, _)| !path.is_empty()) {
        let thick = ROW - 1.0;
        let _ = writeln!(
            svg.body,
            r#"<path d="{path}" fill="none" stroke="{shade}" stroke-width="{thick}"/>"#
        );
    }
}

fn shade(count: u32, mean: f64) -> usize {
    // Any request is seen.
    let least = f64::from(count.min(1));
    let shade = f64::from(count) / mean.max(f64::MIN_POSITIVE) * MEAN_IN_SHADES;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 8")]
    let shade = shade.round().clamp(least, float(SHADES.len() - 1)) as usize;
    shade
}
