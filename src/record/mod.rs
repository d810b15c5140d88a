//! A record is a run on disk: a folder with `jobs.csv`, `samples.csv`, `run.toml` and `logs/`.
//!
//! `columns` and `side_tables` say what stands in each column, `facts` what that is for a job, `csv` writes and `read` reads
//! the files, `typed` gives what it reads types, `resume` goes on with a run that was killed, `merge` makes one run of
//! several. `inputs` keeps what the run was made of.
//! Made from the `run`'s reports, job by job; read by `analyse` and by people with spreadsheets.

pub mod cell;
pub mod columns;
pub mod csv;
pub mod facts;
pub mod host;
pub mod inputs;
pub mod lock;
pub mod merge;
mod outputs;
pub mod read;
pub mod resume;
pub mod row;
pub mod run_toml;
pub mod side_tables;
pub mod typed;
pub mod warnings;

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::plan::Plan;
use crate::run::JobReport;
use csv::CsvTable;
use facts::RowContext;
use inputs::{Inputs, RepeatToml};
use lock::RunLock;
use resume::Resumable;
use row::Row;
use run_toml::RunToml;

/// The format of the run folder; raised when a reader of the older one would misread the new one.
pub const FORMAT: u32 = 1;

/// Why a run folder can't be written or read.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum RecordError {
    /// A file operation failed.
    #[error("can't {doing} {}: {source}", path.display())]
    #[diagnostic(help("{}", help_for(source)))]
    Io {
        /// `write`, `read`, …
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Another process writes the folder.
    #[error("another gpujobs is writing {}", folder.display())]
    #[diagnostic(help("wait until it has ended; --resume goes on with what it leaves"))]
    Busy {
        /// The folder.
        folder: PathBuf,
    },
    /// A file that only this process writes is no longer what it wrote.
    #[error("{} was {what} while it was being written: rows that were on disk are lost", path.display())]
    #[diagnostic(help(
        "leave the files of a run alone until it has ended; `gpujobs run --resume {} MANIFEST` measures again what was \
         lost, all jobs where a whole table was, and keeps what is left of it as .csv.left",
        path.parent().unwrap_or(Path::new("")).display()
    ))]
    Changed {
        /// The file.
        path: PathBuf,
        /// `removed`, `replaced` or `changed`.
        what: &'static str,
    },
    /// Runs that can't be one.
    #[error("{message}")]
    #[diagnostic(help("{help}"))]
    Merge {
        /// Which, what was found of it, and what was expected.
        message: String,
        /// The remedy.
        help: String,
    },
    /// A folder that holds no run, or one of another format or manifest.
    #[error("{} {reason}", path.display())]
    #[diagnostic(help("{help}"))]
    NotTheRun {
        /// The folder or file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
        /// The remedy.
        help: String,
    },
}

fn help_for(source: &std::io::Error) -> &'static str {
    match source.kind() {
        std::io::ErrorKind::PermissionDenied => "choose another folder with --out DIR",
        std::io::ErrorKind::StorageFull => {
            "free some space; every finished job is already on disk, and --resume takes it up"
        }
        std::io::ErrorKind::NotFound => "check the path; run folders are made under --out DIR, `results` by default",
        _ => "see the cause above",
    }
}

impl RecordError {
    /// Wraps an error of a file operation.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }
}

/// A run folder that is being written.
#[derive(Debug)]
pub struct Recorder {
    folder: PathBuf,
    context: RowContext,
    jobs: CsvTable,
    samples: CsvTable,
    run: RunToml,
    _lock: RunLock,
}

/// A file that only some runs have, made with its first row.
struct SideTable {
    name: &'static str,
    header: fn() -> Vec<String>,
    /// A job's rows.
    rows: fn(&RowContext, &JobReport) -> Vec<Vec<String>>,
}

const SIDE_TABLES: [SideTable; 2] = [
    SideTable { name: "parts.csv", header: side_tables::parts_header, rows: side_tables::parts },
    SideTable { name: "kernels.csv", header: side_tables::kernels_header, rows: side_tables::kernels },
];

