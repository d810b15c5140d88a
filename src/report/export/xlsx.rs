//! A run as a workbook, in which numbers are numbers whatever the spreadsheet takes for a decimal point: a sheet for each
//! table of its folder.
//!
//! Made from the files alone, so that runs of older versions have one too; written by `commands::export`.

use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};

use super::ExportError;
use crate::record::cell::Cell;
use crate::record::typed::TypedTable;

/// Rows that a sheet holds, its header among them: the format's own limit.
pub(super) const MOST_ROWS: usize = 1 << 20;
/// Characters that a cell holds: the format's own limit.
const LONGEST_CELL: usize = 32_767;

/// The workbook of these tables, as the bytes of an `.xlsx` file.
pub fn workbook(tables: &[TypedTable]) -> Result<Vec<u8>, ExportError> {
    let mut workbook = Workbook::new();
    let head = Format::new().set_bold();
    for table in tables {
        let rows = table.rows.len() + 1;
        if rows > MOST_ROWS {
            return Err(ExportError::TooLong { table: table.name.clone(), rows });
        }
        sheet(workbook.add_worksheet(), table, &head)?;
    }
    Ok(workbook.save_to_buffer()?)
}

fn sheet(sheet: &mut Worksheet, table: &TypedTable, head: &Format) -> Result<(), XlsxError> {
    sheet.set_name(&table.name)?;
    sheet.set_freeze_panes(1, 0)?;
    for (column, header) in (0_u16..).zip(&table.columns) {
        sheet.write_string_with_format(0, column, &header.name, head)?;
        for (row, cells) in (1_u32..).zip(&table.rows) {
            write(sheet, row, column, &cells[usize::from(column)])?;
        }
    }
    if let (Ok(last_row), Ok(columns @ 1..)) = (u32::try_from(table.rows.len()), u16::try_from(table.columns.len())) {
        sheet.autofilter(0, 0, last_row, columns - 1)?;
    }
    sheet.autofit();
    Ok(())
}

fn write(sheet: &mut Worksheet, row: u32, column: u16, cell: &Cell) -> Result<(), XlsxError> {
    match cell {
        Cell::Empty => return Ok(()),
        Cell::Flag(flag) => sheet.write_boolean(row, column, *flag)?,
        Cell::Whole(count) => sheet.write_number(row, column, *count as f64)?,
        Cell::Int(number) => sheet.write_number(row, column, *number as f64)?,
        Cell::Float(number) | Cell::Exact(number) if number.is_finite() => sheet.write_number(row, column, *number)?,
        // A sheet has no number for these.
        Cell::Float(number) | Cell::Exact(number) => sheet.write_string(row, column, number.to_string())?,
        Cell::Text(text) => sheet.write_string(row, column, text.chars().take(LONGEST_CELL).collect::<String>())?,
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::cell::CellKind;
    use crate::record::typed::TypedColumn;

    #[test]
    fn a_sheet_that_is_too_long_is_an_error() {
        let rows = vec![Vec::new(); MOST_ROWS];
        let columns = vec![TypedColumn { name: "wall_ms".to_owned(), kind: CellKind::Float }];
        let table = TypedTable { name: "samples".to_owned(), columns, rows };
        let error = workbook(&[table]).unwrap_err().to_string();
        assert_eq!(error, "samples.csv has 1048577 rows, and a sheet holds 1048576");
    }
}
