//! A panel is a table with the charts that are drawn of it: what a chart shows is what its table says.

use indexmap::IndexMap;
use serde::Serialize;

use crate::record::columns::GROUPS;
use crate::record::read::{JobRecord, Table};
use crate::units::significant;

use super::source::{adapter, id, is_software};

/// A part of the report.
#[derive(Debug, Default, Serialize)]
pub(super) struct Panel {
    /// Its anchor; given when all are there.
    pub(super) id: String,
    /// The run that it is of; empty for one of several runs.
    pub(super) run: String,
    pub(super) title: String,
    /// How it is to be read.
    pub(super) note: String,
    /// The charts, by the names that `figures.js` knows.
    pub(super) charts: Vec<&'static str>,
    /// The jobs that no hardware computed, by their ids, with what did.
    pub(super) software: IndexMap<String, String>,
    /// The share of 1 that counts as the same, in a panel of ratios.
    pub(super) same_within: Option<f64>,
    pub(super) table: PanelTable,
}

/// A table whose cells are texts and numbers.
#[derive(Debug, Default, Serialize)]
pub(super) struct PanelTable {
    pub(super) columns: Vec<PanelColumn>,
    pub(super) rows: Vec<Vec<PanelCell>>,
    /// Rows that there are, of which `rows` may be the first.
    pub(super) total: usize,
}

/// A column with what it says.
#[derive(Debug, Clone, Serialize)]
pub(super) struct PanelColumn {
    pub(super) name: String,
    pub(super) doc: String,
    pub(super) number: bool,
}

/// A cell.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(super) enum PanelCell {
    /// A number without a fraction, which is shown without one.
    Whole(i64),
    Number(f64),
    Text(String),
    Empty,
}

impl From<Option<f64>> for PanelCell {
    /// With as many digits as the run's own tables have.
    fn from(number: Option<f64>) -> Self {
        let short = |number: f64| significant(number, 6).parse::<f64>().ok();
        // Written without a fraction where it has none.
        let cell = |number: f64| number.to_string().parse().map_or(Self::Number(number), Self::Whole);
        number.filter(|number| number.is_finite()).and_then(short).map_or(Self::Empty, cell)
    }
}

impl From<f64> for PanelCell {
    fn from(number: f64) -> Self {
        Some(number).into()
    }
}

impl From<&str> for PanelCell {
    fn from(text: &str) -> Self {
        if text.is_empty() { Self::Empty } else { Self::Text(text.to_owned()) }
    }
}

impl From<String> for PanelCell {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

/// Those of some jobs that no hardware computed, as a panel marks them.
pub(super) fn software<'run>(jobs: impl IntoIterator<Item = &'run JobRecord>) -> IndexMap<String, String> {
    let software = jobs.into_iter().filter(|job| is_software(job));
    software.map(|job| (id(job).to_owned(), adapter(job))).collect()
}

/// A column of words.
pub(super) fn words(name: &str) -> PanelColumn {
    PanelColumn { name: name.to_owned(), doc: doc(name), number: false }
}

/// A column of numbers.
pub(super) fn numbers(name: &str) -> PanelColumn {
    PanelColumn { number: true, ..words(name) }
}

/// The rows of a table of the run's folder, with the columns that are named; those in `numeric` are numbers.
pub(super) fn of_table(table: &Table, columns: &[&str], numeric: &[&str]) -> PanelTable {
    let column = |name: &&str| if numeric.contains(name) { numbers(name) } else { words(name) };
    let cell = |row: &[String], name: &str| match table.cell(row, name) {
        text if numeric.contains(&name) => text.parse().ok().into(),
        text => PanelCell::from(text),
    };
    let rows = table.rows.iter().map(|row| columns.iter().map(|name| cell(row, name)).collect());
    PanelTable::new(columns.iter().map(column).collect(), rows.collect())
}

/// A column with what it says, where the table of columns does not have it.
pub(super) fn explained(column: PanelColumn, doc: &str) -> PanelColumn {
    PanelColumn { doc: doc.to_owned(), ..column }
}

/// What the table of columns says of one of `jobs.csv`; empty for others.
fn doc(name: &str) -> String {
    let mut columns = GROUPS.iter().flat_map(|group| group.columns);
    columns.find(|column| column.name == name).map(|column| column.doc.to_owned()).unwrap_or_default()
}

impl PanelTable {
    /// All rows of a table.
    pub(super) fn new(columns: Vec<PanelColumn>, rows: Vec<Vec<PanelCell>>) -> Self {
        Self { total: rows.len(), columns, rows }
    }
}
