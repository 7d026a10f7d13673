//! Rounds of one measure, and how they are shown.
use std::fmt;

/// What a measure counts in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unit {
    /// Less is better.
    Micros,
    /// More is better.
    PerSecond,
}

/// One row of the table.
#[derive(Debug)]
pub(crate) struct Row {
    name: &'static str,
    unit: Unit,
    limit: Vec<f64>,
    ours: Vec<f64>,
}

impl Row {
    pub(crate) fn new(name: &'static str, unit: Unit) -> Self {
        Self { name, unit, limit: Vec::new(), ours: Vec::new() }
    }
    pub(crate) fn limit(&mut self, value: f64) {
        self.limit.push(value);
    }
    pub(crate) fn ours(&mut self, value: f64) {
        self.ours.push(value);
    }
}

fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    let at = ((sorted.len().saturating_sub(1)) as f64 * q).round() as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

fn shown(unit: Unit, values: &[f64]) -> String {
    let (middle, spread) = (quantile(values, 0.5), quantile(values, 0.75) - quantile(values, 0.25));
    match unit {
        Unit::Micros => format!("{middle:.1} ±{:.1} us", spread / 2.0),
        Unit::PerSecond => format!("{:.3} ±{:.3} M/s", middle / 1e6, spread / 2e6),
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (limit, ours) = (quantile(&self.limit, 0.5), quantile(&self.ours, 0.5));
        let ratio = match self.unit {
            Unit::Micros => format!("{:.2} x", ours / limit),
            Unit::PerSecond => format!("{:.0} %", 100.0 * ours / limit),
        };
        write!(f, "{:34} {:>20} {:>20} {ratio:>9}", self.name, shown(self.unit, &self.limit), shown(self.unit, &self.ours))
    }
}

/// How long one round of one measure takes.
pub(crate) const ROUND: std::time::Duration = std::time::Duration::from_millis(300);

/// The median of single durations, in microseconds.
pub(crate) fn median_micros(samples: &[u64]) -> f64 {
    #[allow(clippy::cast_precision_loss)]
    let micros: Vec<f64> = samples.iter().map(|nanos| *nanos as f64 / 1e3).collect();
    quantile(&micros, 0.5)
}

/// A count over a time.
pub(crate) fn per_second(count: u64, took: std::time::Duration) -> f64 {
    #[allow(clippy::cast_precision_loss)]
    let count = count as f64;
    count / took.as_secs_f64()
}
