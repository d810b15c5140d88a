//! A source is a run folder with everything in it that a report is made of. Nothing but the folder is read: what its
//! manifest names may be missing on this machine, or be something else.

use std::path::Path;

use crate::analyse::best::{Contender, Rank, Time};
use crate::analyse::work::{Group, Standing, Work, WorkRule, groups};
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
    pub(super) parts: Option<Table>,
    pub(super) tried: Option<Table>,
    /// The jobs that did the same work, by the rules of the closing table.
    pub(super) groups: Vec<Group>,
}

impl RunSource {
    /// Reads a folder that `gpujobs run` or `gpujobs tune` wrote, finished or not.
    pub(super) fn read(folder: &Path, rule: &WorkRule) -> Result<Self, RecordError> {
        let toml = RunToml::read(folder)?;
        let tried = read::table(folder, "tried.csv")?;
        let run = if tried.is_some() && !folder.join("jobs.csv").exists() {
            Run { folder: folder.to_owned(), jobs: Vec::new(), has_first_results: false }
        } else {
            read::run(folder)?
        };
        let whole = folder.canonicalize();
        let name = whole.as_deref().unwrap_or(folder).file_name().unwrap_or(folder.as_os_str());
        let competing = run.jobs.iter().map(|job| {
            let contender = || Contender { gpu: gpu(job), wall: wall(job) };
            standing(job).competes().then(|| (work(&toml, job, rule), contender()))
        });
        Ok(Self {
            name: name.to_string_lossy().into_owned(),
            groups: groups(competing),
            run,
            samples: read::table(folder, "samples.csv")?,
            kernels: read::table(folder, "kernels.csv")?,
            parts: read::table(folder, "parts.csv")?,
            tried,
            toml,
        })
    }

    /// Of each job its rank, and whether it is ranked by the GPU's clock; `None` where it does not compete.
    pub(super) fn ranked(&self) -> Vec<Option<(Option<Rank>, bool)>> {
        let mut ranked = vec![None; self.run.jobs.len()];
        for group in &self.groups {
            for (place, rank) in group.rows.iter().zip(&group.ranks) {
                ranked[*place] = Some((*rank, group.by_gpu));
            }
        }
        ranked
    }
}

/// What decides whether a job competes.
pub(super) fn standing(job: &JobRecord) -> Standing<'_> {
    Standing {
        ok: text(job, "status") == "ok",
        verified: text(job, "verified") == "true",
        backend: text(job, "backend"),
        backend_used: text(job, "backend_used"),
    }
}

/// The work of a job. The folder of an older run does not say what its models' parameters were: there any axis is taken for
/// one, so that nothing wins that may have done less.
fn work(toml: &RunToml, job: &JobRecord, rule: &WorkRule) -> Work {
    let params = toml.model_params.as_ref().and_then(|models| models.get(text(job, "model")));
    let is_param = |name: &str| params.is_none_or(|params| params.contains_key(name));
    let custom: Vec<&str> = job.cells.keys().filter_map(|column| column.strip_prefix(CUSTOM_AXIS)).collect();
    let value = |axis: &str| {
        let column = if custom.contains(&axis) { format!("{CUSTOM_AXIS}{axis}") } else { axis.to_owned() };
        text(job, &column).to_owned()
    };
    rule.work(custom.iter().copied(), is_param, value)
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

/// What computed a job, with its kind: `software: SwiftShader`; empty where nobody says.
pub(super) fn adapter(job: &JobRecord) -> String {
    let names = ["adapter_description", "adapter_device", "adapter_architecture", "adapter_vendor"];
    let name = names.into_iter().map(|column| text(job, column)).find(|name| !name.is_empty());
    let kind = text(job, "adapter_kind");
    name.map_or_else(|| kind.to_owned(), |name| format!("{kind}: {name}"))
}

/// Whether a job was computed by anything that may be no hardware: the word is one that gpujobs wrote.
pub(super) fn is_software(job: &JobRecord) -> bool {
    is_software_kind(text(job, "adapter_kind"))
}

/// The same of an adapter's kind.
pub(super) fn is_software_kind(kind: &str) -> bool {
    !["hardware", "none", ""].contains(&kind)
}

/// Where a job ran, if that is not where it was to run: `ran on wasm instead of webgpu`.
pub(super) fn elsewhere(job: &JobRecord) -> String {
    let standing = standing(job);
    if !standing.elsewhere() {
        return String::new();
    }
    format!("ran on {} instead of {}", standing.backend_used, standing.backend)
}

/// The values of a job's axes that are not those named, joined.
pub(super) fn label(job: &JobRecord, without: &[&str]) -> String {
    let id = text(job, "job_id");
    let known: Vec<&str> = without.iter().map(|column| text(job, column)).collect();
    let rest: Vec<&str> = id.split('/').filter(|part| !known.contains(part)).collect();
    if rest.is_empty() { id.to_owned() } else { rest.join("/") }
}
