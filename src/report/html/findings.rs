//! Findings are what a reader is to see first: who won and by how much, the warnings, and what did not end well.

use std::collections::HashSet;

use indexmap::IndexMap;
use serde::Serialize;

use crate::analyse::best::{self, Contender, Rank};
use crate::analyse::compare::chosen;
use crate::analyse::comparison::{Metric, Rules};
use crate::record::read::JobRecord;
use crate::render::Templates;
use crate::report::comparison::brief;
use crate::units::significant;

use super::source::{RunSource, adapter, custom_axes, gpu, text, wall};

/// Most winners that are named.
const MOST_WINNERS: usize = 200;
/// Most jobs that are named for one warning.
const MOST_JOBS: usize = 5;

/// The fastest job of those that do the same work.
#[derive(Debug, Serialize)]
pub(super) struct Winner {
    run: String,
    /// What the work is: model, number format, batch and so on.
    work: String,
    job: String,
    /// `3.02 ms (3.01–3.03), gpu`.
    time: String,
    adapter: String,
    /// How others compare with it.
    rivals: Vec<Rival>,
    /// How many did the same work.
    contenders: usize,
    /// How many others can't be told from it by their intervals.
    near: usize,
}

/// The best job of another browser, or the next one.
#[derive(Debug, Serialize)]
pub(super) struct Rival {
    job: String,
    /// `1.80x slower, 1.70–1.90`, or why that can't be said.
    verdict: String,
}

/// A warning with the jobs that have it.
#[derive(Debug, Serialize)]
pub(super) struct WarningGroup {
    run: String,
    text: String,
    count: usize,
    jobs: Vec<String>,
}

/// A job that did not end well.
#[derive(Debug, Serialize)]
pub(super) struct Refusal {
    run: String,
    job: String,
    status: String,
    reason: String,
}

/// The rank of each job of a run, as the closing table has it.
pub(super) fn ranks(source: &RunSource) -> Vec<Option<Rank>> {
    let mut ranks = vec![None; source.run.jobs.len()];
    for group in works(source).into_values() {
        let contenders = contenders(source, &group);
        for (place, rank) in group.iter().zip(best::ranks(&contenders)) {
            ranks[*place] = rank;
        }
    }
    ranks
}

/// Who won, of each work that several jobs did.
pub(super) fn winners(source: &RunSource) -> Vec<Winner> {
    let groups = works(source).into_iter().filter(|(_, group)| group.len() > 1);
    groups.filter_map(|(work, group)| winner(source, &work, &group)).take(MOST_WINNERS).collect()
}

fn winner(source: &RunSource, work: &[String], group: &[usize]) -> Option<Winner> {
    let contenders = contenders(source, group);
    let ranks = best::ranks(&contenders);
    let by_gpu = best::by_gpu(&contenders);
    let time = |contender: &Contender| if by_gpu { contender.gpu } else { contender.wall };
    let first = ranks.iter().position(|rank| *rank == Some(Rank::Best))?;
    let job = &source.run.jobs[group[first]];
    let mut others: Vec<usize> = (0..group.len()).filter(|place| *place != first).collect();
    others.retain(|place| time(&contenders[*place]).is_some());
    others.sort_by(|a, b| {
        let median = |place: &usize| time(&contenders[*place]).map_or(f64::INFINITY, |time| time.median);
        median(a).total_cmp(&median(b))
    });
    // The next one, and the best of each other browser.
    let mut seen = HashSet::from([text(job, "browser")]);
    let mut rivals = Vec::new();
    for (rank, place) in others.iter().enumerate() {
        let rival = &source.run.jobs[group[*place]];
        if seen.insert(text(rival, "browser")) || rank == 0 {
            rivals.push(rival);
        }
    }
    let pairs: Vec<[(&str, &JobRecord); 2]> = rivals.iter().map(|rival| [("best", job), ("rival", *rival)]).collect();
    // The clock that the winner was picked by, though a pair may have a better one in common.
    let metric = if by_gpu { Metric::Gpu } else { Metric::Wall };
    let rules = Rules { metric, ..Rules::default() };
    let rivals = chosen(&pairs, &rules).into_iter().zip(&rivals).map(|(comparison, rival)| {
        let said = brief(&comparison, &rules);
        let verdict = if said.is_empty() { comparison.reason } else { said };
        Rival { job: text(rival, "job_id").to_owned(), verdict }
    });
    let best = time(&contenders[first])?;
    let interval = best.interval.map(|(low, high)| format!(" ({}–{})", significant(low, 3), significant(high, 3)));
    Some(Winner {
        run: source.name.clone(),
        work: work.join(", "),
        job: text(job, "job_id").to_owned(),
        time: format!(
            "{} ms{}, {} time",
            significant(best.median, 3),
            interval.unwrap_or_default(),
            if by_gpu { "GPU" } else { "wall" }
        ),
        adapter: adapter(job),
        rivals: rivals.collect(),
        contenders: group.len(),
        near: ranks.iter().filter(|rank| **rank == Some(Rank::NearBest)).count(),
    })
}

