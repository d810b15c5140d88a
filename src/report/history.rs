//! The table of a history.

use std::io;

use super::format::{TableFormat, TableStyle, empty_table};
use crate::analyse::history::{Change, Difference, FEWEST, History, HistoryVerdict, Series};
use crate::record::csv::original;
use crate::units::significant;

/// Runs without a number that a cell names.
const NAMED_RUNS: usize = 3;

/// Writes a history.
pub fn write(history: &History, format: TableFormat, out: &mut dyn io::Write) -> io::Result<()> {
    match format {
        TableFormat::Table => writeln!(out, "{}", table(history, TableStyle::Terminal)),
        TableFormat::Markdown => writeln!(out, "{}", table(history, TableStyle::Markdown)),
        TableFormat::Json => {
            serde_json::to_writer_pretty(&mut *out, history)?;
            writeln!(out)
        }
    }
}

fn table(history: &History, style: TableStyle) -> String {
    let mut table = empty_table(style, u16::MAX);
    table.set_header(["job", "adapter", "runs", "newest ms", "between runs", "verdict", "not counted"]);
    for series in &history.series {
        let counted = series.points.iter().filter(|point| point.median_ms.is_some());
        let newest =
            counted.clone().next_back().and_then(|point| Some((point.median_ms?, point.low_ms, point.high_ms)));
        let cells = [
            series.job.clone(),
            adapter(series),
            format!("{} of {}", counted.count(), series.points.len()),
            newest.map(|(median, low, high)| time(median, low.zip(high))).unwrap_or_default(),
            series.spread.map(|spread| format!("±{} %", significant(spread * 100.0, 2))).unwrap_or_default(),
            verdict(history, series),
            without_number(history, series),
        ];
        table.add_row(cells.map(|cell| style.cell(&cell)));
    }
    table.to_string()
}

fn adapter(series: &Series) -> String {
    match series.adapter_kind.as_str() {
        "software" => format!("software adapter: {}", series.adapter),
        _ => series.adapter.clone(),
    }
}

fn time(median: f64, interval: Option<(f64, f64)>) -> String {
    let interval = interval.map(|(low, high)| format!(" ({}–{})", significant(low, 3), significant(high, 3)));
    format!("{}{}", significant(median, 3), interval.unwrap_or_default())
}

fn verdict(history: &History, series: &Series) -> String {
    match series.verdict {
        HistoryVerdict::TooFew => format!("too few runs count: a change needs {FEWEST}"),
        HistoryVerdict::NoChange => "no change".to_owned(),
        HistoryVerdict::Slower | HistoryVerdict::Faster => {
            let changes = series.changes.iter().map(|change| in_words(history, change));
            changes.collect::<Vec<_>>().join("; then ")
        }
    }
}

/// `1.05x slower (1.04–1.06) from RUN on, with browser_version 140 -> 141`.
#[must_use]
pub fn in_words(history: &History, change: &Change) -> String {
    let times = |ratio: f64| significant(ratio, 3);
    let (ratio, low, high) = match change.direction {
        // As many times faster.
        HistoryVerdict::Faster => (1.0 / change.ratio, 1.0 / change.high, 1.0 / change.low),
        _ => (change.ratio, change.low, change.high),
    };
    let run = history.runs.get(change.run).map(|run| run.run.as_str()).unwrap_or_default();
    let news = news(&change.news);
    let news =
        if news.is_empty() { "; nothing else that is watched was new".to_owned() } else { format!(", with {news}") };
    let but = if change.circumstances.is_empty() { String::new() } else { format!("; but {}", change.circumstances) };
    format!("{}x {} ({}–{}) from {run} on{news}{but}", times(ratio), change.direction, times(low), times(high))
}

/// `browser_version 140 -> 141, runtime …`; of a digest its first digits.
pub(super) fn news<'news>(differences: impl IntoIterator<Item = &'news Difference>) -> String {
    let new = |difference: &Difference| {
        let letters = if difference.what.ends_with("_digest") { 8 } else { usize::MAX };
        let short = |value: &str| original(value).chars().take(letters).collect::<String>();
        format!("{} {} -> {}", difference.what, short(&difference.before), short(&difference.after))
    };
    differences.into_iter().map(new).collect::<Vec<_>>().join(", ")
}

/// Which runs have no number, and why.
fn without_number(history: &History, series: &Series) -> String {
    let without: Vec<String> = series
        .points
        .iter()
        .filter(|point| point.median_ms.is_none())
        .map(|point| {
            let run = history.runs.get(point.run).map(|run| run.run.as_str()).unwrap_or_default();
            let status = if point.status == "ok" { String::new() } else { format!("{}: ", point.status) };
            let reason = if point.reason == point.status { "no reason is recorded" } else { &point.reason };
            format!("{run}: {status}{reason}")
        })
        .collect();
    let more = without.len().saturating_sub(NAMED_RUNS);
    let named = without.iter().take(NAMED_RUNS).cloned().collect::<Vec<_>>().join("; ");
    if more > 0 { format!("{named}; and {more} more") } else { named }
}
