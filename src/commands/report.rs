//! `gpujobs report RUN…`: runs as one HTML page.

use std::io::Write;

use crate::cli::ReportArgs;
use crate::error::{Error, Exit};
use crate::report::html::Report;
use crate::user_file;

/// Writes the page and says where it is.
pub fn run(args: &ReportArgs, out: &mut dyn Write) -> Result<Exit, Error> {
    let page = Report::of(&args.runs)?.html().map_err(|error| Error::Usage {
        message: format!("the report can't be made: {error}"),
        help: "this is a fault of gpujobs; `gpujobs export --format xlsx` writes the same numbers".to_owned(),
    })?;
    let beside = || args.runs.first().map(|run| run.join("report.html")).unwrap_or_default();
    let path = args.output.clone().unwrap_or_else(beside);
    user_file::replace(&path, page.as_bytes()).map_err(|error| Error::Environment {
        message: format!("can't write {}: {error}", path.display()),
        help: "name a file in a folder that you may write to with --output FILE".to_owned(),
    })?;
    writeln!(out, "{}", path.display())?;
    if args.open {
        opener::open_browser(&path).map_err(|error| Error::Environment {
            message: format!("no browser opens {}: {error}", path.display()),
            help: "open the file by hand; it is written".to_owned(),
        })?;
    }
    Ok(Exit::Success)
}
