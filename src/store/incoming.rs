//! What is incoming is a model that is not complete: it lies in `.incoming` of its folder of models, where `Store::find`
//! never looks, and takes its place whole.
//!
//! The whole folder is renamed, rather than each file with a marker for the last, since then every reader is right
//! without knowing of markers: a page that asks for a file, a person who looks, a copy made with cp. A model that
//! is there already and gets more files is rebuilt beside itself, with hard links to what it has, and exchanged.
//!
//! Used by `fetch`; what stays behind is shown by `gpujobs doctor`.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::{ModelId, files, place};

/// Hidden, and no id begins with a dot.
const FOLDER: &str = ".incoming";
const LOCK: &str = "lock";
const ASKED: &str = "asked";
const FILES: &str = "files";
const OLD: &str = "old";

/// The place of a model, and the room in which it is put together.
#[derive(Debug)]
pub struct Incoming {
    /// Where the model lies when it is complete.
    pub goal: PathBuf,
    room: PathBuf,
}

/// An interrupted download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// The model.
    pub id: ModelId,
    /// How much of it is there.
    pub bytes: u64,
    /// The command that resumes it.
    pub command: String,
}

impl Incoming {
    /// Of a model in a folder of models.
    #[must_use]
    pub fn new(models: &Path, id: &ModelId) -> Self {
        Self { goal: place(models, id), room: models.join(FOLDER).join(id.flat()) }
    }

    /// Where its files are gathered.
    #[must_use]
    pub fn files(&self) -> PathBuf {
        self.room.join(FILES)
    }

    /// Where its files are gathered, without what an earlier attempt left there.
    pub fn emptied(&self) -> io::Result<PathBuf> {
        let files = self.files();
        remove(&files)?;
        fs::create_dir_all(&files)?;
        Ok(files)
    }

    /// Waits for other processes that fetch the same model; the room is this one's until the file is dropped. `command`
    /// is what a user would type to resume. The lock file stays: deleting it could delete one that another
    /// process holds.
    pub fn lock(&self, command: &str, waiting: impl FnOnce()) -> io::Result<File> {
        fs::create_dir_all(&self.room)?;
        let lock = own_file().truncate(true).open(self.room.join(LOCK))?;
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => {
                waiting();
                lock.lock()?;
            }
            Err(TryLockError::Error(error)) => return Err(error),
            Ok(()) => {}
        }
        // A process that was killed between the two renames of `publish`.
        if !self.goal.exists() && self.room.join(OLD).exists() {
            fs::rename(self.room.join(OLD), &self.goal)?;
        }
        fs::write(self.room.join(ASKED), command)?;
        Ok(lock)
    }

    /// Puts the gathered files in the model's place.
    pub fn publish(&self) -> io::Result<()> {
        let (new, old) = (self.files(), self.room.join(OLD));
        let parent = self.goal.parent().unwrap_or(&self.goal);
        fs::create_dir_all(parent)?;
        remove(&old)?;
        if self.goal.exists() {
            fs::rename(&self.goal, &old)?;
        }
        if let Err(error) = fs::rename(&new, &self.goal) {
            if old.exists() {
                fs::rename(&old, &self.goal)?;
            }
            return Err(error);
        }
        sync(parent);
        remove(&old)
    }
}

/// Opens a file of the store for writing, and makes it. A link that somebody put in its place is an error: it may lead
/// anywhere.
pub(super) fn own_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, nix::libc::O_NOFOLLOW);
    options
}

/// A folder's names are on the disk; systems that can't say so write them soon enough.
fn sync(folder: &Path) {
    if cfg!(unix) {
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The interrupted downloads of a folder of models.
pub(super) fn unfinished(models: &Path) -> Vec<Unfinished> {
    let rooms = fs::read_dir(models.join(FOLDER)).into_iter().flatten().flatten();
    let mut found: Vec<Unfinished> = rooms.filter_map(|room| left(&room.path())).collect();
    found.sort_by(|a, b| a.id.cmp(&b.id));
    found
}

fn left(room: &Path) -> Option<Unfinished> {
    let id = ModelId::of_flat(room.file_name()?.to_str()?)?;
    let files = files(&room.join(FILES));
    let worked_on = File::open(room.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_err());
    if files.is_empty() || worked_on {
        return None;
    }
    let command = fs::read_to_string(room.join(ASKED)).unwrap_or_else(|_| format!("gpujobs fetch {id}"));
    Some(Unfinished { id, bytes: files.iter().map(|(_, bytes)| bytes).sum(), command })
}
