//! Metrics as text, in the two formats that monitors read: that of Prometheus, version 0.0.4
//! (<https://prometheus.io/docs/instrumenting/exposition_formats>), and `OpenMetrics`, version 1.0.
//!
//! They differ in how a counter is declared, and in the last line. Both are written from one list of
//! families, so that a name means the same in both.

use std::fmt::{self, Display, Write};

/// Which format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Prometheus,
    OpenMetrics,
}

/// What the values of a family are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only grows. The name is written without its end `_total`.
    Counter,
    Gauge,
    Histogram,
}

/// The text so far.
pub(super) struct Exposition {
    format: Format,
    text: String,
}

/// Samples of one family follow each other.
pub(super) struct Family<'a> {
    text: &'a mut String,
    name: String,
}

impl Format {
    /// What the client's field `Accept` prefers (RFC 9110, section 12.5.1). Who names the newer format, and the
    /// older one no more dearly, gets it.
    pub(super) fn asked_for(accept: &[u8]) -> Self {
        let accept = String::from_utf8_lossy(accept);
        let weight = |name: &str| {
            let ranges = accept.split(',').filter_map(|range| weighed(range, name));
            ranges.reduce(f32::max)
        };
        let newer = weight("application/openmetrics-text").unwrap_or(0.0);
        // The narrowest range counts.
        let older = ["text/plain", "text/*", "*/*"].into_iter().find_map(weight).unwrap_or(0.0);
        if newer > 0.0 && newer >= older { Self::OpenMetrics } else { Self::Prometheus }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

impl Exposition {
    pub(super) fn new(format: Format) -> Self {
        Self { format, text: String::new() }
    }

    /// Begins a family.
    pub(super) fn family(&mut self, name: &str, kind: Kind, help: &str) -> Family<'_> {
        let (word, end) = match kind {
            Kind::Counter => ("counter", "_total"),
            Kind::Gauge => ("gauge", ""),
            Kind::Histogram => ("histogram", ""),
        };
        let declared = match self.format {
            Format::Prometheus => format!("{name}{end}"),
            Format::OpenMetrics => name.to_owned(),
        };
        let help = Escaped(help);
        put(&mut self.text, format_args!("# HELP {declared} {help}\n# TYPE {declared} {word}\n"));
        Family { text: &mut self.text, name: format!("{name}{end}") }
    }

    /// The whole text.
    pub(super) fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }
}

impl Family<'_> {
    pub(super) fn sample(&mut self, labels: &[(&str, &dyn Display)], value: impl Display) {
        let labels = Labels(labels, None);
        put(self.text, format_args!("{}{labels} {value}\n", self.name));
    }

    /// How many values are at most each bound, of `count` values whose sum is `sum`.
    pub(super) fn histogram(
        &mut self,
        labels: &[(&str, &dyn Display)],
        buckets: impl Iterator<Item = (f64, u64)>,
        count: u64,
        sum: f64,
    ) {
        let name = &self.name;
        for (bound, below) in buckets {
            let bound = format!("{bound:?}");
            let labels = Labels(labels, Some(&bound));
            put(self.text, format_args!("{name}_bucket{labels} {below}\n"));
        }
        let (plain, all) = (Labels(labels, None), Labels(labels, Some("+Inf")));
        put(
            self.text,
            format_args!(
                "{name}_bucket{all} {count}\n{name}_sum{plain} {sum}\n{name}_count{plain} {count}\n"
            ),
        );
    }
}

/// How much this range is wanted, from 0 (not at all) to 1, if it is the one of that name.
fn weighed(range: &str, name: &str) -> Option<f32> {
    let mut parts = range.split(';').map(str::trim);
    parts.next().filter(|it| it.eq_ignore_ascii_case(name))?;
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    Some(weight.map_or(1.0, |weight| weight.trim().parse().unwrap_or(0.0)))
}

/// Writing to a text cannot fail.
fn put(text: &mut String, what: fmt::Arguments<'_>) {
    let _ = text.write_fmt(what);
}

/// Labels, and the bound of a bucket.
struct Labels<'a>(&'a [(&'a str, &'a dyn Display)], Option<&'a str>);

impl Display for Labels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = self.1.as_ref().map(|bound| ("le", bound as &dyn Display));
        let mut before = '{';
        for (name, value) in self.0.iter().copied().chain(bound) {
            write!(f, "{before}{name}=\"{}\"", Escaped(&value.to_string()))?;
            before = ',';
        }
        if before == ',' { f.write_char('}') } else { Ok(()) }
    }
}

/// A text in which nothing ends a line, or a value in quotes.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '\\' => f.write_str("\\\\"),
            '"' => f.write_str("\\\""),
            '\n' => f.write_str("\\n"),
            other => f.write_char(other),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(format: Format) -> String {
        let mut all = Exposition::new(format);
        all.family("a", Kind::Counter, "One.").sample(&[("x", &"a\"b\\c\nd"), ("y", &2)], 3);
        let mut family = all.family("b_seconds", Kind::Histogram, "Two.");
        family.histogram(&[], [(0.001, 1), (1.0, 2)].into_iter(), 3, 4.5);
        all.family("c", Kind::Gauge, "Three.").sample(&[], 0.5);
        all.finish()
    }

    #[test]
    fn both_formats_are_as_their_standards_say() {
        let samples = "a_total{x=\"a\\\"b\\\\c\\nd\",y=\"2\"} 3\n";
        let rest = "# HELP b_seconds Two.\n# TYPE b_seconds histogram\nb_seconds_bucket{le=\"0.001\"} 1\n\
                    b_seconds_bucket{le=\"1.0\"} 2\nb_seconds_bucket{le=\"+Inf\"} 3\nb_seconds_sum 4.5\n\
                    b_seconds_count 3\n# HELP c Three.\n# TYPE c gauge\nc 0.5\n";
        let older = format!("# HELP a_total One.\n# TYPE a_total counter\n{samples}{rest}");
        let newer = format!("# HELP a One.\n# TYPE a counter\n{samples}{rest}# EOF\n");
        assert_eq!(text(Format::Prometheus), older);
        assert_eq!(text(Format::OpenMetrics), newer);
    }

    #[test]
    fn a_client_gets_the_format_that_it_names() {
        for newer in [
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            "application/openmetrics-text",
            "text/plain;q=0.5, Application/OpenMetrics-Text;Q=0.5",
            "*/*, text/plain;q=0.1, application/openmetrics-text;q=0.2",
        ] {
            assert_eq!(Format::asked_for(newer.as_bytes()), Format::OpenMetrics, "{newer}");
        }
        for other in [
            "",
            "*/*",
            "text/plain",
            "text/html, */*;q=0.1",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text; version=1.0.0; q=0.0, */*",
            "application/openmetrics-text;q=0.3,text/plain;q=0.5",
            "application/openmetrics-text;q=0.3,text/*;q=0.5",
            "application/openmetrics-text;q=much",
        ] {
            assert_eq!(Format::asked_for(other.as_bytes()), Format::Prometheus, "{other}");
        }
    }
}
