//! Reads metrics as strictly as their standards are: that of Prometheus 0.0.4, and `OpenMetrics` 1.0.

use std::collections::{BTreeMap, BTreeSet};

/// Each sample by its name and labels, as they are written.
pub(crate) type Samples = BTreeMap<String, f64>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Prometheus,
    OpenMetrics,
}

impl Form {
    pub(crate) fn accept(self) -> &'static str {
        match self {
            Self::Prometheus => "Accept: text/plain;version=0.0.4",
            Self::OpenMetrics => {
                "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5"
            }
        }
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// A family that has been declared.
#[derive(Default)]
struct Family {
    name: String,
    kind: String,
    /// Labels without the bound, and the buckets so far.
    buckets: BTreeMap<String, Vec<(f64, f64)>>,
    sums: BTreeSet<String>,
    counts: BTreeMap<String, f64>,
}

/// All samples; what is wrong with the text, if something is.
pub(crate) fn parse(text: &str, form: Form) -> Result<Samples, String> {
    let mut samples = Samples::new();
    let mut seen = BTreeSet::new();
    let mut family = Family::default();
    let body = match form {
        Form::OpenMetrics => text.strip_suffix("# EOF\n").ok_or("no # EOF at the end")?,
        Form::Prometheus => text.strip_suffix('\n').map(|_| text).ok_or("no last line end")?,
    };
    for line in body.split_terminator('\n') {
        let wrong = |what: &str| format!("{what}: {line}");
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, text) = help.split_once(' ').ok_or_else(|| wrong("no help"))?;
            family.complete()?;
            if text.is_empty() || !is_name(name) || !seen.insert(name.to_owned()) {
                return Err(wrong("a family twice, or without help"));
            }
            family = Family { name: name.to_owned(), ..Family::default() };
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').ok_or_else(|| wrong("no type"))?;
            let known = ["counter", "gauge", "histogram"].contains(&kind);
            if name != family.name || !family.kind.is_empty() || !known {
                return Err(wrong("a type that is not where it belongs"));
            }
            let total = name.ends_with("_total");
            if (kind == "counter" && form == Form::Prometheus) != total {
                return Err(wrong("a name that does not go with its type"));
            }
            kind.clone_into(&mut family.kind);
        } else {
            let (series, value) = sample(line, &mut family, form).map_err(|why| wrong(&why))?;
            if samples.insert(series, value).is_some() {
                return Err(wrong("a sample twice"));
            }
        }
    }
    family.complete()?;
    Ok(samples)
}

fn sample(line: &str, family: &mut Family, form: Form) -> Result<(String, f64), String> {
    let (series, value) = line.rsplit_once(' ').ok_or("no value")?;
    let value: f64 = value.parse().map_err(|_| "no number")?;
    let (name, labels) = match series.split_once('{') {
        None => (series, Vec::new()),
        Some((name, rest)) => (name, labels(rest.strip_suffix('}').ok_or("labels do not end")?)?),
    };
    if !is_name(name) || family.kind.is_empty() {
        return Err("no name, or no type before it".into());
    }
    let end = name.strip_prefix(family.name.as_str()).ok_or("in the middle of another family")?;
    let bound = labels.iter().find(|(name, _)| name == "le").map(|(_, bound)| bound.as_str());
    let others: Vec<_> = labels.iter().filter(|(name, _)| name != "le").collect();
    let others = format!("{others:?}");
    match (family.kind.as_str(), end, bound) {
        ("gauge", "", None) => {}
        ("counter", end, None) if (end == "_total") == (form == Form::OpenMetrics) => {
            if !value.is_finite() || value < 0.0 {
                return Err("no count".into());
            }
        }
        ("histogram", "_bucket", Some(bound)) => {
            let bound = if bound == "+Inf" { "inf" } else { bound };
            let bound: f64 = bound.parse().map_err(|_| "no bound")?;
            family.buckets.entry(others).or_default().push((bound, value));
        }
        ("histogram", "_sum", None) => drop(family.sums.insert(others)),
        ("histogram", "_count", None) => drop(family.counts.insert(others, value)),
        _ => return Err(format!("it is no sample of a {}", family.kind)),
    }
    Ok((series.to_owned(), value))
}

