//! What other programs take of the processors while jobs are measured.

use std::collections::HashSet;
use std::time::Instant;

use sysinfo::{MINIMUM_CPU_UPDATE_INTERVAL, Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use crate::manifest::Manifest;

/// The processors' work since a moment.
pub(super) struct Load {
    /// `None` where browsers run elsewhere, whose work would pass for that of others, or the system does not say.
    since: Option<(System, Instant, u64)>,
}

impl Load {
    /// From now on.
    pub(super) fn begin(manifest: &Manifest) -> Self {
        if manifest.browsers.values().any(|browser| browser.webdriver.is_some()) {
            return Self { since: None };
        }
        let Ok(mut system) = System::new() else { return Self { since: None } };
        system.refresh_cpu_usage();
        let own = own_millis(&mut system);
        Self { since: Some((system, Instant::now(), own)) }
    }

    /// How many processors were busy, on average, with what is neither this program nor started by it; `None` where
    /// the time was too short to say.
    pub(super) fn end(self) -> Option<f64> {
        let (mut system, since, own_before) = self.since?;
        let elapsed = since.elapsed();
        if elapsed < 2 * MINIMUM_CPU_UPDATE_INTERVAL {
            return None;
        }
        system.refresh_cpu_usage();
        let busy = f64::from(system.global_cpu_usage()) / 100.0 * system.cpus().len() as f64;
        let own = own_millis(&mut system).saturating_sub(own_before) as f64 / elapsed.as_secs_f64() / 1e3;
        Some((busy - own).max(0.0))
    }
}

/// Processor time of this process and all its descendants so far, in ms: of those that live, and of those that have ended and
/// been waited for, as a browser that was closed.
fn own_millis(system: &mut System) -> u64 {
    ended_millis() + living_millis(system)
}

/// That of ended children and theirs.
fn ended_millis() -> u64 {
    #[cfg(unix)]
    {
        use nix::sys::resource::{UsageWho, getrusage};
        use nix::sys::time::TimeValLike;
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN).ok();
        let millis = usage.map(|usage| (usage.user_time() + usage.system_time()).num_milliseconds());
        millis.and_then(|millis| u64::try_from(millis).ok()).unwrap_or_default()
    }
    #[cfg(not(unix))]
    0
}

fn living_millis(system: &mut System) -> u64 {
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, ProcessRefreshKind::nothing().with_cpu());
    let Ok(own) = sysinfo::get_current_pid() else { return 0 };
    let processes = system.processes();
    let mut known: HashSet<Pid> = HashSet::from([own]);
    // A child may come before its parent.
    loop {
        let before = known.len();
        known.extend(
            processes
                .iter()
                .filter(|(_, process)| process.parent().is_some_and(|id| known.contains(&id)))
                .map(|(id, _)| *id)
                .collect::<Vec<_>>(),
        );
        if known.len() == before {
            break;
        }
    }
    // Threads are listed as processes of their own on Linux, their time is in their process's already.
    let whole = |id: &&Pid| processes.get(id).is_some_and(|process| process.thread_kind().is_none());
    known.iter().filter(whole).filter_map(|id| processes.get(id)).map(sysinfo::Process::accumulated_cpu_time).sum()
}
