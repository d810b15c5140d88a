//! Where the files of a job's model are: in a model's folder of the store, or beside its manifest.
//!
//! Used by `render`, which has the page load them, and by `commands`, which say what they are.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use toml::Spanned;

use super::record::{RECORD, Record};
use super::{Dtype, ModelId, Store, dtypes_of, files, place};
use crate::manifest::model::tasks::Loader;
use crate::manifest::model::{Pipeline, Program};
use crate::manifest::{Manifest, Model};
use crate::plan::Job;
use crate::registry::{Package, is_package};
use crate::user_file;

/// A file of a model that is not there.
#[derive(Debug, thiserror::Error)]
#[error("model `{model}`: {message}; {remedy}")]
pub struct MissingFile {
    /// The model's name in the matrix.
    pub model: String,
    /// What is missing, and where it was looked for.
    pub message: String,
    /// What helps.
    pub remedy: String,
}

/// Files of a model beside its weights that transformers.js may ask for.
const SETTINGS: [&str; 6] = [
    "config.json",
    "generation_config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
];

/// The bytes that a job in onnxruntime-web loads; `None` where its files are not there.
#[must_use]
pub fn loaded_bytes(manifest: &Manifest, job: &Job) -> Option<u64> {
    let model = manifest.models.get(&job.axes.model)?;
    let paths: Vec<PathBuf> = match &model.program {
        Program::Stages(_) => return None,
        Program::Pipeline(pipeline) => pipeline_files(manifest, model, pipeline, job).ok()?.0.into_values().collect(),
        Program::OnnxFile(file) => vec![beside_or_stored(manifest, model, &file.file).ok()?],
        Program::Module(module) => {
            let found = |name: &Spanned<String>| beside_or_stored(manifest, model, Path::new(name.get_ref())).ok();
            module.files.iter().map(found).collect::<Option<_>>()?
        }
    };
    paths.iter().map(|file| std::fs::metadata(file).map(|metadata| metadata.len()).ok()).sum()
}

/// The ONNX file of a part of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weights {
    /// The part, by its file's name without dtype and ending.
    pub part: String,
    /// Number format: the job's, or what its session options give this part.
    pub dtype: String,
    /// Its path below the model's folder.
    pub path: String,
}

/// A model's files by their paths below its folder, and those of them that are ONNX models.
pub fn pipeline_files(
    manifest: &Manifest,
    model: &Model,
    pipeline: &Pipeline,
    job: &Job,
) -> Result<(IndexMap<String, PathBuf>, Vec<Weights>), MissingFile> {
    let folder = stored(manifest, model, &pipeline.id)?;
    let of_part = |part: &str| weights(manifest, job, pipeline, part);
    let there = |names: &&&[&str]| names.iter().all(|name| folder.join(of_part(name).path).is_file());
    let names: Vec<&str> = match (&pipeline.task.loader, &pipeline.file_name) {
        (_, Some(name)) => vec![name],
        (Loader::Pipeline(choices), None) => {
            choices.iter().find(there).or(choices.first()).map_or(Vec::new(), |names| names.to_vec())
        }
        (Loader::Parts(parts), None) => parts.iter().map(|part| part.file).collect(),
    };
    let mut found = IndexMap::new();
    for name in SETTINGS {
        if folder.join(name).is_file() {
            found.insert(name.to_owned(), folder.join(name));
        }
    }
    let models: Vec<Weights> = names.into_iter().map(of_part).collect();
    for one @ Weights { path: name, .. } in &models {
        if !folder.join(name).is_file() {
            return Err(no_weights(model, pipeline, &folder, one));
        }
        found.insert(name.clone(), folder.join(name));
        let beside = files(&folder).into_iter().filter(|(other, _)| other.starts_with(&format!("{name}_data")));
        found.extend(beside.map(|(other, _)| (other.clone(), folder.join(other))));
    }
    Ok((found, models))
}

/// The ONNX file of a part, by the custom of transformers.js.
fn weights(manifest: &Manifest, job: &Job, pipeline: &Pipeline, part: &str) -> Weights {
    let own = manifest.sessions.get(&job.axes.session).and_then(|session| session.dtype.get(part));
    let dtype = own.unwrap_or(&job.axes.dtype).clone();
    let name = format!("{part}{}.onnx", dtype.parse::<Dtype>().unwrap_or_default().suffix());
    let path = if pipeline.subfolder.is_empty() { name } else { format!("{}/{name}", pipeline.subfolder) };
    Weights { part: part.to_owned(), dtype, path }
}

