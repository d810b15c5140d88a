//! What the rounds of a group hold: in which order its jobs have their turns, how many inferences a sample is, how many more
//! samples are taken, and in which of them the jobs are made ready anew.

use std::time::Duration;

use indexmap::IndexSet;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use super::member::ActiveJob;
use crate::manifest::{Manifest, Measure};
use crate::measure::sampling;
use crate::plan::{Cache, select};

/// A sample of the slowest job that is longer than this is not worth an equal number of inferences for all.
const LONGEST_SAMPLE: Duration = Duration::from_millis(500);
/// What making a job ready again and again may take in all, where the manifest does not say how often.
const MADE_READY_WITHIN: Duration = Duration::from_secs(3);
/// Fewer instances than this say less than one and the spread that is assumed: ranks of as many can't be significant.
const FEWEST_BY_DEFAULT: u32 = 6;

/// In which rounds the jobs are made ready anew.
#[derive(Debug, Clone, Copy)]
pub(super) struct Renewals {
    instances: u64,
    rounds: u64,
    /// Whether rounds beyond the planned ones have them too.
    further: bool,
}

impl Renewals {
    /// As the manifest says. Where it leaves it open: in the planned rounds, as often as is cheap for the slowest job, at most
    /// once a round that has samples; and never where that is too rarely to learn from.
    pub(super) fn of(measure: &Measure, members: &[ActiveJob<'_>]) -> Self {
        let rounds = u64::from(measure.rounds.max(1));
        if let Some(instances) = measure.instances {
            return Self { instances: instances.into(), rounds, further: true };
        }
        let cold = members.iter().any(|member| member.origin.job.axes.cache == Cache::Cold);
        let slowest = members.iter().map(|member| member.making).max().filter(|_| !cold).unwrap_or(Duration::MAX);
        let affordable = MADE_READY_WITHIN.as_nanos() / slowest.as_nanos().max(1);
        let instances = u32::try_from(affordable).unwrap_or(u32::MAX).min(measure.rounds).min(measure.samples.min);
        let instances = if instances < FEWEST_BY_DEFAULT { 1 } else { instances };
        Self { instances: instances.into(), rounds, further: false }
    }

    /// Whether a round begins with new instances.
    pub(super) fn begin(self, round: u32) -> bool {
        let instance = |round: u32| u64::from(round) * self.instances / self.rounds;
        round > 0 && (self.further || u64::from(round) < self.rounds) && instance(round) > instance(round - 1)
    }
}

/// The members' positions in the plan in the order of a round, which is the same in every run: the values of each axis
/// shuffled, and jobs sorted by them, the plan's first axis first. So jobs that differ in the last axis are neighbours in
/// time. What disturbs a machine comes and goes: on a shared processor, samples 12 ms apart differed by 9 %, samples a
/// second apart by 30 %.
pub(super) fn shuffled(manifest: &Manifest, members: &[ActiveJob<'_>], round: u32) -> Vec<usize> {
    let mut random = StdRng::seed_from_u64(u64::from(round));
    let mut order: Vec<(Vec<usize>, usize)> = members.iter().map(|member| (Vec::new(), member.origin.index)).collect();
    for axis in &manifest.axes {
        let values: Vec<_> = members.iter().map(|member| select::value(member.origin.job, &axis.name)).collect();
        let mut distinct: Vec<_> = values.iter().collect::<IndexSet<_>>().into_iter().collect();
        distinct.shuffle(&mut random);
        for ((ranks, _), value) in order.iter_mut().zip(&values) {
            ranks.push(distinct.iter().position(|other| *other == value).unwrap_or(0));
        }
    }
    // Jobs that no axis tells apart, included outside the product, are shuffled as they are.
    for (ranks, _) in &mut order {
        ranks.push(random.random_range(0..usize::MAX));
    }
    order.sort();
    order.into_iter().map(|(_, index)| index).collect()
}

/// Gives all members the largest of their numbers of inferences, unless that would make the slowest one's samples too
/// long; then each keeps its own, and the answer is true.
pub(super) fn settle_iterations(members: &mut [ActiveJob<'_>]) -> bool {
    let Some(most) = members.iter().map(|member| member.iterations).max() else { return false };
    let slowest = members.iter().map(|member| member.inference).max().unwrap_or_default();
    if slowest.saturating_mul(most) > LONGEST_SAMPLE {
        return members.iter().any(|member| member.iterations != most);
    }
    for member in members {
        member.iterations = most;
    }
    false
}

/// How many more samples every member takes: as many as the one that needs most, and as its time allows it.
pub(super) fn further(measure: &Measure, members: &[ActiveJob<'_>]) -> u32 {
    let wanted = members.iter().map(|member| sampling::more(&measure.samples, &member.measurement.deciding_ms())).max();
    let affordable = members.iter().map(|member| member.affordable(measure)).min();
    wanted.unwrap_or(0).min(affordable.unwrap_or(0))
}
