//! A pair is two jobs whose times are compared.
//!
//! Made by `compare`, which has asked `refusal` whether they may be compared.

use super::comparison::{Comparison, ComparisonVerdict, Metric};
use super::ratio::{FEWEST_ROUNDS, ratio};
use super::times::{self, Rounds, by_instance, timed_by_gpu};
use crate::measure::Summary;
use crate::measure::instances::{FEWEST_INSTANCES, assumed_spread};
use crate::record::read::JobRecord;

/// Two jobs whose times may or may not be compared.
pub(super) struct Pair<'run> {
    /// Refused until the times are in it.
    pub(super) comparison: Comparison,
    base: &'run JobRecord,
    new: &'run JobRecord,
    /// Whether round `i` of both was measured at the same time.
    together: bool,
    /// The times of both that are compared, by round or, where there are enough, by instance.
    times: [Rounds; 2],
    /// Whether there are too few instances to tell how far apart they are.
    few_instances: bool,
}

/// A pair whose times are still to be compared, or must not be.
pub(super) fn pair<'run>(
    job: &str,
    (base_name, base): (&str, &'run JobRecord),
    (new_name, new): (&str, &'run JobRecord),
    together: bool,
    refusal: Option<String>,
) -> Pair<'run> {
    let comparison = Comparison {
        job: job.to_owned(),
        base: base_name.to_owned(),
        new: new_name.to_owned(),
        base_id: base.cell("job_id").to_owned(),
        new_id: new.cell("job_id").to_owned(),
        base_run: base.cell("run_id").to_owned(),
        new_run: new.cell("run_id").to_owned(),
        metric: Metric::default(),
        clock: "gpu",
        base_ms: None,
        new_ms: None,
        ratio: None,
        p_adjusted: None,
        verdict: ComparisonVerdict::Refused,
        reason: refusal.unwrap_or_default(),
        circumstances: circumstances(base, new),
    };
    Pair { comparison, base, new, together, times: Default::default(), few_instances: false }
}

impl Pair<'_> {
    /// Takes up the times that the metric is about, or says why there can be no ratio of them.
    pub(super) fn observe(&mut self, metric: Metric) {
        let both = [self.base, self.new];
        let without_gpu = both.into_iter().find(|job| !timed_by_gpu(job));
        let gpu = !metric.by_wall() && without_gpu.is_none();
        self.comparison.clock = if gpu { "gpu" } else { "wall" };
        if let (Metric::Gpu, Some(job)) = (metric, without_gpu) {
            self.comparison.reason =
                format!("{} has no GPU time, or none that is believed (--metric wall)", job.cell("job_id"));
            return;
        }
        self.times = both.map(|job| times::of(job, metric, gpu));
        if metric != Metric::FirstResult {
            let [base, new] = &self.times;
            // Those that have samples: rounds without any bring an instance that was only made ready.
            let instances = [by_instance(self.base, base), by_instance(self.new, new)];
            self.few_instances = instances.iter().any(|instances| instances.len() < FEWEST_INSTANCES);
            if !self.few_instances {
                self.times = instances;
            }
        }
        let [base, new] = self.times.each_ref().map(|rounds| rounds.values().flatten().copied().collect::<Vec<_>>());
        let median = |times: &[f64]| Summary::of(times).map(|summary| summary.median);
        (self.comparison.base_ms, self.comparison.new_ms) = (median(&base), median(&new));
        if metric == Metric::FirstResult && base.len().min(new.len()) < FEWEST_ROUNDS {
            // One making-ready is one observation: unlike samples, two of them can't be drawn from again and again.
            self.comparison.verdict = ComparisonVerdict::Undecided;
            self.comparison.reason = format!(
                "{} and {} first results are too few for an interval: set `rounds = 10, instances = 10` under [measure]",
                base.len(),
                new.len()
            );
        } else if matches!(metric, Metric::Ttft | Metric::Decode) && (base.is_empty() || new.is_empty()) {
            let without = if base.is_empty() { self.base } else { self.new };
            self.comparison.reason =
                format!("{} has no times of tokens: it generates no text, or only one token", without.cell("job_id"));
        } else if base.is_empty() || new.is_empty() {
            "one of them has no time above zero".clone_into(&mut self.comparison.reason);
        }
    }

    /// Compares the times, as one of `family` comparisons.
    pub(super) fn measure(&mut self, family: usize) {
        let [base, new] = &self.times;
        // Only a round that both have is a pair; where there are too few the rounds count by themselves.
        let common = base.iter().filter_map(|(round, times)| Some((times.clone(), new.get(round)?.clone())));
        let (paired_base, paired_new): (Vec<_>, Vec<_>) = common.unzip();
        self.comparison.ratio = if self.together && paired_base.len() >= FEWEST_ROUNDS {
            ratio(&paired_base, &paired_new, true, family)
        } else {
            let [base, new] = [base, new].map(|rounds| rounds.values().cloned().collect::<Vec<_>>());
            ratio(&base, &new, false, family)
        };
        if self.few_instances {
            let hardware = [self.base, self.new].iter().all(|job| job.cell("adapter_kind") == "hardware");
            self.comparison.ratio = self.comparison.ratio.map(|ratio| ratio.of_one_instance(assumed_spread(hardware)));
        }
    }
}

