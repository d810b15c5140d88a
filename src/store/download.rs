//! A download brings one file of a hub: into `PATH.partial` beside its place, resumed where it broke off, and given
//! its name only when its length and checksum are right.
//!
//! Made by `fetch` for each file that is not there.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use miette::Diagnostic;
use url::Url;

use super::checksum::Checksum;
use super::hub::{Hub, HubError, shown};
use super::incoming::own_file;
use super::listing::Remote;
use super::progress::{FetchEvent, OnEvent};
use super::reply::Reply;

/// Ends the name of a file that is not complete.
pub const PARTIAL: &str = ".partial";

/// A try that brought so much does not count as one that failed.
const PROGRESS: u64 = 1 << 20;

/// Why a file can't be downloaded.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum DownloadError {
    /// The hub does not give it.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Hub(#[from] HubError),
    /// It ended early at each attempt.
    #[error("{url} ended at byte {found} of {expected}: {why}")]
    #[diagnostic(help("what came is kept: the same command resumes there, once the network or the hub is better"))]
    Short {
        /// What was asked for.
        url: String,
        /// How much there is.
        found: u64,
        /// The length in the hub's listing.
        expected: u64,
        /// What the system says.
        why: String,
    },
    /// The bytes are not those that the hub lists.
    #[error("`{path}` is not what the hub lists: found {found}, expected {expected} (from {url})")]
    #[diagnostic(help(
        "it was deleted; run the same command again, and if it happens again set HF_ENDPOINT to another mirror"
    ))]
    Wrong {
        /// The file's place in the model's folder.
        path: String,
        /// Where it came from.
        url: String,
        /// What came.
        found: Checksum,
        /// What the listing says.
        expected: Checksum,
    },
    /// The disk does not take it.
    #[error("{} can't be written: {source}", path.display())]
    #[diagnostic(help("is the disk full, or the folder not yours? GPUJOBS_MODELS or --store names another folder"))]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl DownloadError {
    /// Whether another try is worth it. With a connection once made, so is one that could not be.
    fn may_pass(&self) -> bool {
        match self {
            Self::Hub(HubError::Unreachable { .. }) | Self::Short { .. } => true,
            Self::Hub(error) => error.may_pass(),
            Self::Wrong { .. } | Self::Disk { .. } => false,
        }
    }
}

/// A file that is being brought.
struct Download<'d> {
    hub: &'d Hub,
    url: &'d Url,
    file: &'d Remote,
    partial: PathBuf,
}

/// Brings `file` from `url` to `goal`; returns the commit that the hub names, where it was asked and does.
pub fn download(
    hub: &Hub,
    url: &Url,
    file: &Remote,
    goal: &Path,
    on_event: OnEvent<'_>,
) -> Result<Option<String>, DownloadError> {
    let mut name = goal.as_os_str().to_owned();
    name.push(PARTIAL);
    let download = Download { hub, url, file, partial: PathBuf::from(name) };
    let folder = goal.parent().unwrap_or(goal);
    fs::create_dir_all(folder).map_err(|source| DownloadError::Disk { path: folder.to_owned(), source })?;
    let from = download.there();
    on_event(FetchEvent::Started { path: &file.path, bytes: file.bytes, from });
    let mut commit = download.bring(on_event)?;
    match download.check() {
        // What was there may have been of another revision, so that the whole is of none.
        Err(DownloadError::Wrong { .. }) if from > 0 => {
            commit = download.bring(on_event)?;
            download.check()?;
        }
        checked => checked?,
    }
    fs::rename(&download.partial, goal).map_err(|source| DownloadError::Disk { path: goal.to_owned(), source })?;
    on_event(FetchEvent::Finished { path: &file.path });
    Ok(commit)
}

impl Download<'_> {
    /// How much there is.
    fn there(&self) -> u64 {
        fs::symlink_metadata(&self.partial).map_or(0, |metadata| if metadata.is_file() { metadata.len() } else { 0 })
    }

    /// Tries until all bytes are there, or too many tries in a row brought too little.
    fn bring(&self, on_event: OnEvent<'_>) -> Result<Option<String>, DownloadError> {
        let mut failed = 0;
        let mut before = self.there();
        loop {
            let error = match self.attempt(on_event) {
                Ok(commit) => return Ok(commit),
                Err(error) if error.may_pass() => error,
                Err(error) => return Err(error),
            };
            let now = self.there();
            failed = if now >= before.saturating_add(PROGRESS) { 1 } else { failed + 1 };
            before = now;
            if failed >= self.hub.patience.tries {
                return Err(error);
            }
            on_event(FetchEvent::Retrying { path: &self.file.path, why: &error.to_string() });
            self.hub.patience.wait(failed);
        }
    }

    /// One request for what is missing.
    fn attempt(&self, on_event: OnEvent<'_>) -> Result<Option<String>, DownloadError> {
        let total = self.file.bytes;
        let mut from = self.there();
        if from > total {
            self.discard()?;
            from = 0;
        }
        if from == total && total > 0 {
            return Ok(None);
        }
        let reply = self.hub.get(self.url, from)?;
        let goes_on = match reply.status() {
            // Without a range, or from elsewhere than asked, it is the beginning or nothing that could be used.
            200 => false,
            206 if reply.range() == Some((from, total)) => true,
            status => {
                self.discard()?;
                let why = format!("the hub can't resume at byte {from} of {total} (status {status})");
                return Err(HubError::Unreachable { url: shown(self.url), why, connected: true }.into());
            }
        };
        let commit = reply.commit.clone();
        let opened = own_file().append(goes_on).truncate(!goes_on).open(&self.partial);
        let mut partial = opened.map_err(|source| self.disk(source))?;
        self.receive(reply, &mut partial, if goes_on { from } else { 0 }, on_event)?;
        partial.sync_all().map_err(|source| self.disk(source))?;
        Ok(commit)
    }

    /// Writes what comes, up to the length that the listing says: whatever else the hub claims or sends, the checksum
    /// decides.
    fn receive(&self, reply: Reply, partial: &mut File, from: u64, on_event: OnEvent<'_>) -> Result<(), DownloadError> {
        let expected = self.file.bytes;
        let mut at = from;
        let mut body = reply.body().take(expected - from);
        let mut buffer = vec![0; 1 << 16];
        while at < expected {
            let read = match body.read(&mut buffer) {
                Ok(read) if read > 0 => read,
                ended => {
                    let why = ended.err().map_or("it ends there".to_owned(), |error| error.to_string());
                    return Err(DownloadError::Short { url: shown(self.url), found: at, expected, why });
                }
            };
            partial.write_all(&buffer[..read]).map_err(|source| self.disk(source))?;
            at += read as u64;
            on_event(FetchEvent::Received { at });
        }
        Ok(())
    }

    /// Deletes what is not what the hub lists.
    fn check(&self) -> Result<(), DownloadError> {
        let expected = &self.file.checksum;
        let found = expected.of_file(&self.partial).map_err(|source| self.disk(source))?;
        if found == *expected {
            return Ok(());
        }
        self.discard()?;
        let (path, url) = (self.file.path.clone(), shown(self.url));
        Err(DownloadError::Wrong { path, url, found, expected: expected.clone() })
    }

    fn discard(&self) -> Result<(), DownloadError> {
        match fs::remove_file(&self.partial) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(self.disk(source)),
            _ => Ok(()),
        }
    }

    fn disk(&self, source: io::Error) -> DownloadError {
        DownloadError::Disk { path: self.partial.clone(), source }
    }
}
