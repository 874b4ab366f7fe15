//! SVG pictures of plain numbers.

mod bars;
mod curves;
mod strips;

use std::fmt::Write as _;

pub(crate) use bars::{Bars, bars};
pub(crate) use curves::{Curve, curves};
pub(crate) use strips::{Strip, strips};

const INK: &str = "#222";
const FAINT: &str = "#888";
const GRID: &str = "#e3e3e3";

/// A picture under way, on white, so that it can be read on any page.
struct Svg {
    width: f64,
    height: f64,
    body: String,
}

/// A rectangle: left, top, width, height.
#[derive(Clone, Copy)]
struct Area(f64, f64, f64, f64);

/// Where a text's position is.
#[derive(Clone, Copy)]
enum Anchor {
    Start,
    Middle,
    End,
}

impl Svg {
    fn new(width: f64, height: f64) -> Self {
        let mut this = Self { width, height, body: String::new() };
        this.rect(Area(0.0, 0.0, width, height), "#fff");
        this
    }

    fn rect(&mut self, Area(x, y, width, height): Area, fill: &str) {
        let _ = writeln!(
            self.body,
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" fill="{fill}"/>"#
        );
    }

    fn line(&mut self, from: (f64, f64), to: (f64, f64), stroke: &str) {
        let ((x1, y1), (x2, y2)) = (from, to);
        let _ = writeln!(
            self.body,
            r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" stroke="{stroke}"/>"#
        );
    }

    fn path(&mut self, points: &[(f64, f64)], stroke: &str, dashed: bool) {
        let list: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let dash = if dashed { r#" stroke-dasharray="5 3""# } else { "" };
        let _ = writeln!(
            self.body,
            r#"<polyline points="{}" fill="none" stroke="{stroke}" stroke-width="2" stroke-linejoin="round"{dash}/>"#,
            list.join(" ")
        );
    }

    fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, size: u8, fill: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let _ = writeln!(
            self.body,
            r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" font-size="{size}" fill="{fill}">{}</text>"#,
            escape(text)
        );
    }

    fn finish(self, title: &str) -> String {
        let Self { width, height, body } = self;
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-family="system-ui, sans-serif" role="img"><title>{}</title>
{body}</svg>
"#,
            escape(title)
        )
    }
}

/// Text that can stand in SVG and HTML.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_whole_and_hold_their_data() {
        let shown = [Bars { name: "a <b>".into(), note: "p".into(), counts: vec![1, 99] }];
        let picture = bars("title", &shown);
        assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>\n"));
        assert!(picture.contains("a &lt;b&gt;") && picture.contains("99%"));
        let curve = Curve { name: "c".into(), peer: true, points: vec![(0.5, 0.1), (1.0, 20.0)] };
        let picture = curves("title", &[curve]);
        assert!(picture.contains("polyline") && !picture.contains("NaN"));
        let picture = strips("title", &[Strip { name: "s".into(), rows: vec![vec![0, 3]; 2] }]);
        assert_eq!(picture.matches("<path").count(), 2, "one path a shade");
    }

    #[test]
    fn nothing_to_show_is_still_a_picture() {
        for picture in [bars("t", &[]), curves("t", &[]), strips("t", &[])] {
            assert!(picture.ends_with("</svg>\n") && !picture.contains("NaN"));
        }
    }
}
