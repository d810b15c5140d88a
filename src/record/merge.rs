//! A merged run is one run folder out of several: of the shards of a run, of several machines, or of both.
//!
//! Its rows are those of its parts, each with the `run_id` of its part, by which samples and other tables belong to it; `logs`
//! and `outputs` have a folder for each part. `part` reads the parts, `check` says what must not be merged, `write` makes the
//! folder. Made by `gpujobs merge`; whoever reads runs reads it like any other.

mod check;
mod part;
mod write;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::RecordError;
use part::Part;

/// What a merge may leave out.
#[derive(Debug, Clone, Copy, Default)]
pub struct MergeOptions {
    /// Whether shards may be missing, and runs be unfinished.
    pub allow_missing: bool,
}

/// What came of a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The rows of `jobs.csv`.
    pub jobs: usize,
    /// What is not there, in words.
    pub missing: Vec<String>,
}

/// Makes one run folder of several, or nothing: until it is whole it does not look like a run.
pub fn merge(runs: &[PathBuf], out: &Path, options: MergeOptions) -> Result<Merged, RecordError> {
    let place = Place::of(out)?;
    let mut parts: Vec<Part> = Vec::new();
    for run in runs {
        let part = Part::read(run, options)?;
        check::place(&place.real, &part)?;
        check::not_twice(&parts, &part)?;
        parts.push(part);
    }
    check::alike(&parts)?;
    check::no_doubles(&parts)?;
    let missing = check::missing(&parts, options)?;
    part::tell_apart(&mut parts);
    let jobs = write::run(&parts, &place, &missing)?;
    Ok(Merged { jobs, missing })
}

/// Where the run will be.
#[derive(Debug)]
struct Place {
    /// The folder that it is made in.
    parent: PathBuf,
    name: OsString,
    /// The folder, without links.
    real: PathBuf,
}

impl Place {
    fn of(out: &Path) -> Result<Self, RecordError> {
        let refuse = |what: &str, help: &str| RecordError::Merge {
            message: format!("{} {what}", out.display()),
            help: help.to_owned(),
        };
        if out.symlink_metadata().is_ok() {
            return Err(refuse("is there already", "name a folder that is not there, in which the run is made"));
        }
        let Some(name) = out.file_name().map(ToOwned::to_owned) else {
            return Err(refuse("names no folder", "name the folder that the run is to be, such as -o results/all"));
        };
        let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // It may not be there yet.
        let there = parent.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
        let below = there.map(|(above, real)| real.join(parent.strip_prefix(above).unwrap_or(Path::new(""))));
        let real = below.unwrap_or_else(|| parent.to_owned()).join(&name);
        Ok(Self { parent: parent.to_owned(), name, real })
    }
}
