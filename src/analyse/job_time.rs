//! A job's time is its median with its interval, or why it has none that may count.
//!
//! Of one row by itself: `history` makes series of them, and what exports runs hands them to other programs.

use super::comparison::{Metric, Rules};
use super::refusal::unfit;
use super::times::{self, by_instance, timed_by_gpu};
use crate::measure::Summary;
use crate::measure::instances::{assumed_spread, with_interval_of_instances};
use crate::record::read::JobRecord;

/// Why a row does not count.
#[must_use]
pub fn refusal(job: &JobRecord, rules: &Rules) -> Option<String> {
    if job.cell("status") != "ok" {
        let reason = job.cell("reason");
        return Some(if reason.is_empty() { job.cell("status").to_owned() } else { reason.to_owned() });
    }
    let (asked, used) = (job.cell("backend"), job.cell("backend_used"));
    let fallback = || (asked != used).then(|| format!("it ran on `{used}`, which is not the backend asked for"));
    unfit(job, rules).or_else(fallback)
}

/// Whether the GPU's clock tells the metric of these jobs, which must all count: where it timed every sample of theirs, unless the
/// metric is one clock's alone.
#[must_use]
pub fn by_gpu<'run>(metric: Metric, jobs: impl IntoIterator<Item = &'run JobRecord>) -> bool {
    metric == Metric::Gpu || (!metric.by_wall() && jobs.into_iter().all(timed_by_gpu))
}

/// The job's time in ms by the metric of the rules and the clock of [`by_gpu`], with the 95 % interval of another making-ready
/// of it; or why there is none that may count.
pub fn of(job: &JobRecord, rules: &Rules, gpu: bool) -> Result<Summary, String> {
    if let Some(reason) = refusal(job, rules) {
        return Err(reason);
    }
    if gpu && !timed_by_gpu(job) {
        return Err("no GPU time, or none that is believed (--metric wall)".to_owned());
    }
    let times = times::of(job, rules.metric, gpu);
    let all: Vec<f64> = times.values().flatten().copied().collect();
    let none = || match rules.metric {
        Metric::Time => "it has no samples of the steady state".to_owned(),
        metric => format!("no time for --metric {metric}"),
    };
    let summary = Summary::of(&all).ok_or_else(none)?;
    let instances: Vec<Vec<f64>> =
        if rules.metric == Metric::FirstResult { Vec::new() } else { by_instance(job, &times).into_values().collect() };
    let spread = assumed_spread(job.cell("adapter_kind") == "hardware");
    Ok(with_interval_of_instances(summary, &instances, spread))
}
