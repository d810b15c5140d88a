//! A comparison says which jobs belong together and what may be said of each pair.

use std::collections::BTreeMap;

use indexmap::{IndexMap, IndexSet};

use super::ranks::ALPHA;
use super::ratio::{FEWEST_ROUNDS, Ratio, holm, ratio};
use crate::manifest::axes::TUNED;
use crate::measure::Summary;
use crate::record::read::{JobRecord, Run, SampleRecord};

/// The share within which times count as the same unless the user says otherwise.
pub const SAME_WITHIN: f64 = 0.01;

/// Which of a job's times are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Metric {
    /// Of one inference in the steady state: the GPU's where both have it, else the wall's.
    #[default]
    Time,
    /// From a job's start to its first result, each time that it was made ready.
    FirstResult,
    /// Of one inference in the steady state, by the wall's clock.
    Wall,
    /// Of one inference in the steady state, by the GPU's clock.
    Gpu,
}

impl Metric {
    /// As written in tables and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::FirstResult => "first-result",
            Self::Wall => "wall",
            Self::Gpu => "gpu",
        }
    }

    /// Whether the wall's clock alone tells it.
    fn by_wall(self) -> bool {
        matches!(self, Self::Wall | Self::FirstResult)
    }
}

/// What a comparison allows and demands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// What is compared.
    pub metric: Metric,
    /// Times whose ratio lies within this share of 1 count as the same, 0 to 1.
    pub same_within: f64,
    /// Whether jobs of unlike adapters may be compared.
    pub across_machines: bool,
    /// Whether jobs whose output was not verified may be compared.
    pub unverified: bool,
    /// Whether jobs that ran different programs may be compared: other shaders, or another backend than was asked for.
    pub different_shaders: bool,
}

impl Default for Rules {
    /// Nothing is lifted.
    fn default() -> Self {
        Self {
            metric: Metric::default(),
            same_within: SAME_WITHIN,
            across_machines: false,
            unverified: false,
            different_shaders: false,
        }
    }
}

/// What may be said of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The new one takes less time.
    Faster,
    /// The new one takes more time.
    Slower,
    /// The interval lies within the margin.
    Same,
    /// The samples do not say.
    Undecided,
    /// They must not be compared.
    Refused,
}

impl Verdict {
    /// As written in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Faster => "faster",
            Self::Slower => "slower",
            Self::Same => "same",
            Self::Undecided => "undecided",
            Self::Refused => "refused",
        }
    }
}

/// A pair of jobs and what may be said of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// What the two have in common: their id, or its parts without the axis.
    pub job: String,
    /// What is compared: run ids, or values of the axis.
    pub base: String,
    /// See `base`.
    pub new: String,
    /// The `job_id` of the base, as its row has it.
    pub base_id: String,
    /// The `job_id` of the new one.
    pub new_id: String,
    /// Which of the jobs' times.
    pub metric: Metric,
    /// Which clock timed them: `gpu` or `wall`.
    pub clock: &'static str,
    /// Median time of the base, ms.
    pub base_ms: Option<f64>,
    /// Median time of the new one, ms.
    pub new_ms: Option<f64>,
    /// New time by base time.
    pub ratio: Option<Ratio>,
    /// The p-value after Holm's correction for all comparisons of the table.
    pub p_adjusted: Option<f64>,
    /// What may be said.
    pub verdict: Verdict,
    /// Why it is refused, or has no interval, and what helps.
    pub reason: String,
}

/// Two jobs whose times may or may not be compared.
struct Pair<'run> {
    /// Refused until the times are in it.
    comparison: Comparison,
    base: &'run JobRecord,
    new: &'run JobRecord,
    /// Whether round `i` of both was measured at the same time.
    together: bool,
    /// The times of both that are compared, by round.
    times: [Rounds; 2],
}

/// Times by round, ms; none of them is empty.
type Rounds = BTreeMap<u32, Vec<f64>>;