/// The folder of a model in the store.
fn stored(manifest: &Manifest, model: &Model, id: &str) -> Result<PathBuf, MissingFile> {
    let store = Store::new(manifest.model_store.clone());
    store.find(id).ok_or_else(|| {
        let message = format!("`{id}` is not in the model store; looked in {}", folders(&store));
        let remedy = format!("`gpujobs fetch {id}` downloads it, as does `run --allow-download`");
        MissingFile { model: model.name.clone(), message, remedy }
    })
}

fn folders(store: &Store) -> String {
    let folders: Vec<String> = store.folders.iter().map(|folder| folder.display().to_string()).collect();
    folders.join(" and ")
}

/// A file of a package in the store.
fn in_package(store: &Store, model: &Model, text: &str) -> Result<PathBuf, MissingFile> {
    let missing = |message: String, remedy: String| MissingFile { model: model.name.clone(), message, remedy };
    let (package, inside) = Package::with_rest(text).map_err(|error| missing(error.to_string(), error.remedy()))?;
    let fetch = format!("`gpujobs fetch {package}` downloads it, as does `run --allow-download`");
    let mut found = store.folders.iter().map(|folder| place(folder, &ModelId::of_package(&package)));
    let right = |folder: &PathBuf| Record::read(folder).is_some_and(|record| record.is_of(&package));
    let Some(folder) = found.find(right) else {
        return Err(missing(format!("`{package}` is not in the model store; looked in {}", folders(store)), fetch));
    };
    let file = folder.join(inside);
    if file.is_file() {
        return Ok(file);
    }
    let there: Vec<String> = files(&folder).into_iter().map(|(path, _)| path).filter(|path| path != RECORD).collect();
    let message = format!("`{package}` has no file `{inside}`");
    Err(missing(message, format!("name one that it has: {}", there.join(", "))))
}

/// A file beside the model's manifest, else in the store; or of a package there.
pub fn beside_or_stored(manifest: &Manifest, model: &Model, file: &Path) -> Result<PathBuf, MissingFile> {
    let store = Store::new(manifest.model_store.clone());
    if let Some(text) = file.to_str().filter(|text| is_package(text)) {
        return in_package(&store, model, text);
    }
    let beside = model.path.parent().unwrap_or(Path::new("")).join(file);
    let mut places = std::iter::once(beside.clone()).chain(store.folders.iter().map(|folder| folder.join(file)));
    places.find(|place| place.is_file()).ok_or_else(|| {
        let message = match user_file::regular(&beside) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                format!("{} can't be read: {error}", beside.display())
            }
            _ => format!("there is no file {}, and none of that name in {}", beside.display(), folders(&store)),
        };
        let remedy = "put it there, or name another one".to_owned();
        MissingFile { model: model.name.clone(), message, remedy }
    })
}

fn no_weights(model: &Model, pipeline: &Pipeline, folder: &Path, missing: &Weights) -> MissingFile {
    let id = &pipeline.id;
    let name = &missing.path;
    if pipeline.file_name.is_some() {
        let there: Vec<String> = files(folder)
            .into_iter()
            .map(|(path, _)| path)
            .filter(|path| path.strip_suffix(".onnx").is_some())
            .collect();
        let there = if there.is_empty() { "no .onnx there".to_owned() } else { there.join(", ") };
        let message = format!("{name} is not in {}, which has {there}", folder.display());
        let remedy = "`model_file_name` is a file's name below onnx/, or another `subfolder`, without dtype and ending"
            .to_owned();
        return MissingFile { model: model.name.clone(), message, remedy };
    }
    let there: Vec<&str> = dtypes_of(folder).into_iter().map(<&str>::from).collect();
    let has = if there.is_empty() { "no weights at all".to_owned() } else { there.join(", ") };
    let message = format!("{name} is not in {}, which has {has}", folder.display());
    let remedy = format!("`gpujobs fetch {id} --dtype {}` downloads it if the hub has it", missing.dtype);
    MissingFile { model: model.name.clone(), message, remedy }
}
