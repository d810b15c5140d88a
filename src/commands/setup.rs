//! `gpujobs setup`: installs what is missing.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::shared::prepare::{plans, set_up};
use crate::error::Error;
use crate::setup::install::{Components, install};
use crate::webdriver::Os;

/// Installs what is missing of these names, for the system's usual browsers and ONNX models when there are none, and of what
/// the jobs of manifests among them need; with `dry_run` only prints the commands. A name that is unknown is the user's
/// error, everything else the environment's.
pub fn run(names: &[String], dry_run: bool, out: &mut dyn Write) -> Result<(), Error> {
    let is_manifest = |name: &&String| Path::new(name).extension().is_some_and(|end| end == "toml");
    let (manifests, names): (Vec<&String>, Vec<&String>) = names.iter().partition(is_manifest);
    if manifests.is_empty() || !names.is_empty() {
        let names: Vec<String> = names.into_iter().cloned().collect();
        install(&Components::of(&names, Os::current())?, dry_run, out)?;
    }
    if manifests.is_empty() {
        return Ok(());
    }
    let manifests: Vec<PathBuf> = manifests.iter().map(PathBuf::from).collect();
    let plans = plans(&manifests, &[], None)?;
    set_up(&plans.iter().collect::<Vec<_>>(), dry_run, out)
}
