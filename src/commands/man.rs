//! `gpujobs man`: a man page a command, from its help.

use std::fs;
use std::io::Write;

use clap::CommandFactory;

use crate::cli::{Cli, ManArgs};
use crate::error::{Error, Exit};

/// Writes `gpujobs.1`, `gpujobs-run.1` and so on into a folder, and says which.
pub fn run(args: &ManArgs, out: &mut dyn Write) -> Result<Exit, Error> {
    fs::create_dir_all(&args.dir)?;
    clap_mangen::generate_to(Cli::command(), &args.dir)?;
    writeln!(out, "{}", args.dir.join("gpujobs.1").display())?;
    Ok(Exit::Success)
}
