//! Which jobs belong together, and what may be said of each pair.

use std::collections::HashSet;

use indexmap::{IndexMap, IndexSet};

use super::comparison::{Comparison, ComparisonVerdict, Rules};
use super::machine::{doubled_ids, label, numbers};
use super::matching::equal_jobs;
use super::pair::{Pair, pair};
use super::ranks::ALPHA;
use super::ratio::holm;
use super::refusal::{another_program, fallback, unfit, unlike_adapters, unlike_machines};
use crate::manifest::axes::{self, BuiltInAxis};
use crate::record::read::{ADAPTER, JobRecord, Run};

/// Pairs the jobs of two runs by their ids.
#[must_use]
pub fn runs(base: &Run, new: &Run, rules: &Rules) -> Vec<Comparison> {
    let name = |run: &Run| run.folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let (base_name, new_name) = (name(base), name(new));
    let doubled = [doubled_ids(base), doubled_ids(new)];
    // Where an id does not say which of a run's rows is meant, its machine does.
    let called = |name: &str, job: &JobRecord| {
        let several = doubled.iter().any(|ids| ids.contains(job.cell("job_id")));
        if several { format!("{name} [{}]", label(job)) } else { name.to_owned() }
    };
    let pairs = equal_jobs(base, new).into_iter().map(|(job, other)| {
        let refusal = unfit(job, rules)
            .or_else(|| unfit(other, rules))
            .or_else(|| unlike_machines(job, other, rules))
            .or_else(|| unlike_adapters(job, other, &ADAPTER, rules))
            .or_else(|| another_program(job, other, &["backend_used", "shader_digest"], rules));
        let (base_name, new_name) = (called(&base_name, job), called(&new_name, other));
        pair(job.cell("job_id"), (&base_name, job), (&new_name, other), false, refusal)
    });
    judged(pairs.collect(), rules)
}

/// Pairs the jobs of one run that differ in one axis only; each is compared with that of the value which comes first in
/// the run, on the same machine where a job has rows of several.
#[must_use]
pub fn along(run: &Run, axis: &RunAxis, rules: &Rules) -> Vec<Comparison> {
    let values: IndexSet<String> = run.jobs.iter().map(|job| axis.value(job)).collect();
    let doubled = doubled_ids(run);
    let mut alike: IndexMap<(String, Option<usize>), Vec<Valued<'_>>> = IndexMap::new();
    let several: HashSet<String> =
        run.jobs.iter().filter(|job| doubled.contains(job.cell("job_id"))).map(|job| axis.others(job)).collect();
    for (job, machine) in run.jobs.iter().zip(numbers(run)) {
        let others = axis.others(job);
        let machine = several.contains(&others).then_some(machine);
        alike.entry((others, machine)).or_default().push((axis.value(job), job));
    }
    // Another backend is what an axis of backends is about, if it is the one that was asked for; elsewhere both must have
    // run on the same one.
    let another = |base: &JobRecord, new: &JobRecord| match axis.name() {
        "backend" => fallback(base, rules).or_else(|| fallback(new, rules)),
        _ => another_program(base, new, &["backend_used"], rules),
    };
    let mut pairs = Vec::new();
    for ((common, machine), jobs) in &mut alike {
        // Rows stand in the order in which jobs ended: the base is to be the same value everywhere.
        jobs.sort_by_key(|(value, _)| values.get_index_of(value));
        let Some(((base, first), others)) = jobs.split_first() else { continue };
        let common = if machine.is_some() { format!("{common} [{}]", label(first)) } else { common.clone() };
        for (new, job) in others {
            let refusal = unfit(first, rules)
                .or_else(|| unfit(job, rules))
                .or_else(|| unlike_machines(first, job, rules))
                .or_else(|| unlike_adapters(first, job, comparable_words(first, job, axis), rules))
                .or_else(|| another(first, job));
            pairs.push(pair(&common, (base, first), (new, job), together(first, job), refusal));
        }
    }
    judged(pairs, rules)
}

