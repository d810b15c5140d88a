//! `gpujobs completions SHELL`.

use std::io::Write;

use clap::CommandFactory;

use crate::cli::Cli;
use crate::error::{Error, Exit};

/// Writes the completion script of a shell.
pub fn run(shell: clap_complete::Shell, out: &mut dyn Write) -> Result<Exit, Error> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "gpujobs", &mut script);
    out.write_all(&script)?;
    Ok(Exit::Success)
}
