//! Whose things are: the user that gpujobs runs as, and the others of this machine.

#[cfg(unix)]
mod system {
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;

    use nix::unistd::{Uid, User, geteuid};

    /// Whether an account may be a person's. Those of directories have large numbers; no people are the services of the
    /// system, below 1000 and, made as they start, from 61184 to 65519 (systemd's `DynamicUser`), and `nobody`.
    fn is_person(user: u32) -> bool {
        user >= 1000 && user != 65534 && !(61184..=65519).contains(&user)
    }

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
        let others = users.into_iter().filter(|user| is_person(*user) && *user != own);
        let name = |user| User::from_uid(Uid::from_raw(user)).ok().flatten().map(|user| user.name);
        others.map(|user| name(user).unwrap_or_else(|| user.to_string())).collect()
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn people_are_told_from_services() {
            for person in [1000, 60001, 61183, 65520, 65536, 100_000, 1_450_000_123] {
                assert!(is_person(person), "{person}");
            }
            for service in [0, 33, 999, 61184, 65519, 65534] {
                assert!(!is_person(service), "{service}");
            }
        }
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
