//! Fetching brings a model from a hub into a store: the files that a page needs to run it in the requested dtypes.
//!
//! Asked for by `gpujobs fetch`, and by `run --allow-download` through [`ensure`].

use std::fs;
use std::path::{Path, PathBuf};

use super::download::{DownloadError, download};
use super::fetch_error::FetchError;
use super::fetch_request::FetchRequest;
use super::files::entries;
use super::hub::{Hub, HubError};
use super::incoming::Incoming;
use super::listing::{Remote, listing};
use super::progress::{FetchEvent, OnEvent};
use super::record::{RECORD, Record};
use super::{Dtype, ModelId, Store, is_model};

/// The folder of a model that has weights of all these dtypes, from the store where it is there, without any request,
/// else fetched from the hub of the environment. Blocks for as long as that takes: to be called from a thread that may.
pub fn ensure(store: &Store, id: &str, dtypes: &[Dtype], on_event: OnEvent<'_>) -> Result<PathBuf, FetchError> {
    let id: ModelId = id.parse()?;
    if let Some(folder) = store.find_with(&id, dtypes) {
        return Ok(folder);
    }
    let hub = Hub::from_env().map_err(|error| FetchError::Download(error.into()))?;
    fetch(&hub, store, &id, &FetchRequest::of(dtypes), on_event)
}

/// Brings what is requested of a model into the store's own folder, and what is there already up to the same revision;
/// files there that the hub does not have are kept. What is right is not downloaded again. Returns the model's folder.
pub fn fetch(
    hub: &Hub,
    store: &Store,
    id: &ModelId,
    request: &FetchRequest,
    on_event: OnEvent<'_>,
) -> Result<PathBuf, FetchError> {
    let incoming = Incoming::new(store.folders.last().ok_or(FetchError::NoFolder)?, id);
    let goal = &incoming.goal;
    no_clash(goal, id)?;
    let in_words = |error| in_words(error, id, request, goal);
    let listing = listing(hub, id, &request.revision).map_err(|error| in_words(error.into()))?;
    request.check(id, &listing)?;

    let waiting = || on_event(FetchEvent::Waiting { id: id.as_str() });
    let lock = incoming.lock(&request.command(id), waiting).map_err(|error| disk(goal, error))?;
    // Only now: the process that held the lock may have brought weights of another dtype.
    let requested = request.choose(&listing, goal);
    let (there, missing): (Vec<&Remote>, Vec<&Remote>) =
        requested.iter().partition(|file| is_right(&goal.join(&file.path), file));
    let files = incoming.files();
    let absent: Vec<&Remote> =
        missing.iter().copied().filter(|file| !is_right(&files.join(&file.path), file)).collect();
    if !absent.is_empty() {
        let bytes = absent.iter().map(|file| file.bytes).sum();
        on_event(FetchEvent::Chosen { id: id.as_str(), files: absent.len(), bytes });
    }
    let mut commit = listing.commit.clone();
    let at = commit.clone().unwrap_or_else(|| request.revision.clone());
    for file in absent {
        let url = hub.file_url(id, &at, &file.path);
        let said = download(hub, &url, file, &files.join(&file.path), on_event).map_err(in_words)?;
        commit = commit.or(said);
    }
    let record = Record::new(id, hub.endpoint(), &request.revision, commit, requested.iter().copied());
    if !missing.is_empty() {
        let own = entries(goal).into_iter().filter(|(path, _)| !listing.files.contains_key(path) && path != RECORD);
        let kept: Vec<String> = own.map(|(path, _)| path).chain(there.iter().map(|file| file.path.clone())).collect();
        gather(&incoming, &kept, &missing, &record)?;
        incoming.publish().map_err(|error| disk(goal, error))?;
    }
    drop(lock);
    Ok(incoming.goal)
}

/// Whether what lies at a place is this very file. A link is not: it may lead anywhere.
fn is_right(place: &Path, file: &Remote) -> bool {
    let same_length = fs::symlink_metadata(place).is_ok_and(|it| it.is_file() && it.len() == file.bytes);
    same_length && file.checksum.of_file(place).is_ok_and(|found| found == file.checksum)
}

/// Completes the incoming folder with what is kept of the old one, and takes out of it what is of another request.
fn gather(incoming: &Incoming, kept: &[String], new: &[&Remote], record: &Record) -> Result<(), FetchError> {
    let folder = incoming.files();
    for (path, place) in entries(&folder) {
        if !new.iter().any(|file| file.path == path) {
            fs::remove_file(&place).map_err(|error| disk(&place, error))?;
        }
    }
    for path in kept {
        let (from, to) = (incoming.goal.join(path), folder.join(path));
        let parent = to.parent().unwrap_or(&folder);
        fs::create_dir_all(parent).map_err(|error| disk(parent, error))?;
        // Another disk, or one without links.
        let linked = fs::hard_link(&from, &to).or_else(|_| fs::copy(&from, &to).map(drop));
        linked.map_err(|error| disk(&to, error))?;
    }
    record.write(&folder).map_err(|error| disk(&folder, error))
}

/// Refuses `org/name` where `org` is a model, and `org` where `org/name` is one.
fn no_clash(goal: &Path, id: &ModelId) -> Result<(), FetchError> {
    let clash = |old: &Path| FetchError::Clash { new: goal.to_owned(), old: old.to_owned() };
    if id.segments().count() == 2 {
        let above = goal.parent().filter(|above| is_model(above));
        return above.map_or(Ok(()), |above| Err(clash(above)));
    }
    let mut below = fs::read_dir(goal).into_iter().flatten().flatten().map(|entry| entry.path());
    let model = if is_model(goal) { None } else { below.find(|path| is_model(path)) };
    model.map_or(Ok(()), |model| Err(clash(&model)))
}

fn disk(path: &Path, source: std::io::Error) -> FetchError {
    FetchError::Download(DownloadError::Disk { path: path.to_owned(), source })
}

/// A hub's error in terms of the model that was asked for.
fn in_words(error: DownloadError, id: &ModelId, request: &FetchRequest, goal: &Path) -> FetchError {
    match error {
        DownloadError::Hub(HubError::Unreachable { url, why, .. }) => {
            FetchError::Offline { url, why, folder: goal.to_owned() }
        }
        DownloadError::Hub(HubError::NotThere { url }) => {
            FetchError::NotThere { id: id.clone(), revision: request.revision.clone(), url }
        }
        DownloadError::Hub(HubError::Closed { url, status, token }) => {
            FetchError::Closed { id: id.clone(), url, status, token }
        }
        error => FetchError::Download(error),
    }
}