/// Compares two jobs of one run each, whatever they differ in: `(base, new)`, each with the name that it goes by.
#[must_use]
pub fn chosen(pairs: &[[(&str, &JobRecord); 2]], rules: &Rules) -> Vec<Comparison> {
    let pairs = pairs.iter().map(|[(base_name, base), (new_name, new)]| {
        let refusal = unfit(base, rules)
            .or_else(|| unfit(new, rules))
            .or_else(|| unlike_adapters(base, new, &["adapter_kind"], rules))
            .or_else(|| another_program(base, new, &["backend_used"], rules));
        pair(base.cell("job_id"), (base_name, base), (new_name, new), together(base, new), refusal)
    });
    judged(pairs.collect(), rules)
}

/// Whether two jobs took turns: groups of runs that were merged may have one number.
fn together(base: &JobRecord, new: &JobRecord) -> bool {
    let same = |column: &str| base.cell(column) == new.cell(column);
    !base.cell("group").is_empty() && same("group") && same("run_id")
}

/// What two jobs of one folder must have in common of their adapters. Unlike browsers call one adapter by unlike names, and one
/// run has one machine; but one browser in two runs that were merged says by its words which of a machine's adapters it had.
fn comparable_words(base: &JobRecord, new: &JobRecord, axis: &RunAxis) -> &'static [&'static str] {
    let same = |column: &str| base.cell(column) == new.cell(column);
    let tells = same("browser") && !same("run_id") && axis.name() != "power_preference";
    if tells { &ADAPTER } else { &ADAPTER[..1] }
}

/// A job, with its value on an axis.
type Valued<'run> = (String, &'run JobRecord);

/// An axis of a run, along which its jobs can be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunAxis(String);

impl RunAxis {
    /// The axes of a run on which its jobs have more than one value.
    #[must_use]
    pub fn all(run: &Run) -> Vec<Self> {
        let custom = run.jobs.iter().flat_map(|job| job.custom_axes().map(|(name, _)| name));
        let names: IndexSet<&str> = axes::names().into_iter().chain(custom).collect();
        let all = names.into_iter().map(|name| Self(name.to_owned()));
        all.filter(|axis| run.jobs.iter().any(|job| axis.value(job) != axis.value(&run.jobs[0]))).collect()
    }

    /// The axis of a name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// As in the manifest.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }

    /// A job's value on it, as it is written; empty where the job has none.
    #[must_use]
    pub fn value(&self, job: &JobRecord) -> String {
        let value = match axes::built_in(&self.0) {
            Some(axis) => job.axis(axis),
            None => job.custom_axes().find(|(name, _)| *name == self.0).map(|(_, value)| value),
        };
        value.map(|value| value.to_string()).unwrap_or_default()
    }

    /// A job's values on all other axes, written as an id.
    fn others(&self, job: &JobRecord) -> String {
        let built_in = |axis: &BuiltInAxis| if axis.name == self.0 { None } else { job.axis(axis) };
        axes::id_of(built_in, job.custom_axes().filter(|(name, _)| *name != self.0))
    }
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
            // Also where their difference is certain: the margin is what the user does not care about.
            (_, true) => ComparisonVerdict::Same,
            (true, false) if found.ratio > 1.0 => ComparisonVerdict::Slower,
            (true, false) => ComparisonVerdict::Faster,
            (false, false) => ComparisonVerdict::Undecided,
        };
    }
    comparisons
}

/// The comparisons that `--fail-above` is about: slower, and by more than the share.
pub fn regressions(comparisons: &[Comparison], above: f64) -> impl Iterator<Item = &Comparison> {
    let worse = move |comparison: &&Comparison| {
        comparison.verdict == ComparisonVerdict::Slower
            && comparison.ratio.is_some_and(|ratio| ratio.ratio > 1.0 + above)
    };
    comparisons.iter().filter(worse)
}
