//! Medians and ratios of what was measured.
//!
//! In: samples. Out: a table.

use std::{fmt::Write as _, time::Duration};

/// What some calls cost.
#[derive(Clone, Copy)]
pub struct Sample {
    /// Processor time of the whole Envoy for each request, in microseconds.
    micros: f64,
    /// Requests in each second. Says as much of the client and the tool, which share the machine.
    per_second: f64,
}

impl Sample {
    pub fn new(cpu: Duration, took: Duration, calls: usize) -> Self {
        #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "a few thousand calls fit a double")]
        let calls = calls as f64;
        Self { micros: cpu.as_secs_f64() * 1e6 / calls, per_second: calls / took.as_secs_f64() }
    }
}

/// One line for each subject. Ratios are medians of the ratios within one round, to the first subject and the second.
pub fn table(size: usize, calls: usize, samples: &[(&str, Vec<Sample>)]) -> String {
    let rounds = samples.first().map_or(0, |(_, samples)| samples.len());
    let mut table = format!(
        "Body of {size} bytes, {rounds} rounds of {calls} calls each: processor time of Envoy per request\n\n\
         | filter    | median µs | min..max µs   | to no filter | to floor | requests/s |\n\
         |-----------|----------:|--------------:|-------------:|---------:|-----------:|\n"
    );
    let none = samples.first().map_or(&[][..], |(_, samples)| samples);
    let floor = samples.get(1).map_or(&[][..], |(_, samples)| samples);
    for (name, samples) in samples {
        let micros: Vec<_> = samples.iter().map(|sample| sample.micros).collect();
        let range = format!("{:.1}..{:.1}", lowest(&micros), highest(&micros));
        // To write into a string cannot fail.
        let _ = writeln!(
            table,
            "| {name:<9} | {:>9.1} | {range:>13} | {:>12.2} | {:>8.2} | {:>10.0} |",
            median(micros),
            ratio(samples, none),
            ratio(samples, floor),
            median(samples.iter().map(|sample| sample.per_second).collect()),
        );
    }
    table
}

fn ratio(samples: &[Sample], base: &[Sample]) -> f64 {
    median(samples.iter().zip(base).map(|(sample, base)| sample.micros / base.micros).collect())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.get(middle.wrapping_sub(1)), values.get(middle)) {
        (Some(below), Some(above)) if values.len().is_multiple_of(2) => f64::midpoint(*below, *above),
        (_, value) => value.copied().unwrap_or(f64::NAN),
    }
}

fn lowest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

fn highest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}