impl Family {
    /// Nothing of it follows.
    fn complete(&self) -> Result<(), String> {
        let name = &self.name;
        for (labels, buckets) in &self.buckets {
            let wrong = |what: &str| Err(format!("{name} {labels}: {what}"));
            if !buckets.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1) {
                return wrong("buckets do not grow");
            }
            let last = buckets.last().copied();
            let count = self.counts.get(labels).copied();
            if last.map(|(bound, _)| bound) != Some(f64::INFINITY) || last.map(|it| it.1) != count {
                return wrong("the last bucket is not all");
            }
            if !self.sums.contains(labels) {
                return wrong("no sum");
            }
        }
        Ok(())
    }
}

/// `name="value",...`
fn labels(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").ok_or("no label")?;
        if !is_name(name) || name.contains(':') || found.iter().any(|(other, _)| other == name) {
            return Err(format!("label {name:?}"));
        }
        let mut value = String::new();
        let mut characters = after.chars();
        loop {
            match characters.next() {
                Some('"') => break,
                Some('\\') => match characters.next() {
                    Some('n') => value.push('\n'),
                    Some(plain @ ('"' | '\\')) => value.push(plain),
                    other => return Err(format!("escaped {other:?}")),
                },
                Some(other) => value.push(other),
                None => return Err("a label does not end".into()),
            }
        }
        found.push((name.to_owned(), value));
        let after = characters.as_str();
        rest = match after.strip_prefix(',') {
            Some("") => return Err("a comma at the end".into()),
            Some(next) => next,
            None if after.is_empty() => after,
            None => return Err("no comma between labels".into()),
        };
    }
    Ok(found)
}

fn is_name(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_' || c == ':';
    name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit())
}

#[test]
fn what_breaks_a_rule_is_no_metric() {
    let open = |text: &str| parse(text, Form::OpenMetrics);
    let head = "# HELP a One.\n# TYPE a counter\n";
    assert_eq!(open(&format!("{head}a_total{{x=\"\\\"\"}} 1\n# EOF\n")).unwrap().len(), 1);
    for wrong in [
        format!("{head}a_total 1\n"),
        format!("{head}a 1\n# EOF\n"),
        format!("{head}a_total -1\n# EOF\n"),
        format!("{head}a_total 1\na_total 2\n# EOF\n"),
        format!("{head}\n# EOF\n"),
        format!("{head}b_total 1\n# EOF\n"),
        format!("{head}a_total{{x=\"1\",x=\"2\"}} 1\n# EOF\n"),
        format!("{head}a_total{{x=\"\\t\"}} 1\n# EOF\n"),
        format!("{head}{head}# EOF\n"),
        "a_total 1\n# EOF\n".to_owned(),
    ] {
        assert!(open(&wrong).is_err(), "{wrong}");
    }
    let head = "# HELP h Two.\n# TYPE h histogram\n";
    let rest = "h_sum 1\nh_count 2\n";
    let bucket = |bound: &str, count: u32| format!("h_bucket{{le=\"{bound}\"}} {count}\n");
    let all = |buckets: &[(&str, u32)]| -> Result<Samples, String> {
        let buckets: String = buckets.iter().map(|(bound, count)| bucket(bound, *count)).collect();
        parse(&format!("{head}{buckets}{rest}"), Form::Prometheus)
    };
    assert!(all(&[("1.0", 1), ("+Inf", 2)]).is_ok());
    for wrong in [
        &[("1.0", 3), ("+Inf", 2)][..],
        &[("1.0", 1)],
        &[("+Inf", 1)],
        &[("2", 0), ("1", 1), ("+Inf", 2)],
    ] {
        assert!(all(wrong).is_err(), "{wrong:?}");
    }
}
