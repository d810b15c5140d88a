//! Whose things are: the user that gpujobs runs as, and the others of this machine.

#[cfg(unix)]
mod system {
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;

    use nix::unistd::{Uid, User, geteuid};

    /// The first number of a person's account, and the one behind the last: below are those of services, above `nobody`.
    const PEOPLE: std::ops::Range<u32> = 1000..65534;

    /// Whether gpujobs runs as root, as in most containers.
    #[must_use]
    pub fn is_root() -> bool {
        geteuid().is_root()
    }

    /// Whether a file, a folder or a process' folder below `/proc` is this user's. Links are not followed.
    #[must_use]
    pub fn is_own(path: &Path) -> bool {
        std::fs::symlink_metadata(path).is_ok_and(|file| file.uid() == geteuid().as_raw())
    }

    /// The other people of whom processes run, by name; empty where the system has no `/proc`.
    #[must_use]
    pub fn others() -> Vec<String> {
        let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let processes =
            entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(|c: char| c.is_ascii_digit()));
        let mut users: Vec<u32> = processes.filter_map(|entry| Some(entry.metadata().ok()?.uid())).collect();
        users.sort_unstable();
        users.dedup();
        let own = geteuid().as_raw();
        let others = users.into_iter().filter(|user| PEOPLE.contains(user) && *user != own);
        let name = |user| User::from_uid(Uid::from_raw(user)).ok().flatten().map(|user| user.name);
        others.map(|user| name(user).unwrap_or_else(|| user.to_string())).collect()
    }
}

#[cfg(not(unix))]
mod system {
    use std::path::Path;

    /// Only Unix browsers mind.
    #[must_use]
    pub fn is_root() -> bool {
        false
    }

    /// The temporary folder of Windows is the user's own.
    #[must_use]
    pub fn is_own(_path: &Path) -> bool {
        true
    }

    /// Not known there.
    #[must_use]
    pub fn others() -> Vec<String> {
        Vec::new()
    }
}

pub use system::{is_own, is_root, others};
