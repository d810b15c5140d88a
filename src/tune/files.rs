//! What a tuning leaves on disk: `tried.csv` with every configuration that was tried, `tuned.toml` with the winners, and
//! after an exhaustive one `replays.csv` with what searches would have found.

use std::path::{Path, PathBuf};

use indexmap::IndexSet;
use jiff::Timestamp;

use super::drive::{Evaluation, TaskResult};
use super::replay::Replay;
use super::tasks::{TuneTask, size};
use crate::manifest::compiler::{Winner, WinnersFile};
use crate::record::RecordError;
use crate::record::csv::{CsvTable, harmless};
use crate::render::kernels::Configuration;
use crate::units::significant;

/// The file of winners in a run folder.
pub const TUNED_FILE: &str = "tuned.toml";

/// Columns that say which task a row is of.
const TASK: &str = "run_id,browser,model,dtype,batch,axes,kernel,size";

/// `tried.csv`, appended to and synced batch by batch.
#[derive(Debug)]
pub struct TriedFile {
    table: CsvTable,
    run_id: String,
    parameters: Vec<String>,
}

impl TriedFile {
    /// Makes the file in a run folder; each parameter that one of the tasks has gets a column.
    pub fn create(folder: &Path, tasks: &[TuneTask]) -> Result<Self, RecordError> {
        let names =
            tasks.iter().flat_map(|task| task.space.points.iter().take(1)).flat_map(|point| point.values.keys());
        let parameters: Vec<String> = names.collect::<IndexSet<_>>().into_iter().cloned().collect();
        let before = format!("{TASK},adapter_kind,adapter,phase,workgroup");
        let between = parameters.iter().map(|name| format!("param_{name}"));
        let after = "status,verified,samples,median_ms,low_ms,high_ms,reason";
        let header: Vec<String> =
            before.split(',').map(str::to_owned).chain(between).chain(after.split(',').map(str::to_owned)).collect();
        Ok(Self { table: CsvTable::create(&folder.join("tried.csv"), &header)?, run_id: run_id(folder), parameters })
    }

    /// Appends what was tried of a task.
    pub fn add(&mut self, task: &TuneTask, tried: &[Evaluation]) -> Result<(), RecordError> {
        let rows: Vec<Vec<String>> = tried.iter().map(|tried| self.row(task, tried)).collect();
        self.table.add(&rows)
    }

    fn row(&self, task: &TuneTask, tried: &Evaluation) -> Vec<String> {
        let Configuration { workgroup: [x, y, z], values } = &task.space.points[tried.point];
        let adapter_hint = tried.adapter_hint.as_ref();
        let before = [
            adapter_hint.map(|adapter_hint| adapter_hint.kind.to_string()).unwrap_or_default(),
            adapter_hint.map(|adapter_hint| harmless(&adapter_hint.adapter)).unwrap_or_default(),
            tried.phase.to_string(),
            format!("{x}x{y}x{z}"),
        ];
        let value = |name: &String| values.get(name).map(|value| harmless(&value.to_string())).unwrap_or_default();
        let interval = tried.time.and_then(|time| time.interval);
        let after = [
            tried.status.to_string(),
            tried.verified.map(|verified| verified.to_string()).unwrap_or_default(),
            tried.samples.to_string(),
            tried.time.map(|time| ms(time.median)).unwrap_or_default(),
            interval.map(|(low, _)| ms(low)).unwrap_or_default(),
            interval.map(|(_, high)| ms(high)).unwrap_or_default(),
            harmless(&tried.reason),
        ];
        let task = identity(&self.run_id, task);
        task.into_iter().chain(before).chain(self.parameters.iter().map(value)).chain(after).collect()
    }
}

/// `replays.csv`, a row a replayed search; made where spaces are tried in full.
#[derive(Debug)]
pub struct ReplaysFile {
    table: CsvTable,
    run_id: String,
}

