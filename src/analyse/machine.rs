//! A machine is what computed a job: its name where somebody gave it one, its adapter and its processor.
//!
//! The runs of several machines may be one folder (`gpujobs merge`): there a job's id does not say which of its rows is meant.

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;

use crate::record::csv::original;
use crate::record::read::{ADAPTER, HOST, JobRecord, Run};

/// The column of its name.
pub(super) const NAME: &str = "machine";

/// What computed a job, as far as its row says; none where it says nothing, as rows of jobs that never ran.
#[must_use]
pub fn machine(job: &JobRecord) -> Option<String> {
    let hardware = hardware(job)?;
    let name = job.cell(NAME);
    Some(if name.is_empty() { hardware } else { format!("{name}: {hardware}") })
}

/// The same without its name.
pub(super) fn hardware(job: &JobRecord) -> Option<String> {
    let cells = ADAPTER.iter().skip(1).map(|column| job.cell(column)).filter(|cell| !cell.is_empty());
    let mut words: Vec<&str> = Vec::new();
    for cell in cells {
        if !words.contains(&cell) {
            words.push(cell);
        }
    }
    let named = !job.cell("adapter_kind").is_empty() || job.cell("status") == "ok";
    let adapter = if words.is_empty() { String::new() } else { format!("{} · ", words.join(" ")) };
    named.then(|| format!("{adapter}{}", job.cell("cpu")))
}

/// What a job's machine is called beside others: its name, else its hardware, else the run that it is of.
#[must_use]
pub fn label(job: &JobRecord) -> String {
    let name = Some(job.cell(NAME).to_owned()).filter(|name| !name.is_empty());
    let label = name.or_else(|| hardware(job)).unwrap_or_else(|| job.cell("run_id").to_owned());
    original(&label).to_owned()
}

/// A number for each row of a run: rows with the same one ran on the same machine, as far as their run says.
///
/// Name, system and processor tell machines apart; where that leaves a job with several rows, so does the run of each row.
#[must_use]
pub fn numbers(run: &Run) -> Vec<usize> {
    let place = |job: &JobRecord| [job.cell(NAME), job.cell(HOST[0]), job.cell(HOST[1])].map(str::to_owned);
    let mut seen = HashSet::new();
    let doubled: HashSet<_> =
        run.jobs.iter().filter(|job| !seen.insert((place(job), job.cell("job_id")))).map(place).collect();
    let mut numbers = HashMap::new();
    let number = |job: &JobRecord| {
        let place = place(job);
        let of = if doubled.contains(&place) { job.cell("run_id").to_owned() } else { String::new() };
        let next = numbers.len();
        *numbers.entry((place, of)).or_insert(next)
    };
    run.jobs.iter().map(number).collect()
}

/// The ids that several rows of a run have.
#[must_use]
pub fn doubled_ids(run: &Run) -> HashSet<&str> {
    let mut seen = HashSet::new();
    run.jobs.iter().map(|job| job.cell("job_id")).filter(|id| !seen.insert(*id)).collect()
}

/// Rows, each with the place of its run.
pub(super) type Rows<'run> = Vec<(usize, &'run JobRecord)>;

/// What a series is of, beside its job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct MachineKey {
    /// Of the adapter.
    pub(super) kind: String,
    pub(super) hardware: String,
    /// Empty where nobody named it.
    pub(super) name: String,
}

/// Rows without a name go to the one machine of their hardware that has one, which was named later on.
pub(super) fn with_names(mut series: IndexMap<MachineKey, Rows<'_>>) -> IndexMap<MachineKey, Rows<'_>> {
    let unnamed: Vec<MachineKey> = series.keys().filter(|key| key.name.is_empty()).cloned().collect();
    for key in unnamed {
        let alike = |other: &&MachineKey| {
            !other.name.is_empty() && (&other.kind, &other.hardware) == (&key.kind, &key.hardware)
        };
        let named: Vec<MachineKey> = series.keys().filter(alike).cloned().collect();
        if let [named] = named.as_slice()
            && let Some(rows) = series.shift_remove(&key)
        {
            series.entry(named.clone()).or_default().extend(rows);
        }
    }
    series
}
