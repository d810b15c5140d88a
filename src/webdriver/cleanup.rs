//! The watchdog's own side: what `gpujobs watchdog` does until gpujobs has ended, and then.

use std::io::BufRead;
use std::time::Duration;

use hyper::Method;
use indexmap::IndexSet;
use serde_json::Value;

use super::folder::Abandoned;
use super::note::{Note, RemoteSession};
use super::{folder, http, process};

/// How long an endpoint may take to close a session whose gpujobs is gone.
const CLOSE_WITHIN: Duration = Duration::from_secs(30);

/// Remembers what `notes` say until they end, then ends each process group, closes each remote session and removes each folder
/// that is left.
pub fn serve(notes: impl BufRead) {
    let mut groups = IndexSet::new();
    let mut folders = IndexSet::new();
    let mut sessions = IndexSet::new();
    for note in notes.lines().map_while(Result::ok).filter_map(|line| Note::parse(&line)) {
        match note {
            Note::Group(group) => drop(groups.insert(group)),
            Note::Folder(path) => drop(folders.insert(path)),
            Note::Session(session) => drop(sessions.insert(session)),
            Note::ForgetSession(session) => drop(sessions.swap_remove(&session)),
            Note::ForgetGroup(group) => drop(groups.swap_remove(&group)),
            Note::ForgetFolder(path) => drop(folders.swap_remove(&path)),
        }
    }
    groups.into_iter().for_each(process::end);
    for path in folders.iter().filter(|path| folder::is_ours(path)) {
        folder::remove(path);
    }
    if !sessions.is_empty()
        && let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build()
    {
        runtime.block_on(close(sessions));
    }
}

/// Closes sessions, all at once: one endpoint that is gone must not keep the others' open.
async fn close(sessions: IndexSet<RemoteSession>) {
    let close = async |session: RemoteSession| {
        if let Some(endpoint) = session.endpoint() {
            // Nobody is left to tell how it went; an endpoint ends a session by itself that it hears no more of.
            let _ = http::command(&endpoint, Method::DELETE, &session.path, &Value::Null, CLOSE_WITHIN).await;
        }
    };
    futures_util::future::join_all(sessions.into_iter().map(close)).await;
}

/// Takes this process out of reach of what ends gpujobs: the terminal's signals, those that are sent to gpujobs' name and to
/// its group. It ends with its pipe.
#[cfg(unix)]
pub fn detach() {
    use nix::sys::signal::{SigSet, Signal};

    let mut signals = SigSet::empty();
    signals.extend([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]);
    // Each is a safeguard more: without it the watchdog still does its work.
    let _ = signals.thread_block();
    let _ = nix::unistd::setsid();
    let _ = std::fs::write("/proc/self/comm", super::watchdog::NAME);
}

/// Windows has neither such signals nor such groups.
#[cfg(not(unix))]
pub fn detach() {}

/// Ends what earlier runs of this user have left that were killed together with their watchdog, and removes their folders.
/// A folder whose processes may still run stays.
pub fn sweep() {
    for Abandoned { path, groups, .. } in folder::abandoned() {
        // The number of a group may be somebody else's by now: only processes that name the folder are meant.
        groups.iter().copied().filter(|group| process::names(*group, &path)).for_each(process::end);
        // Not every process lets its arguments be read.
        if !groups.into_iter().any(process::alive) {
            folder::remove(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
