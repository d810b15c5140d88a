//! Taking up a run that was killed: every job with a whole row is done, what was half written is removed.

use std::collections::HashSet;
use std::path::Path;

use super::RecordError;
use super::lock::RunLock;
use super::run_toml::{RunToml, ShardToml};
use crate::manifest::Manifest;
use crate::plan::Shard;
use crate::run::Status;
use crate::user_file;
use crate::webdriver::without_logins;

/// A run folder that can be appended to.
#[derive(Debug)]
pub struct Resumable {
    /// Its `run.toml`.
    pub run: RunToml,
    /// Held while it is written.
    pub lock: RunLock,
    /// Ids of the jobs that need not run again: all with a row but those that were skipped.
    pub done: HashSet<String>,
}

/// The shard that a resumed run is of, which is the one that it was; `asked` is what `--shard` says.
pub fn shard(folder: &Path, run: &RunToml, asked: Option<Shard>) -> Result<Option<Shard>, RecordError> {
    not_merged(folder, run)?;
    let was = run.shard.as_ref().map(ShardToml::shard);
    let Some(asked) = asked.filter(|asked| was != Some(*asked)) else { return Ok(was) };
    Err(RecordError::NotTheRun {
        path: folder.to_owned(),
        reason: match was {
            Some(was) => format!("is shard {was}, expected the {asked} of --shard"),
            None => format!("is a run without shards, expected the {asked} of --shard"),
        },
        help: "leave --shard out: a run that is resumed keeps its shard".to_owned(),
    })
}

/// An error where a run was made of others: each of them goes on by itself.
fn not_merged(folder: &Path, run: &RunToml) -> Result<(), RecordError> {
    let Some(merged) = &run.merged else { return Ok(()) };
    let parts: Vec<&str> = merged.part.iter().map(|part| part.folder.as_str()).collect();
    Err(RecordError::NotTheRun {
        path: folder.to_owned(),
        reason: format!("is merged from {} runs, and can't be resumed", parts.len()),
        help: format!("resume the one that is unfinished and merge them again: {}", parts.join(" ")),
    })
}

/// An error where a run is not the shard of these jobs that the plan is: another filter gives other shards.
pub fn same_division(
    folder: &Path,
    run: &RunToml,
    manifest: &Manifest,
    shard: Option<&ShardToml>,
) -> Result<(), RecordError> {
    // Of another manifest `open` says so.
    if run.shard.as_ref() == shard || run.manifest != without_logins(&manifest.source) {
        return Ok(());
    }
    let filter = run.repeat.as_ref().and_then(|repeat| repeat.filter.as_deref());
    Err(RecordError::NotTheRun {
        path: folder.to_owned(),
        reason: "is a shard of other jobs than these".to_owned(),
        help: match filter {
            Some(filter) => format!("name the filter that it was made with: --filter '{filter}'"),
            None => "leave --filter out: it was made without one".to_owned(),
        },
    })
}

/// Opens the folder of a run of this very manifest and removes torn rows, rows of jobs that will run again, and
/// samples of jobs without a row.
pub fn open(folder: &Path, manifest: &Manifest) -> Result<Resumable, RecordError> {
    // What is no run's folder gets no lock; what it says is read once nobody else writes it.
    not_merged(folder, &RunToml::read(folder)?)?;
    let lock = RunLock::take(folder)?;
    let run = RunToml::read(folder)?;
    if run.manifest != without_logins(&manifest.source) {
        return Err(RecordError::NotTheRun {
            path: folder.to_owned(),
            reason: format!("is a run of another manifest, or of an older state of {}", manifest.path.display()),
            help: "start a new run, or give the manifest back the content that is kept in the folder's run.toml"
                .to_owned(),
        });
    }
    let mut done = HashSet::new();
    // Where a table was removed or emptied all jobs run again, since their samples belong to their rows. What is left of the
    // tables is kept under another name.
    let tables = ["jobs.csv", "samples.csv"].map(|name| folder.join(name));
    let whole = tables.iter().all(|path| user_file::regular(path).is_ok_and(|found| found.len() > 0));
    for path in tables.iter().filter(|_| !whole) {
        match std::fs::rename(path, path.with_extension("csv.left")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(RecordError::io("rename", path)(error));
            }
            _ => {}
        }
    }
    if whole {
        let [jobs, samples] = &tables;
        keep_rows(jobs, |id, status| status != Some(Status::Skipped.into()) && done.insert(id.to_owned()))?;
        keep_rows(samples, |id, _| done.contains(id))?;
    }
    for side in super::SIDE_TABLES {
        let path = folder.join(side.name);
        // An emptied one is begun anew.
        if user_file::regular(&path).is_ok_and(|found| found.len() == 0) {
            std::fs::remove_file(&path).map_err(RecordError::io("remove", &path))?;
        } else if path.exists() {
            keep_rows(&path, |id, _| done.contains(id))?;
        }
    }
    Ok(Resumable { run, lock, done })
}

/// Rewrites a CSV file with its header and the whole rows for which `keep` is true, given `job_id` and `status`.
fn keep_rows(path: &Path, mut keep: impl FnMut(&str, Option<&str>) -> bool) -> Result<(), RecordError> {
    let text = user_file::read(path).map_err(RecordError::io("read", path))?;
    // A row that was being written when the run was killed has no line end.
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let not_rows = |reason: String| RecordError::NotTheRun {
        path: path.to_owned(),
        reason,
        help: "was it changed by hand or by a spreadsheet? Start a new run".to_owned(),
    };
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&text[..whole]);
    let mut records = reader.records();
    let Some(Ok(header)) = records.next() else { return Err(not_rows("has no header row".to_owned())) };
    let column = |name: &str| header.iter().position(|cell| cell == name);
    let id = column("job_id").ok_or_else(|| not_rows("has no column job_id".to_owned()))?;
    let status = column("status");
    let folder = path.parent().unwrap_or(Path::new("."));
    let fail = |error: std::io::Error| RecordError::io("write", path)(error);
    let file = tempfile::NamedTempFile::new_in(folder).map_err(fail)?;
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(file);
    writer.write_record(&header).map_err(|error| fail(error.into()))?;
    for record in records {
        let record = record.map_err(|error| not_rows(format!("is not readable: {error}")))?;
        if keep(&record[id], status.and_then(|status| record.get(status))) {
            writer.write_record(&record).map_err(|error| fail(error.into()))?;
        }
    }
    let file = writer.into_inner().map_err(|error| fail(error.into_error()))?;
    file.as_file().sync_data().map_err(fail)?;
    file.persist(path).map_err(|error| fail(error.error))?;
    Ok(())
}
