//! `gpujobs setup`: installs what is missing.

use std::io::Write;

use crate::browser::capabilities::Os;
use crate::setup::SetupError;
use crate::setup::install::{install, kinds};

/// Installs what is missing for the browsers of these names, for the system's usual ones when there are none; with
/// `dry_run` only prints the commands. A name that is unknown is the user's error, everything else the environment's.
pub fn run(names: &[String], dry_run: bool, out: &mut dyn Write) -> Result<(), SetupError> {
    install(&kinds(names, Os::current())?, dry_run, out)
}
