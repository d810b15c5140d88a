//! A listing is what a hub says a model consists of at one revision: the files, their sizes and checksums.
//!
//! Made from the hub's answer, which is not trusted: its size is bounded, and each path must stay in the
//! model's folder. Used by `fetch`, which chooses among the files.

use std::collections::BTreeMap;
use std::io::Read;

use serde::Deserialize;
use url::Url;

use super::ModelId;
use super::checksum::Checksum;
use super::hub::{Hub, HubError, shown};
use super::reply::Reply;

/// The hub gives 1000 files a page; the largest models have a few thousand.
const FILES: usize = 20_000;
/// Entries take some hundred bytes each.
const PAGE_BYTES: u64 = 16 << 20;
const PAGES: usize = 100;

/// What a model consists of.
#[derive(Debug, Clone)]
pub struct Listing {
    /// The commit that it describes, where the hub says so.
    pub commit: Option<String>,
    /// The files by their paths.
    pub files: BTreeMap<String, Remote>,
}

/// A file of a hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// Its place in the model's folder, with `/`; never outside.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// What it must come to.
    pub checksum: Checksum,
}

#[derive(Deserialize)]
struct ListingEntry {
    #[serde(rename = "type")]
    kind: String,
    path: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    oid: String,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    oid: String,
    size: u64,
}

/// Asks a hub for the files of a model, page by page.
pub fn listing(hub: &Hub, id: &ModelId, revision: &str) -> Result<Listing, HubError> {
    let mut url = hub.tree_url(id, revision);
    let mut listing = Listing { commit: None, files: BTreeMap::new() };
    for _ in 0..PAGES {
        let page = page(hub, &url)?;
        listing.commit = listing.commit.or(page.commit);
        let nonsense = |why: String| HubError::Nonsense { url: shown(&url), why };
        let found = files(&page.bytes).map_err(&nonsense)?;
        listing.files.extend(found.into_iter().map(|file| (file.path.clone(), file)));
        if listing.files.len() > FILES {
            return Err(nonsense(format!("it lists more than {FILES} files")));
        }
        if listing.files.is_empty() && page.next.is_none() {
            return Err(nonsense("it lists no files".to_owned()));
        }
        let Some(next) = page.next else { return Ok(listing) };
        let joined = url.join(&next).map_err(|error| nonsense(format!("its next page {next:?}: {error}")))?;
        if joined.origin() != url.origin() {
            return Err(nonsense(format!("its next page is on another server: {}", shown(&joined))));
        }
        url = joined;
    }
    Err(HubError::Nonsense { url: shown(&url), why: format!("its listing has more than {PAGES} pages") })
}

struct ListingPage {
    commit: Option<String>,
    next: Option<String>,
    bytes: Vec<u8>,
}

/// One page, tried again where that may help.
fn page(hub: &Hub, url: &Url) -> Result<ListingPage, HubError> {
    let mut tried = 1;
    loop {
        match hub.get(url, 0).and_then(read) {
            Err(error) if error.may_pass() && tried < hub.patience.tries => hub.patience.wait(tried),
            result => return result,
        }
        tried += 1;
    }
}

fn read(reply: Reply) -> Result<ListingPage, HubError> {
    let (commit, next, url) = (reply.commit.clone(), reply.next(), reply.url.clone());
    let mut bytes = Vec::new();
    let read = reply.body().take(PAGE_BYTES + 1).read_to_end(&mut bytes);
    if let Err(error) = read {
        return Err(HubError::Unreachable { url, why: error.to_string(), connected: true });
    }
    if bytes.len() as u64 > PAGE_BYTES {
        return Err(HubError::Nonsense {
            url,
            why: format!("a page of its listing is larger than {PAGE_BYTES} bytes"),
        });
    }
    Ok(ListingPage { commit, next, bytes })
}

/// The files that a page of a listing names; the error says what is wrong with it.
pub fn files(page: &[u8]) -> Result<Vec<Remote>, String> {
    let entries: Vec<ListingEntry> = serde_json::from_slice(page).map_err(|error| error.to_string())?;
    entries.into_iter().filter(|entry| entry.kind == "file").map(checked).collect()
}

fn checked(entry: ListingEntry) -> Result<Remote, String> {
    if let Some(why) = fault(&entry.path) {
        return Err(format!("it lists a file {:?}: {why}", entry.path));
    }
    let (bytes, checksum) = match entry.lfs {
        Some(lfs) => (lfs.size, Checksum::of_lfs(&lfs.oid)),
        None => (entry.size, Checksum::of_git(&entry.oid)),
    };
    let checksum = checksum.ok_or_else(|| format!("it lists {:?} without a checksum", entry.path))?;
    Ok(Remote { path: entry.path, bytes, checksum })
}

/// Why a path might not stay in the folder that it is put in, on any system.
fn fault(path: &str) -> Option<&'static str> {
    if path.contains('\\') || (cfg!(windows) && path.contains(':')) {
        Some("a path with a drive or backslashes")
    } else if path.chars().any(char::is_control) {
        Some("a control character in its path")
    } else if path.starts_with('/') {
        Some("an absolute path")
    } else if path.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        Some("an empty, `.` or `..` part in its path")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_in_its_folder() {
        for path in ["", "/etc/passwd", "../evil", "a/../../evil", "a//b", "./a", "a/", "a\\..\\b", "a\0", "a\u{1b}[2J"]
        {
            assert!(fault(path).is_some(), "{path:?}");
        }
        for path in ["config.json", "onnx/model_q4.onnx_data_1", "..a/b..c", "foo: bar.png"] {
            assert!(fault(path).is_none() || cfg!(windows), "{path:?}");
        }
    }
}
