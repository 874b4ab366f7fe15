//! Shares of workers as bars, with the band that chance explains.

use super::{Anchor, Area, FAINT, GRID, INK, Svg};
use crate::stats::float;

/// One server's connections by worker.
pub(crate) struct Bars {
    pub(crate) name: String,
    /// Stands below the name.
    pub(crate) note: String,
    pub(crate) counts: Vec<u64>,
}

const COLUMNS: usize = 3;
const PANEL: (f64, f64) = (320.0, 168.0);
const HEAD: f64 = 44.0;
const PLOT_HEIGHT: f64 = 92.0;
/// The scale ends at so many fair shares; longer bars are cut off and say what they are.
const SCALE_IN_FAIR_SHARES: f64 = 2.5;
/// 99% of normally distributed values are within so many standard deviations.
const BAND: f64 = 2.576;

pub(crate) fn bars(title: &str, servers: &[Bars]) -> String {
    let rows = float(servers.len().div_ceil(COLUMNS));
    let mut svg = Svg::new(PANEL.0 * float(COLUMNS), HEAD + 14.0 + rows * PANEL.1);
    svg.text((16.0, 24.0), Anchor::Start, 16, INK, title);
    let key = "Each bar is one worker's share of the connections. Dashed: the fair share. Shaded: where \
               99% of shares fall when chance alone decides.";
    svg.text((16.0, HEAD), Anchor::Start, 12, FAINT, key);
    for (place, server) in servers.iter().enumerate() {
        let corner =
            (float(place % COLUMNS) * PANEL.0, HEAD + 10.0 + float(place / COLUMNS) * PANEL.1);
        panel(&mut svg, corner, server);
    }
    svg.finish(title)
}

fn panel(svg: &mut Svg, (left, top): (f64, f64), server: &Bars) {
    let total = float(server.counts.iter().sum::<u64>()).max(1.0);
    let fair = 1.0 / float(server.counts.len()).max(1.0);
    let (x, width) = (left + 44.0, PANEL.0 - 60.0);
    let bottom = top + 52.0 + PLOT_HEIGHT;
    let height = |share: f64| PLOT_HEIGHT * (share / (fair * SCALE_IN_FAIR_SHARES)).min(1.0);
    svg.text((x, top + 20.0), Anchor::Start, 13, INK, &server.name);
    svg.text((x, top + 36.0), Anchor::Start, 11, FAINT, &server.note);
    let deviation = BAND * (fair * (1.0 - fair) / total).sqrt();
    let (low, high) = ((fair - deviation).max(0.0), fair + deviation);
    svg.rect(Area(x, bottom - height(high), width, height(high) - height(low)), "#f6d99a");
    for fair_shares in [0u8, 1, 2] {
        let share = f64::from(fair_shares) * fair;
        let y = bottom - height(share);
        let percent = format!("{:.1}%", share * 100.0);
        svg.text((x - 5.0, y + 4.0), Anchor::End, 10, FAINT, &percent);
        if fair_shares != 1 {
            svg.line((x, y), (x + width, y), GRID);
        }
    }
    let step = width / float(server.counts.len()).max(1.0);
    for (worker, count) in server.counts.iter().enumerate() {
        let share = float(*count) / total;
        let (bar_x, tall) = (x + step * (float(worker) + 0.18), height(share));
        let within = (low..=high).contains(&share);
        let fill = if within { "#2f6fab" } else { "#b5482f" };
        svg.rect(Area(bar_x, bottom - tall, step * 0.64, tall), fill);
        if share > fair * SCALE_IN_FAIR_SHARES {
            let middle = (bar_x + step * 0.32, bottom - tall - 3.0);
            svg.text(middle, Anchor::Middle, 10, fill, &format!("{:.0}%", share * 100.0));
            // A cut across the bar.
            svg.rect(Area(bar_x - 2.0, bottom - tall + 8.0, step * 0.64 + 4.0, 3.0), "#fff");
        }
    }
    let dashes = [(x, bottom - height(fair)), (x + width, bottom - height(fair))];
    svg.thin_dashes(dashes);
}

impl Svg {
    fn thin_dashes(&mut self, [from, to]: [(f64, f64); 2]) {
        let mut x = from.0;
        while x < to.0 {
            self.line((x, from.1), ((x + 4.0).min(to.0), to.1), "#555");
            x += 8.0;
        }
    }
}