impl ReplaysFile {
    /// Makes the file in a run folder.
    pub fn create(folder: &Path) -> Result<Self, RecordError> {
        let header = format!("{TASK},seed,space,evaluations,evaluations_percent,found,found_ms,best_ms,slower_percent");
        let header: Vec<String> = header.split(',').map(str::to_owned).collect();
        Ok(Self { table: CsvTable::create(&folder.join("replays.csv"), &header)?, run_id: run_id(folder) })
    }

    /// Appends the replays of a task.
    pub fn add(&mut self, task: &TuneTask, finding: &TaskResult) -> Result<(), RecordError> {
        let space = task.space.points.len();
        let row = |replay: &Replay| {
            let of = [
                replay.seed.to_string(),
                space.to_string(),
                replay.evaluations.to_string(),
                significant(100.0 * replay.evaluations as f64 / space as f64, 3),
                harmless(&task.described(replay.found)),
                ms(replay.found_ms),
                ms(replay.best_ms),
                format!("{:.2}", 100.0 * replay.slower()),
            ];
            identity(&self.run_id, task).into_iter().chain(of).collect()
        };
        let rows: Vec<Vec<String>> = finding.replays.iter().map(row).collect();
        self.table.add(&rows)
    }
}

/// A run folder's name.
pub(super) fn run_id(folder: &Path) -> String {
    folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The cells of [`TASK`].
fn identity(run_id: &str, task: &TuneTask) -> [String; 8] {
    let axes: Vec<String> = task.base.axes.custom.iter().map(|(name, value)| format!("{name}={value}")).collect();
    [
        harmless(run_id),
        harmless(&task.base.axes.browser),
        harmless(&task.base.axes.model),
        harmless(&task.base.axes.dtype),
        task.base.axes.batch.to_string(),
        harmless(&axes.join(" ")),
        task.space.kernel.clone(),
        size(&task.space.size),
    ]
}

fn ms(time: f64) -> String {
    significant(time, 6)
}

/// The winner of a task, for the file; `None` where nothing ran and was right.
#[must_use]
pub fn winner(task: &TuneTask, finding: &TaskResult) -> Option<Winner> {
    let won = finding.winner.as_ref()?;
    let point = &task.space.points[won.point];
    let interval = won.time.and_then(|time| time.interval);
    let rounded = |time: f64| ms(time).parse().ok();
    Some(Winner {
        kernel: task.space.kernel.clone(),
        compiler: task.compiler,
        adapter_kind: finding.adapter_hint.kind,
        adapter: finding.adapter_hint.adapter.clone(),
        dtype: task.base.axes.dtype.clone(),
        size: task.space.size.clone(),
        workgroup_size: point.workgroup,
        parameters: point.values.clone(),
        median_ms: won.time.and_then(|time| rounded(time.median)),
        low_ms: interval.and_then(|(low, _)| rounded(low)),
        high_ms: interval.and_then(|(_, high)| rounded(high)),
        default_ms: finding.default.as_ref().and_then(|default| default.time).and_then(|time| rounded(time.median)),
    })
}

/// Writes `tuned.toml`, which a manifest names as `[compiler] tuned = "…"`; gives its path. `manifest` is the name of
/// the manifest that was tuned.
pub fn write_winners(
    folder: &Path,
    manifest: &str,
    started: Timestamp,
    winners: &[Winner],
) -> Result<PathBuf, RecordError> {
    let path = folder.join(TUNED_FILE);
    let fail = |error: std::io::Error| RecordError::io("write", &path)(error);
    let file = WinnersFile { winners: winners.to_vec() };
    let body = toml::to_string_pretty(&file).map_err(|error| fail(std::io::Error::other(error)))?;
    // A name has no line breaks, so nothing leaves its comment.
    let text = format!(
        "# The fastest configurations that were found and verified; `workgroup_size = \"tuned\"` uses them with\n\
         # [compiler] tuned = \"{TUNED_FILE}\" in a manifest beside this file.\n\
         # Tuned from {} at {} by gpujobs {}; what was tried is in tried.csv.\n\n{body}",
        manifest,
        started.strftime("%Y-%m-%dT%H:%M:%SZ"),
        env!("CARGO_PKG_VERSION"),
    );
    std::fs::write(&path, text).map_err(fail)?;
    Ok(path)
}
