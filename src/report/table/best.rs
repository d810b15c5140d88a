//! Which rows are the best of those that do the same work.

use std::collections::{HashMap, HashSet};

use crate::analyse::best::{self, Contender, Rank, Time};
use crate::measure::Summary;
use crate::plan::select::value;
use crate::plan::{Job, Plan};
use crate::record::cell::Cell;
use crate::record::row::Row;
use crate::render::Templates;
use crate::run::Status;

/// The rank of each row that has one.
///
/// Rows compete that did the same work, whose output was verified, and that ran on the backend asked for; they do so by
/// GPU time where all of them have it, else by wall time. Without an interval, or without a rival, nothing is best.
pub(super) fn ranks(plan: &Plan, rows: &[(Job, Row)]) -> Vec<Option<Rank>> {
    let templates = Templates::new(None, None).ok();
    let kernels = templates.iter().flat_map(|templates| templates.kernels().kernels.values());
    let of_kernels = kernels.flat_map(|kernel| kernel.parameters.keys()).map(String::as_str).collect();
    let mut groups: HashMap<Vec<String>, Vec<usize>> = HashMap::new();
    for (place, (job, _)) in rows.iter().enumerate().filter(|(_, (job, row))| competes(job, row)) {
        groups.entry(work(plan, job, &of_kernels)).or_default().push(place);
    }
    let mut ranked = vec![None; rows.len()];
    for group in groups.into_values() {
        let contenders: Vec<Contender> = group.iter().map(|place| contender(&rows[*place].1)).collect();
        for (place, rank) in group.into_iter().zip(best::ranks(&contenders)) {
            ranked[place] = rank;
        }
    }
    ranked
}

fn contender(row: &Row) -> Contender {
    let time = |summary: Summary| Time { median: summary.median, interval: summary.interval };
    Contender { gpu: row.figures.gpu.map(time), wall: row.figures.wall.map(time) }
}

fn competes(job: &Job, row: &Row) -> bool {
    row.status == Status::Ok && row.figures.verified == Some(true) && elsewhere(job, row).is_none()
}

/// What tells the work of two jobs apart: the model, the number format, how much is computed at once or token by token, and any axis of the
/// user's that may change it. Those named like a parameter of a kernel change only how it is done, unless the model has one of
/// that name.
fn work(plan: &Plan, job: &Job, of_kernels: &HashSet<&str>) -> Vec<String> {
    let params = plan.manifest.models.get(&job.axes.model).map(|model| &model.params);
    let is_work = |name: &&str| !of_kernels.contains(name) || params.is_some_and(|params| params.contains_key(*name));
    let own = job.axes.custom.keys().map(String::as_str).filter(is_work);
    let axes = ["model", "dtype", "batch", "prompt_tokens", "new_tokens"].into_iter().chain(own);
    axes.map(|axis| value(job, axis).unwrap_or_default().into_owned()).collect()
}

/// What a job ran on, where that is not the backend that was asked for.
pub(super) fn elsewhere(job: &Job, row: &Row) -> Option<String> {
    let (_, used) = row.cells().iter().find(|(name, _)| name == "backend_used")?;
    let Cell::Text(used) = used else { return None };
    (used != <&str>::from(job.axes.backend)).then(|| used.clone())
}
