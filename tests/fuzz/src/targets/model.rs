//! A model's text: read, checked, evaluated for a job, and rendered as a page.

use std::path::Path;
use std::sync::LazyLock;

use super::super::{check_errors, draw};
use gpujobs::graph::{self, Graph, JobVars, Memory};
use gpujobs::manifest::model::Program;
use gpujobs::manifest::{Manifest, ManifestErrors, Model};
use gpujobs::plan::Plan;
use gpujobs::render::Templates;
use gpujobs::render::page::{Page, PageRequest};

static TEMPLATES: LazyLock<Templates> = LazyLock::new(|| Templates::new(None, None).expect("the built-in templates"));

/// A manifest whose model is put in place of its own.
static MANIFEST: LazyLock<Manifest> = LazyLock::new(|| {
    let text = "[matrix]\nbrowser = 'chrome'\nmodel = 'axpy'\nbatch = 2\n[axes]\nwide = 3\n".to_owned();
    Manifest::parse(Path::new("fuzzed/manifest.toml"), text, &[]).expect("a manifest without faults")
});

/// Graphs of more stages are not rendered here: each takes a millisecond.
const MOST_STAGES: usize = 4;

/// Reads the input as the program does, and panics where what must hold does not.
pub fn check(text: &str) {
    let path = Path::new("fuzzed/models/axpy.toml");
    let model = match Model::parse("axpy", path, text) {
        Ok(model) => model,
        Err(error) => {
            let errors = [error];
            check_errors(&errors, path, text);
            draw(&ManifestErrors(errors.into()));
            return;
        }
    };
    let mut manifest = MANIFEST.clone();
    manifest.models.insert("axpy".to_owned(), model);
    let plan = Plan::of(manifest);
    let faulty = graph::check(&plan);
    check_errors(&faulty, path, text);
    if !faulty.is_empty() {
        draw(&ManifestErrors(faulty));
        return;
    }
    let job = &plan.jobs[0];
    let model = &plan.manifest.models["axpy"];
    if matches!(model.program, Program::Stages(_)) {
        // What is too large is no fault of the file.
        let Ok(graph) = Graph::of(model, &JobVars::of(job)) else { return };
        check_graph(&graph);
        if graph.stages.len() > MOST_STAGES {
            return;
        }
    }
    match Page::render(&TEMPLATES, &PageRequest::new(&plan.manifest, job)) {
        Ok(page) => drop(page.module(&TEMPLATES)),
        Err(error) => drop(error.to_string()),
    }
}

fn check_graph(graph: &Graph) {
    let memory = Memory::of(graph);
    assert_eq!(memory.of.len(), graph.tensors.len(), "each tensor has its place");
    let _ = memory.bytes();
    for stage in &graph.stages {
        assert!(stage.tensors().chain(stage.reads()).all(|id| id < graph.tensors.len()));
    }
    for tensor in &graph.tensors {
        assert!(tensor.bytes() >= tensor.len() as u64, "{} {:?}", tensor.name, tensor.shape);
    }
}
