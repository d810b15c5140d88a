//! Installing: from missing parts to run commands, each shown before it runs, and the result checked.
//!
//! Used by `gpujobs setup` and `gpujobs run --setup`.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, PipeReader, Write};
use std::process::{Child, Command};

use miette::Diagnostic;
use strum::VariantNames;
use thiserror::Error;

use super::archives::{self, ArchiveError};
use super::packages::{self, InstallCommand, InstallPlan, Platform};
use super::survey::{Survey, survey};
use super::{Component, LIBRARIES, usual_browsers};
use crate::serve::Libraries;
use crate::webdriver::BrowserKind;
use crate::webdriver::Os;
use crate::webdriver::discover::ProgramSearch;
use crate::webdriver::products::Manager;
use crate::webdriver::user;

/// How many last lines of a failed command are shown again.
const LAST_LINES: usize = 12;

/// Why something could not be installed.
#[derive(Debug, Error, Diagnostic)]
pub enum SetupError {
    /// No browser of that name.
    #[error("gpujobs can't install `{name}`")]
    #[diagnostic(help("one of: {}, {LIBRARIES}", BrowserKind::VARIANTS.join(", ")))]
    UnknownName {
        /// What was typed.
        name: String,
    },
    /// A command failed.
    #[error("`{command}` failed: {reason}")]
    #[diagnostic(help("its last output:\n{}", output.join("\n")))]
    Failed {
        /// As one types it.
        command: String,
        /// How it ended.
        reason: String,
        /// Its last lines.
        output: Vec<String>,
    },
    /// The commands went well, and something is still missing.
    #[error("still missing: {}", parts.join(", "))]
    #[diagnostic(help("{}", if by_hand.is_empty() { "`gpujobs doctor` shows what was found where".to_owned() } else { by_hand.join("\n") }))]
    StillMissing {
        /// What is missing.
        parts: Vec<String>,
        /// What only the user can do.
        by_hand: Vec<String>,
    },
    /// A downloaded archive is not what it must be.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Archive(#[from] ArchiveError),
    /// There is no place for models.
    #[error("there is no folder for models: this user has no home")]
    #[diagnostic(help("name one with GPUJOBS_MODELS or --store"))]
    NoFolder,
    /// A package could not be unpacked into the store.
    #[error("putting {package} into the model store failed")]
    #[diagnostic(help("is there room in the store's folder, and may it be written to?"))]
    Package {
        /// With its version.
        package: String,
        /// The system's reason.
        source: io::Error,
    },
    /// A package is no model's.
    #[error("{package} holds no file of a model")]
    #[diagnostic(help("look at what the package holds; a model is an .onnx, .safetensors or .tflite file"))]
    NoModel {
        /// With its version.
        package: String,
    },
    /// The progress could not be written.
    #[error("writing the progress failed")]
    Output(#[from] io::Error),
}

/// The components to install.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Components {
    /// These browsers.
    pub browsers: Vec<BrowserKind>,
    /// What runs ONNX models in their pages.
    pub libraries: bool,
}

impl Components {
    /// What is meant by these names; for none the system's usual browsers and all that runs in them.
    pub fn of(names: &[String], os: Os) -> Result<Self, SetupError> {
        if names.is_empty() {
            let mut browsers = usual_browsers(os);
            // The project's own tests want one whose WebNN computes.
            if Libraries::in_checkout() && BrowserKind::Webnn.product().systems.contains(&os) {
                browsers.push(BrowserKind::Webnn);
            }
            return Ok(Self { browsers, libraries: true });
        }
        let (libraries, browsers): (Vec<&String>, Vec<&String>) = names.iter().partition(|name| *name == LIBRARIES);
        let kind =
            |name: &String| name.parse::<BrowserKind>().map_err(|_| SetupError::UnknownName { name: name.clone() });
        Ok(Self {
            browsers: browsers.into_iter().map(kind).collect::<Result<_, _>>()?,
            libraries: !libraries.is_empty(),
        })
    }
}

