//! Which axes tell the jobs of a plan apart, and which are the same for all.

use std::borrow::Cow;

use crate::manifest::axes;
use crate::plan::select::value;
use crate::plan::{Job, Plan};

/// The axes that distinguish the jobs of a plan: those of its matrix, then those that only an `[[matrix.include]]` names.
pub(super) fn varying(plan: &Plan) -> Vec<String> {
    let own = plan.manifest.axes.iter().map(|axis| axis.name.as_str());
    let others = axes::names().into_iter().filter(|name| plan.manifest.axes.iter().all(|axis| axis.name != *name));
    own.chain(others).filter(|axis| differ(plan, axis)).map(str::to_owned).collect()
}

/// The axes of the matrix on which all jobs have one value, with it.
pub(super) fn constant(plan: &Plan) -> Vec<(String, String)> {
    let own = plan.manifest.axes.iter().map(|axis| axis.name.clone()).filter(|axis| !differ(plan, axis));
    own.filter_map(|axis| Some((axis.clone(), value(plan.jobs.first()?, &axis)?.into_owned()))).collect()
}

/// Whether an axis takes several values in a plan.
pub(super) fn differ(plan: &Plan, axis: &str) -> bool {
    let mut values = plan.jobs.iter().map(|job| value(job, axis));
    let first = values.next();
    values.any(|value| Some(value) != first)
}

/// A job's value on an axis; empty where it has none.
pub(super) fn label(job: &Job, axis: &str) -> String {
    value(job, axis).map(Cow::into_owned).unwrap_or_default()
}
