//! The files and folders that a manifest and its models name, besides their own texts.
//!
//! Used by `record`, which keeps them with a run. What only a page's rendering brings to light (the files that an ONNX file or a
//! module names itself) is known to `render`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::model_files::beside_or_stored;
use crate::manifest::model::module::Expected;
use crate::manifest::model::stages::{ArrayFile, InputValues, Item, StageSpec};
use crate::manifest::model::{Feed, Given, LibrarySource, Module, OnnxFile, Pipeline, Program, Stages};
use crate::manifest::runtime::Runtime;
use crate::manifest::{Manifest, Model};

/// Paths as they were found: relative where the manifest's own is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    /// Files.
    pub files: BTreeSet<PathBuf>,
    /// What is taken as it is, whatever it holds: folders of models and of packages, programs.
    pub folders: BTreeSet<PathBuf>,
}

/// What a manifest names, that of each of its models included. A file that is not there is none: what needs it says so.
#[must_use]
pub fn named(manifest: &Manifest) -> Named {
    let mut named = Named::default();
    named.folders.extend(manifest.model_store.clone());
    for runtime in manifest.runtimes.values() {
        if let Runtime::Folder(folder) = runtime {
            named.folders.insert(folder.clone());
        }
    }
    named.files.extend(manifest.compiler.tuned.iter().cloned());
    let programs = manifest.browsers.values().flat_map(|browser| [&browser.binary, &browser.driver]).flatten();
    // One without a folder is looked up on PATH. Which version it is, rows say.
    let is_there = |program: &&PathBuf| program.components().count() > 1 && program.is_file();
    named.folders.extend(programs.filter(is_there).cloned());
    for model in manifest.models.values() {
        match &model.program {
            Program::Stages(stages) => named.of_stages(manifest, model, stages),
            Program::Pipeline(pipeline) => named.of_pipeline(pipeline),
            Program::OnnxFile(file) => named.of_onnx(manifest, model, file),
            Program::Module(module) => named.of_module(module),
        }
    }
    named
}

impl Named {
    fn of_stages(&mut self, manifest: &Manifest, model: &Model, stages: &Stages) {
        let weights = stages.weights.as_deref().and_then(|file| beside_or_stored(manifest, model, file).ok());
        self.files.extend(weights);
        self.values(stages.inputs.iter().map(|input| &input.values));
        let stages = stages.items.iter().flat_map(in_item);
        self.arrays(stages.filter_map(|stage| Some(&stage.expect.as_ref()?.file)));
    }

    fn of_pipeline(&mut self, pipeline: &Pipeline) {
        let file = |given: &Given| if let Given::File(path) = given { Some(path.clone()) } else { None };
        self.files.extend(pipeline.given.iter().filter_map(file));
    }

    fn of_onnx(&mut self, manifest: &Manifest, model: &Model, file: &OnnxFile) {
        self.files.extend(beside_or_stored(manifest, model, &file.file).ok());
        self.feeds(&file.feeds);
        self.arrays(file.expect.iter().map(|expect| &expect.file));
    }

    fn of_module(&mut self, module: &Module) {
        for library in module.libraries.values() {
            if let LibrarySource::Folder(folder) = &library.source {
                self.folders.insert(folder.clone());
            }
        }
        self.feeds(module.inputs.iter().map(|input| &input.feed));
        self.arrays(module.expect.iter().filter_map(|expected| match expected {
            Expected::File(file) => Some(&file.file),
            Expected::Model(_) => None,
        }));
    }

    fn feeds<'a>(&mut self, feeds: impl IntoIterator<Item = &'a Feed>) {
        self.values(feeds.into_iter().filter_map(|feed| feed.values.as_ref()));
    }

    fn values<'a>(&mut self, values: impl Iterator<Item = &'a InputValues>) {
        self.arrays(values.filter_map(|values| if let InputValues::File(file) = values { Some(file) } else { None }));
    }

    fn arrays<'a>(&mut self, files: impl Iterator<Item = &'a ArrayFile>) {
        self.files.extend(files.map(|file| file.path.clone()));
    }
}

fn in_item(item: &Item) -> &[StageSpec] {
    match item {
        Item::Stage(stage) => std::slice::from_ref(stage.as_ref()),
        Item::Block(block) => &block.stages,
    }
}
