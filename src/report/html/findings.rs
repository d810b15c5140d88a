//! Findings are what a reader is to see first: who won and by how much, the warnings, and what did not end well.

use std::collections::HashSet;

use indexmap::IndexMap;
use serde::Serialize;

use crate::analyse::best::{Contender, Rank};
use crate::analyse::compare::chosen;
use crate::analyse::comparison::{Metric, Rules};
use crate::analyse::work::{Group, Work};
use crate::record::read::JobRecord;
use crate::report::comparison::brief;
use crate::units::significant;

use super::source::{RunSource, adapter, id, is_software, text};

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
    software: bool,
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

/// Who won, of each work that several jobs did.
pub(super) fn winners(source: &RunSource) -> Vec<Winner> {
    source.groups.iter().filter(|group| group.rows.len() > 1).filter_map(|group| winner(source, group)).collect()
}

fn winner(source: &RunSource, group: &Group) -> Option<Winner> {
    let time = |contender: &Contender| if group.by_gpu { contender.gpu } else { contender.wall };
    let first = group.ranks.iter().position(|rank| *rank == Some(Rank::Best))?;
    let job = &source.run.jobs[group.rows[first]];
    let mut others: Vec<(f64, usize)> = Vec::new();
    for (place, contender) in group.contenders.iter().enumerate().filter(|(place, _)| *place != first) {
        others.extend(time(contender).map(|time| (time.median, place)));
    }
    others.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    // The next one, and the best of each other browser.
    let mut seen = HashSet::from([text(job, "browser")]);
    let mut rivals = Vec::new();
    for (rank, (_, place)) in others.iter().enumerate() {
        let rival = &source.run.jobs[group.rows[*place]];
        if seen.insert(text(rival, "browser")) || rank == 0 {
            rivals.push(rival);
        }
    }
    let best = time(&group.contenders[first])?;
    let interval = best.interval.map(|(low, high)| format!(" ({}–{})", significant(low, 3), significant(high, 3)));
    let clock = if group.by_gpu { "GPU" } else { "wall" };
    Some(Winner {
        run: source.name.clone(),
        work: in_words(&group.work),
        job: id(job).to_owned(),
        time: format!("{} ms{}, {clock} time", significant(best.median, 3), interval.unwrap_or_default()),
        adapter: adapter(job),
        software: is_software(job),
        rivals: compared(job, &rivals, group.by_gpu),
        contenders: group.rows.len(),
        near: group.ranks.iter().filter(|rank| **rank == Some(Rank::NearBest)).count(),
    })
}

/// How rivals compare with the best, by the clock that it was picked by, though a pair may have a better one in common.
fn compared(job: &JobRecord, rivals: &[&JobRecord], by_gpu: bool) -> Vec<Rival> {
    let pairs: Vec<[(&str, &JobRecord); 2]> = rivals.iter().map(|rival| [("best", job), ("rival", *rival)]).collect();
    let metric = if by_gpu { Metric::Gpu } else { Metric::Wall };
    let rules = Rules { metric, ..Rules::default() };
    let rivals = chosen(&pairs, &rules).into_iter().zip(rivals).map(|(comparison, rival)| {
        let said = brief(&comparison, &rules);
        let verdict = if said.is_empty() { comparison.reason } else { said };
        Rival { job: id(rival).to_owned(), verdict }
    });
    rivals.collect()
}

/// `softmax, dtype fp32, batch 1`.
fn in_words(work: &Work) -> String {
    let said = work.iter().filter(|(_, value)| !value.is_empty());
    let words = said.map(|(axis, value)| if axis == "model" { value.clone() } else { format!("{axis} {value}") });
    words.collect::<Vec<_>>().join(", ")
}

/// The warnings of a run, those of most jobs first.
pub(super) fn warnings(source: &RunSource) -> Vec<WarningGroup> {
    let mut groups: IndexMap<&str, Vec<&str>> = IndexMap::new();
    for job in &source.run.jobs {
        for warning in text(job, "warnings").split("; ").filter(|warning| !warning.is_empty()) {
            groups.entry(warning).or_default().push(id(job));
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
        job: id(job).to_owned(),
        status: text(job, "status").replace('_', " "),
        reason: text(job, "reason").to_owned(),
    };
    bad.map(refusal).collect()
}
