//! `gpujobs report RUN…`: runs as one HTML page.

use std::io::Write;
use std::path::PathBuf;
use std::slice;

use indexmap::IndexSet;

use super::history;
use super::shared::output;
use crate::analyse::history::began;
use crate::cli::ReportArgs;
use crate::error::{Error, Exit};
use crate::record::run_toml::RunToml;
use crate::report::html::Report;

/// Writes the page and says where it is.
pub fn run(args: &ReportArgs, out: &mut dyn Write) -> Result<Exit, Error> {
    let folders = folders(&args.runs)?;
    let page = Report::of(&folders)?.html().map_err(|error| Error::Usage {
        message: format!("the report can't be made: {error}"),
        help: "this is a fault of gpujobs; `gpujobs export --format xlsx` writes the same numbers".to_owned(),
    })?;
    // A pattern isn't a folder, but it matches some.
    let named = args.runs.first().filter(|named| named.is_dir()).or(folders.first());
    let beside = || named.map(|folder| folder.join("report.html")).unwrap_or_default();
    let path = args.output.clone().unwrap_or_else(beside);
    output::write(&path, page)?;
    writeln!(out, "{}", path.display())?;
    if args.open {
        opener::open_browser(&path).map_err(|error| Error::Environment {
            message: format!("no browser opens {}: {error}", path.display()),
            help: "open the file by hand; it is written".to_owned(),
        })?;
    }
    Ok(Exit::Success)
}

/// The folders that these arguments name, each once, in their order: a run, a tuning, or what `history` takes, of which the
/// oldest run comes first.
fn folders(arguments: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let mut all = IndexSet::new();
    for argument in arguments {
        let found = if argument.join("run.toml").is_file() || !(argument.is_dir() || history::is_pattern(argument)) {
            vec![argument.clone()]
        } else {
            let found = history::folders(slice::from_ref(argument))?;
            let mut dated: Vec<_> = found
                .into_iter()
                .map(|folder| Ok((began(&RunToml::read(&folder)?), folder)))
                .collect::<Result<_, Error>>()?;
            dated.sort();
            dated.into_iter().map(|(_, folder)| folder).collect()
        };
        // A run is called by the name of its folder, which `.` does not tell.
        all.extend(found.into_iter().map(|folder| folder.canonicalize().unwrap_or(folder)));
    }
    Ok(all.into_iter().collect())
}
