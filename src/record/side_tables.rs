//! The files beside `jobs.csv`: `samples.csv`, `parts.csv` and `kernels.csv`, each with its table of columns.

use super::cell::CellKind::{self, Float, Text, Whole};
use super::cell::{Cell, of};
use super::facts::RowContext;
use crate::measure::Sample;
use crate::protocol::event::{RawKernel, RawPart};
use crate::run::JobReport;

/// A column of a file whose rows are made of `T`.
#[derive(Debug)]
pub struct SideColumn<T> {
    /// Its header.
    pub name: &'static str,
    /// Of its cells.
    pub kind: CellKind,
    /// What it says, in a sentence.
    pub doc: &'static str,
    cell: fn(&T) -> Cell,
}

/// A sample, with its place among those of its job.
pub type PlacedSample = (usize, Sample);

/// A kernel, with the time of all of its job's, in ms.
pub type SharedKernel = (RawKernel, f64);

/// The columns of `samples.csv` after the first two.
pub const SAMPLES: &[SideColumn<PlacedSample>] = &[
    SideColumn {
        name: "round",
        kind: Whole,
        doc: "The round in which it was taken, from 0.",
        cell: |(_, sample)| Cell::whole(sample.round),
    },
    SideColumn {
        name: "sample",
        kind: Whole,
        doc: "Its place among the samples of the job, from 0.",
        cell: |(place, _)| Cell::whole(*place as u64),
    },
    SideColumn {
        name: "kind",
        kind: Text,
        doc: "`first`, `warmup`, `steady` (counted), `latency` (one inference by itself) or `latency_raw` (the same, only awaited).",
        cell: |(_, sample)| Cell::text(sample.kind.to_string()),
    },
    SideColumn {
        name: "wall_ms",
        kind: Float,
        doc: "Wall time of one inference.",
        cell: |(_, sample)| Cell::millis(sample.wall),
    },
    SideColumn {
        name: "gpu_ms",
        kind: Float,
        doc: "GPU time of one inference.",
        cell: |(_, sample)| of(sample.gpu, Cell::millis),
    },
    SideColumn { name: "at_ms", kind: Float, doc: "Since the job began.", cell: |(_, sample)| Cell::millis(sample.at) },
    SideColumn {
        name: "iterations",
        kind: Whole,
        doc: "Inferences in the submission, whose time was divided by it.",
        cell: |(_, sample)| Cell::whole(sample.iterations),
    },
    SideColumn {
        name: "time_to_first_result_ms",
        kind: Float,
        doc: "Of a first inference: from the job's start to its output.",
        cell: |(_, sample)| of(sample.time_to_first_result, Cell::millis),
    },
    SideColumn {
        name: "ttft_ms",
        kind: Float,
        doc: "Text generation: from the call to the first token, the mean of its inferences.",
        cell: |(_, sample)| of(sample.tokens, |tokens| Cell::millis(tokens.first)),
    },
    SideColumn {
        name: "token_ms",
        kind: Float,
        doc: "From a token to the next, the mean.",
        cell: |(_, sample)| of(sample.tokens.and_then(|tokens| tokens.step), Cell::millis),
    },
];

/// The columns of `parts.csv` after the first two.
pub const PARTS: &[SideColumn<RawPart>] = &[
    SideColumn { name: "part", kind: Text, doc: "The part's name.", cell: |part| Cell::text(&part.name) },
    SideColumn { name: "bytes", kind: Whole, doc: "What was fetched.", cell: |part| Cell::whole(part.bytes) },
    SideColumn {
        name: "fetch_began_ms",
        kind: Float,
        doc: "From the job's start until it was asked for.",
        cell: |part| Cell::millis(part.fetch_began_ms),
    },
    SideColumn { name: "fetch_ms", kind: Float, doc: "Until it was there.", cell: |part| Cell::millis(part.fetch_ms) },
    SideColumn {
        name: "create_ms",
        kind: Float,
        doc: "Making it ready: upload, or session.",
        cell: |part| Cell::millis(part.create_ms),
    },
    SideColumn {
        name: "compile_ms",
        kind: Float,
        doc: "Compiling, where it is the part's own.",
        cell: |part| of(part.compile_ms, Cell::millis),
    },
    SideColumn {
        name: "first_inference_ms",
        kind: Float,
        doc: "Its first inference, where it is the part's own.",
        cell: |part| of(part.first_inference_ms, Cell::millis),
    },
];

