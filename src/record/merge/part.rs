//! A part is a run that is merged with others.

use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};

use super::MergeOptions;
use crate::manifest::product::MOST_JOBS;
use crate::record::RecordError;
use crate::record::lock::RunLock;
use crate::record::run_toml::{RunToml, ShardToml};
use crate::user_file;

/// See the module.
#[derive(Debug)]
pub(super) struct Part {
    /// As it was named.
    pub(super) folder: PathBuf,
    /// Without links.
    pub(super) real: PathBuf,
    pub(super) toml: RunToml,
    /// What its rows have as `run_id` once they are merged.
    pub(super) run_id: String,
    pub(super) jobs: RawTable,
    /// Nobody writes it meanwhile.
    _lock: Option<RunLock>,
}

/// A CSV file, with its cells as they stand in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RawTable {
    pub(super) header: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
    /// Whether a row was being written when the run was killed; it is not among them.
    pub(super) torn: bool,
}

impl Part {
    /// Reads a run's folder.
    pub(super) fn read(folder: &Path, options: MergeOptions) -> Result<Self, RecordError> {
        let wrong = |reason: String, help: &str| RecordError::NotTheRun {
            path: folder.to_owned(),
            reason,
            help: help.to_owned(),
        };
        let toml = RunToml::read(folder)?;
        let lock = RunLock::share(folder)?;
        if let Some(merged) = &toml.merged {
            let parts: Vec<&str> = merged.part.iter().map(|part| part.folder.as_str()).collect();
            let reason = format!("is merged from {} runs already", parts.len());
            return Err(wrong(reason, &format!("name the runs that it was made of: {}", parts.join(" "))));
        }
        if folder.join("tried.csv").exists() && !folder.join("jobs.csv").exists() {
            return Err(wrong("is the folder of a tuning, which has no rows to merge".to_owned(), "name runs alone"));
        }
        let mut names = Path::new(&toml.run_id).components();
        if !matches!((names.next(), names.next()), (Some(Component::Normal(_)), None)) {
            let reason = format!("has the run_id {:?} in its run.toml, expected the name of a folder", toml.run_id);
            return Err(wrong(reason, "merge runs that `gpujobs run` wrote"));
        }
        if let Some(shard) = toml.shard.as_ref().filter(|shard| !is_sound(shard)) {
            let reason = format!("has the shard {} in its run.toml, expected one of 1/1 to N/N", shard.shard());
            return Err(wrong(reason, "merge runs that `gpujobs run` wrote"));
        }
        let jobs = RawTable::read(&folder.join("jobs.csv"))?.ok_or_else(|| {
            wrong(
                "has no jobs.csv".to_owned(),
                "bring it back, or leave the run out: nothing else says what its rows were",
            )
        })?;
        if jobs.torn && !options.allow_missing {
            let manifest = &toml.manifest_path;
            let help = format!(
                "`gpujobs run {manifest} --resume {}` finishes it; --allow-missing merges its whole rows",
                folder.display()
            );
            return Err(wrong("ends in the middle of a row of jobs.csv".to_owned(), &help));
        }
        if let Some(row) = jobs.rows.iter().find(|row| jobs.cell(row, "run_id") != toml.run_id) {
            let reason = format!(
                "has a row of the run {:?}, expected rows of {:?}, which its run.toml names",
                jobs.cell(row, "run_id"),
                toml.run_id
            );
            return Err(wrong(reason, "was it put together by hand? Name the runs that it was made of"));
        }
        let real = folder.canonicalize().map_err(RecordError::io("read", folder))?;
        let run_id = toml.run_id.clone();
        Ok(Self { folder: folder.to_owned(), real, toml, run_id, jobs, _lock: lock })
    }

    /// As a message names it.
    pub(super) fn shown(&self) -> String {
        self.folder.display().to_string()
    }
}

/// Whether a shard is one that there can be: what is missing is counted.
fn is_sound(shard: &ShardToml) -> bool {
    (1..=shard.of).contains(&shard.number) && u64::from(shard.of) <= MOST_JOBS && shard.jobs >= shard.of as usize
}

impl RawTable {
    /// `None` where there is no such file.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, RecordError> {
        match std::fs::symlink_metadata(path) {
            Ok(found) if found.is_file() => {}
            Ok(_) => {
                return Err(RecordError::NotTheRun {
                    path: path.to_owned(),
                    reason: "is a link or a folder, expected a file of the run's own".to_owned(),
                    help: "name a folder that `gpujobs run` wrote".to_owned(),
                });
            }
            Err(_) => return Ok(None),
        }
        let text = user_file::read(path).map_err(RecordError::io("read", path))?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let wrong = |error: csv::Error| RecordError::NotTheRun {
            path: path.to_owned(),
            reason: format!("is not readable: {error}"),
            help: "was it changed by hand or by a spreadsheet?".to_owned(),
        };
        let mut reader = csv::Reader::from_reader(&text[..whole]);
        let texts = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect::<Vec<_>>();
        let header = texts(reader.headers().map_err(wrong)?);
        let rows = reader.records().map(|record| Ok(texts(&record?))).collect::<Result<_, _>>().map_err(wrong)?;
        Ok(Some(Self { header, rows, torn: whole < text.len() }))
    }

    /// The place of a column.
    pub(super) fn column(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|column| column == name)
    }

    /// A cell of one of its rows; empty where it has no such column.
    pub(super) fn cell<'row>(&self, row: &'row [String], column: &str) -> &'row str {
        self.column(column).and_then(|place| row.get(place)).map_or("", String::as_str)
    }
}

/// Gives parts that have one `run_id`, since they began in the same second, ids of their own: `ID-2` and so on.
pub(super) fn tell_apart(parts: &mut [Part]) {
    let mut taken: HashSet<String> = parts.iter().map(|part| part.toml.run_id.clone()).collect();
    let mut seen = HashSet::new();
    for part in parts {
        if seen.insert(part.run_id.clone()) {
            continue;
        }
        let mut number = 2;
        while taken.contains(&part.run_id) {
            part.run_id = format!("{}-{number}", part.toml.run_id);
            number += 1;
        }
        taken.insert(part.run_id.clone());
    }
}
