//! The table of a comparison.

use std::io;

use serde_json::{Value, json};

use super::format::{CompareFormat, TableStyle, empty_table};
use crate::analyse::comparison::{Comparison, ComparisonVerdict, Metric, Rules};
use crate::record::csv::harmless;
use crate::units::significant;

/// Writes comparisons.
pub fn write(
    comparisons: &[Comparison],
    rules: &Rules,
    format: CompareFormat,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    match format {
        CompareFormat::Table => writeln!(out, "{}", table(comparisons, rules, TableStyle::Terminal)),
        CompareFormat::Markdown => writeln!(out, "{}", table(comparisons, rules, TableStyle::Markdown)),
        CompareFormat::Json => writeln!(out, "{:#}", json(comparisons)),
        CompareFormat::Csv => out.write_all(&csv(comparisons)?),
    }
}

fn table(comparisons: &[Comparison], rules: &Rules, style: TableStyle) -> String {
    let mut table = empty_table(style, u16::MAX);
    table.set_header(["job", "base", "new", "metric", "base ms", "new ms", "new / base", "95 % interval", "verdict"]);
    for comparison in comparisons {
        let ms = |time: Option<f64>| time.map(|time| significant(time, 3)).unwrap_or_default();
        let ratio = comparison.ratio;
        let cells = [
            comparison.job.clone(),
            comparison.base.clone(),
            comparison.new.clone(),
            metric(comparison).to_owned(),
            ms(comparison.base_ms),
            ms(comparison.new_ms),
            ratio.map(|ratio| format!("{:.3}", ratio.ratio)).unwrap_or_default(),
            ratio.map(|ratio| format!("{:.3}–{:.3}", ratio.low, ratio.high)).unwrap_or_default(),
            with_circumstances(comparison, rules),
        ];
        table.add_row(cells.map(|cell| style.cell(&cell)));
    }
    table.to_string()
}

/// The verdict, and what else may have made the difference.
fn with_circumstances(comparison: &Comparison, rules: &Rules) -> String {
    let verdict = in_words(comparison, rules);
    if comparison.verdict == ComparisonVerdict::Refused || comparison.circumstances.is_empty() {
        return verdict;
    }
    format!("{verdict}, but {}", comparison.circumstances)
}

/// `1.80x slower`, `same within 1 %`, `refused: …`.
#[must_use]
pub fn in_words(comparison: &Comparison, rules: &Rules) -> String {
    let times = |ratio: f64| format!("{}x", significant(ratio, 3));
    match (comparison.verdict, comparison.ratio) {
        (ComparisonVerdict::Slower, Some(ratio)) => format!("{} slower", times(ratio.ratio)),
        (ComparisonVerdict::Faster, Some(ratio)) => format!("{} faster", times(1.0 / ratio.ratio)),
        (ComparisonVerdict::Same, _) => format!("same within {} %", (rules.same_within * 1e4).round() / 1e2),
        (verdict, _) if comparison.reason.is_empty() => verdict.to_string(),
        (verdict, _) => format!("{verdict}: {}", comparison.reason),
    }
}

/// For one cell of another table: `1.80x slower, 1.70–1.90`, `same within 1 %`, `undecided, 0.980–1.05`; empty where it
/// is refused.
#[must_use]
pub fn brief(comparison: &Comparison, rules: &Rules) -> String {
    let Some(ratio) = comparison.ratio else { return String::new() };
    let (low, high) = match comparison.verdict {
        // As many times faster.
        ComparisonVerdict::Faster => (1.0 / ratio.high, 1.0 / ratio.low),
        ComparisonVerdict::Slower | ComparisonVerdict::Undecided => (ratio.low, ratio.high),
        ComparisonVerdict::Same | ComparisonVerdict::Refused => return in_words(comparison, rules),
    };
    if !(low > 0.0 && high.is_finite()) {
        return in_words(comparison, rules);
    }
    format!("{}, {}–{}", in_words(comparison, rules), significant(low, 3), significant(high, 3))
}

/// What is compared, in words; empty for a steady time that could not be chosen a clock for.
fn metric(comparison: &Comparison) -> &'static str {
    match (comparison.metric, comparison.clock) {
        (Metric::FirstResult, _) => "first result",
        (Metric::Ttft, _) => "first token",
        (Metric::Decode, _) => "each token",
        (Metric::Time, _) if comparison.ratio.is_none() => "",
        (_, "gpu") => "GPU time",
        _ => "wall time",
    }
}

/// An array of objects, one a pair.
fn json(comparisons: &[Comparison]) -> Value {
    Value::Array(comparisons.iter().map(object).collect())
}

/// A pair; what could not be computed is null.
#[must_use]
pub fn object(comparison: &Comparison) -> Value {
    let ratio = comparison.ratio;
    json!({
        "job": comparison.job,
        "base": comparison.base,
        "new": comparison.new,
        "clock": comparison.clock,
        "base_median_ms": comparison.base_ms,
        "new_median_ms": comparison.new_ms,
        "ratio": ratio.map(|ratio| ratio.ratio),
        "ratio_low": ratio.map(|ratio| ratio.low),
        "ratio_high": ratio.map(|ratio| ratio.high),
        "p": ratio.map(|ratio| ratio.p),
        "p_adjusted": comparison.p_adjusted,
        "method": ratio.map(|ratio| ratio.method_in_words()),
        "verdict": comparison.verdict.to_string(),
        "reason": comparison.reason,
        "circumstances": comparison.circumstances,
        "metric": comparison.metric.to_string(),
    })
}

/// The same as CSV, its columns named as the keys of [`json()`].
fn csv(comparisons: &[Comparison]) -> io::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for (place, row) in json(comparisons).as_array().into_iter().flatten().enumerate() {
        let Some(cells) = row.as_object() else { continue };
        if place == 0 {
            writer.write_record(cells.keys())?;
        }
        writer.write_record(cells.values().map(|cell| match cell {
            Value::Null => String::new(),
            Value::String(text) => harmless(text),
            other => other.to_string(),
        }))?;
    }
    writer.into_inner().map_err(|error| io::Error::other(error.to_string()))
}
