//! `gpujobs merge`: one run folder out of several.

use std::io::Write;

use crate::cli::MergeArgs;
use crate::error::{Error, Exit};
use crate::record::merge::{MergeOptions, Merged, merge};
use crate::terminal;

/// Makes the folder and says where it is, and what is not in it.
pub fn run(args: &MergeArgs, out: &mut dyn Write) -> Result<Exit, Error> {
    let options = MergeOptions { allow_missing: args.allow_missing };
    let Merged { jobs, missing } = merge(&args.runs, &args.output, options)?;
    for what in &missing {
        anstream::eprintln!("missing: {}", terminal::line(what));
    }
    let [jobs, runs] = [(jobs, "job"), (args.runs.len(), "run")].map(|(count, noun)| counted(count, noun));
    anstream::eprintln!("{jobs} of {runs}");
    writeln!(out, "{}", args.output.display())?;
    Ok(Exit::Success)
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
