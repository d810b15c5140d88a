//! The table of the columns of `jobs.csv`: one entry is one column, with its unit, its group and what it says.
//!
//! CSV, JSON and the documentation come from it. To add a column: an entry here, and a fact where there is none yet.

mod table;

use super::cell::{Cell, CellKind, of};
use super::facts::Facts;
use super::read::CUSTOM_AXIS;
use crate::manifest::AxisValue;
use crate::manifest::axes::{AXES, BuiltInAxis, Kind};

pub use table::GROUPS;

/// A column whose cell is a fact of the job.
#[derive(Debug)]
pub struct Column {
    /// Its header; it ends with the unit.
    pub name: &'static str,
    /// The unit; empty for words, counts and flags.
    pub unit: &'static str,
    /// Of its cells.
    pub kind: CellKind,
    /// What it says, in a sentence.
    pub doc: &'static str,
    cell: fn(&Facts) -> Cell,
}

/// Columns that belong together; they stand in this order in `jobs.csv`.
#[derive(Debug)]
pub struct ColumnGroup {
    /// What they are about.
    pub title: &'static str,
    /// Their entries.
    pub columns: &'static [Column],
    /// Whether those of the axes stand among them: each axis has its own entry in the table of axes.
    pub axes: bool,
}

/// What stands at a place of a row.
#[derive(Debug, Clone, Copy)]
pub enum Entry {
    /// A fact of the job.
    Fact(&'static Column),
    /// An axis, with one column or several.
    Axis(&'static BuiltInAxis),
    /// The axes of `[axes]`, a column each.
    CustomAxes,
}

impl ColumnGroup {
    /// What the group consists of, in the order of the columns. Facts of the model stand behind its name among the axes.
    pub fn entries(&self) -> impl Iterator<Item = Entry> {
        let axes = if self.axes { AXES } else { &[] };
        let (first, rest) =
            axes.split_at(axes.iter().position(|axis| axis.name == "model").map_or(0, |place| place + 1));
        let facts = self.columns.iter().map(Entry::Fact);
        let custom = self.axes.then_some(Entry::CustomAxes);
        first.iter().map(Entry::Axis).chain(facts).chain(rest.iter().map(Entry::Axis)).chain(custom)
    }
}

/// The columns with a name of their own, each with the kind of its cells and what it says: all but those of custom axes.
pub fn named() -> impl Iterator<Item = (&'static str, CellKind, &'static str)> {
    GROUPS.iter().flat_map(ColumnGroup::entries).flat_map(|entry| match entry {
        Entry::Fact(column) => vec![(column.name, column.kind, column.doc)],
        Entry::Axis(axis) => {
            let kind = kind_of_axis(axis.kind);
            axis.columns.iter().map(|name| (*name, kind, axis.doc)).collect()
        }
        Entry::CustomAxes => Vec::new(),
    })
}

/// Of the cells of an axis; those of custom axes are of any kind.
fn kind_of_axis(kind: Kind) -> CellKind {
    match kind {
        Kind::Count | Kind::Shape => CellKind::Whole,
        Kind::Switch => CellKind::Flag,
        Kind::Name | Kind::Table | Kind::Word(_) | Kind::Custom => CellKind::Text,
    }
}

/// Names and cells of a row in their order; without facts, of the header.
pub(super) fn row(custom_axes: &[String], facts: Option<&Facts>) -> Vec<(String, Cell)> {
    let mut row = Vec::with_capacity(80);
    for entry in GROUPS.iter().flat_map(ColumnGroup::entries) {
        match entry {
            Entry::Fact(column) => row.push((column.name.to_owned(), facts.map_or(Cell::Empty, column.cell))),
            Entry::Axis(axis) => row.extend(of_axis(axis, facts)),
            Entry::CustomAxes => row.extend(custom_axes.iter().map(|name| {
                let value = facts.and_then(|facts| facts.report.job.axes.custom.get(name));
                (format!("{CUSTOM_AXIS}{name}"), of(value.cloned(), cell))
            })),
        }
    }
    row
}

/// The columns of an axis: one, or one for each extent of a shape, empty where each kernel has its own.
fn of_axis(axis: &BuiltInAxis, facts: Option<&Facts>) -> Vec<(String, Cell)> {
    let value = facts.and_then(|facts| (axis.get)(&facts.report.job.axes));
    let cells = match (axis.kind, value) {
        (Kind::Shape, Some(AxisValue::Shape(shape))) => shape.map(Cell::whole).to_vec(),
        (Kind::Shape, _) => vec![Cell::Empty; axis.columns.len()],
        (_, value) => vec![of(value, cell)],
    };
    axis.columns.iter().map(|name| (*name).to_owned()).zip(cells).collect()
}

fn cell(value: AxisValue) -> Cell {
    match value {
        AxisValue::Bool(flag) => Cell::Flag(flag),
        AxisValue::Int(number) => Cell::Int(number),
        AxisValue::Float(number) => Cell::Exact(number),
        value @ AxisValue::Shape(_) => Cell::Text(value.to_string()),
        AxisValue::Text(text) => Cell::Text(text),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_distinct_and_end_with_their_unit() {
        let names: Vec<String> = row(&[], None).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
        let ends =
            [("ms", "_ms"), ("µs", "_us"), ("ns", "_ns"), ("%", "_percent"), ("bytes", "_bytes"), ("1/s", "_per_s")];
        for column in GROUPS.iter().flat_map(|group| group.columns) {
            for (unit, end) in ends {
                let (has, ends) = (column.unit == unit, column.name.ends_with(end));
                assert!(has == ends || column.unit == "GB/s", "{} in {:?}", column.name, column.unit);
            }
            assert!(column.doc.ends_with('.'), "{}", column.name);
        }
    }
}