/// Where the load beside two jobs differed by more processors than this, a difference may be the load's.
const LOAD_APART: f64 = 0.25;
/// The same as a share of the smaller load: on a large machine that does much else a quarter of a processor is noise.
const LOAD_APART_SHARE: f64 = 0.25;
/// The same of the GPU's clock, as a share.
const CLOCK_APART: f64 = 0.02;
/// The same of its power, as a share, where the program is the same: readings of one and the same scatter by a few per cent.
const POWER_APART: f64 = 0.1;
/// The same of its temperature, in °C: a hot GPU leaks more, and lowers its clock.
const TEMPERATURE_APART: f64 = 10.0;

/// In what two jobs were measured under unlike circumstances; empty where nothing is known of any.
pub(super) fn circumstances(base: &JobRecord, new: &JobRecord) -> String {
    let both = |column: &str| {
        let [before, after] = [base, new].map(|job| job.cell(column).parse::<f64>().ok());
        before.zip(after)
    };
    let share_apart = |(before, after): &(f64, f64)| (before / after).ln().abs();
    let load = both("other_load")
        .filter(|(before, after)| (before - after).abs() > LOAD_APART.max(LOAD_APART_SHARE * before.min(*after)));
    let load = load.map(|(before, after)| {
        format!(
            "other programs kept {before:.1} processors busy beside the base and {after:.1} beside the new one: measure both \
             again on an idle machine"
        )
    });
    let clock = both("gpu_clock_mhz").filter(|clocks| share_apart(clocks) > CLOCK_APART);
    let clock = clock.map(|(before, after)| {
        let least = before.min(after);
        format!(
            "the GPU's clock was {before:.0} MHz at the base and {after:.0} MHz at the new one: fix it, for instance with \
             `sudo nvidia-smi --lock-gpu-clocks={least:.0},{least:.0}`, and measure both again"
        )
    });
    // Another program may draw another power, and rightly so.
    let [program, other] = [base, new].map(|job| job.cell("shader_digest"));
    let power = both("gpu_power_w").filter(|powers| program == other && share_apart(powers) > POWER_APART);
    let power = power.map(|(before, after)| {
        format!(
            "the GPU drew {before:.0} W at the base and {after:.0} W at the new one: see with `nvidia-smi -q -d POWER,PERFORMANCE` \
             whether its power limit is the same, and with `nvidia-smi` whether another program has it"
        )
    });
    let temperature = both("gpu_temperature_c").filter(|(before, after)| (before - after).abs() > TEMPERATURE_APART);
    let temperature = temperature.map(|(before, after)| {
        format!(
            "the GPU was at {before:.0} °C at the base and {after:.0} °C at the new one: let it be as warm before both, for \
             instance by a run that is thrown away"
        )
    });
    [load, clock, power, temperature].into_iter().flatten().collect::<Vec<_>>().join("; ")
}
