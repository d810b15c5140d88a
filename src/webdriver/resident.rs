//! What the processes of a browser hold of the machine's memory.
//!
//! On Linux that is their anonymous and shared memory. Files that are mapped, such as the browser's own code, are left out: all
//! of its processes have them, so that a sum would count them several times over, and the system drops them where it needs
//! room. `VmHWM`, each process's own peak, is of no use here: it has those files in it, the peaks of several processes need not
//! come together, and a session's is that of its largest job.

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use super::process;

/// Generations that a browser's processes are below its driver at most.
const DEEPEST: usize = 64;

/// Bytes that the processes of a group hold, the driver's among them; `None` where the system does not say.
pub(super) fn of_group(group: u32) -> Option<u64> {
    match process::members(group) {
        Some(members) => {
            let held = members.iter().filter_map(|id| {
                // One that has just ended holds nothing.
                held(&std::fs::read_to_string(format!("/proc/{id}/status")).ok()?)
            });
            Some(held.sum()).filter(|bytes| *bytes > 0)
        }
        None => of_descendants(group),
    }
}

/// What `/proc/PID/status` says; with mapped files where the kernel does not tell them apart.
fn held(status: &str) -> Option<u64> {
    let bytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
    };
    match (bytes("RssAnon"), bytes("RssShmem")) {
        (Some(anonymous), Some(shared)) => Some(anonymous + shared),
        _ => bytes("VmRSS"),
    }
}

/// The resident memory of a driver and all that it started, mapped files included: macOS and Windows, where it is untested.
fn of_descendants(driver: u32) -> Option<u64> {
    let mut system = System::new().ok()?;
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, ProcessRefreshKind::nothing().with_memory());
    let driver = Pid::from_u32(driver);
    let parent = |id: &Pid| system.process(*id).and_then(sysinfo::Process::parent);
    // Numbers are given anew, so that a chain of parents might be endless.
    let is_its_own = |id: Pid| std::iter::successors(Some(id), parent).take(DEEPEST).any(|id| id == driver);
    let held = system.processes().iter().filter(|(id, _)| is_its_own(**id)).map(|(_, process)| process.memory());
    Some(held.sum()).filter(|bytes| *bytes > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_files_are_left_out_where_the_kernel_tells_them_apart() {
        let status = "Name:\tx\nVmHWM:\t  900 kB\nVmRSS:\t  700 kB\nRssAnon:\t  500 kB\nRssFile:\t  190 kB\nRssShmem:\t   10 kB\n";
        assert_eq!(held(status), Some(510 * 1024));
        assert_eq!(held("Name:\tx\nVmRSS:\t  700 kB\n"), Some(700 * 1024));
        // A zombie has none.
        assert_eq!(held("Name:\tx\nState:\tZ (zombie)\n"), None);
    }

    #[test]
    fn a_group_without_processes_holds_nothing_that_is_known() {
        assert_eq!(of_group(0x7fff_fff0), None);
    }
}