/// The columns of `kernels.csv` after the first two.
pub const KERNELS: &[SideColumn<SharedKernel>] = &[
    SideColumn {
        name: "kernel",
        kind: Text,
        doc: "A node, a shader or a stage.",
        cell: |(kernel, _)| Cell::text(&kernel.name),
    },
    SideColumn {
        name: "op",
        kind: Text,
        doc: "What it computes, in the engine's words.",
        cell: |(kernel, _)| Cell::text(&kernel.op),
    },
    SideColumn {
        name: "dispatches",
        kind: Float,
        doc: "In an inference.",
        cell: |(kernel, _)| Cell::Float(kernel.dispatches),
    },
    SideColumn {
        name: "gpu_ms",
        kind: Float,
        doc: "All of them, in an inference.",
        cell: |(kernel, _)| Cell::millis(kernel.gpu_ms),
    },
    SideColumn {
        name: "share_percent",
        kind: Float,
        doc: "Of the time of all kernels.",
        cell: |(kernel, total)| Cell::Float(100.0 * kernel.gpu_ms.millis() / total.max(f64::MIN_POSITIVE)),
    },
];

/// Every file begins with these two columns.
pub const KEY: [&str; 2] = ["run_id", "job_id"];

/// The columns of the file of this name after the first two, each with the kind of its cells and what it says.
#[must_use]
pub fn named(file: &str) -> Vec<(&'static str, CellKind, &'static str)> {
    fn all<T>(columns: &'static [SideColumn<T>]) -> Vec<(&'static str, CellKind, &'static str)> {
        columns.iter().map(|column| (column.name, column.kind, column.doc)).collect()
    }
    match file {
        "samples.csv" => all(SAMPLES),
        "parts.csv" => all(PARTS),
        "kernels.csv" => all(KERNELS),
        _ => Vec::new(),
    }
}

/// The names of the columns of a file.
fn header<T>(columns: &[SideColumn<T>]) -> Vec<String> {
    KEY.into_iter().chain(columns.iter().map(|column| column.name)).map(str::to_owned).collect()
}

/// The rows of a job in a file.
fn rows<T>(
    columns: &[SideColumn<T>],
    context: &RowContext,
    report: &JobReport,
    values: impl IntoIterator<Item = T>,
) -> Vec<Vec<String>> {
    let key = [&context.run_id, &report.job.id.0].map(|text| Cell::text(text).csv());
    let row = |value: T| key.iter().cloned().chain(columns.iter().map(|column| (column.cell)(&value).csv())).collect();
    values.into_iter().map(row).collect()
}

/// The header of `samples.csv`.
#[must_use]
pub fn samples_header() -> Vec<String> {
    header(SAMPLES)
}

/// The samples of a job; none of one that did not end well.
#[must_use]
pub fn samples(context: &RowContext, report: &JobReport) -> Vec<Vec<String>> {
    let samples = report.measurement.as_ref().map_or(&[][..], |measurement| &measurement.samples);
    rows(SAMPLES, context, report, samples.iter().copied().enumerate())
}

/// The header of `parts.csv`.
#[must_use]
pub fn parts_header() -> Vec<String> {
    header(PARTS)
}

/// The parts of a job's model; none of one that did not end well.
#[must_use]
pub fn parts(context: &RowContext, report: &JobReport) -> Vec<Vec<String>> {
    let parts = report.measurement.as_ref().map_or(&[][..], |measurement| &measurement.parts);
    rows(PARTS, context, report, parts.iter().cloned())
}

/// The header of `kernels.csv`.
#[must_use]
pub fn kernels_header() -> Vec<String> {
    header(KERNELS)
}

/// The kernels of a job; none of one that was not profiled.
#[must_use]
pub fn kernels(context: &RowContext, report: &JobReport) -> Vec<Vec<String>> {
    let kernels = report.measurement.as_ref().and_then(|measurement| measurement.kernels.as_deref().ok());
    let kernels = kernels.unwrap_or_default();
    let total: f64 = kernels.iter().map(|kernel| kernel.gpu_ms.millis()).sum();
    rows(KERNELS, context, report, kernels.iter().map(|kernel| (kernel.clone(), total)))
}
