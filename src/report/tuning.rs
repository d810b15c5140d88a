//! The closing table of a tuning: what each kernel took by default and what it takes now.

use std::ops::Range;

use comfy_table::CellAlignment;
use serde_json::{Value, json};

use super::format::{TableFormat, TableStyle, USUAL_WIDTH, empty_table};
use crate::tune::drive::{Evaluation, TaskResult};
use crate::tune::replay::ReplaySummary;
use crate::tune::tasks::{TuneTask, size};
use crate::units::significant;

const HEADER: [&str; 10] = [
    "browser",
    "model",
    "kernel",
    "size",
    "default ms",
    "best ms",
    "95 % interval",
    "times faster",
    "configuration",
    "tried",
];

/// What searches would have found, of a space that was tried in full.
const REPLAYS: [&str; 9] = [
    "browser",
    "model",
    "kernel",
    "size",
    "replayed searches",
    "at most tried",
    "within 2 %",
    "median slower by",
    "at worst by",
];

/// The results of a tuning as they are written to stdout, without the last line's end.
#[must_use]
pub fn text(results: &[(TuneTask, TaskResult)], format: TableFormat) -> String {
    match format {
        TableFormat::Table => table(results, TableStyle::Terminal),
        TableFormat::Markdown => table(results, TableStyle::Markdown),
        TableFormat::Json => format!("{:#}", json(results)),
    }
}

/// Where spaces were tried in full, a second table follows that says what searches would have found.
fn table(results: &[(TuneTask, TaskResult)], style: TableStyle) -> String {
    let rows = results.iter().map(|(task, result)| cells(task, result).to_vec()).collect();
    let found = laid_out(&HEADER, rows, 4..8, style);
    let replayed: Vec<Vec<String>> = results.iter().filter_map(|(task, result)| replay_cells(task, result)).collect();
    if replayed.is_empty() {
        return found;
    }
    format!("{found}\n\n{}", laid_out(&REPLAYS, replayed, 4..9, style))
}

fn laid_out(header: &[&str], rows: Vec<Vec<String>>, numbers: Range<usize>, style: TableStyle) -> String {
    let mut table = empty_table(style, USUAL_WIDTH);
    table.set_header(header);
    table.add_rows(rows.into_iter().map(|row| row.into_iter().map(|cell| style.cell(&cell)).collect::<Vec<_>>()));
    for column in numbers {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

fn cells(task: &TuneTask, result: &TaskResult) -> [String; 10] {
    let ms = |tried: &Option<Evaluation>| median(tried.as_ref()).map(|ms| significant(ms, 3)).unwrap_or_default();
    let interval = result.winner.as_ref().and_then(|winner| winner.time).and_then(|time| time.interval);
    let configuration = match &result.winner {
        Some(winner) if task.is_default(winner.point) => format!("{} (the default)", task.described(winner.point)),
        Some(winner) => task.described(winner.point),
        None => format!("none: {}", why(result)),
    };
    let wrong = match result.wrong() {
        0 => String::new(),
        count => format!(", {count} failed or wrong"),
    };
    [
        task.base.axes.browser.clone(),
        task.base.axes.model.clone(),
        task.space.kernel.clone(),
        size(&task.space.size),
        ms(&result.default),
        ms(&result.winner),
        interval.map(|(low, high)| format!("{}–{}", significant(low, 3), significant(high, 3))).unwrap_or_default(),
        faster(result).map(|times| significant(times, 3)).unwrap_or_default(),
        configuration,
        format!(
            "{} of {} in {:.0} s{wrong}",
            result.evaluations,
            task.space.points.len(),
            result.searched.as_secs_f64()
        ),
    ]
}

fn replay_cells(task: &TuneTask, result: &TaskResult) -> Option<Vec<String>> {
    let replayed = ReplaySummary::of(&result.replays)?;
    let space = task.space.points.len();
    let share = 100.0 * replayed.evaluations as f64 / space as f64;
    Some(vec![
        task.base.axes.browser.clone(),
        task.base.axes.model.clone(),
        task.space.kernel.clone(),
        size(&task.space.size),
        replayed.replays.to_string(),
        format!("{} of {space} ({share:.1} %)", replayed.evaluations),
        format!("{} of {}", replayed.within_2_percent, replayed.replays),
        format!("{:.2} %", replayed.median_percent),
        format!("{:.2} %", replayed.worst_percent),
    ])
}

fn median(tried: Option<&Evaluation>) -> Option<f64> {
    tried.and_then(|tried| tried.time).map(|time| time.median)
}

/// How many times as long as the winner the default takes.
fn faster(result: &TaskResult) -> Option<f64> {
    Some(median(result.default.as_ref())? / median(result.winner.as_ref())?)
}

/// Why there is no winner: the first bad end.
fn why(result: &TaskResult) -> String {
    if result.outcome.interrupted {
        return "interrupted before the finals".to_owned();
    }
    let reason = result.tried.iter().find(|tried| !tried.reason.is_empty()).map(|tried| tried.reason.clone());
    reason.unwrap_or_else(|| "nothing ran that could be verified".to_owned()).chars().take(120).collect()
}

/// A JSON array with an object a task; what is not known is null.
#[must_use]
pub fn json(results: &[(TuneTask, TaskResult)]) -> Value {
    let object = |(task, result): &(TuneTask, TaskResult)| {
        let interval = result.winner.as_ref().and_then(|winner| winner.time).and_then(|time| time.interval);
        let winner = result.winner.as_ref().map(|winner| &task.space.points[winner.point]);
        json!({
            "browser": task.base.axes.browser,
            "model": task.base.axes.model,
            "dtype": task.base.axes.dtype,
            "batch": task.base.axes.batch,
            "kernel": task.space.kernel,
            "size": task.space.size,
            "default_ms": median(result.default.as_ref()),
            "median_ms": median(result.winner.as_ref()),
            "low_ms": interval.map(|(low, _)| low),
            "high_ms": interval.map(|(_, high)| high),
            "times_faster": faster(result),
            "is_default": result.winner.as_ref().map(|winner| task.is_default(winner.point)),
            "workgroup_size": winner.map(|winner| winner.workgroup),
            "parameters": winner.map(|winner| &winner.values),
            "evaluations": result.evaluations,
            "space": task.space.points.len(),
            "search_s": result.searched.as_secs_f64(),
            "failed_or_wrong": result.wrong(),
            "replays": ReplaySummary::of(&result.replays).map(|replayed| json!({
                "count": replayed.replays,
                "within_2_percent": replayed.within_2_percent,
                "most_evaluations": replayed.evaluations,
                "median_slower_percent": replayed.median_percent,
                "worst_slower_percent": replayed.worst_percent,
            })),
            "reason": result.winner.is_none().then(|| why(result)),
        })
    };
    Value::Array(results.iter().map(object).collect())
}
