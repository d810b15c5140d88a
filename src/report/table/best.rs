//! Which rows are the best of those that do the same work.

use crate::analyse::best::{Contender, Rank, Time};
use crate::analyse::work::{Standing, Work, WorkRule, groups};
use crate::measure::Summary;
use crate::plan::select::value;
use crate::plan::{Job, Plan};
use crate::record::cell::Cell;
use crate::record::row::Row;
use crate::run::Status;

/// The rank of each row that has one.
///
/// Rows compete that did the same work, whose output was verified, and that ran on the backend asked for; they do so by
/// GPU time where all of them have it, else by wall time. Without an interval, or without a rival, nothing is best.
pub(super) fn ranks(plan: &Plan, rows: &[(Job, Row)]) -> Vec<Option<Rank>> {
    let rule = WorkRule::built_in();
    let competing = rows.iter().map(|(job, row)| {
        let competes = standing(job, row).competes();
        competes.then(|| (work(plan, job, &rule), contender(row)))
    });
    let mut ranked = vec![None; rows.len()];
    for group in groups(competing) {
        for (place, rank) in group.rows.into_iter().zip(group.ranks) {
            ranked[place] = rank;
        }
    }
    ranked
}

fn contender(row: &Row) -> Contender {
    let time = |summary: Summary| Time { median: summary.median, interval: summary.interval };
    Contender { gpu: row.figures.gpu.map(time), wall: row.figures.wall.map(time) }
}

fn work(plan: &Plan, job: &Job, rule: &WorkRule) -> Work {
    let params = plan.manifest.models.get(&job.axes.model).map(|model| &model.params);
    let is_param = |name: &str| params.is_some_and(|params| params.contains_key(name));
    let own = job.axes.custom.keys().map(String::as_str);
    rule.work(own, is_param, |axis| value(job, axis).unwrap_or_default().into_owned())
}

fn standing<'row>(job: &Job, row: &'row Row) -> Standing<'row> {
    let used = row.cells().iter().find_map(|(name, cell)| match cell {
        Cell::Text(used) if name == "backend_used" => Some(used.as_str()),
        _ => None,
    });
    Standing {
        ok: row.status == Status::Ok,
        verified: row.figures.verified == Some(true),
        backend: job.axes.backend.into(),
        backend_used: used.unwrap_or_default(),
    }
}

/// What a job ran on, where that is not the backend that was asked for.
pub(super) fn elsewhere(job: &Job, row: &Row) -> Option<String> {
    let standing = standing(job, row);
    standing.elsewhere().then(|| standing.backend_used.to_owned())
}
