//! The tables of axes, tasks and columns, as Markdown for the documentation.

use std::fmt::Write as _;

use crate::graph::ops;
use crate::manifest::axes::AXES;
use crate::manifest::model::tasks::{InputKind, TASKS};
use crate::record::columns::{Entry, GROUPS};
use crate::record::side_tables::{KERNELS, PARTS, SAMPLES};

/// A row an axis.
#[must_use]
pub fn axes() -> String {
    let mut text = "| axis | values |\n|---|---|\n".to_owned();
    for axis in AXES {
        // Writing to a String can't fail.
        let _ = writeln!(text, "| `{}` | {} |", axis.name, axis.doc);
    }
    text
}

/// A row a task.
#[must_use]
pub fn tasks() -> String {
    let mut text = "| task | takes | each an `[[input]]` with one of |\n|---|---|---|\n".to_owned();
    for task in TASKS {
        let takes = task.inputs.iter().map(<&str>::from).collect::<Vec<_>>().join(", then ");
        let keys = |input: &InputKind| input.keys().iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
        let keys = task.inputs.iter().map(keys).collect::<Vec<_>>().join("; ");
        let _ = writeln!(text, "| `{}` | {takes} | {keys} |", task.name);
    }
    text
}

/// A row an op of the engine `wgsl`.
#[must_use]
pub fn ops() -> String {
    let mut text = "| op | computes | parameters |\n|---|---|---|\n".to_owned();
    for op in ops::all() {
        let parameters = op.parameters.iter().map(|one| format!("`{}`: {}", one.name, one.kind.says()));
        let parameters = parameters.collect::<Vec<_>>().join("<br>");
        let _ = writeln!(text, "| `{}` | {} | {parameters} |", op.name, op.doc.replace('|', "\\|"));
    }
    text
}

/// A table for each file, from the tables of axes and columns.
#[must_use]
pub fn columns() -> String {
    let mut text = "### jobs.csv, one row a job\n\n| group | column | unit | |\n|---|---|---|---|\n".to_owned();
    let mut row = |group: &str, name: &str, unit: &str, doc: &str| {
        let _ = writeln!(text, "| {group} | {name} | {unit} | {doc} |");
    };
    for group in &GROUPS {
        for entry in group.entries() {
            match entry {
                Entry::Fact(column) => row(group.title, &format!("`{}`", column.name), column.unit, column.doc),
                Entry::Axis(axis) => {
                    let names = axis.columns.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
                    row(group.title, &names, "", axis.doc);
                }
                Entry::CustomAxes => row(group.title, "`axis_NAME`", "", "The value on each axis of `[axes]`."),
            }
        }
    }
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
    for (title, columns) in files {
        let _ = write!(text, "\n### {title}\n\n| column | |\n|---|---|\n| `run_id`, `job_id` | Of the job's row. |\n");
        for (name, doc) in columns {
            let _ = writeln!(text, "| `{name}` | {doc} |");
        }
    }
    text
}
