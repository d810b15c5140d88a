//! `gpujobs help`: the help of a command, and the reference of what is written in files.

use std::io::Write;

use clap::CommandFactory;

use crate::cli::{Cli, HelpArgs};
use crate::error::{Error, Exit};
use crate::manifest::problem::{listed, nearest};
use crate::report::reference::{self, ReferenceTable};

/// Columns of a terminal that the reference takes.
const WIDTH: usize = 110;

/// A part of the reference.
type Topic = fn() -> Vec<ReferenceTable>;

/// The parts of the reference by their names.
const TOPICS: [(&str, Topic); 5] = [
    ("columns", reference::columns),
    ("manifest", || [reference::axes(), reference::manifest_keys()].concat()),
    ("model", || [reference::model_keys(), reference::tasks()].concat()),
    ("ops", reference::ops),
    ("warnings", reference::warnings),
];

/// Prints the help of a command as `gpujobs COMMAND --help` does, a part of the reference, or what there is to choose from.
pub fn run(args: &HelpArgs, out: &mut dyn Write) -> Result<Exit, Error> {
    let mut cli = Cli::command();
    // Only then do subcommands know what they are called with.
    cli.build();
    let Some(name) = &args.topic else {
        write!(out, "{}", cli.render_long_help().ansi())?;
        return Ok(Exit::Success);
    };
    if let Some((_, topic)) = TOPICS.into_iter().find(|(topic, _)| topic == name) {
        writeln!(out, "{}", reference::plain(&topic(), WIDTH))?;
    } else if let Some(command) = cli.get_subcommands_mut().find(|command| command.get_name() == name) {
        write!(out, "{}", command.render_long_help().ansi())?;
    } else {
        let commands = cli.get_subcommands().filter(|command| !command.is_hide_set()).map(clap::Command::get_name);
        let known: Vec<&str> = TOPICS.into_iter().map(|(topic, _)| topic).chain(commands).collect();
        let near = nearest(name, known.iter().copied()).map(|near| format!("did you mean `{near}`? "));
        return Err(Error::Usage {
            message: format!("there is no help on `{name}`"),
            help: format!("{}There is on {}", near.unwrap_or_default(), listed(&known)),
        });
    }
    Ok(Exit::Success)
}
