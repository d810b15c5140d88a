//! The watchdog: a child process that cleans up after gpujobs when gpujobs can't, because it was killed or aborted.
//!
//! It reads lines from a pipe whose other end only gpujobs holds. When the pipe ends, whatever the reason, it ends each
//! process group and removes each folder that it was told of and not told to forget. There is one for a gpujobs
//! process, started with the first local driver; `driver` and `folder` tell it, `gpujobs watchdog` is its other side.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use indexmap::IndexSet;

use super::{folder, process};

/// A line of the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// `group PGID`: this process group is gpujobs'.
    Group(u32),
    /// `folder PATH`: this temporary folder is gpujobs'.
    Folder(PathBuf),
    /// `forget-group PGID`: it was ended; its number may soon be somebody else's.
    ForgetGroup(u32),
    /// `forget-folder PATH`: it was removed.
    ForgetFolder(PathBuf),
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(group) => write!(f, "group {group}"),
            Self::Folder(path) => write!(f, "folder {}", path.display()),
            Self::ForgetGroup(group) => write!(f, "forget-group {group}"),
            Self::ForgetFolder(path) => write!(f, "forget-folder {}", path.display()),
        }
    }
}

impl Note {
    /// Reads a line; `None` for anything else.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let (verb, value) = line.split_once(' ')?;
        Some(match verb {
            "group" => Self::Group(value.parse().ok()?),
            "folder" => Self::Folder(value.into()),
            "forget-group" => Self::ForgetGroup(value.parse().ok()?),
            "forget-folder" => Self::ForgetFolder(value.into()),
            _ => return None,
        })
    }
}

/// gpujobs' handle on its watchdog; clones share the one child.
#[derive(Debug, Clone)]
pub struct Watchdog(Arc<Mutex<State>>);

#[derive(Debug)]
enum State {
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
        Self(Arc::new(Mutex::new(State::Idle { program, arguments })))
    }

    /// Tells the watchdog, which is started if it does not run yet.
    pub(super) fn tell(&self, note: &Note) -> io::Result<()> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Idle { program, arguments } = &*state {
            *state = State::Running(spawn(program, arguments)?);
        }
        match &mut *state {
            State::Running(Child { stdin: Some(pipe), .. }) => pipe.write_all(format!("{note}\n").as_bytes()),
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

/// The child's side: remembers what `notes` say until they end, then cleans up.
pub fn serve(notes: impl BufRead) {
    let mut groups = IndexSet::new();
    let mut folders = IndexSet::new();
    for note in notes.lines().map_while(Result::ok).filter_map(|line| Note::parse(&line)) {
        match note {
            Note::Group(group) => drop(groups.insert(group)),
            Note::Folder(path) => drop(folders.insert(path)),
            Note::ForgetGroup(group) => drop(groups.swap_remove(&group)),
            Note::ForgetFolder(path) => drop(folders.swap_remove(&path)),
        }
    }
    groups.into_iter().for_each(process::end);
    for path in folders.iter().filter(|path| folder::is_ours(path)) {
        folder::remove(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_survive_the_pipe() {
        let notes = [
            Note::Group(7),
            Note::Folder("/tmp/gpujobs-a b".into()),
            Note::ForgetGroup(7),
            Note::ForgetFolder("/x".into()),
        ];
        for note in notes {
            assert_eq!(Note::parse(&note.to_string()), Some(note));
        }
        assert_eq!(Note::parse("group -1"), None);
        assert_eq!(Note::parse("reboot now"), None);
    }

    #[test]
    fn what_is_forgotten_is_kept_and_the_rest_is_removed() {
        let kept = folder::test_folder();
        let removed = folder::test_folder();
        let foreign = tempfile::Builder::new().prefix("elsewhere-").tempdir().unwrap();
        let notes = format!(
            "folder {0}\nfolder {1}\nfolder {2}\nforget-folder {0}\n",
            kept.path().display(),
            removed.path().display(),
            foreign.path().display()
        );
        serve(notes.as_bytes());
        assert!(kept.path().exists());
        assert!(!removed.path().exists());
        assert!(foreign.path().exists(), "only folders with gpujobs' own prefix are ever removed");
    }
}
