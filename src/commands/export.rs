//! `gpujobs export RUN`: a run in the format of another program.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::shared::output;
use crate::cli::ExportArgs;
use crate::error::{Error, Exit};
use crate::record::read;
use crate::record::run_toml::RunToml;
use crate::record::typed::{self, TypedTable};
use crate::report::export::benchmarks::{Benchmarks, LeftOut};
use crate::report::export::json::RunDocument;
use crate::report::export::{ExportError, bencher, github_action, parquet, xlsx};
use crate::report::format::ExportFormat;
use crate::terminal;

/// Reasons that are told before the rest is only counted.
const MOST_REASONS: usize = 20;

/// Writes the file, or the files of a format that has one for each table, and says where they are.
pub fn run(args: &ExportArgs, out: &mut dyn Write) -> Result<Exit, Error> {
    let files = if args.format.is_of_benchmarks() { benchmarks(args)? } else { tables(args)? };
    for (path, bytes) in files {
        output::write(&path, bytes)?;
        writeln!(out, "{}", path.display())?;
    }
    Ok(Exit::Success)
}

/// The files of a format that holds the run as it is.
fn tables(args: &ExportArgs) -> Result<Vec<(PathBuf, Vec<u8>)>, Error> {
    if args.unverified {
        return Err(Error::Usage {
            message: format!("--unverified has no meaning for --format {}, which holds every row", args.format),
            help: "leave it out; it is for bencher and github-action-benchmark".to_owned(),
        });
    }
    let tables = typed::tables(&args.run)?;
    match args.format {
        ExportFormat::Parquet => {
            let folder = folder(args)?;
            let one = |table: &TypedTable| -> Result<(PathBuf, Vec<u8>), Error> {
                Ok((folder.join(format!("{}.parquet", table.name)), parquet::file(table)?))
            };
            tables.iter().map(one).collect()
        }
        ExportFormat::Json => Ok(vec![(path(args), RunDocument::of(RunToml::read(&args.run)?, &tables).text()?)]),
        _ => Ok(vec![(path(args), xlsx::workbook(&tables)?)]),
    }
}

/// The file of a format that holds figures of jobs; which of them it does not hold is said on stderr.
fn benchmarks(args: &ExportArgs) -> Result<Vec<(PathBuf, Vec<u8>)>, Error> {
    let run = read::run(&args.run)?;
    let benchmarks = Benchmarks::of(&run, args.unverified)?;
    say_what_is_left_out(&benchmarks);
    let mut text = if args.format == ExportFormat::Bencher {
        serde_json::to_vec_pretty(&bencher::document(&benchmarks.counted))
    } else {
        serde_json::to_vec_pretty(&github_action::entries(&benchmarks.counted, &RunToml::read(&args.run)?))
    }
    .map_err(ExportError::from)?;
    text.push(b'\n');
    Ok(vec![(path(args), text)])
}

fn say_what_is_left_out(benchmarks: &Benchmarks<'_>) {
    let left_out: usize = benchmarks.left_out.iter().map(|left_out| left_out.count).sum();
    if left_out == 0 {
        return;
    }
    let all = left_out + benchmarks.counted.len();
    anstream::eprintln!("{left_out} of {all} rows are left out, since they have no time that may count:");
    for LeftOut { reason, count, first } in benchmarks.left_out.iter().take(MOST_REASONS) {
        anstream::eprintln!("  {count}: {}", terminal::line(&format!("{reason} ({first})")));
    }
    if let Some(more) = benchmarks.left_out.len().checked_sub(MOST_REASONS).filter(|more| *more > 0) {
        anstream::eprintln!("  and {more} more reasons, in the column `reason` of jobs.csv");
    }
}

/// Where the one file of a format is written: by default in the run's folder, under its name.
fn path(args: &ExportArgs) -> PathBuf {
    let name = || args.run.canonicalize().ok().and_then(|run| Some(run.file_name()?.to_string_lossy().into_owned()));
    let end = match args.format {
        ExportFormat::Bencher => "bencher.json",
        ExportFormat::GithubActionBenchmark => "github-action-benchmark.json",
        ExportFormat::Json => "json",
        ExportFormat::Parquet => "parquet",
        ExportFormat::Xlsx => "xlsx",
    };
    args.output.clone().unwrap_or_else(|| args.run.join(format!("{}.{end}", name().as_deref().unwrap_or("run"))))
}

/// Where the files of a format that has one for each table are written: by default in the run's folder.
fn folder(args: &ExportArgs) -> Result<&Path, Error> {
    let Some(folder) = args.output.as_deref() else { return Ok(&args.run) };
    if folder.extension().is_some_and(|end| end == "parquet") || folder.is_file() {
        return Err(Error::Usage {
            message: format!("{} is a file, expected a folder: each table has a file of its own", folder.display()),
            help: "name a folder with --output; jobs.parquet and samples.parquet are written into it".to_owned(),
        });
    }
    output::folder(folder)?;
    Ok(folder)
}
