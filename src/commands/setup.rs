//! `gpujobs setup`: installs what is missing.

use std::io::Write;

use crate::setup::SetupError;
use crate::setup::install::{Components, install};
use crate::webdriver::Os;

/// Installs what is missing of these names, for the system's usual browsers and ONNX models when there are none; with
/// `dry_run` only prints the commands. A name that is unknown is the user's error, everything else the environment's.
pub fn run(names: &[String], dry_run: bool, out: &mut dyn Write) -> Result<(), SetupError> {
    install(&Components::of(names, Os::current())?, dry_run, out)
}
