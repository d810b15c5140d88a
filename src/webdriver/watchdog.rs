//! The watchdog: a child process that cleans up after gpujobs when gpujobs can't, because it was killed or aborted.
//!
//! It reads lines from a pipe whose other end only gpujobs holds. When the pipe ends, whatever the reason, it ends each
//! process group and removes each folder that was registered and not forgotten. There is one for a gpujobs
//! process, started with the first local driver; `driver` and `folder` send it notes, `cleanup` is its other side.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use super::note::Note;

/// gpujobs' handle on its watchdog; clones share the one child.
#[derive(Debug, Clone)]
pub struct Watchdog(Arc<Mutex<WatchdogState>>);

#[derive(Debug)]
enum WatchdogState {
    /// Not needed so far.
    Idle {
        program: PathBuf,
        arguments: Vec<OsString>,
    },
    Running(Child),
}

impl Watchdog {
    /// The watchdog of this process: this very program with the argument `watchdog`. It starts with the first note.
    pub fn start() -> io::Result<Self> {
        Ok(Self::with_command(std::env::current_exe()?, ["watchdog"]))
    }

    /// A watchdog that is another program; for tests, whose own program is not gpujobs.
    pub fn with_command<A: Into<OsString>>(program: PathBuf, arguments: impl IntoIterator<Item = A>) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        Self(Arc::new(Mutex::new(WatchdogState::Idle { program, arguments })))
    }

    /// Sends a note to the watchdog, which is started if it does not run yet.
    pub(super) fn send(&self, note: &Note) -> io::Result<()> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let WatchdogState::Idle { program, arguments } = &*state {
            *state = WatchdogState::Running(spawn(program, arguments)?);
        }
        match &mut *state {
            WatchdogState::Running(Child { stdin: Some(pipe), .. }) => pipe.write_all(format!("{note}\n").as_bytes()),
            _ => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

/// Starts the child in a group of its own, so that the terminal's Ctrl-C passes it by.
fn spawn(program: &Path, arguments: &[OsString]) -> io::Result<Child> {
    let mut command = Command::new(program);
    // With gpujobs' own stdout it would keep the reader of that pipe waiting.
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn()
}
