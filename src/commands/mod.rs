//! One file a verb: each reads its inputs, calls the stages it needs and writes to where it is told.

pub mod compare;
pub mod completions;
pub mod doctor;
pub mod endpoint;
pub mod export;
pub mod fetch;
pub mod help;
pub mod history;
pub mod init;
pub mod man;
pub mod merge;
pub mod plan;
pub mod render;
pub mod report;
pub mod run;
pub mod schema;
pub mod setup;
mod shared;
pub mod tune;
pub mod verify;
pub mod watchdog;

use std::io::{ErrorKind, IsTerminal, Write};

use crate::cli::{Cli, Command, DoctorArgs, SetupArgs};
use crate::error::{Error, Exit};
use crate::terminal;

/// Carries out what was typed; errors are shown on stderr.
#[must_use]
pub fn dispatch(cli: Cli) -> Exit {
    let mut out = anstream::stdout().lock();
    let remedy = match cli.command {
        Command::Run(_) => {
            "free some space where stdout goes; what was measured is in the run folder, and --resume goes on with it"
        }
        Command::Tune(_) => "free some space where stdout goes; what was found is in the run folder",
        _ => "free some space where stdout goes, and do it again",
    };
    let ended = carry_out(cli, &mut out).and_then(|exit| out.flush().map(|()| exit).map_err(Error::from));
    ended.unwrap_or_else(|error| {
        let error = with_remedy(error, remedy);
        let exit = error.exit();
        if exit != Exit::Success {
            show(&error);
        }
        exit
    })
}

fn carry_out(cli: Cli, out: &mut dyn Write) -> Result<Exit, Error> {
    match cli.command {
        Command::Run(args) => run::run(&args, out),
        Command::Plan(args) => {
            plan::run(&args, out)?;
            Ok(Exit::Success)
        }
        Command::Render(args) => render::run(&args, out),
        Command::Verify(args) => verify::run(&args, out),
        Command::Doctor(DoctorArgs { webdriver, format }) => {
            let well = match webdriver {
                Some(url) => endpoint::run(&url, format, out)?,
                None => doctor::run(format, out)?,
            };
            Ok(if well { Exit::Success } else { Exit::Environment })
        }
        Command::Setup(SetupArgs { names, dry_run }) => {
            setup::run(&names, dry_run, out)?;
            Ok(Exit::Success)
        }
        Command::Compare(args) => compare::run(&args, out),
        Command::History(args) => history::run(&args, out),
        Command::Tune(args) => tune::run(&args, out),
        Command::Fetch(args) => {
            fetch::run(&args, out)?;
            Ok(Exit::Success)
        }
        Command::Merge(args) => merge::run(&args, out),
        Command::Export(args) => export::run(&args, out),
        Command::Report(args) => report::run(&args, out),
        Command::Schema(args) => {
            schema::run(&args, out)?;
            Ok(Exit::Success)
        }
        Command::Init(args) => {
            let path = init::run(".".as_ref(), args.name.as_deref())?;
            writeln!(out, "{}", path.display())?;
            Ok(Exit::Success)
        }
        Command::Completions { shell } => completions::run(shell, out),
        Command::Man(args) => man::run(&args, out),
        Command::Help(args) => help::run(&args, out),
        Command::Watchdog => {
            watchdog::run();
            Ok(Exit::Success)
        }
    }
}

/// An error of stdout with what helps, where that is not plain.
fn with_remedy(error: Error, remedy: &str) -> Error {
    match error {
        Error::Io(error) if error.kind() == ErrorKind::StorageFull => {
            Error::Environment { message: error.to_string(), help: remedy.to_owned() }
        }
        error => error,
    }
}

/// Draws an error with its places and remedies; in colour only on a terminal that wants it.
fn show(error: &Error) {
    let stderr = std::io::stderr();
    let colour = stderr.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let theme = if colour { miette::GraphicalTheme::unicode() } else { miette::GraphicalTheme::unicode_nocolor() };
    let mut drawn = String::new();
    let handler = miette::GraphicalReportHandler::new_themed(theme).with_width(110).with_links(false);
    // In a file or a log a broken sentence can't be searched for, and a broken path can't be copied.
    let handler = handler.with_wrap_lines(stderr.is_terminal());
    if handler.render_report(&mut drawn, error).is_err() {
        drawn = error.to_string();
    }
    let drawn = if colour { terminal::styled(&drawn) } else { terminal::plain(&drawn) };
    // Nobody is left to read it when stderr is closed.
    let _ = writeln!(stderr.lock(), "{}", drawn.trim_end());
}
