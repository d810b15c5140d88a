//! A table of a run as a Parquet file: `double`, `int64`, `boolean`, UTF-8 texts and UTC timestamps in microseconds, with nulls
//! where a cell is empty. Not compressed beyond its dictionaries, which every reader takes.

use std::sync::Arc;

use jiff::Timestamp;
use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{Type, TypePtr};

use super::ExportError;
use crate::record::cell::{Cell, CellKind};
use crate::record::typed::{TypedColumn, TypedTable};

/// Rows that are written, and read, at once.
const ROWS_OF_A_GROUP: usize = 1 << 16;

/// The table as the bytes of a `.parquet` file.
pub fn file(table: &TypedTable) -> std::result::Result<Vec<u8>, ExportError> {
    written(table).map_err(|source| ExportError::Parquet { table: table.name.clone(), source })
}

fn written(table: &TypedTable) -> Result<Vec<u8>> {
    let fields = table.columns.iter().map(field).collect::<Result<_>>()?;
    let schema = Type::group_type_builder(&table.name).with_fields(fields).build()?;
    let writer = concat!("gpujobs ", env!("CARGO_PKG_VERSION")).to_owned();
    let properties = WriterProperties::builder().set_created_by(writer).build();
    let mut file = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties))?;
    for rows in table.rows.chunks(ROWS_OF_A_GROUP) {
        let mut group = file.next_row_group()?;
        for place in 0..table.columns.len() {
            let mut column = group
                .next_column()?
                .ok_or_else(|| ParquetError::General(format!("no column {}", table.columns[place].name)))?;
            write(column.untyped(), rows, place)?;
            column.close()?;
        }
        group.close()?;
    }
    file.into_inner()
}

fn field(column: &TypedColumn) -> Result<TypePtr> {
    let (physical, logical) = match column.kind {
        CellKind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        CellKind::Whole => (Physical::INT64, None),
        CellKind::Float => (Physical::DOUBLE, None),
        CellKind::Flag => (Physical::BOOLEAN, None),
        CellKind::Time => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS))),
    };
    let field = Type::primitive_type_builder(&column.name, physical).with_logical_type(logical);
    Ok(Arc::new(field.with_repetition(Repetition::OPTIONAL).build()?))
}

/// Writes the cells of a column; its writer is of the type that [`field`] gave it.
fn write(writer: &mut ColumnWriter<'_>, rows: &[Vec<Cell>], place: usize) -> Result<()> {
    let cells = || rows.iter().map(|row| &row[place]);
    // 1 for a value, 0 for none.
    let levels: Vec<i16> = cells().map(|cell| i16::from(*cell != Cell::Empty)).collect();
    let levels = Some(levels.as_slice());
    let written = match writer {
        ColumnWriter::BoolColumnWriter(writer) => writer.write_batch(&values(cells(), flag), levels, None),
        ColumnWriter::Int64ColumnWriter(writer) => writer.write_batch(&values(cells(), whole), levels, None),
        ColumnWriter::DoubleColumnWriter(writer) => writer.write_batch(&values(cells(), float), levels, None),
        ColumnWriter::ByteArrayColumnWriter(writer) => writer.write_batch(&values(cells(), text), levels, None),
        _ => Err(ParquetError::General("a column of a type that no field has".to_owned())),
    };
    written.map(drop)
}

/// The values of the cells that have one.
fn values<'table, T>(cells: impl Iterator<Item = &'table Cell>, value: fn(&Cell) -> Option<T>) -> Vec<T> {
    cells.filter_map(value).collect()
}

fn flag(cell: &Cell) -> Option<bool> {
    if let Cell::Flag(flag) = cell { Some(*flag) } else { None }
}

/// A whole number, or the microseconds of a moment.
fn whole(cell: &Cell) -> Option<i64> {
    match cell {
        Cell::Int(number) => Some(*number),
        Cell::Text(moment) => moment.parse::<Timestamp>().ok().map(Timestamp::as_microsecond),
        _ => None,
    }
}

fn float(cell: &Cell) -> Option<f64> {
    if let Cell::Float(figure) = cell { Some(*figure) } else { None }
}

fn text(cell: &Cell) -> Option<ByteArray> {
    if let Cell::Text(text) = cell { Some(text.as_str().into()) } else { None }
}
