//! About how long a plan takes, before a browser is opened: for deciding whether to wait for it.
//!
//! What browsers cost was measured (medians, two shared cores, 2026-11); what an inference costs is not known before
//! it runs and is assumed, so this is an estimate by name and never a figure of a report.

use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use super::{Cache, Job, Plan};
use crate::manifest::Samples;
use crate::webdriver::BrowserKind;

/// What is assumed of one inference, with the transfer and check of its output.
pub const ASSUMED_INFERENCE: Duration = Duration::from_millis(20);
/// What is assumed of loading a model and making its pipelines.
pub const ASSUMED_LOAD: Duration = Duration::from_millis(200);

/// The time a plan takes, from the fewest samples that its manifest allows to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Estimate {
    /// When every job stops at its `min` samples.
    pub least: Duration,
    /// When every job goes on to its `max`.
    pub most: Duration,
    /// Browser sessions that are started.
    pub sessions: usize,
}

impl Plan {
    /// Estimates the time of the jobs that can run.
    #[must_use]
    pub fn estimate(&self) -> Estimate {
        let mut estimate = Estimate::default();
        let mut open: HashSet<&str> = HashSet::new();
        for job in self.jobs.iter().filter(|job| job.unsupported_reason.is_none()) {
            let fresh = job.axes.cache == Cache::Cold || open.insert(&job.axes.browser);
            estimate.sessions += usize::from(fresh);
            let start = self.start(job, fresh);
            let Samples { min, max, .. } = self.manifest.measure.samples;
            estimate.least = estimate.least.saturating_add(start + self.inferences(min));
            estimate.most = estimate.most.saturating_add(start + self.inferences(max));
        }
        estimate
    }

    /// What a job takes at least, in a browser that is open already unless the job is cold; nothing where it can't run.
    pub(super) fn cost(&self, job: &Job) -> Duration {
        if job.unsupported_reason.is_some() {
            return Duration::ZERO;
        }
        self.start(job, job.axes.cache == Cache::Cold) + self.inferences(self.manifest.measure.samples.min)
    }

    /// Until the first inference, in a browser that is started for it or not.
    fn start(&self, job: &Job, fresh: bool) -> Duration {
        let browser = self.manifest.browsers.get(&job.axes.browser);
        let product = browser.map_or(BrowserKind::Chrome, |browser| browser.kind).product();
        Duration::from_millis(if fresh { product.session_ms } else { product.page_ms }) + ASSUMED_LOAD
    }

    /// The first inference, the warm-up and `samples` more, none beyond the job's timeout.
    fn inferences(&self, samples: u32) -> Duration {
        let count = 1_u32.saturating_add(self.manifest.measure.warmup).saturating_add(samples);
        ASSUMED_INFERENCE.saturating_mul(count).min(self.manifest.measure.timeout)
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (least, most) = (rounded(self.least), rounded(self.most));
        if least == most { write!(f, "about {least}") } else { write!(f, "about {least} to {most}") }
    }
}

/// Whole seconds below a minute, then minutes, then hours: more digits than the estimate has would mislead.
fn rounded(time: Duration) -> String {
    let seconds = time.as_secs_f64().ceil();
    if seconds <= 90.0 {
        format!("{seconds:.0} s")
    } else if seconds <= 90.0 * 60.0 {
        format!("{:.0} min", (seconds / 60.0).ceil())
    } else {
        format!("{:.1} h", seconds / 3600.0)
    }
}