/// Installs what is missing of it, or with `dry_run` only shows how.
pub fn install(components: &Components, dry_run: bool, out: &mut dyn Write) -> Result<(), SetupError> {
    let missing = missing(&survey(), components);
    if missing.is_empty() {
        writeln!(out, "nothing is missing")?;
        return Ok(());
    }
    for part in &missing {
        writeln!(out, "missing: {}", part.name())?;
    }
    let mut plan = packages::commands(&missing, &platform());
    let mut next = 0;
    while let Some(command) = plan.commands.get(next).cloned() {
        writeln!(out, "+ {command}")?;
        out.flush()?;
        if !dry_run {
            if command.0.starts_with(&["npm".to_owned(), "ci".to_owned()]) {
                Libraries::prepare_home()?;
            }
            run(&command, out)?;
            if command.0.ends_with(&["apt-get".to_owned(), "update".to_owned()]) {
                // A fresh container's apt knows no package before this.
                plan = packages::commands(&missing, &platform());
            }
        }
        next += 1;
    }
    for archive in &plan.archives {
        let folder = archives::home();
        let command = archives::download(archive, &folder);
        writeln!(out, "+ {command}")?;
        out.flush()?;
        if !dry_run {
            std::fs::create_dir_all(&folder)?;
            run(&command, out)?;
        }
        writeln!(out, "+ unpack {} into {}", archive.package, folder.display())?;
        out.flush()?;
        if !dry_run {
            archives::unpack(archive, &folder)?;
        }
    }
    if dry_run {
        for step in &plan.by_hand {
            writeln!(out, "by hand: {step}")?;
        }
        return Ok(());
    }
    check(&self::missing(&survey(), components), plan, out)
}

fn missing(survey: &Survey, components: &Components) -> Vec<Component> {
    let mut missing: Vec<Component> = Vec::new();
    let libraries = if components.libraries { survey.missing_libraries() } else { Vec::new() };
    for part in components.browsers.iter().flat_map(|&kind| survey.missing(kind)).chain(libraries) {
        if !missing.contains(&part) {
            missing.push(part);
        }
    }
    missing
}

fn check(missing: &[Component], plan: InstallPlan, out: &mut dyn Write) -> Result<(), SetupError> {
    if missing.is_empty() {
        writeln!(out, "everything is installed")?;
        return Ok(());
    }
    let parts = missing.iter().map(|part| part.name()).collect();
    Err(SetupError::StillMissing { parts, by_hand: plan.by_hand })
}

/// This machine's package manager and what it has.
fn platform() -> Platform {
    let search = ProgramSearch::of_this_machine();
    let managers = [
        ("apt-get", Manager::Apt),
        ("dnf", Manager::Dnf),
        ("pacman", Manager::Pacman),
        ("brew", Manager::Brew),
        ("winget", Manager::Winget),
    ];
    let manager =
        managers.into_iter().find(|(program, _)| search.on_path(&[program]).is_some()).map(|(_, manager)| manager);
    let known = if manager == Some(Manager::Apt) { known_to_apt() } else { None };
    Platform { manager, root: user::is_root(), known }
}

/// The packages that apt can install; `None` when it has no lists.
fn known_to_apt() -> Option<std::collections::BTreeSet<String>> {
    let output =
        Command::new("apt-cache").arg("policy").args(packages::asked_of_apt()).env("LC_ALL", "C").output().ok()?;
    let known = packages::with_candidate(&String::from_utf8_lossy(&output.stdout));
    (!known.is_empty()).then_some(known)
}

/// Runs a command, passing its output on line by line.
pub fn run(command: &InstallCommand, out: &mut dyn Write) -> Result<(), SetupError> {
    let mut last = VecDeque::new();
    let failed = |reason: String, last: VecDeque<String>| SetupError::Failed {
        command: command.to_string(),
        reason,
        output: last.into(),
    };
    let Some((program, arguments)) = command.0.split_first() else { return Ok(()) };
    let (mut child, pipe) = match spawn(program, arguments) {
        Ok(started) => started,
        Err(error) => return Err(failed(error.to_string(), last)),
    };
    for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        // apt and cargo redraw a line of progress behind carriage returns; its last state is enough.
        let line = line.trim_end().rsplit('\r').next().unwrap_or_default().to_owned();
        writeln!(out, "  {line}")?;
        if last.len() == LAST_LINES {
            last.pop_front();
        }
        last.push_back(line);
    }
    match child.wait() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(status.to_string(), last)),
        Err(error) => Err(failed(error.to_string(), last)),
    }
}

/// Starts a program with both its outputs in one pipe, in the order in which it wrote them.
fn spawn(program: &str, arguments: &[String]) -> io::Result<(Child, PipeReader)> {
    let (reader, writer) = io::pipe()?;
    // stdin stays the terminal: `sudo` may ask for a password. The command, and with it our copy of the pipe's
    // writing end, goes at the end of this function; otherwise the reader would wait for ever.
    let child = Command::new(program).args(arguments).stdout(writer.try_clone()?).stderr(writer).spawn()?;
    Ok((child, reader))
}