/// Pairs the jobs of two runs by their ids.
#[must_use]
pub fn runs(base: &Run, new: &Run, rules: &Rules) -> Vec<Comparison> {
    let name = |run: &Run| run.folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let (base_name, new_name) = (name(base), name(new));
    let by_id: IndexMap<&str, &JobRecord> = new.jobs.iter().map(|job| (job.cell("job_id"), job)).collect();
    let pairs = base.jobs.iter().filter_map(|job| {
        let other = by_id.get(job.cell("job_id"))?;
        let refusal = unfit(job, rules)
            .or_else(|| unfit(other, rules))
            .or_else(|| unlike(job, other, &HOST, rules))
            .or_else(|| unlike_adapters(job, other, &ADAPTER, rules))
            .or_else(|| another_program(job, other, &["backend_used", "shader_digest"], rules));
        Some(pair(job.cell("job_id"), (&base_name, job), (&new_name, other), false, refusal))
    });
    judged(pairs.collect(), rules)
}

/// Pairs the jobs of one run that differ in one axis only; each is compared with that of the value which comes first in
/// the run.
///
/// `axis` is a column (`browser`, `shader_precompilation`, `axis_NAME`), or `workgroup_size` for the three of it.
#[must_use]
pub fn axis(run: &Run, axis: &str, rules: &Rules) -> Vec<Comparison> {
    let values: IndexSet<String> = run.jobs.iter().map(|job| value(job, axis)).collect();
    let mut alike: IndexMap<String, Vec<(String, &JobRecord)>> = IndexMap::new();
    for job in &run.jobs {
        alike.entry(rest(job, axis)).or_default().push((value(job, axis), job));
    }
    // Another backend is what an axis of backends is about, if it is the one that was asked for; elsewhere both must have
    // run on the same one.
    let another = |base: &JobRecord, new: &JobRecord| match axis {
        "backend" => fallback(base, rules).or_else(|| fallback(new, rules)),
        _ => another_program(base, new, &["backend_used"], rules),
    };
    let mut pairs = Vec::new();
    for (common, jobs) in &mut alike {
        // Rows stand in the order in which jobs ended: the base is to be the same value everywhere.
        jobs.sort_by_key(|(value, _)| values.get_index_of(value));
        let Some(((base, first), others)) = jobs.split_first() else { continue };
        for (new, job) in others {
            // Inside one run the machine is one, and browsers may hide what they use.
            let refusal = unfit(first, rules)
                .or_else(|| unfit(job, rules))
                .or_else(|| unlike_adapters(first, job, &["adapter_kind"], rules))
                .or_else(|| another(first, job));
            let together = !first.cell("group").is_empty() && first.cell("group") == job.cell("group");
            pairs.push(pair(common, (base, first), (new, job), together, refusal));
        }
    }
    judged(pairs, rules)
}

/// The axes of a run that take more than one value, in the words of [`axis`].
#[must_use]
pub fn axes_of(run: &Run) -> Vec<String> {
    let mut names: Vec<String> = ["browser", "model", "backend", "dtype", "batch", "shader_precompilation"]
        .into_iter()
        .chain(["parallel_loading", "cache", "threads", "webnn_device", "workgroup_size"])
        .map(str::to_owned)
        .collect();
    let mut own: Vec<String> =
        run.jobs.iter().flat_map(|job| job.cells.keys()).filter(|name| name.starts_with("axis_")).cloned().collect();
    own.sort_unstable();
    own.dedup();
    names.extend(own);
    names.retain(|name| run.jobs.iter().any(|job| value(job, name) != value(&run.jobs[0], name)));
    names
}

/// A job's value on an axis.
fn value(job: &JobRecord, axis: &str) -> String {
    if axis == "workgroup_size" {
        let shape = ["workgroup_x", "workgroup_y", "workgroup_z"].map(|column| job.cell(column));
        return if shape[0].is_empty() { TUNED.to_owned() } else { shape.join("x") };
    }
    job.cell(axis).to_owned()
}

