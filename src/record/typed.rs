//! The tables of a run's folder with types: every column has a kind, and every cell is empty or of that kind.
//!
//! Made of the files alone, so that runs of older versions have them too; read by what exports runs.

use std::collections::HashMap;
use std::path::Path;

use super::cell::{Cell, CellKind};
use super::read::{self, CUSTOM_AXIS, Table};
use super::{RecordError, columns, side_tables};

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub struct TypedTable {
    /// The name of its file without the end: `jobs`, `samples`, `parts` or `kernels`.
    pub name: String,
    /// Its columns, in the order of the file.
    pub columns: Vec<TypedColumn>,
    /// Its rows, in the order of the file, each with a cell for every column.
    pub rows: Vec<Vec<Cell>>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedColumn {
    /// Its header.
    pub name: String,
    /// Of its cells.
    pub kind: CellKind,
}

/// Reads all tables of the folder of a run, finished or not: `jobs` and `samples`, and `parts` and `kernels` where it has them.
pub fn tables(folder: &Path) -> Result<Vec<TypedTable>, RecordError> {
    read::tables(folder)?.iter().map(|table| typed(folder, table)).collect()
}

fn typed(folder: &Path, table: &Table) -> Result<TypedTable, RecordError> {
    let known: HashMap<&str, CellKind> = if table.name == "jobs.csv" {
        columns::named().map(|(name, kind, _)| (name, kind)).collect()
    } else {
        side_tables::named(&table.name).into_iter().map(|(name, kind, _)| (name, kind)).collect()
    };
    let kind = |(place, name): (usize, &String)| {
        if name.starts_with(CUSTOM_AXIS) {
            return CellKind::of_all(table.rows.iter().map(|row| row[place].as_str()));
        }
        // What other versions of gpujobs write under names that this one does not know may be anything.
        known.get(name.as_str()).copied().unwrap_or(CellKind::Text)
    };
    let kinds: Vec<CellKind> = table.header.iter().enumerate().map(kind).collect();
    let cell = |row: usize, column: usize, text: &str| {
        kinds[column].read(text).ok_or_else(|| RecordError::NotTheRun {
            path: folder.join(&table.name),
            reason: format!(
                "has `{text}` in the column {} of row {}, expected {}",
                table.header[column],
                // As spreadsheets count them, the header among them.
                row + 2,
                kinds[column]
            ),
            help: "was it changed by hand or by a spreadsheet? Write what was there, or leave the cell empty"
                .to_owned(),
        })
    };
    let row = |(row, texts): (usize, &Vec<String>)| {
        texts.iter().enumerate().map(|(column, text)| cell(row, column, text)).collect::<Result<Vec<_>, _>>()
    };
    let rows = table.rows.iter().enumerate().map(row).collect::<Result<_, _>>()?;
    let columns = table.header.iter().zip(&kinds).map(|(name, kind)| TypedColumn { name: name.clone(), kind: *kind });
    let columns = columns.collect();
    Ok(TypedTable { name: table.name.trim_end_matches(".csv").to_owned(), columns, rows })
}
