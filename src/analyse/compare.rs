//! A comparison says which jobs belong together and what may be said of each pair.

use indexmap::IndexMap;

use super::ranks::ALPHA;
use super::ratio::{Ratio, holm, ratio};
use crate::record::read::{JobRecord, Run};

/// What a comparison allows and demands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// Times whose ratio lies within this share of 1 count as the same, 0 to 1.
    pub same_within: f64,
    /// Whether jobs of unlike adapters may be compared.
    pub across_machines: bool,
    /// Whether jobs whose output was not verified may be compared.
    pub unverified: bool,
    /// Whether jobs of one id may have run different shaders.
    pub different_shaders: bool,
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
    /// Which clock: `gpu` where both have it, else `wall`.
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
    /// Why it is refused, and what lifts that.
    pub reason: String,
}

/// Pairs the jobs of two runs by their ids.
#[must_use]
pub fn runs(base: &Run, new: &Run, rules: &Rules) -> Vec<Comparison> {
    let name = |run: &Run| run.folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let (base_name, new_name) = (name(base), name(new));
    let by_id: IndexMap<&str, &JobRecord> = new.jobs.iter().map(|job| (job.cell("job_id"), job)).collect();
    let pairs = base.jobs.iter().filter_map(|job| {
        let other = by_id.get(job.cell("job_id"))?;
        let shaders = job.cell("shader_digest") == other.cell("shader_digest") || rules.different_shaders;
        let refusal = (!shaders).then(|| {
            "the shaders differ, so this is not the same program (--different-shaders compares them all the same)"
                .to_owned()
        });
        Some(pair(job.cell("job_id"), (&base_name, job), (&new_name, other), false, refusal, rules))
    });
    judged(pairs.collect(), rules)
}

/// Pairs the jobs of one run that differ in one axis only; the axis's first value in the run is the base.
///
/// `axis` is a column (`browser`, `shader_precompilation`, `axis_NAME`), or `workgroup_size` for the three of it.
#[must_use]
pub fn axis(run: &Run, axis: &str, rules: &Rules) -> Vec<Comparison> {
    let mut groups: IndexMap<String, Vec<(String, &JobRecord)>> = IndexMap::new();
    for job in &run.jobs {
        groups.entry(rest(job, axis)).or_default().push((value(job, axis), job));
    }
    let mut comparisons = Vec::new();
    for (common, jobs) in &groups {
        let Some(((base, first), others)) = jobs.split_first() else { continue };
        for (new, job) in others {
            comparisons.push(pair(common, (base, first), (new, job), true, None, rules));
        }
    }
    judged(comparisons, rules)
}

/// The axes of a run that take more than one value, in the words of [`axis`].
#[must_use]
pub fn axes_of(run: &Run) -> Vec<String> {
    let mut names: Vec<String> = ["browser", "model", "backend", "dtype", "batch", "shader_precompilation"]
        .into_iter()
        .chain(["parallel_loading", "cache", "threads", "workgroup_size"])
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
        return ["workgroup_x", "workgroup_y", "workgroup_z"].map(|column| job.cell(column)).join("x");
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
    let mut gone = false;
    let parts = job.cell("job_id").split('/').filter(|part| {
        let this = !gone && (*part == named || *part == word);
        gone |= this;
        !this
    });
    parts.collect::<Vec<_>>().join("/")
}

/// Compares one pair; the verdict waits for the others' p-values.
fn pair(
    job: &str,
    (base_name, base): (&str, &JobRecord),
    (new_name, new): (&str, &JobRecord),
    one_run: bool,
    refusal: Option<String>,
    rules: &Rules,
) -> Comparison {
    let refusal = refusal
        .or_else(|| unfit(base, rules))
        .or_else(|| unfit(new, rules))
        .or_else(|| unlike(base, new, one_run, rules));
    let mut comparison = Comparison {
        job: job.to_owned(),
        base: base_name.to_owned(),
        new: new_name.to_owned(),
        clock: "gpu",
        base_ms: None,
        new_ms: None,
        ratio: None,
        p_adjusted: None,
        verdict: Verdict::Refused,
        reason: refusal.unwrap_or_default(),
    };
    if !comparison.reason.is_empty() {
        return comparison;
    }
    // The row of a job whose GPU clock was demoted has no GPU median, its samples keep what the clock said.
    let timed = |job: &JobRecord| !job.cell("gpu_median_ms").is_empty();
    let gpu = timed(base) && timed(new);
    comparison.clock = if gpu { "gpu" } else { "wall" };
    let rounds = |job: &JobRecord| -> Vec<Vec<f64>> {
        let time = |sample: &crate::record::read::SampleRecord| if gpu { sample.gpu_ms } else { Some(sample.wall_ms) };
        job.rounds.values().map(|round| round.iter().filter_map(time).filter(|time| *time > 0.0).collect()).collect()
    };
    let (base_rounds, new_rounds) = (rounds(base), rounds(new));
    let median = |rounds: &[Vec<f64>]| crate::measure::Summary::of(&rounds.concat()).map(|summary| summary.median);
    (comparison.base_ms, comparison.new_ms) = (median(&base_rounds), median(&new_rounds));
    comparison.ratio = ratio(&base_rounds, &new_rounds, one_run, 1);
    if comparison.ratio.is_none() {
        "one of them has no samples".clone_into(&mut comparison.reason);
    }
    comparison
}

/// Why a job can't be compared at all.
fn unfit(job: &JobRecord, rules: &Rules) -> Option<String> {
    if job.cell("status") != "ok" {
        return Some(format!("{} is {}", job.cell("job_id"), job.cell("status")));
    }
    (job.cell("verified") != "true" && !rules.unverified)
        .then(|| format!("{} was not verified (--unverified compares it all the same)", job.cell("job_id")))
}

/// Why two jobs can't be compared: inside one run the machine is one, and browsers may hide what they use, so only
/// hardware against software is unlike; between runs every word about the adapter and the processor counts.
fn unlike(base: &JobRecord, new: &JobRecord, one_run: bool, rules: &Rules) -> Option<String> {
    let columns: &[&str] = if one_run {
        &["adapter_kind"]
    } else {
        &[
            "adapter_kind",
            "adapter_vendor",
            "adapter_architecture",
            "adapter_device",
            "adapter_description",
            "os",
            "cpu",
        ]
    };
    let differing = columns.iter().find(|column| base.cell(column) != new.cell(column))?;
    (!rules.across_machines).then(|| {
        format!(
            "{differing} is `{}` and `{}` (--across-machines compares them all the same)",
            base.cell(differing),
            new.cell(differing)
        )
    })
}

/// Gives each comparison its verdict, all p-values in view.
fn judged(mut comparisons: Vec<Comparison>, rules: &Rules) -> Vec<Comparison> {
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
