//! A source is a run folder with everything in it that a report is made of. Nothing but the folder is read: what its
//! manifest names may be missing on this machine, or be something else.

use std::collections::HashMap;
use std::path::Path;

use indexmap::IndexMap;

use crate::analyse::best::{Contender, Rank, Time};
use crate::analyse::machine;
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
        let (run, ids) = with_shown_ids(run);
        let table = |name: &str| -> Result<Option<Table>, RecordError> {
            Ok(read::table(folder, name)?.map(|table| relabelled(table, &ids)))
        };
        let machines = machine_labels(&run);
        let several = machines.iter().any(|machine| *machine != machines[0]);
        let competing = run.jobs.iter().zip(&machines).map(|(job, machine)| {
            let contender = || Contender { gpu: gpu(job), wall: wall(job) };
            let mut work = work(&toml, job, rule);
            // Machines do not compete with each other.
            if several {
                work.push(("machine".to_owned(), machine.clone()));
            }
            standing(job).competes().then(|| (work, contender()))
        });
        Ok(Self {
            name: name.to_string_lossy().into_owned(),
            groups: groups(competing),
            run,
            samples: table("samples.csv")?,
            kernels: table("kernels.csv")?,
            parts: table("parts.csv")?,
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

/// What a job of a run is called on the page where another row has its id too; no column of `jobs.csv`.
const SHOWN_ID: &str = "shown_id";

/// The names on the page of the rows, by run and id.
type ShownIds = HashMap<(String, String), String>;

/// A run whose rows know how they are called on the page where their id is not enough: runs of several machines that were merged
/// have one id several times. Then all have their machine behind it, so that those of one machine belong together.
fn with_shown_ids(mut run: Run) -> (Run, ShownIds) {
    let mut ids = ShownIds::new();
    if machine::doubled_ids(&run).is_empty() {
        return (run, ids);
    }
    let labels = machine_labels(&run);
    for (job, label) in run.jobs.iter_mut().zip(labels) {
        let shown = format!("{} [{label}]", text(job, "job_id"));
        ids.insert((text(job, "run_id").to_owned(), text(job, "job_id").to_owned()), shown.clone());
        job.cells.insert(SHOWN_ID.to_owned(), shown);
    }
    (run, ids)
}

/// What the machine of each row is called, another name for each.
fn machine_labels(run: &Run) -> Vec<String> {
    let numbers = machine::numbers(run);
    let of_rows: Vec<(usize, String)> = numbers.into_iter().zip(run.jobs.iter().map(machine::label)).collect();
    // Rows without an adapter say less than others of their machine: its first row speaks for it.
    let mut labels: IndexMap<usize, &str> = IndexMap::new();
    for (number, label) in &of_rows {
        labels.entry(*number).or_insert(label);
    }
    let alike = |label: &str| labels.values().filter(|other| **other == label).count() > 1;
    let called = |number: &usize| {
        let label = labels[number];
        if alike(label) { format!("{label}, {}", number + 1) } else { label.to_owned() }
    };
    of_rows.iter().map(|(number, _)| called(number)).collect()
}

/// A table whose rows are called as their jobs are.
fn relabelled(mut table: Table, ids: &ShownIds) -> Table {
    let place = |column: &str| table.header.iter().position(|name| name == column);
    let (Some(run), Some(id)) = (place("run_id"), place("job_id")) else { return table };
    for row in table.rows.iter_mut().filter(|_| !ids.is_empty()) {
        if let Some(shown) = ids.get(&(row[run].clone(), row[id].clone())) {
            row[id].clone_from(shown);
        }
    }
    table
}

/// What a job is called on the page: its id, with its machine where several rows of the run have that.
pub(super) fn id(job: &JobRecord) -> &str {
    match text(job, SHOWN_ID) {
        "" => text(job, "job_id"),
        shown => shown,
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
    let id = id(job);
    let known: Vec<&str> = without.iter().map(|column| text(job, column)).collect();
    let rest: Vec<&str> = id.split('/').filter(|part| !known.contains(part)).collect();
    if rest.is_empty() { id.to_owned() } else { rest.join("/") }
}
