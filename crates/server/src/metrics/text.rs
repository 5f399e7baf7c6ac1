//! Prometheus' text format, version 0.0.4.
//!
//! Ours and not a crate's: `prometheus-client` speaks OpenMetrics, another format, and `prometheus` first builds every
//! sample as a message in memory, which for ten thousand sites is tens of megabytes a scrape. The format itself is two
//! comment lines and a sample a line.

use std::fmt::{self, Display, Write as _};
use std::time::Duration;

use berth_edge::traffic::Durations;

/// What a scraper is told that it gets.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How a family's values are to be read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
    Summary,
}

/// A piece of a page of metrics.
#[derive(Debug, Default)]
pub(super) struct Text(String);

/// The labels of a sample: names that are ours, values that are anybody's.
type Labels<'a> = [(&'a str, &'a str)];

impl Text {
    pub(super) fn into_string(self) -> String {
        self.0
    }

    /// Begins a family; all of its samples follow.
    pub(super) fn family(&mut self, name: &str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
            Kind::Summary => "summary",
        };
        self.put(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    pub(super) fn sample(&mut self, name: &str, labels: &Labels<'_>, value: impl Display) {
        self.0.push_str(name);
        for (position, (label, value)) in labels.iter().enumerate() {
            self.put(format_args!("{}{label}=\"{}\"", if position == 0 { '{' } else { ',' }, Escaped(value)));
        }
        self.put(format_args!("{} {value}\n", if labels.is_empty() { "" } else { "}" }));
    }

    /// A family of one sample.
    pub(super) fn single(&mut self, name: &str, kind: Kind, help: &str, value: impl Display) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }

    /// Durations as a whole family.
    pub(super) fn histogram(&mut self, name: &str, help: &str, durations: &Durations) {
        self.family(name, Kind::Histogram, help);
        let bucket = format!("{name}_bucket");
        for (bound, count) in durations.cumulative() {
            self.sample(&bucket, &[("le", &bound.as_secs_f64().to_string())], count);
        }
        self.sample(&bucket, &[("le", "+Inf")], durations.count());
        self.sample(&format!("{name}_sum"), &[], durations.sum().as_secs_f64());
        self.sample(&format!("{name}_count"), &[], durations.count());
    }

    /// Durations as percentiles, of a family that was begun.
    pub(super) fn summary(&mut self, name: &str, label: (&str, &str), durations: &Durations) {
        for (quantile, share) in [("0.5", 0.5), ("0.9", 0.9), ("0.99", 0.99)] {
            let seconds = durations.percentile(share).as_ref().map_or(f64::NAN, Duration::as_secs_f64);
            self.sample(name, &[label, ("quantile", quantile)], seconds);
        }
        self.sample(&format!("{name}_sum"), &[label], durations.sum().as_secs_f64());
        self.sample(&format!("{name}_count"), &[label], durations.count());
    }

    fn put(&mut self, text: fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = self.0.write_fmt(text);
    }
}

/// A label's value as the format wants it.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '\\' => f.write_str("\\\\")?,
                '"' => f.write_str("\\\"")?,
                '\n' => f.write_str("\\n")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_a_label_cannot_leave_its_quotes() {
        let mut text = Text::default();
        text.sample("x_total", &[("a", "1\"} 5\nevil 1\\"), ("b", "ü")], 7);
        text.single("y", Kind::Gauge, "Why.", 0.000_25);
        let expected = "x_total{a=\"1\\\"} 5\\nevil 1\\\\\",b=\"ü\"} 7\n# HELP y Why.\n# TYPE y gauge\ny 0.00025\n";
        assert_eq!(text.into_string(), expected);
    }
}
