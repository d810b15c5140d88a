//! The arguments of the commands that read runs.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::Judgement;
use crate::report::format::{CompareFormat, ExportFormat, TableFormat};

/// `gpujobs compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// The run folder that is the base, or the one run for --by.
    #[arg(value_name = "BASE", value_hint = ValueHint::DirPath)]
    pub base: PathBuf,
    /// The run folder that is compared with it.
    #[arg(value_name = "NEW", value_hint = ValueHint::DirPath, required_unless_present = "by", conflicts_with = "by")]
    pub new: Option<PathBuf>,
    /// The axis whose values are compared inside one run, for instance browser or `workgroup_size`.
    #[arg(long, value_name = "AXIS")]
    pub by: Option<String>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "documented at its type")]
    pub judgement: Judgement,
    /// Compare jobs of one id that ran different shaders.
    #[arg(long)]
    pub different_shaders: bool,
    /// How the table is written to stdout.
    #[arg(long, value_enum, default_value_t = CompareFormat::Table)]
    pub format: CompareFormat,
}

/// `gpujobs history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// Run folders, folders that hold them, or patterns of either.
    #[arg(required = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub runs: Vec<PathBuf>,
    /// Keep only the jobs that match every KEY=GLOB, for instance 'browser=firefox model=whisper*'.
    #[arg(long, value_name = "TERMS")]
    pub filter: Option<String>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "documented at its type")]
    pub judgement: Judgement,
    /// How the table is written to stdout.
    #[arg(long, value_enum, default_value_t = TableFormat::Table)]
    pub format: TableFormat,
}

/// `gpujobs report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Runs, tunings, folders or patterns of runs; later ones are compared with the first, three or more have a history.
    #[arg(required = true, value_name = "RUN", value_hint = ValueHint::DirPath)]
    pub runs: Vec<PathBuf>,
    /// Where; by default report.html in the folder that is named first, or that a pattern finds first.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// Open it in the default browser.
    #[arg(long)]
    pub open: bool,
}

/// `gpujobs export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The folder of a run.
    #[arg(value_name = "RUN", value_hint = ValueHint::DirPath)]
    pub run: PathBuf,
    /// What is written.
    #[arg(long, value_enum)]
    pub format: ExportFormat,
    /// Where; by default in the run's folder, under its name. Of parquet a folder: each table has a file of its own.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::AnyPath)]
    pub output: Option<PathBuf>,
    /// Take times whose output was not verified; for bencher and github-action-benchmark, which leave them out.
    #[arg(long)]
    pub unverified: bool,
}

/// `gpujobs merge`.
#[derive(Debug, Args)]
pub struct MergeArgs {
    /// The folders of the runs: shards of one run, runs of one manifest on several machines, or both.
    #[arg(required = true, value_name = "RUN", value_hint = ValueHint::DirPath)]
    pub runs: Vec<PathBuf>,
    /// The folder of the run that is made of them; it must not be there yet.
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub output: PathBuf,
    /// Merge what is there, though shards are missing or runs are unfinished; run.toml says what is not there.
    #[arg(long)]
    pub allow_missing: bool,
}
