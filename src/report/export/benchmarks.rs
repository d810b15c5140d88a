//! Benchmarks are the jobs of a run whose times may be followed over commits: right results, each with a name that no other has.
//!
//! Which rows count, and by which clock, is said in `analyse`, as for a history. Made from `record`'s runs; `bencher` and
//! `github_action` write them.

use std::collections::HashMap;
use std::hash::Hash;
use std::iter;

use indexmap::IndexMap;

use super::ExportError;
use crate::analyse::comparison::Rules;
use crate::analyse::job_time::{self, by_gpu};
use crate::analyse::machine::machine;
use crate::measure::Summary;
use crate::record::csv::original;
use crate::record::read::{JobRecord, Run};

/// The longest name that Bencher takes, in bytes (its `BenchmarkName`).
const LONGEST_NAME: usize = 1024;

/// The jobs of a run that count, and those that do not.
#[derive(Debug)]
pub struct Benchmarks<'run> {
    /// Those that count, in the order of their rows; at least one.
    pub counted: Vec<Benchmark<'run>>,
    /// Those that do not, by reason.
    pub left_out: Vec<LeftOut>,
}

/// A job that counts.
#[derive(Debug)]
pub struct Benchmark<'run> {
    /// Its `job_id`, with what computed it where several rows of the run have that id.
    pub name: String,
    /// Its row and samples.
    pub job: &'run JobRecord,
    /// Time of one inference, ms.
    pub time: Summary,
    /// Whether the GPU's clock tells it.
    pub gpu: bool,
}

/// Jobs that do not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Why.
    pub reason: String,
    /// How many.
    pub count: usize,
    /// The `job_id` of the first.
    pub first: String,
}

impl<'run> Benchmarks<'run> {
    /// Of a run; `unverified` takes times whose output was not verified as well.
    pub fn of(run: &'run Run, unverified: bool) -> Result<Self, ExportError> {
        let rules = Rules { unverified, ..Rules::default() };
        let mut reasons: IndexMap<String, LeftOut> = IndexMap::new();
        let mut leave_out = |job: &JobRecord, reason: String| {
            let first = original(job.cell("job_id")).to_owned();
            let blank = LeftOut { reason: reason.clone(), count: 0, first };
            reasons.entry(reason).or_insert(blank).count += 1;
        };
        let key = |job: &'run JobRecord| (job.cell("run_id"), job.cell("job_id"));
        let rows = uses(run.jobs.iter().map(key));
        let mut counted = Vec::new();
        for job in &run.jobs {
            if rows[&key(job)] > 1 {
                leave_out(
                    job,
                    "several rows have its run_id and job_id: whose its samples are is not known".to_owned(),
                );
                continue;
            }
            let gpu = by_gpu(rules.metric, iter::once(job));
            match job_time::of(job, &rules, gpu) {
                Ok(time) => counted.push(Benchmark { name: original(job.cell("job_id")).to_owned(), job, time, gpu }),
                Err(reason) => leave_out(job, in_general(job, &reason)),
            }
        }
        tell_apart(&mut counted);
        let names = uses(counted.iter().map(|benchmark| benchmark.name.clone()));
        counted.retain(|Benchmark { name, job, .. }| {
            let reason = if names[name] > 1 {
                "several rows have its job_id, adapter and processor".to_owned()
            } else if name.is_empty() || name.len() > LONGEST_NAME {
                format!("its name has {} bytes, and 1 to {LONGEST_NAME} are taken", name.len())
            } else {
                return true;
            };
            leave_out(job, reason);
            false
        });
        let left_out: Vec<LeftOut> = reasons.into_values().collect();
        if counted.is_empty() { Err(none(&left_out)) } else { Ok(Self { counted, left_out }) }
    }
}

/// How often each occurs.
fn uses<T: Eq + Hash>(all: impl Iterator<Item = T>) -> HashMap<T, usize> {
    let mut uses = HashMap::new();
    for one in all {
        *uses.entry(one).or_default() += 1;
    }
    uses
}

/// The reason as jobs have it in common: without the job's id, with the status that it explains.
fn in_general(job: &JobRecord, reason: &str) -> String {
    let status = job.cell("status");
    let reason = reason.strip_prefix(job.cell("job_id")).unwrap_or(reason).trim_start();
    if status == "ok" || status == reason { reason.to_owned() } else { format!("{status}: {}", original(reason)) }
}

/// Names what computed them where several have one name.
fn tell_apart(benchmarks: &mut [Benchmark<'_>]) {
    let ids = uses(benchmarks.iter().map(|benchmark| benchmark.name.clone()));
    for benchmark in benchmarks.iter_mut().filter(|benchmark| ids[&benchmark.name] > 1) {
        let machine = machine(benchmark.job).unwrap_or_default();
        benchmark.name = format!("{} [{}]", benchmark.name, original(&machine));
    }
}

fn none(left_out: &[LeftOut]) -> ExportError {
    let Some(most) = left_out.iter().max_by_key(|left_out| left_out.count) else {
        return ExportError::NoBenchmark {
            reason: "it has no rows".to_owned(),
            help: "let a job end: `gpujobs run --resume RUN MANIFEST` goes on with a run that was interrupted",
        };
    };
    let rows: usize = left_out.iter().map(|left_out| left_out.count).sum();
    ExportError::NoBenchmark {
        reason: format!("{} of {rows} rows: {}, such as {}", most.count, most.reason, most.first),
        help: "run it again once that is mended; `--format json`, `parquet` and `xlsx` export every row as it is, and \
               `--unverified` takes times whose output nothing was compared with",
    }
}
