//! Which jobs of two runs are to be compared: those of one id that ran on one machine.

use std::collections::HashMap;

use indexmap::IndexMap;

use super::machine::NAME;
use crate::record::read::{ADAPTER, HOST, JobRecord, Run};

/// The jobs of the base, each with that of the new run which has its id, in the order of the base.
///
/// Runs that were merged have rows of several machines with one id. Those of a machine's name belong together, then those of
/// equal hardware; each that is left belongs to all that are left, which is for the rules to refuse.
pub(super) fn equal_jobs<'run>(base: &'run Run, new: &'run Run) -> Vec<(&'run JobRecord, &'run JobRecord)> {
    let mut of_base: IndexMap<&str, Vec<&JobRecord>> = IndexMap::new();
    let mut of_new: HashMap<&str, Vec<&JobRecord>> = HashMap::new();
    base.jobs.iter().for_each(|job| of_base.entry(job.cell("job_id")).or_default().push(job));
    new.jobs.iter().for_each(|job| of_new.entry(job.cell("job_id")).or_default().push(job));
    let mut pairs = Vec::new();
    for (id, mut bases) in of_base {
        let Some(mut others) = of_new.remove(id) else { continue };
        for belong in [same_name, same_hardware] {
            bases.retain(|job| {
                let Some(place) = others.iter().position(|other| belong(job, other)) else { return true };
                pairs.push((*job, others.remove(place)));
                false
            });
        }
        pairs.extend(bases.iter().flat_map(|job| others.iter().map(move |other| (*job, *other))));
    }
    pairs
}

fn same_name(base: &JobRecord, new: &JobRecord) -> bool {
    !base.cell(NAME).is_empty() && base.cell(NAME) == new.cell(NAME)
}

/// Of machines of which one at most has a name.
fn same_hardware(base: &JobRecord, new: &JobRecord) -> bool {
    let named = !base.cell(NAME).is_empty() && !new.cell(NAME).is_empty();
    !named && HOST.iter().chain(&ADAPTER).all(|column| base.cell(column) == new.cell(column))
}
