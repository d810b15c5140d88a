//! A process group that belongs to a value: a program that gpujobs started, with all that it starts in turn, which ends with the
//! value and, through the watchdog, with gpujobs.
//!
//! `driver` and `tunnel` start programs in one.

use std::path::Path;
use std::process::Stdio;

use tokio::process::{Child, Command};

use super::error::BrowserError;
use super::note::Note;
use super::process;
use super::watchdog::Watchdog;

/// A process group, killed with its value.
#[derive(Debug)]
pub(super) struct ProcessGroup {
    id: u32,
    watchdog: Watchdog,
}

impl ProcessGroup {
    fn new(id: u32, watchdog: &Watchdog) -> Result<Self, BrowserError> {
        let group = Self { id, watchdog: watchdog.clone() };
        watchdog.send(&Note::Group(id)).map_err(watchdog_error)?;
        Ok(group)
    }

    /// Its number.
    pub(super) fn id(&self) -> u32 {
        self.id
    }

    /// Asks its processes to end, and kills those that don't. Blocks.
    pub(super) fn end(self) {
        process::end(self.id);
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        process::kill(self.id);
        let _ = self.watchdog.send(&Note::ForgetGroup(self.id));
    }
}

/// That the watchdog can't be told.
pub(super) fn watchdog_error(source: std::io::Error) -> BrowserError {
    BrowserError::Io { doing: "starting the child that cleans up".to_owned(), source }
}

/// Starts a program in `group`, or in one of its own when there is none yet.
pub(super) fn spawn(
    command: &mut Command,
    program: &Path,
    group: Option<ProcessGroup>,
    watchdog: &Watchdog,
) -> Result<(Child, ProcessGroup), BrowserError> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    #[cfg(unix)]
    command.process_group(group.as_ref().and_then(|group| i32::try_from(group.id).ok()).unwrap_or(0));
    let failed = |reason: String| BrowserError::DriverStart { program: program.to_owned(), reason, output: Vec::new() };
    let child = command.spawn().map_err(|error| failed(error.to_string()))?;
    let group = match group {
        Some(group) => group,
        None => ProcessGroup::new(child.id().ok_or_else(|| failed("it ended at once".to_owned()))?, watchdog)?,
    };
    Ok((child, group))
}
