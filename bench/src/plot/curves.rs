//! Latency by percentile, both on log axes.

use super::{Anchor, FAINT, GRID, INK, Svg};
use crate::stats::float;

/// One server's latencies.
pub(crate) struct Curve {
    pub(crate) name: String,
    /// Drawn dashed.
    pub(crate) peer: bool,
    /// Share of the answers that were at least so quick, and milliseconds.
    pub(crate) points: Vec<(f64, f64)>,
}

const COLOURS: [&str; 14] = [
    "#1f5fa8", "#17a2a2", "#2ca02c", "#8a4fbf", "#e69f00", "#d1372c", "#d6278f", "#111111",
    "#6b8e23", "#8c564b", "#c77cff", "#444444", "#999999", "#ff7f7f",
];
const LEFT: f64 = 64.0;
const TOP: f64 = 46.0;
const PLOT: (f64, f64) = (586.0, 360.0);
/// Percentiles on the axis. Each step is one tenth of the answers before.
const PERCENTILES: [(f64, &str); 5] =
    [(0.0, "0%"), (0.9, "90%"), (0.99, "99%"), (0.999, "99.9%"), (0.9999, "99.99%")];
/// The axis ends there; the slowest of all answers is drawn at its end.
const TENTHS_MAX: f64 = 4.0;

pub(crate) fn curves(title: &str, servers: &[Curve]) -> String {
    let mut svg = Svg::new(960.0, TOP + PLOT.1 + 60.0);
    svg.text((16.0, 24.0), Anchor::Start, 16, INK, title);
    let values = servers.iter().flat_map(|curve| &curve.points).map(|(_, y)| y.max(0.001));
    let (least, most) =
        values.fold((f64::INFINITY, 0.0f64), |(low, high), y| (low.min(y), high.max(y)));
    let low = if least.is_finite() { least.log10().floor() } else { 0.0 };
    let high = most.max(0.001).log10().ceil().max(low + 1.0);
    let y_of = |milliseconds: f64| {
        let share = (milliseconds.max(0.001).log10() - low) / (high - low);
        TOP + PLOT.1 * (1.0 - share)
    };
    let x_of = |share: f64| {
        let tenths = -(1.0 - share).max(1e-9).log10();
        LEFT + PLOT.0 * (tenths / TENTHS_MAX).min(1.0)
    };
    let mut decade = low;
    while decade <= high {
        let y = y_of(10f64.powf(decade));
        svg.line((LEFT, y), (LEFT + PLOT.0, y), GRID);
        let label = format!("{} ms", 10f64.powf(decade));
        svg.text((LEFT - 6.0, y + 4.0), Anchor::End, 11, FAINT, &label);
        decade += 1.0;
    }
    for (share, label) in PERCENTILES {
        let x = x_of(share);
        svg.line((x, TOP), (x, TOP + PLOT.1), GRID);
        svg.text((x, TOP + PLOT.1 + 16.0), Anchor::Middle, 11, FAINT, label);
    }
    let note =
        "share of the answers that were at least so quick; latency counts from the intended start";
    svg.text((LEFT, TOP + PLOT.1 + 38.0), Anchor::Start, 11, FAINT, note);
    for (place, curve) in servers.iter().enumerate() {
        let points: Vec<_> = curve.points.iter().map(|(x, y)| (x_of(*x), y_of(*y))).collect();
        svg.path(&points, COLOURS[place % COLOURS.len()], curve.peer);
    }
    legend(&mut svg, servers);
    svg.finish(title)
}

/// The slowest first, as the curves end.
fn legend(svg: &mut Svg, servers: &[Curve]) {
    let p99 = |curve: &Curve| {
        let point = curve.points.iter().find(|(share, _)| *share >= 0.99);
        point.map_or(0.0, |(_, milliseconds)| *milliseconds)
    };
    let mut order: Vec<(usize, &Curve)> = servers.iter().enumerate().collect();
    order.sort_by(|(_, a), (_, b)| p99(b).total_cmp(&p99(a)));
    svg.text((950.0, TOP + 2.0), Anchor::End, 11, FAINT, "p99, ms");
    for (row, (place, curve)) in order.into_iter().enumerate() {
        let (x, y) = (LEFT + PLOT.0 + 16.0, TOP + 22.0 + float(row) * 20.0);
        svg.path(&[(x, y - 4.0), (x + 20.0, y - 4.0)], COLOURS[place % COLOURS.len()], curve.peer);
        svg.text((x + 26.0, y), Anchor::Start, 12, INK, &curve.name);
        svg.text((950.0, y), Anchor::End, 12, INK, &format!("{:.2}", p99(curve)));
    }
}
