//! A machine is what computed a job, in words: its adapter and its processor.

use super::refusal::ADAPTER;
use crate::record::read::JobRecord;

/// What computed a job, as far as its row says; none where it says nothing, as rows of jobs that never ran.
#[must_use]
pub fn machine(job: &JobRecord) -> Option<String> {
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
