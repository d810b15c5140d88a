//! The closing table of a run.

use comfy_table::presets::{ASCII_MARKDOWN, UTF8_FULL_CONDENSED};
use comfy_table::{CellAlignment, ContentArrangement, Table};
use serde_json::{Map, Value};

use crate::plan::select::value;
use crate::plan::{Job, Plan};
use crate::record::row::Row;
use crate::run::Status;
use crate::units::significant;

/// Columns at least this wide are cut by the terminal, not by us.
const WIDEST: u16 = 160;

/// The table of a run, for a terminal or, in Markdown, for a document.
#[must_use]
pub fn table(plan: &Plan, rows: &[(Job, Row)], markdown: bool) -> String {
    let axes = varying(plan);
    let mut table = Table::new();
    table.load_style(if markdown { ASCII_MARKDOWN } else { UTF8_FULL_CONDENSED });
    if !markdown {
        table.set_content_arrangement(ContentArrangement::Dynamic);
        if table.width().is_none_or(|width| width > WIDEST) {
            table.set_width(WIDEST);
        }
    }
    let figures = ["status", "verified", "adapter", "gpu ms", "wall ms", "95 % interval", "first result ms", "GFLOP/s"];
    table.set_header(axes.iter().map(String::as_str).chain(figures));
    for (job, row) in rows {
        let labels = axes.iter().map(|axis| value(job, axis).map(std::borrow::Cow::into_owned).unwrap_or_default());
        table.add_row(labels.chain(cells(row)));
    }
    for column in axes.len() + 3..axes.len() + figures.len() {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

/// The rows as a JSON array; figures are numbers, what was not measured is null.
#[must_use]
pub fn json(rows: &[(Job, Row)]) -> Value {
    let object = |(_, row): &(Job, Row)| {
        let cells = row.columns().iter().map(|(name, text)| (name.clone(), typed(name, text)));
        Value::Object(cells.collect::<Map<_, _>>())
    };
    Value::Array(rows.iter().map(object).collect())
}

/// A CSV cell as JSON. Only figures become numbers: a version `156.0` stays a text.
fn typed(name: &str, text: &str) -> Value {
    const COUNTS: [&str; 10] = [
        "attempts",
        "batch",
        "workgroup_x",
        "workgroup_y",
        "workgroup_z",
        "threads",
        "samples",
        "warmup",
        "gflops",
        "gbytes_per_s",
    ];
    let figure =
        COUNTS.contains(&name) || ["_ms", "_us", "_ns", "_error", "_per_s"].iter().any(|unit| name.ends_with(unit));
    match text {
        "" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ if figure => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
        _ => Value::String(text.to_owned()),
    }
}

/// The axes that tell the jobs of a plan apart; always the browser.
fn varying(plan: &Plan) -> Vec<String> {
    let own = plan.manifest.axes.iter().map(|axis| axis.name.clone());
    let differ = |axis: &String| {
        let mut values = plan.jobs.iter().map(|job| value(job, axis));
        let first = values.next();
        values.any(|value| Some(value) != first)
    };
    let axes: Vec<String> = own.filter(|axis| axis == "browser" || differ(axis)).collect();
    if axes.is_empty() { vec!["browser".to_owned()] } else { axes }
}

fn cells(row: &Row) -> [String; 8] {
    let figures = &row.report;
    if row.status != Status::Ok {
        let reason: String = figures.reason.chars().take(120).collect();
        return [format!("{}: {reason}", row.status.name()), verified(figures.verified)]
            .into_iter()
            .chain(std::iter::repeat_n(String::new(), 6))
            .collect::<Vec<_>>()
            .try_into()
            .unwrap_or_default();
    }
    let ms = |value: Option<f64>| value.map(|value| significant(value, 3)).unwrap_or_default();
    let best = figures.gpu.or(figures.wall);
    let interval = best.and_then(|summary| summary.interval);
    let adapter = figures.adapter.as_ref();
    let named = adapter.map(|adapter| {
        let name = [&adapter.description, &adapter.device, &adapter.architecture, &adapter.vendor];
        let name = name.into_iter().find(|name| !name.is_empty());
        name.map_or_else(|| adapter.kind.name().to_owned(), |name| format!("{} ({name})", adapter.kind.name()))
    });
    [
        row.status.name().to_owned(),
        verified(figures.verified),
        crate::record::csv::harmless(&named.unwrap_or_default()),
        ms(figures.gpu.map(|gpu| gpu.median)),
        ms(figures.wall.map(|wall| wall.median)),
        interval.map(|(low, high)| format!("{}–{}", significant(low, 3), significant(high, 3))).unwrap_or_default(),
        ms(figures.time_to_first_result.map(crate::units::Nanos::millis)),
        ms(figures.gflops),
    ]
}

fn verified(verified: Option<bool>) -> String {
    match verified {
        Some(true) => "yes".to_owned(),
        Some(false) => "no".to_owned(),
        None => String::new(),
    }
}