fn contenders(source: &RunSource, group: &[usize]) -> Vec<Contender> {
    let jobs = group.iter().map(|place| &source.run.jobs[*place]);
    jobs.map(|job| Contender { gpu: gpu(job), wall: wall(job) }).collect()
}

/// The jobs that did the same work, by what tells works apart: the rules are those of the closing table.
fn works(source: &RunSource) -> IndexMap<Vec<String>, Vec<usize>> {
    let templates = Templates::new(None, None).ok();
    let kernels = templates.iter().flat_map(|templates| templates.kernels().kernels.values());
    let of_kernels: HashSet<&str> = kernels.flat_map(|kernel| kernel.parameters.keys()).map(String::as_str).collect();
    let mut works: IndexMap<Vec<String>, Vec<usize>> = IndexMap::new();
    for (place, job) in source.run.jobs.iter().enumerate().filter(|(_, job)| competes(job)) {
        works.entry(work(source, job, &of_kernels)).or_default().push(place);
    }
    works
}

fn competes(job: &JobRecord) -> bool {
    text(job, "status") == "ok" && text(job, "verified") == "true" && text(job, "backend_used") == text(job, "backend")
}

fn work(source: &RunSource, job: &JobRecord, of_kernels: &HashSet<&str>) -> Vec<String> {
    let model = source.manifest.as_ref().and_then(|manifest| manifest.models.get(text(job, "model")));
    // Without the manifest nobody knows what an axis of that name is in the model.
    let is_work =
        |name: &&str| !of_kernels.contains(name) || model.is_none_or(|model| model.params.contains_key(*name));
    let own = custom_axes(job).filter(is_work).map(|name| (name, format!("axis_{name}")));
    let built_in = ["model", "dtype", "batch", "prompt_tokens", "new_tokens"].map(|name| (name, name.to_owned()));
    let values = built_in.into_iter().chain(own).map(|(name, column)| (name, text(job, &column)));
    let values = values.filter(|(_, value)| !value.is_empty());
    values.map(|(name, value)| if name == "model" { value.to_owned() } else { format!("{name} {value}") }).collect()
}

/// The warnings of a run, those of most jobs first.
pub(super) fn warnings(source: &RunSource) -> Vec<WarningGroup> {
    let mut groups: IndexMap<&str, Vec<&str>> = IndexMap::new();
    for job in &source.run.jobs {
        for warning in text(job, "warnings").split("; ").filter(|warning| !warning.is_empty()) {
            groups.entry(warning).or_default().push(text(job, "job_id"));
        }
    }
    let group = |(text, jobs): (&str, Vec<&str>)| WarningGroup {
        run: source.name.clone(),
        text: text.to_owned(),
        count: jobs.len(),
        jobs: jobs.into_iter().take(MOST_JOBS).map(str::to_owned).collect(),
    };
    let mut groups: Vec<WarningGroup> = groups.into_iter().map(group).collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    groups
}

/// The jobs of a run that did not end well, each with its reason.
pub(super) fn refusals(source: &RunSource) -> Vec<Refusal> {
    let bad = source.run.jobs.iter().filter(|job| text(job, "status") != "ok");
    let refusal = |job: &JobRecord| Refusal {
        run: source.name.clone(),
        job: text(job, "job_id").to_owned(),
        status: text(job, "status").replace('_', " "),
        reason: text(job, "reason").to_owned(),
    };
    bad.map(refusal).collect()
}
