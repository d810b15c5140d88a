//! A note is a message from gpujobs to its watchdog: a line of text about a process group or a folder.
//!
//! Written by `watchdog`, read by `cleanup`.

use std::fmt;
use std::path::PathBuf;

/// A line of the protocol.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Note {
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
    pub(super) fn parse(line: &str) -> Option<Self> {
        let (verb, value) = line.split_once(' ')?;
        Some(match verb {
            "group" => Self::Group(value.parse().ok()?),
            "folder" => Self::Folder(value.into()),
            "forget-group" => Self::ForgetGroup(value.parse().ok()?),
            "forget-folder" => Self::ForgetFolder(value.into()),
            _ => return None,
        })
    }

    /// What it takes back, where it does.
    #[must_use]
    pub(super) fn forgets(&self) -> Option<Self> {
        match self {
            Self::Group(_) | Self::Folder(_) => None,
            Self::ForgetGroup(group) => Some(Self::Group(*group)),
            Self::ForgetFolder(path) => Some(Self::Folder(path.clone())),
        }
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
}
