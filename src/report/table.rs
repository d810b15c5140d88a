//! The closing table of a run.

use std::collections::HashMap;

use comfy_table::CellAlignment;
use serde_json::{Map, Value};

use super::comparison::{brief, object};
use super::format::{TableFormat, TableStyle, USUAL_WIDTH, clipped, empty_table};
use crate::analyse::compare::{RunAxis, along};
use crate::analyse::comparison::{Comparison, Rules};
use crate::plan::select::value;
use crate::plan::{Job, Plan};
use crate::record::csv::harmless;
use crate::record::read::Run;
use crate::record::row::Row;
use crate::run::Status;
use crate::units::significant;

/// How the jobs of a run compare with those of an axis's first value.
#[derive(Debug, Clone, Default)]
pub struct Baseline {
    /// That value; empty where there is nothing to compare.
    base: String,
    rules: Rules,
    /// By the id of the job that is compared with its base.
    comparisons: HashMap<String, Comparison>,
}

impl Baseline {
    /// The jobs of a plan as its run folder has them, compared along the browser or, where there is but one, along the
    /// first axis with several values; along the model, whose values do different work, only where nothing else varies.
    #[must_use]
    pub fn of(plan: &Plan, mut run: Run) -> Self {
        let several = varying(plan).into_iter().filter(|axis| differ(plan, axis));
        let rank = |axis: &String| match axis.as_str() {
            "browser" => 0,
            "model" => 2,
            _ => 1,
        };
        let Some(axis) = several.min_by_key(rank) else { return Self::default() };
        // The plan says which value is first; rows stand in the order in which jobs ended.
        let places: HashMap<String, usize> =
            plan.jobs.iter().enumerate().map(|(place, job)| (harmless(&job.id.0), place)).collect();
        run.jobs.retain(|job| places.contains_key(job.cell("job_id")));
        run.jobs.sort_by_key(|job| places.get(job.cell("job_id")));
        let rules = Rules::default();
        let comparisons = along(&run, &RunAxis::named(&axis), &rules);
        let base = plan.jobs.first().and_then(|job| value(job, &axis)).unwrap_or_default().into_owned();
        let by_id = comparisons.into_iter().map(|comparison| (comparison.new_id.clone(), comparison));
        Self { base, rules, comparisons: by_id.collect() }
    }

    fn title(&self) -> Option<String> {
        (!self.comparisons.is_empty()).then(|| format!("vs {}", self.base))
    }

    fn comparison(&self, job: &Job) -> Option<&Comparison> {
        self.comparisons.get(&harmless(&job.id.0))
    }

    /// Empty for a base, for what is refused, and for a job whose base lacks the value that the title names.
    fn cell(&self, job: &Job) -> String {
        let comparison = self.comparison(job).filter(|comparison| comparison.base == harmless(&self.base));
        comparison.map(|comparison| brief(comparison, &self.rules)).unwrap_or_default()
    }

    fn json(&self, job: &Job) -> Value {
        self.comparison(job).map_or(Value::Null, object)
    }
}

/// Puts rows into the order of the plan: jobs that were interleaved or tried again end in another one.
pub fn sort(plan: &Plan, rows: &mut [(Job, Row)]) {
    let places: HashMap<&str, usize> =
        plan.jobs.iter().enumerate().map(|(place, job)| (job.id.0.as_str(), place)).collect();
    rows.sort_by_key(|(job, _)| places.get(job.id.0.as_str()).copied());
}

/// The rows of a run as they are written to stdout, without the last line's end.
#[must_use]
pub fn text(plan: &Plan, rows: &[(Job, Row)], baseline: &Baseline, format: TableFormat) -> String {
    match format {
        TableFormat::Table => table(plan, rows, baseline, TableStyle::Terminal),
        TableFormat::Markdown => table(plan, rows, baseline, TableStyle::Markdown),
        TableFormat::Json => format!("{:#}", json(rows, baseline)),
    }
}

fn table(plan: &Plan, rows: &[(Job, Row)], against: &Baseline, style: TableStyle) -> String {
    let axes = varying(plan);
    let mut table = empty_table(style, USUAL_WIDTH);
    let figures = ["status", "verified", "adapter", "gpu ms", "wall ms", "95 % interval", "first result ms", "GFLOP/s"];
    let title = against.title();
    let shares = shares(plan);
    let given = || shares.iter().map(|(title, _)| *title);
    table.set_header(axes.iter().map(String::as_str).chain(figures).chain(given()).chain(title.as_deref()));
    for (job, row) in rows {
        let labels = axes.iter().map(|axis| value(job, axis).map(std::borrow::Cow::into_owned).unwrap_or_default());
        let compared = title.as_ref().map(|_| against.cell(job));
        let of_peak = shares.iter().map(|(_, share)| share(row).map(|share| significant(share, 3)).unwrap_or_default());
        let cells = labels.chain(cells(row)).chain(of_peak).chain(compared);
        table.add_row(cells.map(|cell| style.cell(&cell)));
    }
    for column in axes.len() + 3..axes.len() + figures.len() + shares.len() {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

/// What share of the hardware's limits a row reached, in percent.
type RowShare = fn(&Row) -> Option<f64>;

/// The columns for the limits of the hardware that the manifest gives.
fn shares(plan: &Plan) -> Vec<(&'static str, RowShare)> {
    let hardware = &plan.manifest.hardware;
    let all: [(bool, &str, RowShare); 2] = [
        (hardware.peak_gflops.is_given(), "% of peak GFLOP/s", |row| row.figures.of_peak_gflops),
        (hardware.peak_gbytes_per_s.is_given(), "% of peak GB/s", |row| row.figures.of_peak_gbytes),
    ];
    all.into_iter().filter(|(given, ..)| *given).map(|(_, title, share)| (title, share)).collect()
}

/// The rows as a JSON array; figures are numbers, what was not measured is null. `comparison` is how a row compares with
/// its base, null for a base.
fn json(rows: &[(Job, Row)], against: &Baseline) -> Value {
    let object = |(job, row): &(Job, Row)| {
        let cells = row.cells().iter().map(|(name, cell)| (name.clone(), cell.json()));
        let comparison = ("comparison".to_owned(), against.json(job));
        Value::Object(cells.chain([comparison]).collect::<Map<_, _>>())
    };
    Value::Array(rows.iter().map(object).collect())
}

/// The axes that distinguish the jobs of a plan; always the browser.
fn varying(plan: &Plan) -> Vec<String> {
    let own = plan.manifest.axes.iter().map(|axis| axis.name.clone());
    let axes: Vec<String> = own.filter(|axis| axis == "browser" || differ(plan, axis)).collect();
    if axes.is_empty() { vec!["browser".to_owned()] } else { axes }
}

/// Whether an axis takes several values in a plan.
fn differ(plan: &Plan, axis: &str) -> bool {
    let mut values = plan.jobs.iter().map(|job| value(job, axis));
    let first = values.next();
    values.any(|value| Some(value) != first)
}

fn cells(row: &Row) -> [String; 8] {
    let figures = &row.figures;
    if row.status != Status::Ok {
        let reason = clipped(&figures.reason, 120);
        return [format!("{}: {reason}", row.status), verified(figures.verified)]
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
        name.map_or_else(|| adapter.kind.to_string(), |name| format!("{} ({name})", adapter.kind))
    });
    [
        row.status.to_string(),
        verified(figures.verified),
        harmless(&named.unwrap_or_default()),
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
