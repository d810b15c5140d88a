//! The closing table of a run. What is the same for all jobs stands above it, what has no times below it, and each of its
//! columns says something.

mod axes;
mod baseline;
mod best;
mod failures;
mod heading;

use std::collections::HashMap;
use std::path::Path;

use comfy_table::CellAlignment;
use serde_json::{Map, Value};

use self::axes::{label, varying};
use self::best::{elsewhere, ranks};
use self::heading::{Adapters, heading};
use super::format::{TableFormat, TableStyle, empty_table};
use super::layout::{self, Cell, Column};
use super::tone::Tone;
use crate::analyse::best::Rank;
use crate::measure::Summary;
use crate::plan::{Job, Plan};
use crate::record::row::{Row, RowFigures};
use crate::run::Status;
use crate::units::{Nanos, significant};

pub use self::baseline::Baseline;

/// Columns of a terminal that the table fits, unless its words are longer.
const WIDTH: usize = 120;

/// Where the axes of `[axes]` stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CustomAxes {
    /// Each in a column.
    Apart,
    /// All in one column, which folds, where so many columns have no room.
    Together,
}

/// What the closing table is made of.
#[derive(Debug, Clone, Copy)]
pub struct ClosingTable<'run> {
    /// The jobs as they were planned.
    pub plan: &'run Plan,
    /// Those that ended, in the order of the plan.
    pub rows: &'run [(Job, Row)],
    /// What they are compared with.
    pub baseline: &'run Baseline,
    /// The folder of the logs, where there is one.
    pub logs: Option<&'run Path>,
}

/// Puts rows into the order of the plan: jobs that were interleaved or tried again end in another one.
pub fn sort(plan: &Plan, rows: &mut [(Job, Row)]) {
    let places: HashMap<&str, usize> =
        plan.jobs.iter().enumerate().map(|(place, job)| (job.id.0.as_str(), place)).collect();
    rows.sort_by_key(|(job, _)| places.get(job.id.0.as_str()).copied());
}

impl ClosingTable<'_> {
    /// As it is written to stdout, without the last line's end; that for a terminal has colours.
    #[must_use]
    pub fn text(&self, format: TableFormat) -> String {
        match format {
            TableFormat::Table => self.drawn(TableStyle::Terminal),
            TableFormat::Markdown => self.drawn(TableStyle::Markdown),
            TableFormat::Json => format!("{:#}", self.json()),
        }
    }

    fn drawn(&self, style: TableStyle) -> String {
        let adapters = Adapters::of(self.rows);
        let mut parts = vec![heading(self.plan, self.rows, &adapters, style, WIDTH)];
        let ranks = ranks(self.plan, self.rows);
        let measured: Vec<(&Job, &Row, Option<Rank>)> = self
            .rows
            .iter()
            .zip(&ranks)
            .filter(|((_, row), _)| row.status == Status::Ok)
            .map(|((job, row), rank)| (job, row, *rank))
            .collect();
        if !measured.is_empty() {
            let (columns, rows) = self.columns(&measured, &adapters, CustomAxes::Apart, style);
            parts.push(match style {
                TableStyle::Terminal if layout::fits(&columns, &rows, WIDTH) => layout::table(&columns, &rows, WIDTH),
                TableStyle::Terminal => {
                    let (columns, rows) = self.columns(&measured, &adapters, CustomAxes::Together, style);
                    layout::table(&columns, &rows, WIDTH)
                }
                TableStyle::Markdown => markdown(&columns, rows),
            });
        }
        if let Some(legend) = legend(&ranks) {
            parts.push(match style {
                TableStyle::Terminal => layout::fold(legend, WIDTH).join("\n"),
                TableStyle::Markdown => legend.to_owned(),
            });
        }
        parts.extend(failures::below(self.rows, self.logs, style, WIDTH));
        parts.join("\n\n")
    }

    /// The columns that say something, and the rows, whose cells are those of the style.
    fn columns(
        &self,
        rows: &[(&Job, &Row, Option<Rank>)],
        adapters: &Adapters,
        custom: CustomAxes,
        style: TableStyle,
    ) -> (Vec<Column>, Vec<Vec<Cell>>) {
        let words = |title: &str, cells: Vec<Cell>| (Column::words(title), cells);
        let mut columns = vec![words("", rows.iter().map(|(_, _, rank)| mark(*rank)).collect())];
        let own = |axis: &String| self.plan.manifest.axes.iter().any(|one| one.name == *axis && one.custom);
        let (together, apart): (Vec<String>, Vec<String>) =
            varying(self.plan).into_iter().partition(|axis| custom == CustomAxes::Together && own(axis));
        for axis in apart {
            columns.push(words(&axis, rows.iter().map(|(job, ..)| label(job, &axis).into()).collect()));
        }
        let pairs = |job: &Job| together.iter().map(|axis| format!("{axis}={}", label(job, axis))).collect::<Vec<_>>();
        columns.push(words("axes", rows.iter().map(|(job, ..)| pairs(job).join(" ").into()).collect()));
        if *adapters == Adapters::Various {
            let named = |row: &Row| row.figures.adapter.as_ref().map(heading::adapter).unwrap_or_default().into();
            columns.push(words("adapter", rows.iter().map(|(_, row, _)| named(row)).collect()));
        }
        columns.push(words("ran on", rows.iter().map(|(job, row, _)| ran_on(job, row)).collect()));
        if rows.iter().any(|(_, row, _)| row.figures.verified != rows[0].1.figures.verified) {
            columns.push(words("verified", rows.iter().map(|(_, row, _)| verified(row)).collect()));
        }
        for (title, figure) in self.figures() {
            let cell = |row: &Row, rank: Option<Rank>| Cell {
                text: figure(&row.figures).unwrap_or_default(),
                tone: if rank == Some(Rank::Best) { Tone::Best } else { Tone::Plain },
            };
            columns.push((Column::numbers(title), rows.iter().map(|(_, row, rank)| cell(row, *rank)).collect()));
        }
        if let Some(title) = self.baseline.title() {
            columns.push(words(&title, rows.iter().map(|(job, ..)| self.baseline.cell(job)).collect()));
        }
        columns.retain(|(_, cells)| cells.iter().any(|cell| !cell.text.is_empty()));
        let (columns, cells): (Vec<Column>, Vec<Vec<Cell>>) = columns.into_iter().unzip();
        let cell = |cell: &Cell| Cell { text: style.cell(&cell.text), tone: cell.tone };
        let row = |place: usize| cells.iter().map(|column| cell(&column[place])).collect();
        (columns, (0..rows.len()).map(row).collect())
    }

    /// The figures of a row, each with its title.
    fn figures(&self) -> Vec<(&'static str, Figure)> {
        let mut figures: Vec<(&str, Figure)> = vec![
            ("gpu ms", |row| row.gpu.map(|gpu| significant(gpu.median, 3))),
            ("wall ms", |row| row.wall.map(|wall| significant(wall.median, 3))),
            ("95 % interval", |row| row.gpu.or(row.wall).and_then(interval)),
            ("first result ms", |row| row.time_to_first_result.map(Nanos::millis).map(|ms| significant(ms, 3))),
            ("first token ms", |row| row.ttft_ms.map(|ms| significant(ms, 3))),
            ("tokens/s", |row| row.decode_per_s.map(|rate| significant(rate, 3))),
            ("GFLOP/s", |row| row.gflops.map(|gflops| significant(gflops, 3))),
        ];
        let hardware = &self.plan.manifest.hardware;
        if hardware.peak_gflops.is_given() {
            figures.push(("% of peak GFLOP/s", |row| row.of_peak_gflops.map(|share| significant(share, 3))));
        }
        if hardware.peak_gbytes_per_s.is_given() {
            figures.push(("% of peak GB/s", |row| row.of_peak_gbytes.map(|share| significant(share, 3))));
        }
        figures
    }

    /// The rows as a JSON array; figures are numbers, what was not measured is null. `comparison` is how a row compares with
    /// its base, null for a base.
    fn json(&self) -> Value {
        let object = |(job, row): &(Job, Row)| {
            let cells = row.cells().iter().map(|(name, cell)| (name.clone(), cell.json()));
            let comparison = ("comparison".to_owned(), self.baseline.json(job));
            Value::Object(cells.chain([comparison]).collect::<Map<_, _>>())
        };
        Value::Array(self.rows.iter().map(object).collect())
    }
}

