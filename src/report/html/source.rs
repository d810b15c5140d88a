//! A source is a run folder with everything in it that a report is made of.

use std::path::Path;

use crate::analyse::best::Time;
use crate::manifest::Manifest;
use crate::plan::{Filter, Plan};
use crate::record::RecordError;
use crate::record::csv::original;
use crate::record::read::{self, CUSTOM_AXIS, JobRecord, Run, Table};
use crate::record::run_toml::RunToml;

/// A run or a tuning as it lies on disk.
#[derive(Debug)]
pub(super) struct RunSource {
    /// The folder's name.
    pub(super) name: String,
    pub(super) toml: RunToml,
    /// Its jobs; none in the folder of a tuning.
    pub(super) run: Run,
    pub(super) samples: Option<Table>,
    pub(super) kernels: Option<Table>,
    pub(super) tried: Option<Table>,
    /// The manifest as it was read, where this machine has all that it names.
    pub(super) manifest: Option<Manifest>,
    /// Jobs that the command asked for, where that is known.
    pub(super) planned: Option<usize>,
}

impl RunSource {
    /// Reads a folder that `gpujobs run` or `gpujobs tune` wrote, finished or not.
    pub(super) fn read(folder: &Path) -> Result<Self, RecordError> {
        let toml = RunToml::read(folder)?;
        let tried = read::table(folder, "tried.csv")?;
        let run = if tried.is_some() && !folder.join("jobs.csv").exists() {
            Run { folder: folder.to_owned(), jobs: Vec::new(), has_first_results: false }
        } else {
            read::run(folder)?
        };
        let path = Path::new(&toml.manifest_path);
        let manifest = Manifest::parse(path, toml.manifest.clone(), &[]).ok();
        let planned = manifest.clone().filter(|_| tried.is_none()).and_then(|manifest| planned(manifest, &toml));
        let whole = folder.canonicalize();
        let name = whole.as_deref().unwrap_or(folder).file_name().unwrap_or(folder.as_os_str());
        Ok(Self {
            name: name.to_string_lossy().into_owned(),
            run,
            samples: read::table(folder, "samples.csv")?,
            kernels: read::table(folder, "kernels.csv")?,
            tried,
            manifest,
            planned,
            toml,
        })
    }
}

/// How many jobs the command of a run asked for; `None` where its filter can't be read.
fn planned(manifest: Manifest, toml: &RunToml) -> Option<usize> {
    let mut plan = Plan::of(manifest);
    for (place, word) in toml.command.iter().enumerate() {
        let filter = match word.strip_prefix("--filter") {
            Some("") => toml.command.get(place + 1).map(String::as_str),
            Some(rest) => rest.strip_prefix('='),
            None => None,
        };
        if let Some(filter) = filter {
            let custom: Vec<String> = plan.manifest.axes.iter().map(|axis| axis.name.clone()).collect();
            plan.retain(&Filter::parse(filter, custom.iter().map(String::as_str)).ok()?);
        }
    }
    Some(plan.jobs.len())
}

/// A cell of a row as the page said it, without what keeps spreadsheets from taking it for a formula.
pub(super) fn text<'job>(job: &'job JobRecord, column: &str) -> &'job str {
    original(job.cell(column))
}

/// A figure of a row.
pub(super) fn number(job: &JobRecord, column: &str) -> Option<f64> {
    job.cell(column).parse().ok().filter(|number: &f64| number.is_finite())
}

/// A median with its interval, from three columns.
pub(super) fn time(job: &JobRecord, [median, low, high]: [&str; 3]) -> Option<Time> {
    let interval = number(job, low).zip(number(job, high));
    Some(Time { median: number(job, median)?, interval })
}

/// The GPU time of an inference.
pub(super) fn gpu(job: &JobRecord) -> Option<Time> {
    time(job, ["gpu_median_ms", "gpu_low_ms", "gpu_high_ms"])
}

/// The wall time of an inference.
pub(super) fn wall(job: &JobRecord) -> Option<Time> {
    time(job, ["wall_median_ms", "wall_low_ms", "wall_high_ms"])
}

/// The GPU time where there is one, else the wall time, with its name.
pub(super) fn deciding(job: &JobRecord) -> Option<(Time, &'static str)> {
    gpu(job).map(|time| (time, "gpu")).or_else(|| Some((wall(job)?, "wall")))
}

/// What computed a job, software ones marked: `software: SwiftShader`.
pub(super) fn adapter(job: &JobRecord) -> String {
    let kind = text(job, "adapter_kind");
    let names = ["adapter_description", "adapter_device", "adapter_architecture", "adapter_vendor"];
    let name = names.into_iter().map(|column| text(job, column)).find(|name| !name.is_empty());
    match name {
        Some(name) if kind == "hardware" => name.to_owned(),
        Some(name) => format!("{kind}: {name}"),
        None => kind.to_owned(),
    }
}

/// The values of a job's axes that are not those named, joined.
pub(super) fn label(job: &JobRecord, without: &[&str]) -> String {
    let id = text(job, "job_id");
    let known: Vec<&str> = without.iter().map(|column| text(job, column)).collect();
    let rest: Vec<&str> = id.split('/').filter(|part| !known.contains(part)).collect();
    if rest.is_empty() { id.to_owned() } else { rest.join("/") }
}

/// The custom axes of a run, as the names of their columns.
pub(super) fn custom_axes(job: &JobRecord) -> impl Iterator<Item = &str> {
    job.cells.keys().filter_map(|column| column.strip_prefix(CUSTOM_AXIS))
}
