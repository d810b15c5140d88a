//! The times of a job that a metric is about, by round or by instance; what is no time is left out.

use std::collections::BTreeMap;

use super::comparison::Metric;
use crate::measure::instances::instance_of;
use crate::record::read::{JobRecord, SampleRecord};

/// Times by round, ms; none of them is empty.
pub(super) type Rounds = BTreeMap<u32, Vec<f64>>;

/// The times of a job that `metric` is about; by the GPU's clock where `gpu` is true and the metric has one.
pub(super) fn of(job: &JobRecord, metric: Metric, gpu: bool) -> Rounds {
    match metric {
        Metric::FirstResult => first_results(job),
        Metric::Ttft => rounds(job, |sample| sample.ttft_ms),
        Metric::Decode => rounds(job, |sample| sample.token_ms),
        Metric::Time | Metric::Wall | Metric::Gpu if gpu => rounds(job, |sample| sample.gpu_ms),
        Metric::Time | Metric::Wall | Metric::Gpu => rounds(job, |sample| Some(sample.wall_ms)),
    }
}

/// A time that a ratio can be made of.
fn usable(time: f64) -> bool {
    time > 0.0 && time.is_finite()
}

/// Whether the GPU's clock timed every sample. The row of a job whose GPU clock was demoted has no GPU median, its
/// samples keep what the clock said.
#[must_use]
pub fn timed_by_gpu(job: &JobRecord) -> bool {
    !job.cell("gpu_median_ms").is_empty()
        && job.rounds.values().flatten().all(|sample| sample.gpu_ms.is_some_and(usable))
}

/// A job's times to its first results by round; each making-ready has a round of its own.
fn first_results(job: &JobRecord) -> Rounds {
    let usable = job
        .first_results
        .iter()
        .map(|(round, times)| (*round, times.iter().copied().filter(|time| usable(*time)).collect()));
    usable.filter(|(_, times): &(u32, Vec<f64>)| !times.is_empty()).collect()
}

/// The rounds of each instance as one, under the round in which it was made ready.
pub(super) fn by_instance(job: &JobRecord, rounds: &Rounds) -> Rounds {
    let mut instances = Rounds::new();
    for (round, times) in rounds {
        instances.entry(instance_of(*round, job.first_results.keys().copied())).or_default().extend(times);
    }
    instances
}

/// A job's times by round; rounds without any are left out.
fn rounds(job: &JobRecord, time: fn(&SampleRecord) -> Option<f64>) -> Rounds {
    let times = |round: &[SampleRecord]| round.iter().filter_map(time).filter(|time| usable(*time)).collect();
    let rounds = job.rounds.iter().map(|(round, samples)| (*round, times(samples)));
    rounds.filter(|(_, times): &(u32, Vec<f64>)| !times.is_empty()).collect()
}
