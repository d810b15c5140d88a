//! `gpujobs export RUN`: a run in the format of another program.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::cli::{ExportArgs, ExportFormat};
use crate::error::{Error, Exit};
use crate::record::RecordError;
use crate::record::read;
use crate::report::spreadsheet::{self, SpreadsheetError};

/// Writes the file and says where it is.
pub fn run(args: &ExportArgs, out: &mut dyn Write) -> Result<Exit, Error> {
    let tables = read::tables(&args.run)?;
    let path = args.output.clone().unwrap_or_else(|| beside(&args.run, args.format));
    let bytes = match args.format {
        ExportFormat::Xlsx => spreadsheet::xlsx(&tables).map_err(|error| of_spreadsheet(&error))?,
    };
    std::fs::write(&path, bytes).map_err(RecordError::io("write", &path))?;
    writeln!(out, "{}", path.display())?;
    Ok(Exit::Success)
}

/// In the run's folder, under its name.
fn beside(run: &Path, format: ExportFormat) -> PathBuf {
    let ExportFormat::Xlsx = format;
    let name = run.canonicalize().ok().and_then(|run| Some(run.file_name()?.to_string_lossy().into_owned()));
    run.join(format!("{}.xlsx", name.as_deref().unwrap_or("run")))
}

fn of_spreadsheet(error: &SpreadsheetError) -> Error {
    let help = match error {
        SpreadsheetError::TooLong { .. } => "keep fewer samples, or import the .csv where there is no such limit",
        SpreadsheetError::Xlsx(_) => "the .csv files of the run hold the same",
    };
    Error::Usage { message: error.to_string(), help: help.to_owned() }
}
