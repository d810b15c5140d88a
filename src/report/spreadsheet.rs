//! A run as a workbook, in which numbers are numbers whatever the spreadsheet takes for a decimal point: a sheet for each
//! table of its folder.
//!
//! Made from the files alone, so that runs of older versions have one too; written by `commands::export`.

use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};

use crate::record::read::Table;

/// Columns of the tables that hold names, also where one looks like a number.
const NAMES: [&str; 15] = [
    "run_id",
    "job_id",
    "manifest",
    "browser",
    "model",
    "family",
    "engine",
    "task",
    "backend",
    "dtype",
    "browser_version",
    "driver_version",
    "shader_digest",
    "output_digest",
    "kernel",
];

/// Rows that a sheet holds, its header among them: the format's own limit.
const MOST_ROWS: usize = 1 << 20;
/// Characters that a cell holds: the format's own limit.
const LONGEST_CELL: usize = 32_767;

/// Why there is no workbook.
#[derive(Debug, thiserror::Error)]
pub enum SpreadsheetError {
    /// More rows than a sheet takes.
    #[error("{table} has {rows} rows, and a sheet holds {MOST_ROWS}")]
    TooLong {
        /// The table.
        table: String,
        /// Its rows, with the header.
        rows: usize,
    },
    /// What the writer says.
    #[error(transparent)]
    Xlsx(#[from] XlsxError),
}

/// The workbook of these tables, as the bytes of an `.xlsx` file.
pub fn xlsx(tables: &[Table]) -> Result<Vec<u8>, SpreadsheetError> {
    let mut workbook = Workbook::new();
    let head = Format::new().set_bold();
    for table in tables {
        let rows = table.rows.len() + 1;
        if rows > MOST_ROWS {
            return Err(SpreadsheetError::TooLong { table: table.name.clone(), rows });
        }
        sheet(workbook.add_worksheet(), table, &head)?;
    }
    Ok(workbook.save_to_buffer()?)
}

fn sheet(sheet: &mut Worksheet, table: &Table, head: &Format) -> Result<(), XlsxError> {
    sheet.set_name(table.name.trim_end_matches(".csv"))?;
    sheet.set_freeze_panes(1, 0)?;
    for (column, name) in (0_u16..).zip(&table.header) {
        sheet.write_string_with_format(0, column, name, head)?;
        let figures = !NAMES.contains(&name.as_str());
        for (row, cells) in (1_u32..).zip(&table.rows) {
            let Some(cell) = cells.get(usize::from(column)).filter(|cell| !cell.is_empty()) else { continue };
            match (cell.as_str(), cell.parse::<f64>()) {
                ("true", _) if figures => sheet.write_boolean(row, column, true)?,
                ("false", _) if figures => sheet.write_boolean(row, column, false)?,
                (_, Ok(number)) if figures && number.is_finite() => sheet.write_number(row, column, number)?,
                (text, _) => sheet.write_string(row, column, text.chars().take(LONGEST_CELL).collect::<String>())?,
            };
        }
    }
    if let (Ok(last_row), Ok(columns @ 1..)) = (u32::try_from(table.rows.len()), u16::try_from(table.header.len())) {
        sheet.autofilter(0, 0, last_row, columns - 1)?;
    }
    sheet.autofit();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_that_is_too_long_is_an_error() {
        let rows = vec![Vec::new(); MOST_ROWS];
        let table = Table { name: "samples.csv".to_owned(), header: vec!["wall_ms".to_owned()], rows };
        let error = xlsx(&[table]).unwrap_err().to_string();
        assert_eq!(error, "samples.csv has 1048577 rows, and a sheet holds 1048576");
    }
}
