//! The columns of a run's files, as Markdown.

use std::fmt::Write as _;

use crate::manifest::axes::AXES;
use crate::record::columns::GROUPS;
use crate::record::side_tables::{KERNELS, PARTS, SAMPLES};

/// A table for each file, from the tables of axes and columns.
#[must_use]
pub fn markdown() -> String {
    let mut text = "### jobs.csv, one row a job\n\n| group | column | unit | |\n|---|---|---|---|\n".to_owned();
    let mut row = |group: &str, name: &str, unit: &str, doc: &str| {
        // Writing to a String can't fail.
        let _ = writeln!(text, "| {group} | {name} | {unit} | {doc} |");
    };
    for group in &GROUPS {
        for axis in AXES.iter().filter(|_| group.axes) {
            let names = axis.columns.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            row(group.title, &names, "", axis.doc);
        }
        if group.axes {
            row(group.title, "`axis_NAME`", "", "The value on each axis of `[axes]`.");
        }
        for column in group.columns {
            row(group.title, &format!("`{}`", column.name), column.unit, column.doc);
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