/// A job's id without the part that is its value on an axis.
fn rest(job: &JobRecord, axis: &str) -> String {
    let value = value(job, axis);
    let named = format!("{}={value}", axis.trim_start_matches("axis_"));
    let word = match (axis, value.as_str()) {
        ("shader_precompilation", "true") => "precompiled",
        ("shader_precompilation", _) => "lazy",
        (_, value) => value,
    };
    let parts: Vec<&str> = job.cell("job_id").split('/').collect();
    let place = |wanted: &str| parts.iter().position(|part| *part == wanted);
    let gone = place(&named).or_else(|| place(word));
    let kept = parts.iter().enumerate().filter(|(place, _)| Some(*place) != gone).map(|(_, part)| *part);
    kept.collect::<Vec<_>>().join("/")
}

/// A pair whose times are still to be compared, or must not be.
fn pair<'run>(
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
        metric: Metric::default(),
        clock: "gpu",
        base_ms: None,
        new_ms: None,
        ratio: None,
        p_adjusted: None,
        verdict: Verdict::Refused,
        reason: refusal.unwrap_or_default(),
    };
    Pair { comparison, base, new, together, times: Default::default() }
}

impl Pair<'_> {
    /// Takes up the times that the metric is about, or says why there can be no ratio of them.
    fn observe(&mut self, metric: Metric) {
        let both = [self.base, self.new];
        let without_gpu = both.into_iter().find(|job| !timed_by_gpu(job));
        let gpu = !metric.by_wall() && without_gpu.is_none();
        self.comparison.clock = if gpu { "gpu" } else { "wall" };
        if let (Metric::Gpu, Some(job)) = (metric, without_gpu) {
            self.comparison.reason =
                format!("{} has no GPU time, or none that is believed (--metric wall)", job.cell("job_id"));
            return;
        }
        self.times = both.map(|job| if metric == Metric::FirstResult { first_results(job) } else { rounds(job, gpu) });
        let [base, new] = self.times.each_ref().map(|rounds| rounds.values().flatten().copied().collect::<Vec<_>>());
        let median = |times: &[f64]| Summary::of(times).map(|summary| summary.median);
        (self.comparison.base_ms, self.comparison.new_ms) = (median(&base), median(&new));
        if metric == Metric::FirstResult && base.len().min(new.len()) < FEWEST_ROUNDS {
            // One making-ready is one observation: unlike samples, two of them can't be drawn from again and again.
            self.comparison.verdict = Verdict::Undecided;
            self.comparison.reason = format!(
                "{} and {} first results are too few for an interval: set `rounds = 10, instances = 10` under [measure]",
                base.len(),
                new.len()
            );
        } else if base.is_empty() || new.is_empty() {
            "one of them has no time above zero".clone_into(&mut self.comparison.reason);
        }
    }

    /// Compares the times, as one of `family` comparisons.
    fn measure(&mut self, family: usize) {
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
    }
}

/// A time that a ratio can be made of.
fn usable(time: f64) -> bool {
    time > 0.0 && time.is_finite()
}

