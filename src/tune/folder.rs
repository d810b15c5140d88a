//! A tuning's run folder: what was tried, and the winners so far, on disk after each batch and each task.
//!
//! Made by `gpujobs tune`; the files in it are those of `files`, and `run.toml`.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::drive::{Evaluation, TaskResult};
use super::files::{ReplaysFile, TriedFile, run_id, winner, write_winners};
use super::tasks::TuneTask;
use crate::manifest::Manifest;
use crate::manifest::compiler::Winner;
use crate::record::lock::RunLock;
use crate::record::run_toml::RunToml;
use crate::record::{RecordError, fresh_folder};
use crate::run::JobReport;

/// A run folder of a tuning that goes on.
#[derive(Debug)]
pub struct TuneFolder {
    path: PathBuf,
    manifest: String,
    started: Timestamp,
    run: RunToml,
    tried: TriedFile,
    /// Where spaces are tried in full.
    replays: Option<ReplaysFile>,
    winners: Vec<Winner>,
    _lock: RunLock,
}

impl TuneFolder {
    /// Makes a new folder under `out`, named after the manifest and the time, with its files.
    pub fn create(out: &Path, manifest: &Manifest, tasks: &[TuneTask], exhaustive: bool) -> Result<Self, RecordError> {
        let started = Timestamp::now();
        let (path, lock) = fresh_folder(out, &format!("{}-tune", manifest.name), started)?;
        let run = RunToml { run_id: run_id(&path), ..RunToml::of(manifest, started) };
        run.write(&path)?;
        let tried = TriedFile::create(&path, tasks)?;
        let replays = exhaustive.then(|| ReplaysFile::create(&path)).transpose()?;
        Ok(Self {
            path,
            manifest: manifest.name.clone(),
            started,
            run,
            tried,
            replays,
            winners: Vec::new(),
            _lock: lock,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a task has a winner.
    #[must_use]
    pub fn has_winners(&self) -> bool {
        !self.winners.is_empty()
    }

    /// Remembers the browser that ran a job; on disk with the result of its task.
    pub fn note_browser(&mut self, report: &JobReport) {
        if let Some(session) = &report.session {
            self.run.note_browser(&report.job.axes.browser, session, report.measurement.as_ref());
        }
    }

    /// Appends what came of a batch.
    pub fn add_batch(&mut self, task: &TuneTask, tried: &[Evaluation]) -> Result<(), RecordError> {
        self.tried.add(task, tried)
    }

    /// Appends what came of a task.
    pub fn add_result(&mut self, task: &TuneTask, result: &TaskResult) -> Result<(), RecordError> {
        self.winners.extend(winner(task, result));
        if let Some(replays) = &mut self.replays {
            replays.add(task, result)?;
        }
        write_winners(&self.path, &self.manifest, self.started, &self.winners)?;
        self.run.write(&self.path)
    }
}
