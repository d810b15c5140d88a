//! The folder of a driver: its TMPDIR, so that every profile and socket of its browser lies in it and goes with it.
//!
//! Made by `driver`, which removes it after the processes have ended.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::note::Note;
use super::user;
use super::watchdog::Watchdog;

/// The folder's name begins so; nothing else below the temporary folder is ever removed.
const PREFIX: &str = "gpujobs-";

/// The file in a folder that its owner holds locked for as long as it lives: a line that says where the owner runs, then one
/// for each process group that uses the folder. The system lets go of the lock however the owner ends.
const OWNER: &str = "gpujobs.owner";

/// A temporary folder that is removed with its value, by the watchdog, or by that of a later run.
#[derive(Debug)]
pub(super) struct Folder {
    directory: TempDir,
    watchdog: Watchdog,
    /// `None` where the file system has no locks: then no later run takes the folder for abandoned.
    owner: Option<File>,
}

/// A folder whose owner is dead; it is held for as long as the value lives.
#[derive(Debug)]
pub(super) struct Abandoned {
    pub(super) path: PathBuf,
    /// The process groups that used it.
    pub(super) groups: Vec<u32>,
    _owner: File,
}

impl Folder {
    /// Makes one. Its path is kept short: the sockets in it may have 107 bytes on Linux, 103 on macOS.
    pub(super) fn new(watchdog: &Watchdog) -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX).rand_bytes(6);
        // A profile holds the page's address with the run's token: no other user of the machine may read it.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let directory = builder.tempdir_in(temporary()?)?;
        watchdog.send(&Note::Folder(directory.path().to_owned()))?;
        let owner = claim(directory.path())?;
        Ok(Self { directory, watchdog: watchdog.clone(), owner })
    }

    /// Notes that a process group uses it.
    pub(super) fn used_by(&mut self, group: u32) -> io::Result<()> {
        self.owner.as_mut().map_or(Ok(()), |owner| writeln!(owner, "{group}"))
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What could not be removed stays with the watchdog, which tries again at the end; it may be gone itself.
        if remove(self.path()) {
            let _ = self.watchdog.send(&Note::ForgetFolder(self.path().to_owned()));
        }
    }
}

/// The temporary folder; TMPDIR may be relative.
fn temporary() -> io::Result<PathBuf> {
    std::path::absolute(std::env::temp_dir())
}

/// Where a process runs, as far as locks and the numbers of processes are the same: the machine since it was started, and
/// the container in it. `None` where the system doesn't say.
fn here() -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let numbers = fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{} {}", boot.trim(), numbers.display()))
}

/// Makes and locks the owner's file, under another name: one that is there and not locked is a dead owner's.
fn claim(folder: &Path) -> io::Result<Option<File>> {
    let unclaimed = folder.join("gpujobs.claim");
    let mut file = File::create_new(&unclaimed)?;
    if file.try_lock().is_err() {
        return Ok(None);
    }
    writeln!(file, "{}", here().unwrap_or_default())?;
    fs::rename(&unclaimed, folder.join(OWNER))?;
    Ok(Some(file))
}

/// The folders of this user's runs that have ended without removing them; none where it can't be told who runs here.
///
/// A temporary folder may be shared by machines and by containers. A lock need not be seen in all of them, nor is a process.
pub(super) fn abandoned() -> Vec<Abandoned> {
    let Some(here) = here() else { return Vec::new() };
    let entries = temporary().and_then(fs::read_dir).into_iter().flatten().flatten();
    let ours = entries.map(|entry| entry.path()).filter(|path| is_ours(path) && user::is_own(path));
    ours.filter_map(|path| {
        let owner = File::open(path.join(OWNER)).ok()?;
        owner.try_lock().ok()?;
        let text = io::read_to_string(&owner).ok()?;
        let (place, groups) = text.split_once('\n')?;
        let groups = groups.lines().filter_map(|line| line.parse().ok()).collect();
        (place == here).then_some(Abandoned { path, groups, _owner: owner })
    })
    .collect()
}

/// Removes a folder, retrying for a second: a process that is just ending may still write into it.
pub(super) fn remove(path: &Path) -> bool {
    for _ in 0..50 {
        match remove_once(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => std::thread::sleep(Duration::from_millis(20)),
            _ => return true,
        }
    }
    false
}

/// The owner's file goes last: by it a later run finds what could not be removed.
fn remove_once(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        match if is_folder { fs::remove_dir_all(entry.path()) } else { remove_file(&entry) } {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::remove_dir_all(path)
}

fn remove_file(entry: &fs::DirEntry) -> io::Result<()> {
    if entry.file_name() == OWNER { Ok(()) } else { fs::remove_file(entry.path()) }
}

/// Whether a path is one that [`Folder::new`] makes: our prefix, directly in the temporary folder, not a link.
pub(super) fn is_ours(path: &Path) -> bool {
    let named = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX));
    let placed = temporary().is_ok_and(|temporary| path.parent() == Some(&temporary));
    named && placed && fs::symlink_metadata(path).is_ok_and(|file| file.is_dir())
}

/// A folder as `Folder::new` makes it, without a watchdog.
#[cfg(test)]
pub(super) fn test_folder() -> TempDir {
    tempfile::Builder::new().prefix(PREFIX).tempdir().unwrap()
}
