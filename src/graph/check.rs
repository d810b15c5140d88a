//! Whether the models of a plan go with the values of its jobs, known before a browser opens.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::Path;

use indexmap::IndexMap;
use rayon::prelude::*;

use super::inputs::{Call, Feeds};
use super::{Graph, GraphError, JobVars};
use crate::manifest::model::{Model, Program};
use crate::manifest::{ManifestError, Problem};
use crate::plan::{Job, Plan};

/// What is wrong with the models of a plan for some of its jobs: each place of a model's file once, as the first such job
/// has it.
#[must_use]
pub fn check(plan: &Plan) -> Vec<ManifestError> {
    let mut distinct: IndexMap<String, (&Model, &Job)> = IndexMap::new();
    for job in plan.jobs.iter().filter(|job| job.unsupported_reason.is_none()) {
        if let Some(model) = plan.manifest.models.get(&job.axes.model) {
            distinct.entry(key(model, job)).or_insert((model, job));
        }
    }
    let distinct: Vec<(&Model, &Job)> = distinct.into_values().collect();
    let evaluated = distinct.into_par_iter().map(|(model, job)| (model, evaluate(model, &JobVars::of(job))));
    let mut files: IndexMap<&Path, (&Model, Vec<Problem>)> = IndexMap::new();
    let mut seen = HashSet::new();
    for (model, result) in evaluated.collect::<Vec<_>>() {
        // `evaluate` asks no engine for what only another has.
        let Err(GraphError::Faulty { file, .. }) = result else { continue };
        for problem in file.problems {
            let place = problem.span.as_ref().map_or_else(|| problem.message.clone(), |span| format!("{span:?}"));
            if seen.insert((&model.path, place)) {
                files.entry(&model.path).or_insert((model, Vec::new())).1.push(problem);
            }
        }
    }
    files.into_iter().map(|(path, (model, problems))| ManifestError::new(path, &model.source, problems)).collect()
}

/// The same for jobs whose model comes to the same: an axis whose name does not stand in the model's file is in none of
/// its expressions.
fn key(model: &Model, job: &Job) -> String {
    let mut key = job.axes.model.clone();
    if model.source.contains("batch") {
        let _ = write!(key, " {}", job.axes.batch);
    }
    for (name, value) in job.axes.custom.iter().filter(|(name, _)| model.source.contains(name.as_str())) {
        let _ = write!(key, " {name}={value:?}");
    }
    key
}

fn evaluate(model: &Model, vars: &JobVars) -> Result<(), GraphError> {
    match &model.program {
        Program::Stages(_) => Graph::of(model, vars).map(drop),
        Program::Pipeline(pipeline) => Call::of(model, pipeline, vars).map(drop),
        Program::OnnxFile(file) => Feeds::of(model, file, vars).map(drop),
        Program::Module(module) => {
            Feeds::of_feeds(model, module.inputs.iter().map(|input| &input.feed), vars).map(drop)
        }
    }
}
