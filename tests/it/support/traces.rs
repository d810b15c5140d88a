//! Traces are what a run could leave behind: processes that carry its temporary folder, and folders in it.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use gpujobs::webdriver::process;

use super::workshop::Workshop;

/// The processes whose arguments or environment name this folder, without zombies.
pub(crate) fn processes(folder: &Path) -> Vec<u32> {
    let needle = folder.to_str().unwrap().as_bytes();
    let names = |id: u32, file: &str| {
        let bytes = fs::read(format!("/proc/{id}/{file}")).unwrap_or_default();
        bytes.windows(needle.len()).any(|window| window == needle)
    };
    let all = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    all.filter(|&id| names(id, "environ") || names(id, "cmdline")).collect()
}

/// The process groups of those processes: each driver has its own, and so has the watchdog.
pub(crate) fn groups(folder: &Path) -> Vec<u32> {
    let mut groups: Vec<u32> = processes(folder).into_iter().filter_map(group).collect();
    groups.sort_unstable();
    groups.dedup();
    groups
}

/// The process group of a process.
pub(crate) fn group(id: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(2)?.parse().ok()
}

/// What a process was started with; what has ended has none.
pub(crate) fn command_line(id: u32) -> String {
    let bytes = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}

/// Waits until neither a process nor a folder of the workshop's runs is there; panics where one stays.
#[track_caller]
pub(crate) fn assert_none(workshop: &Workshop) {
    assert_none_of(workshop, &[]);
}

/// The same, for these process groups too: a renderer may hide its environment.
#[track_caller]
pub(crate) fn assert_none_of(workshop: &Workshop, groups: &[u32]) {
    let folder = workshop.path("tmp");
    let begin = Instant::now();
    loop {
        let mut left = processes(&folder);
        left.extend(groups.iter().flat_map(|group| process::members(*group).unwrap()));
        let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        if left.is_empty() && files.is_empty() {
            return;
        }
        assert!(begin.elapsed() < Duration::from_mins(5), "left behind: processes {left:?}, files {files:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Waits until there is what is looked for.
#[track_caller]
pub(crate) fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begin.elapsed() < Duration::from_mins(5), "it never came");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until no process of the workshop's runs, or of these process groups, is there; panics with what stays.
#[track_caller]
pub(crate) fn wait_until_ended(workshop: &Workshop, groups: &[u32]) {
    let folder = workshop.path("tmp");
    let begin = Instant::now();
    loop {
        let mut left = processes(&folder);
        left.extend(groups.iter().flat_map(|group| process::members(*group).unwrap()));
        left.sort_unstable();
        left.dedup();
        if left.is_empty() {
            return;
        }
        assert!(begin.elapsed() < Duration::from_mins(5), "left behind: {}", described(&left));
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Each process with its parent, its state and what it was started with: what one needs to know of one that stays.
fn described(processes: &[u32]) -> String {
    let line = |id: &u32| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let head: Vec<&str> =
            stat.rsplit_once(") ").map_or_else(Vec::new, |(_, rest)| rest.split(' ').take(3).collect());
        let wait = fs::read_to_string(format!("/proc/{id}/wchan")).unwrap_or_default();
        format!("\n{id}, state, parent and group {head:?}, in {wait:?}: {}", command_line(*id))
    };
    processes.iter().map(line).collect()
}

/// Sends a signal to a process.
pub(crate) fn signal(id: u32, signal: nix::sys::signal::Signal) {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(i32::try_from(id).unwrap()), signal).unwrap();
}
