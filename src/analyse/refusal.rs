//! Why two jobs must not be compared, with the flag that lifts it.

use super::comparison::Rules;
use crate::record::read::{HOST, JobRecord};

/// Why a job can't be compared at all.
pub(super) fn unfit(job: &JobRecord, rules: &Rules) -> Option<String> {
    if job.cell("status") != "ok" {
        return Some(format!("{} is {}", job.cell("job_id"), job.cell("status")));
    }
    (job.cell("verified") != "true" && !rules.unverified)
        .then(|| format!("{} was not verified (--unverified compares it all the same)", job.cell("job_id")))
}

/// Why two jobs can't be compared: one of the columns says that they ran on different machines.
fn unlike(base: &JobRecord, new: &JobRecord, columns: &[&str], rules: &Rules) -> Option<String> {
    let differing = differing(base, new, columns)?;
    (!rules.across_machines).then(|| format!("{differing} (--across-machines compares them all the same)"))
}

/// The same of the machines: of their names, where both have one, and of what they are.
pub(super) fn unlike_machines(base: &JobRecord, new: &JobRecord, rules: &Rules) -> Option<String> {
    let named = !base.cell("machine").is_empty() && !new.cell("machine").is_empty();
    let columns: &[&str] = if named { &["machine", HOST[0], HOST[1]] } else { &HOST };
    unlike(base, new, columns, rules)
}

/// The same of the adapters. A job that no GPU computed has none, which says nothing about the machine; whether it was
/// to run so is for the backends to say.
pub(super) fn unlike_adapters(base: &JobRecord, new: &JobRecord, columns: &[&str], rules: &Rules) -> Option<String> {
    let named = |job: &JobRecord| !job.cell("adapter_kind").is_empty();
    if named(base) && named(new) { unlike(base, new, columns, rules) } else { None }
}

/// Why a job says nothing about the backend in its row: it, or a part of it, ran on another one.
pub(super) fn fallback(job: &JobRecord, rules: &Rules) -> Option<String> {
    let (asked, used) = (job.cell("backend"), job.cell("backend_used"));
    (asked != used && !rules.different_shaders).then(|| {
        format!(
            "{} ran on `{used}`, which is not the backend asked for (--different-shaders compares them all the same)",
            job.cell("job_id")
        )
    })
}

/// Why two jobs of one id can't be compared: one of the columns says that they did not run the same program.
pub(super) fn another_program(base: &JobRecord, new: &JobRecord, columns: &[&str], rules: &Rules) -> Option<String> {
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
