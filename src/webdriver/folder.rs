//! The folder of a driver: its TMPDIR, so that every profile and socket of its browser lies in it and goes with it.
//!
//! Made by `driver`, which removes it after the processes have ended.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use super::note::Note;
use super::watchdog::Watchdog;

/// The folder's name begins so; nothing else below the temporary folder is ever removed.
const PREFIX: &str = "gpujobs-";

/// A temporary folder that is removed with its value, or by the watchdog.
#[derive(Debug)]
pub(super) struct Folder {
    directory: TempDir,
    watchdog: Watchdog,
}

impl Folder {
    /// Makes one. Its path is kept short: the sockets in it may have 107 bytes on Linux, 103 on macOS.
    pub(super) fn new(watchdog: &Watchdog) -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX).rand_bytes(6);
        // A profile holds the page's address with the run's token: no other user of the machine may read it.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let directory = builder.tempdir()?;
        watchdog.send(&Note::Folder(directory.path().to_owned()))?;
        Ok(Self { directory, watchdog: watchdog.clone() })
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

/// Removes a folder, retrying for a second: a process that is just ending may still write into it.
pub(super) fn remove(path: &Path) -> bool {
    for _ in 0..50 {
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => std::thread::sleep(Duration::from_millis(20)),
            _ => return true,
        }
    }
    false
}

/// Whether a path is one that [`Folder::new`] makes: our prefix, directly in the temporary folder, not a link.
pub(super) fn is_ours(path: &Path) -> bool {
    let named = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX));
    let placed = path.parent() == Some(&*std::env::temp_dir());
    named && placed && fs::symlink_metadata(path).is_ok_and(|file| file.is_dir())
}

/// A folder as `Folder::new` makes it, without a watchdog.
#[cfg(test)]
pub(super) fn test_folder() -> TempDir {
    tempfile::Builder::new().prefix(PREFIX).tempdir().unwrap()
}