impl Recorder {
    /// Makes a new folder under `out`, named after the manifest and the time, with the files and their headers.
    pub fn create(out: &Path, plan: &Plan, run: RunToml, started: Timestamp) -> Result<Self, RecordError> {
        let (folder, lock) = fresh_folder(out, &plan.manifest.name, started)?;
        let run_id = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let context = RowContext::of(run_id, plan);
        let jobs = CsvTable::create(&folder.join("jobs.csv"), &Row::header(&context))?;
        let samples = CsvTable::create(&folder.join("samples.csv"), &side_tables::samples_header())?;
        let mut recorder = Self { folder, context, jobs, samples, run, _lock: lock };
        recorder.run.run_id.clone_from(&recorder.context.run_id);
        recorder.run.planned_jobs = Some(plan.jobs.len());
        recorder.run.write(&recorder.folder)?;
        Ok(recorder)
    }

    /// Keeps what the run is made of in its folder, and with which options.
    pub fn keep(&mut self, inputs: &Inputs<'_>, options: &RepeatToml) -> Result<(), RecordError> {
        let (repeat, input) = inputs.keep(&self.folder, options)?;
        self.run.repeat = Some(repeat);
        self.run.input = input;
        self.run.write(&self.folder)
    }

    /// Takes up a folder whose rows were cleaned by [`resume::open`].
    pub fn append(folder: &Path, plan: &Plan, resumable: Resumable) -> Result<Self, RecordError> {
        let Resumable { mut run, lock, .. } = resumable;
        run.planned_jobs = Some(plan.jobs.len());
        let run_id = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let context = RowContext::of(run_id, plan);
        let jobs = CsvTable::append(&folder.join("jobs.csv"), &Row::header(&context))?;
        let samples = CsvTable::append(&folder.join("samples.csv"), &side_tables::samples_header())?;
        run.write(folder)?;
        Ok(Self { folder: folder.to_owned(), context, jobs, samples, run, _lock: lock })
    }

    /// Appends what a job brought and waits until it is on disk; samples first, so that a job with a row has them all.
    pub fn add(&mut self, report: &JobReport) -> Result<Row, RecordError> {
        let row = Row::of(&self.context, report);
        self.samples.add(&side_tables::samples(&self.context, report))?;
        if let Some(measurement) = &report.measurement {
            outputs::write(&self.folder, &report.job.id.0, &measurement.check.outputs)?;
        }
        for side in SIDE_TABLES {
            let rows = (side.rows)(&self.context, report);
            let path = self.folder.join(side.name);
            if !rows.is_empty() {
                let open = if path.exists() { CsvTable::append } else { CsvTable::create };
                open(&path, &(side.header)())?.add(&rows)?;
            }
        }
        self.jobs.add(&[row.csv()])?;
        if let Some(session) = &report.session
            && self.run.note_browser(&report.job.axes.browser, session, report.measurement.as_ref())
        {
            self.run.write(&self.folder)?;
        }
        Ok(row)
    }

    /// Whether all rows that were added are still there.
    pub fn check(&self) -> Result<(), RecordError> {
        self.samples.check()?;
        self.jobs.check()
    }

    /// The run folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Makes a folder `NAME-20261122T175200Z` with `logs` in it, and locks it; a second run in the same second gets `-2`.
pub fn fresh_folder(out: &Path, name: &str, started: Timestamp) -> Result<(PathBuf, RunLock), RecordError> {
    fs::create_dir_all(out).map_err(RecordError::io("create", out))?;
    let stem = format!("{name}-{}", started.strftime("%Y%m%dT%H%M%SZ"));
    for attempt in 1.. {
        let folder = out.join(if attempt == 1 { stem.clone() } else { format!("{stem}-{attempt}") });
        match fs::create_dir(&folder) {
            Ok(()) => {
                let logs = folder.join("logs");
                fs::create_dir(&logs).map_err(RecordError::io("create", &logs))?;
                let lock = RunLock::take(&folder)?;
                return Ok((folder, lock));
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(RecordError::io("create", &folder)(error)),
        }
    }
    unreachable!("the loop above has no end")
}
