//! A note is a message from gpujobs to its watchdog: a line of text about a process group, a folder or a remote session.
//!
//! Written by `watchdog`, read by `cleanup`.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::endpoint::Endpoint;

/// A line of the protocol.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Note {
    /// `group PGID`: this process group is gpujobs'.
    Group(u32),
    /// `folder PATH`: this temporary folder is gpujobs'.
    Folder(PathBuf),
    /// `session JSON`: this session of an endpoint elsewhere is gpujobs'.
    Session(RemoteSession),
    /// `forget-group PGID`: it was ended; its number may soon be somebody else's.
    ForgetGroup(u32),
    /// `forget-folder PATH`: it was removed.
    ForgetFolder(PathBuf),
    /// `forget-session JSON`: it was closed.
    ForgetSession(RemoteSession),
}

/// A session of an endpoint elsewhere.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct RemoteSession {
    /// The endpoint's.
    url: String,
    /// The endpoint's, which only this pipe ever tells.
    headers: Vec<String>,
    /// Below the endpoint's address.
    pub(super) path: String,
}

impl RemoteSession {
    pub(super) fn new(endpoint: &Endpoint, path: &str) -> Self {
        Self { url: endpoint.to_string(), headers: endpoint.header_lines(), path: path.to_owned() }
    }

    /// Where it is open.
    pub(super) fn endpoint(&self) -> Option<Endpoint> {
        let mut endpoint: Endpoint = self.url.parse().ok()?;
        self.headers.iter().try_for_each(|header| endpoint.add_header(header)).ok()?;
        Some(endpoint)
    }
}

impl fmt::Debug for RemoteSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteSession").field("url", &self.url).field("path", &self.path).finish_non_exhaustive()
    }
}

impl fmt::Display for RemoteSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(group) => write!(f, "group {group}"),
            Self::Folder(path) => write!(f, "folder {}", path.display()),
            Self::Session(session) => write!(f, "session {session}"),
            Self::ForgetSession(session) => write!(f, "forget-session {session}"),
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
            "session" => Self::Session(serde_json::from_str(value).ok()?),
            "forget-session" => Self::ForgetSession(serde_json::from_str(value).ok()?),
            "forget-group" => Self::ForgetGroup(value.parse().ok()?),
            "forget-folder" => Self::ForgetFolder(value.into()),
            _ => return None,
        })
    }

    /// What it takes back, where it does.
    #[must_use]
    pub(super) fn forgets(&self) -> Option<Self> {
        match self {
            Self::Group(_) | Self::Folder(_) | Self::Session(_) => None,
            Self::ForgetSession(session) => Some(Self::Session(session.clone())),
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
        let mut endpoint: Endpoint = "https://me:pass%0aword@grid/wd/hub".parse().unwrap();
        endpoint.add_header("X-Key: a b").unwrap();
        let session = RemoteSession::new(&endpoint, "session/5e55");
        let read = session.endpoint().unwrap();
        assert_eq!((read.url(), read.header_lines()), (endpoint.url(), endpoint.header_lines()));
        assert!(!format!("{session:?}").to_lowercase().contains("authorization"));
        let notes = [
            Note::Session(session.clone()),
            Note::ForgetSession(session),
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
