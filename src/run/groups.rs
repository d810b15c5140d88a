//! Which jobs take turns: the division of a plan into groups, and into the blocks that shards are made of.

use indexmap::IndexMap;

use crate::graph::{Graph, JobVars, Memory};
use crate::manifest::model::{Engine, Program};
use crate::plan::{Cache, Job, Plan};
use crate::reference::verifiable;
use crate::store::model_files;

/// Jobs that are ready at the same time, each with a device of its own.
const LARGEST: usize = 12;
/// What the tensors of a group's jobs may take together, in bytes.
const HEAVIEST: u64 = 2 << 30;
/// What a runtime of ONNX takes beside its model, in bytes.
const RUNTIME: u64 = 100 << 20;
/// Jobs with their positions in the plan.
pub(super) type Indexed<'run> = Vec<(usize, &'run Job)>;

/// Divides jobs, with their positions in the plan, into groups: of one model, none of them cold, where there are rounds
/// to interleave at all. Jobs that differ only in their browser stay together, since that is what is compared first.
pub(super) fn groups<'run>(plan: &Plan, jobs: &[(usize, &'run Job)]) -> Vec<Indexed<'run>> {
    divided(plan, jobs, declared_bytes).iter().flat_map(|block| divided(plan, block, bytes)).collect()
}

/// The positions of a plan's jobs in blocks, each of one group or of several: as groups are, but for what the files of models
/// weigh, which may be others on another machine, or not there.
#[must_use]
pub fn blocks(plan: &Plan) -> Vec<Vec<usize>> {
    let jobs: Vec<(usize, &Job)> = plan.jobs.iter().enumerate().collect();
    let blocks = divided(plan, &jobs, declared_bytes);
    blocks.into_iter().map(|block| block.into_iter().map(|(place, _)| place).collect()).collect()
}

/// See [`groups`]; `bytes` is what a job takes.
fn divided<'run>(plan: &Plan, jobs: &[(usize, &'run Job)], bytes: fn(&Plan, &Job) -> u64) -> Vec<Indexed<'run>> {
    // By model, then by everything but the browser; both in the order of the plan.
    let mut alike: IndexMap<String, IndexMap<&str, Indexed>> = IndexMap::new();
    for (index, job) in jobs {
        // Where nothing is interleaved jobs run alone, except those that have nothing but each other to be compared with.
        let alone = job.axes.cache == Cache::Cold || (plan.manifest.measure.rounds < 2 && !lacks_reference(plan, job));
        // Blocks of a shard stay apart, whatever lies between them in the whole plan.
        let block = job.block.map(|block| format!("{block}: ")).unwrap_or_default();
        let key = if alone { format!("{index}: alone") } else { format!("{block}{}", job.axes.model) };
        let rest = job.id.0.split_once('/').map_or("", |(_, rest)| rest);
        alike.entry(key).or_default().entry(rest).or_default().push((*index, job));
    }
    let mut groups: Vec<Indexed> = Vec::new();
    for sets in alike.into_values() {
        let (mut group, mut weight) = (Indexed::new(), 0_u64);
        for set in sets.into_values() {
            let heavy: u64 = set.iter().map(|(_, job)| bytes(plan, job)).sum();
            if !group.is_empty() && (group.len() + set.len() > LARGEST || weight.saturating_add(heavy) > HEAVIEST) {
                groups.push(std::mem::take(&mut group));
                weight = 0;
            }
            group.extend(set);
            weight = weight.saturating_add(heavy);
        }
        groups.push(group);
    }
    groups
}

/// What the buffers of a job's tensors take on the GPU; nothing where it can't run. A model of ONNX is taken to need room
/// for its files twice, and for its runtime.
fn bytes(plan: &Plan, job: &Job) -> u64 {
    declared_bytes(plan, job) + 2 * model_files::loaded_bytes(&plan.manifest, job).unwrap_or(0)
}

/// The same by what manifest and models say, without the sizes of files.
fn declared_bytes(plan: &Plan, job: &Job) -> u64 {
    let Some(model) = plan.manifest.models.get(&job.axes.model) else { return 0 };
    if model.engine() != Engine::Wgsl {
        return RUNTIME;
    }
    let graph = Graph::of(model, &JobVars::of(job));
    graph.map_or(0, |graph| Memory::of(&graph).bytes())
}

/// Whether nothing says what a job's stages, or its module, must compute.
fn lacks_reference(plan: &Plan, job: &Job) -> bool {
    let Some(model) = plan.manifest.models.get(&job.axes.model) else { return false };
    match &model.program {
        Program::Stages(_) => Graph::of(model, &JobVars::of(job)).is_ok_and(|graph| !verifiable(&graph)),
        Program::Module(module) => module.expect.is_empty(),
        Program::Pipeline(_) | Program::OnnxFile(_) => false,
    }
}
