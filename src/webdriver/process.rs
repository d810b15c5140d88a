//! A process group: a program that gpujobs started, and everything which that program starts in turn.
//!
//! Killing a driver leaves its browser running, in all three engines (measured); the browser stays in the driver's
//! group, so the group is what gets ended. On Windows, where there are no groups, `taskkill /T` ends the process tree;
//! that path is untested.

use std::time::{Duration, Instant};

use super::user;

/// How long a group may take to end by itself before it is killed. Xvfb removes its lock file in that time.
const GRACE: Duration = Duration::from_millis(300);

/// How long the system may take to remove killed processes.
const REMOVAL: Duration = Duration::from_secs(5);

/// Ends every process of a group and waits until they are gone: asks first, then kills. Blocks.
pub fn end(group: u32) {
    terminate(group);
    if !gone_within(group, GRACE) {
        kill(group);
        gone_within(group, REMOVAL);
    }
}

/// Waits until no process of the group is left; whether that came true in time.
fn gone_within(group: u32, limit: Duration) -> bool {
    let start = Instant::now();
    while alive(group) {
        if start.elapsed() > limit {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

#[cfg(unix)]
mod system {
    use nix::sys::signal::{Signal, killpg};
    use nix::unistd::Pid;

    /// The group as the system knows it; 0 and 1 mean gpujobs' own group and init's, which are never meant.
    fn pid(group: u32) -> Option<Pid> {
        i32::try_from(group).ok().filter(|&id| id > 1).map(Pid::from_raw)
    }

    /// Asks every process of the group to end.
    pub fn terminate(group: u32) {
        // It may already be gone, which is just as well.
        let _ = pid(group).map(|pid| killpg(pid, Signal::SIGTERM));
    }

    /// Kills every process of the group.
    pub fn kill(group: u32) {
        let _ = pid(group).map(|pid| killpg(pid, Signal::SIGKILL));
    }

    /// Whether a process of the group runs. Zombies don't count: in a container nobody may ever reap them.
    #[must_use]
    pub fn alive(group: u32) -> bool {
        pid(group).is_some_and(|pid| killpg(pid, None).is_ok())
            && super::members(group).is_none_or(|all| !all.is_empty())
    }
}

#[cfg(not(unix))]
mod system {
    use std::process::{Command, Stdio};

    fn taskkill(arguments: &[&str], group: u32) {
        let mut command = Command::new("taskkill");
        command.args(arguments).args(["/PID", &group.to_string()]);
        // It may already be gone, which is just as well.
        let _ = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }

    /// Ends the process tree; Windows has no gentler way for a program without a window.
    pub fn terminate(group: u32) {
        kill(group);
    }

    /// Ends the process tree.
    pub fn kill(group: u32) {
        taskkill(&["/T", "/F"], group);
    }

    /// `taskkill` waits by itself.
    #[must_use]
    pub fn alive(_group: u32) -> bool {
        false
    }
}

pub use system::{alive, kill, terminate};

/// The ids of the processes of a group that still run; `None` where the system has no `/proc`.
#[must_use]
pub fn members(group: u32) -> Option<Vec<u32>> {
    let entries = std::fs::read_dir("/proc").ok()?;
    let processes = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let in_group = processes.filter(|id| {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        running_group(&stat) == Some(group)
    });
    Some(in_group.collect())
}

/// Whether a process of a group runs that is this user's and names a path in its arguments or its environment; never where
/// the system has no `/proc`.
#[must_use]
pub fn names(group: u32, path: &std::path::Path) -> bool {
    let needle = path.as_os_str().as_encoded_bytes();
    let holds = |id: &u32, file: &str| {
        let bytes = std::fs::read(format!("/proc/{id}/{file}")).unwrap_or_default();
        bytes.windows(needle.len()).any(|window| window == needle)
    };
    let is_meant =
        |id: &u32| user::is_own(format!("/proc/{id}").as_ref()) && (holds(id, "environ") || holds(id, "cmdline"));
    members(group).is_some_and(|members| members.iter().any(is_meant))
}

/// The group in a line of `/proc/PID/stat`, unless the process is a zombie. The name before it may hold any character.
fn running_group(stat: &str) -> Option<u32> {
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?;
    let group = fields.nth(1)?.parse().ok()?;
    (!matches!(state, "Z" | "X")).then_some(group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_is_read_behind_any_name() {
        assert_eq!(running_group("71 (a) b (c) S 70 66 66 0 -1"), Some(66));
        assert_eq!(running_group("71 (chromium) Z 70 66 66 0 -1"), None);
        assert_eq!(running_group(""), None);
    }

    #[test]
    fn our_own_group_and_that_of_init_are_never_meant() {
        for group in [0, 1, u32::MAX] {
            assert!(!alive(group));
            end(group);
        }
    }
}