/// Whether the GPU's clock timed every sample. The row of a job whose GPU clock was demoted has no GPU median, its
/// samples keep what the clock said.
fn timed_by_gpu(job: &JobRecord) -> bool {
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

/// A job's times by round; rounds without any are left out.
fn rounds(job: &JobRecord, gpu: bool) -> Rounds {
    let time = |sample: &SampleRecord| if gpu { sample.gpu_ms } else { Some(sample.wall_ms) };
    let times = |round: &[SampleRecord]| round.iter().filter_map(time).filter(|time| usable(*time)).collect();
    let rounds = job.rounds.iter().map(|(round, samples)| (*round, times(samples)));
    rounds.filter(|(_, times): &(u32, Vec<f64>)| !times.is_empty()).collect()
}

/// Why a job can't be compared at all.
fn unfit(job: &JobRecord, rules: &Rules) -> Option<String> {
    if job.cell("status") != "ok" {
        return Some(format!("{} is {}", job.cell("job_id"), job.cell("status")));
    }
    (job.cell("verified") != "true" && !rules.unverified)
        .then(|| format!("{} was not verified (--unverified compares it all the same)", job.cell("job_id")))
}

/// What two runs must have in common to be told apart by their jobs: every word about the processor …
const HOST: [&str; 2] = ["os", "cpu"];
/// … and about the adapter.
const ADAPTER: [&str; 5] =
    ["adapter_kind", "adapter_vendor", "adapter_architecture", "adapter_device", "adapter_description"];

/// Why two jobs can't be compared: one of the columns says that they ran on unlike machines.
fn unlike(base: &JobRecord, new: &JobRecord, columns: &[&str], rules: &Rules) -> Option<String> {
    let differing = differing(base, new, columns)?;
    (!rules.across_machines).then(|| format!("{differing} (--across-machines compares them all the same)"))
}

/// The same of the adapters. A job that no GPU computed has none, which says nothing about the machine; whether it was
/// to run so is for the backends to say.
fn unlike_adapters(base: &JobRecord, new: &JobRecord, columns: &[&str], rules: &Rules) -> Option<String> {
    let named = |job: &JobRecord| !job.cell("adapter_kind").is_empty();
    if named(base) && named(new) { unlike(base, new, columns, rules) } else { None }
}

/// Why a job says nothing about the backend in its row: it, or a part of it, ran on another one.
fn fallback(job: &JobRecord, rules: &Rules) -> Option<String> {
    let (asked, used) = (job.cell("backend"), job.cell("backend_used"));
    (asked != used && !rules.different_shaders).then(|| {
        format!(
            "{} ran on `{used}`, which is not the backend asked for (--different-shaders compares them all the same)",
            job.cell("job_id")
        )
    })
}

/// Why two jobs of one id can't be compared: one of the columns says that they did not run the same program.
fn another_program(base: &JobRecord, new: &JobRecord, columns: &[&str], rules: &Rules) -> Option<String> {
    let differing = differing(base, new, columns)?;
    (!rules.different_shaders).then(|| {
        format!("{differing}, so this is not the same program (--different-shaders compares them all the same)")
    })
}

/// The first of the columns in which two jobs differ, with what they have there.
fn differing(base: &JobRecord, new: &JobRecord, columns: &[&str]) -> Option<String> {
    let column = columns.iter().find(|column| base.cell(column) != new.cell(column))?;
    Some(format!("{column} is `{}` and `{}`", base.cell(column), new.cell(column)))
}

/// Compares all pairs that may be, and gives each its verdict, all p-values in view.
fn judged(mut pairs: Vec<Pair>, rules: &Rules) -> Vec<Comparison> {
    for pair in &mut pairs {
        pair.comparison.metric = rules.metric;
        pair.comparison.clock = if rules.metric.by_wall() { "wall" } else { "gpu" };
        if pair.comparison.reason.is_empty() {
            pair.observe(rules.metric);
        }
    }
    let family = pairs.iter().filter(|pair| pair.comparison.reason.is_empty()).count();
    for pair in pairs.iter_mut().filter(|pair| pair.comparison.reason.is_empty()) {
        pair.measure(family);
    }
    let mut comparisons: Vec<Comparison> = pairs.into_iter().map(|pair| pair.comparison).collect();
    let p: Vec<f64> = comparisons.iter().filter_map(|comparison| comparison.ratio.map(|ratio| ratio.p)).collect();
    let mut adjusted = holm(&p).into_iter();
    for comparison in &mut comparisons {
        let Some(found) = comparison.ratio else { continue };
        comparison.p_adjusted = adjusted.next();
        let different = comparison.p_adjusted.is_some_and(|p| p < ALPHA);
        let within = found.low >= 1.0 - rules.same_within && found.high <= 1.0 + rules.same_within;
        comparison.verdict = match (different, within) {
            // Also where they can be told apart: the margin is what the user does not care about.
            (_, true) => Verdict::Same,
            (true, false) if found.ratio > 1.0 => Verdict::Slower,
            (true, false) => Verdict::Faster,
            (false, false) => Verdict::Undecided,
        };
    }
    comparisons
}

/// The comparisons that `--fail-above` is about: slower, and by more than the share.
#[must_use]
pub fn regressions(comparisons: &[Comparison], above: f64) -> usize {
    let worse = |comparison: &&Comparison| {
        comparison.verdict == Verdict::Slower && comparison.ratio.is_some_and(|ratio| ratio.ratio > 1.0 + above)
    };
    comparisons.iter().filter(worse).count()
}