/// A figure of a row as it is shown.
type Figure = fn(&RowFigures) -> Option<String>;

fn interval(summary: Summary) -> Option<String> {
    summary.interval.map(|(low, high)| format!("{}–{}", significant(low, 3), significant(high, 3)))
}

fn mark(rank: Option<Rank>) -> Cell {
    match rank {
        Some(Rank::Best) => Cell { text: "best".to_owned(), tone: Tone::Best },
        Some(Rank::NearBest) => Cell { text: "≈".to_owned(), tone: Tone::Good },
        None => Cell::default(),
    }
}

/// What the marks mean; `None` where there are none.
fn legend(ranks: &[Option<Rank>]) -> Option<&'static str> {
    if ranks.contains(&Some(Rank::NearBest)) {
        return Some(
            "best: lowest median of the rows with the same work (model, dtype, batch, tokens, axes of your own that may \
             change it), by GPU time where all have it, else by wall time; ≈: the interval of that time overlaps the best one's",
        );
    }
    ranks.contains(&Some(Rank::Best)).then_some(
        "best: lowest median of the rows with the same work (model, dtype, batch, tokens, axes of your own that may \
         change it), by GPU time where all have it, else by wall time",
    )
}

fn ran_on(job: &Job, row: &Row) -> Cell {
    elsewhere(job, row).map(|text| Cell { text, tone: Tone::Bad }).unwrap_or_default()
}

fn verified(row: &Row) -> Cell {
    match row.figures.verified {
        Some(true) => "yes".to_owned().into(),
        _ => Cell { text: "not checked".to_owned(), tone: Tone::Doubtful },
    }
}

fn markdown(columns: &[Column], rows: Vec<Vec<Cell>>) -> String {
    let style = TableStyle::Markdown;
    let mut table = empty_table(style, u16::MAX);
    table.set_header(columns.iter().map(|column| style.cell(column.title())));
    table.add_rows(rows.into_iter().map(|row| row.into_iter().map(|cell| cell.text)));
    for (place, column) in columns.iter().enumerate() {
        if let Some(drawn) = table.column_mut(place).filter(|_| column.is_number()) {
            drawn.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}
