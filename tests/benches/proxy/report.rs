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

/// One more column of a table, beside those that all tables have.
#[derive(Clone, Copy)]
pub enum Column {
    /// The median of the ratios within one round, to the subject at this place.
    Ratio(&'static str, usize),
    /// What the filter adds to the first subject, which has none, in microseconds.
    Added(&'static str),
    /// The same as a ratio to what the subject at this place adds.
    AddedRatio(&'static str, usize),
}

type Samples = [(&'static str, Vec<Sample>)];

/// One line for each subject.
pub fn table(title: &str, columns: &[Column], samples: &Samples) -> String {
    let headings: String = columns.iter().map(|column| format!(" {} |", column.heading())).collect();
    let rules: String =
        columns.iter().map(|column| format!("{:->1$}|", ":", column.heading().chars().count() + 2)).collect();
    let mut table = format!(
        "{title}: processor time of Envoy per request\n\n\
         | filter           | median µs | min..max µs   |{headings} requests/s |\n\
         |------------------|----------:|--------------:|{rules}-----------:|\n"
    );
    for (name, own) in samples {
        let micros: Vec<_> = own.iter().map(|sample| sample.micros).collect();
        let range = format!("{:.1}..{:.1}", lowest(&micros), highest(&micros));
        let more: String = columns.iter().map(|column| column.cell(own, samples)).collect();
        // To write into a string cannot fail.
        let _ = writeln!(
            table,
            "| {name:<16} | {:>9.1} | {range:>13} |{more} {:>10.0} |",
            median(micros),
            median(own.iter().map(|sample| sample.per_second).collect()),
        );
    }
    table
}

impl Column {
    fn heading(self) -> &'static str {
        let (Self::Ratio(heading, _) | Self::Added(heading) | Self::AddedRatio(heading, _)) = self;
        heading
    }

    fn cell(self, own: &[Sample], samples: &Samples) -> String {
        let base = |place: usize| samples.get(place).map_or(&[][..], |(_, samples)| samples);
        let width = self.heading().chars().count();
        match self {
            Self::Ratio(_, place) => format!(" {:>width$.2} |", ratio(own, base(place))),
            Self::Added(_) => format!(" {:>width$.1} |", added(own, base(0))),
            // A single round's difference of two noisy numbers is too small to divide by.
            Self::AddedRatio(_, place) => {
                format!(" {:>width$.2} |", added(own, base(0)) / added(base(place), base(0)))
            }
        }
    }
}

fn ratio(samples: &[Sample], base: &[Sample]) -> f64 {
    median(samples.iter().zip(base).map(|(sample, base)| sample.micros / base.micros).collect())
}

/// The median of the differences within one round.
fn added(samples: &[Sample], base: &[Sample]) -> f64 {
    median(samples.iter().zip(base).map(|(sample, base)| sample.micros - base.micros).collect())
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
