//! A run folder has one writer at a time: who writes holds its lock, which the system gives back when the process ends,
//! however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use super::RecordError;

/// Stays in the folder: deleting it could delete one that another process holds.
const LOCK: &str = "lock";

/// Held by the one process that writes a run folder, until it is dropped.
#[derive(Debug)]
pub struct RunLock(#[expect(dead_code, reason = "held, and unlocked when it is dropped")] File);

impl RunLock {
    /// Sees to it that nobody writes a folder that is read as a whole, until it is dropped; nothing where nobody ever locked it, or
    /// where it can't be opened. An error where another process writes it.
    pub fn share(folder: &Path) -> Result<Option<Self>, RecordError> {
        let path = folder.join(LOCK);
        let Ok(file) = File::open(&path) else { return Ok(None) };
        match file.try_lock_shared() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Err(RecordError::Busy { folder: folder.to_owned() }),
            Err(TryLockError::Error(error)) => Err(RecordError::io("lock", &path)(error)),
        }
    }

    /// Locks a folder; an error where another process writes it.
    pub fn take(folder: &Path) -> Result<Self, RecordError> {
        let path = folder.join(LOCK);
        let fail = |doing: &'static str| RecordError::io(doing, &path);
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(fail("open"))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(RecordError::Busy { folder: folder.to_owned() }),
            Err(TryLockError::Error(error)) => Err(fail("lock")(error)),
        }
    }
}
