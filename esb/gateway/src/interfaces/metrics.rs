//! Figures of a node in the text form of Prometheus (exposition format 0.0.4).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use rialto_esb_policy::calls::{Count, DURATIONS_MS, Edge};

use super::Interfaces;

/// The form's name.
pub(crate) const KIND: &str = "text/plain; version=0.0.4; charset=utf-8";

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn labels(edge: &Edge) -> String {
    let pairs = [
        (
            "application",
            edge.application.as_deref().unwrap_or_default(),
        ),
        ("interface", &edge.interface),
        ("operation", &edge.operation),
        ("variant", &edge.variant),
        ("version", &edge.version),
    ];
    let pairs = pairs.map(|(name, value)| format!("{name}=\"{}\"", escaped(value)));
    pairs.join(",")
}

fn durations(out: &mut String, name: &str, labels: &str, count: &Count) {
    let mut sum = 0;
    for (class, seen) in count.durations.iter().enumerate() {
        sum += seen;
        let end = DURATIONS_MS.get(class).map_or_else(
            || "+Inf".to_owned(),
            |ms| format!("{}.{:03}", ms / 1_000, ms % 1_000),
        );
        let _ = writeln!(out, "{name}_bucket{{{labels},le=\"{end}\"}} {sum}");
    }
    let (seconds, rest) = (count.took_us / 1_000_000, count.took_us % 1_000_000);
    let _ = writeln!(out, "{name}_sum{{{labels}}} {seconds}.{rest:06}");
    let _ = writeln!(out, "{name}_count{{{labels}}} {sum}");
}

fn of_calls(out: &mut String, totals: &BTreeMap<Edge, Count>) {
    let name = "rialto_gateway_calls_total";
    head(
        out,
        name,
        "counter",
        "Calls let through, by how they ended.",
    );
    for (edge, count) in totals {
        let labels = labels(edge);
        for (outcome, value) in [
            ("failed", count.failed),
            ("refused", count.refused),
            ("succeeded", count.succeeded),
        ] {
            let _ = writeln!(out, "{name}{{{labels},outcome=\"{outcome}\"}} {value}");
        }
    }
    let name = "rialto_gateway_call_duration_seconds";
    head(out, name, "histogram", "Time to the head of the answer.");
    for (edge, count) in totals {
        durations(out, name, &labels(edge), count);
    }
}

impl Interfaces {
    /// The figures since the node started. Labels are those of what is published, so that no caller
    /// can make new ones.
    pub(crate) fn metrics(&self) -> String {
        let mut out = String::new();
        let drift = self.drift.report();
        let version = self
            .table
            .load()
            .as_ref()
            .map_or(0, |table| table.snapshot.version);
        let load = |figure: &std::sync::atomic::AtomicU64| figure.load(Ordering::Relaxed);
        for (name, kind, help, value) in [
            (
                "requests_total",
                "counter",
                "Requests taken.",
                load(&self.requests),
            ),
            (
                "refused_total",
                "counter",
                "Requests the gateway answered itself.",
                load(&self.refused),
            ),
            (
                "snapshot_version",
                "gauge",
                "Version of the snapshot in force; 0 for none.",
                version,
            ),
            (
                "checked_total",
                "counter",
                "Messages checked against the definition.",
                drift.checked,
            ),
            (
                "unchecked_total",
                "counter",
                "Messages that could not be checked.",
                drift.unchecked,
            ),
        ] {
            let name = format!("rialto_gateway_{name}");
            head(&mut out, &name, kind, help);
            let _ = writeln!(out, "{name} {value}");
        }
        of_calls(&mut out, &self.calls.totals());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_add_up_and_labels_are_escaped() {
        let mut out = String::new();
        let count = Count {
            durations: [3, 0, 1, 0, 0, 2],
            took_us: 12_000_345,
            ..Count::default()
        };
        durations(&mut out, "d", "a=\"b\"", &count);
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(
            lines,
            [
                "d_bucket{a=\"b\",le=\"0.010\"} 3",
                "d_bucket{a=\"b\",le=\"0.050\"} 3",
                "d_bucket{a=\"b\",le=\"0.200\"} 4",
                "d_bucket{a=\"b\",le=\"1.000\"} 4",
                "d_bucket{a=\"b\",le=\"5.000\"} 4",
                "d_bucket{a=\"b\",le=\"+Inf\"} 6",
                "d_sum{a=\"b\"} 12.000345",
                "d_count{a=\"b\"} 6",
            ]
        );
        assert_eq!(escaped("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
