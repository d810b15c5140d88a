//! The reference: every key, column, op, parameter and warning, as tables from the code that knows them. `gpujobs help TOPIC`
//! prints them, and the READMEs of the folders hold them as Markdown.

mod keys;

use std::fmt::Write as _;

use super::layout::{self, Column};
use crate::graph::ops;
use crate::manifest;
use crate::manifest::axes::AXES;
use crate::manifest::model::tasks::{InputKind, TASKS};
use crate::record::columns::{Entry, GROUPS};
use crate::record::side_tables::{KERNELS, PARTS, SAMPLES};
use crate::record::warnings;
use crate::render::kernels::Kernels;

/// A table of the reference. Its cells are text with code between backticks; a newline in one parts its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceTable {
    /// What stands above it; empty for nothing.
    title: String,
    header: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl ReferenceTable {
    fn new(title: impl Into<String>, header: &[&'static str], rows: impl IntoIterator<Item = Vec<String>>) -> Self {
        Self { title: title.into(), header: header.to_vec(), rows: rows.into_iter().collect() }
    }
}

/// Tables as Markdown, each with its title as a heading of the third level.
#[must_use]
pub fn markdown(tables: &[ReferenceTable]) -> String {
    let mut text = String::new();
    for (place, table) in tables.iter().enumerate() {
        // Writing to a String can't fail.
        if place > 0 {
            text.push('\n');
        }
        if !table.title.is_empty() {
            let _ = write!(text, "### {}\n\n", table.title);
        }
        let header = format!("| {} |", table.header.join(" | ")).replace("|  |", "| |");
        let _ = writeln!(text, "{header}");
        let _ = writeln!(text, "|{}", "---|".repeat(table.header.len()));
        for row in &table.rows {
            let cells = row.iter().map(|cell| cell.replace('|', "\\|").replace('\n', "<br>"));
            let _ = writeln!(text, "| {} |", cells.collect::<Vec<_>>().join(" | "));
        }
    }
    text
}

/// Tables as plain text of at most `width` columns.
#[must_use]
pub fn plain(tables: &[ReferenceTable], width: usize) -> String {
    let of = |table: &ReferenceTable| {
        let columns: Vec<Column> = table.header.iter().map(|title| Column::words(title)).collect();
        let rows = table.rows.iter().map(|row| row.iter().map(|cell| without_marks(cell).into()).collect());
        let drawn = layout::table(&columns, &rows.collect::<Vec<_>>(), width);
        let title = without_marks(&table.title);
        if title.is_empty() { drawn } else { format!("{title}\n\n{drawn}") }
    };
    tables.iter().map(of).collect::<Vec<_>>().join("\n\n")
}

fn without_marks(text: &str) -> String {
    text.replace('`', "")
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

/// A row an axis.
#[must_use]
pub fn axes() -> Vec<ReferenceTable> {
    let rows = AXES.iter().map(|axis| vec![code(axis.name), axis.doc.to_owned()]);
    vec![ReferenceTable::new("", &["axis", "values"], rows)]
}

/// A row a task.
#[must_use]
pub fn tasks() -> Vec<ReferenceTable> {
    let keys = |input: &InputKind| input.keys().iter().map(|key| code(key)).collect::<Vec<_>>().join(", ");
    let rows = TASKS.iter().map(|task| {
        let takes = task.inputs.iter().map(<&str>::from).collect::<Vec<_>>().join(", then ");
        let keys = task.inputs.iter().map(keys).collect::<Vec<_>>().join("; ");
        vec![code(task.name), takes, keys]
    });
    vec![ReferenceTable::new("", &["task", "takes", "each an `[[input]]` with one of"], rows)]
}

/// A row an op of the engine `wgsl`.
#[must_use]
pub fn ops() -> Vec<ReferenceTable> {
    let rows = ops::all().map(|op| {
        let parameters = op.parameters.iter().map(|one| format!("`{}`: {}", one.name, one.kind.says()));
        vec![code(op.name), op.doc.to_owned(), parameters.collect::<Vec<_>>().join("\n")]
    });
    vec![ReferenceTable::new("", &["op", "computes", "parameters"], rows)]
}

/// The keys of a manifest, a table for each of its tables; the axes of `[matrix]` are those of [`axes`].
#[must_use]
pub fn manifest_keys() -> Vec<ReferenceTable> {
    let schema = manifest::schema::json_schema();
    keys::tables(schema.as_value(), "At the top of a manifest", |table, key| {
        table == "`[matrix]`" && AXES.iter().any(|axis| axis.name == key)
    })
}

/// The keys of a model's file, a table for each of its tables.
#[must_use]
pub fn model_keys() -> Vec<ReferenceTable> {
    let schema = manifest::model::schema::json_schema();
    keys::tables(schema.as_value(), "At the top of a model's file", |_, _| false)
}

/// A table a kernel, a row a parameter.
#[must_use]
pub fn kernel_parameters(kernels: &Kernels) -> Vec<ReferenceTable> {
    let table = |(name, kernel): (&String, &crate::render::kernels::Kernel)| {
        let templates = kernel.templates.iter().map(|template| code(template)).collect::<Vec<_>>().join(", ");
        let rows = kernel.parameters.iter().map(|(name, parameter)| {
            let values = parameter.values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let forms = parameter.forms.join(", ");
            vec![code(name), parameter.doc.clone(), values, parameter.default.to_string(), forms]
        });
        let header = ["parameter", "", "values", "default", "forms"];
        ReferenceTable::new(format!("`{name}`, behind {templates}"), &header, rows)
    };
    kernels.kernels.iter().map(table).collect()
}

/// A row a warning.
#[must_use]
pub fn warnings() -> Vec<ReferenceTable> {
    let rows = warnings::reference().into_iter().map(|(says, helps)| vec![says, helps.to_owned()]);
    vec![ReferenceTable::new("", &["`warnings` says", "what helps"], rows)]
}

/// A table for each file of a run, from the tables of axes and columns.
#[must_use]
pub fn columns() -> Vec<ReferenceTable> {
    let row = |group: &str, name: String, unit: &str, doc: &str| {
        vec![group.to_owned(), name, unit.to_owned(), doc.to_owned()]
    };
    let of = |group: &str, entry: Entry| match entry {
        Entry::Fact(column) => row(group, code(column.name), column.unit, column.doc),
        Entry::Axis(axis) => {
            let names = axis.columns.iter().map(|name| code(name)).collect::<Vec<_>>().join(", ");
            row(group, names, "", axis.doc)
        }
        Entry::CustomAxes => row(group, code("axis_NAME"), "", "The value on each axis of `[axes]`."),
    };
    let jobs = GROUPS.iter().flat_map(|group| group.entries().map(move |entry| of(group.title, entry)));
    let jobs = ReferenceTable::new("jobs.csv, one row a job", &["group", "column", "unit", ""], jobs);
    let files: [(&str, Vec<(&str, &str)>); 3] = [
        ("samples.csv, one row a sample", SAMPLES.iter().map(|column| (column.name, column.doc)).collect()),
        (
            "parts.csv, one row a part that was loaded by itself",
            PARTS.iter().map(|column| (column.name, column.doc)).collect(),
        ),
        (
            "kernels.csv, one row a kernel, with `profile = true`",
            KERNELS.iter().map(|column| (column.name, column.doc)).collect(),
        ),
    ];
    let files = files.into_iter().map(|(title, columns)| {
        let ids = vec!["`run_id`, `job_id`".to_owned(), "Of the job's row.".to_owned()];
        let rows = columns.into_iter().map(|(name, doc)| vec![code(name), doc.to_owned()]);
        ReferenceTable::new(title, &["column", ""], std::iter::once(ids).chain(rows))
    });
    std::iter::once(jobs).chain(files).collect()
}
