//! The names on the `model` axis: each is found, read, and given the parameters of `[model.NAME]`.

use indexmap::IndexMap;

use super::{Checker, Use};
use crate::manifest::Model;
use crate::manifest::library::{self, Found};
use crate::manifest::model::check::{is_id, misnamed};
use crate::manifest::model::module::Expected;
use crate::manifest::model::{Engine, Module, Program};
use crate::manifest::problem::{ManifestError, Problem, listed, nearest, with_near};
use crate::manifest::schema::ModelFile;
use crate::manifest::values::{At, Table};

impl Checker<'_> {
    /// Every model in use; the tables of others are checked too.
    pub(super) fn models(
        &mut self,
        uses: &[Use],
        tables: &IndexMap<At<String>, Table<ModelFile>>,
    ) -> IndexMap<String, Model> {
        let mut models = IndexMap::new();
        let mut missing: Vec<&str> = Vec::new();
        for (name, Table(table)) in tables {
            match self.find(name, table) {
                Some(found) => self.add(&mut models, name.get(), Some(table), found),
                None => missing.push(name.get()),
            }
        }
        for (name, span) in uses {
            if models.contains_key(name) || missing.contains(&name.as_str()) {
                continue;
            }
            match library::find(self.folder, name) {
                Some(found) => self.add(&mut models, name, None, found),
                None => self.note(self.unknown(&At::new(name.clone(), span.clone()))),
            }
        }
        let compared = self.compared(uses, &mut models);
        let in_use = |name: &String| uses.iter().any(|(one, _)| one == name) || compared.contains(name);
        models.into_iter().filter(|(name, _)| in_use(name)).filter_map(|(name, model)| Some((name, model?))).collect()
    }

    /// The models that modules in use are compared with, found and read where the matrix does not name them.
    fn compared(&mut self, uses: &[Use], models: &mut IndexMap<String, Option<Model>>) -> Vec<String> {
        let in_matrix = uses.iter().filter_map(|(name, _)| models.get(name)?.clone());
        let modules: Vec<(Model, Module)> = in_matrix
            .filter_map(|model| match &model.program {
                Program::Module(module) => Some((model.clone(), module.clone())),
                _ => None,
            })
            .collect();
        let mut compared = Vec::new();
        for (model, module) in modules {
            let mut problems = Vec::new();
            for expected in &module.expect {
                let Expected::Model(other) = expected else { continue };
                let name = other.model.get_ref();
                if !models.contains_key(name) {
                    let Some(found) = library::find(self.folder, name) else {
                        problems.push(self.unknown(&At::new(name.clone(), other.model.span())));
                        continue;
                    };
                    self.add(models, name, None, found);
                }
                match models.get(name) {
                    Some(Some(found)) if !matches!(found.engine(), Engine::Wgsl | Engine::Onnxruntime) => {
                        let message = format!("model `{name}` runs on the engine `{}`", found.engine());
                        problems.push(
                            Problem::at(other.model.span(), message, "gpujobs can't compute this one itself")
                                .help("name a model of the engine `wgsl` or `onnxruntime`, or a `file`"),
                        );
                    }
                    _ => compared.push(name.clone()),
                }
            }
            if !problems.is_empty() {
                self.models.push(ManifestError::new(&model.path, &model.source, problems));
            }
        }
        compared
    }

    /// The file of a `[model.NAME]`; what is wrong with it is noted.
    fn find(&mut self, name: &At<String>, table: &ModelFile) -> Option<Found> {
        let Some(file) = &table.file else {
            let found = library::find(self.folder, name.get());
            if found.is_none() {
                self.note(self.unknown(name));
            }
            return found;
        };
        let found = library::read(self.folder.join(file.get()));
        if let Err(reason) = &found.text {
            let message = format!("the file of the model `{}` can't be read", name.get());
            self.note(
                Problem::at(file.span(), message, format!("{}: {reason}", found.path.display()))
                    .help("the path is relative to this manifest"),
            );
            return None;
        }
        Some(found)
    }

    /// Reads a model; `None` in `models` stands for one whose faults are noted.
    fn add(
        &mut self,
        models: &mut IndexMap<String, Option<Model>>,
        name: &str,
        table: Option<&ModelFile>,
        found: Found,
    ) {
        let text = found.text.unwrap_or_default();
        let model = match Model::parse(name, &found.path, &text) {
            Ok(model) => table.map_or(Some(model.clone()), |table| self.with_params(model, table)),
            Err(error) => {
                self.models.push(error);
                None
            }
        };
        models.insert(name.to_owned(), model);
    }

    /// One parameter at a time, so that each fault is shown where it stands.
    fn with_params(&mut self, mut model: Model, table: &ModelFile) -> Option<Model> {
        let before = self.problems.len();
        if let Some(id) = &table.id {
            match &mut model.program {
                Program::Pipeline(pipeline) if is_id(id.get()) => pipeline.id.clone_from(id.get()),
                Program::Pipeline(_) => self.note(
                    Problem::at(id.span(), format!("{:?} can't be the id of a model", id.get()), "not an id")
                        .help("`name` or `owner/name` of letters, digits, `-`, `_` and `.`"),
                ),
                Program::Stages(_) | Program::OnnxFile(_) | Program::Module(_) => self.note(
                    Problem::at(id.span(), format!("model `{}` has no `id`", model.name), "no key of this model")
                        .help("only models of the engine `transformers` are known by an id"),
                ),
            }
        }
        if let Some(weights) = &table.weights {
            self.problems.extend(misnamed(weights.get(), weights.span()));
            match &mut model.program {
                // Relative to this manifest where it lies there, else as the model's own would be.
                Program::Stages(stages) => {
                    let beside = self.folder.join(weights.get());
                    let beside = std::path::absolute(&beside).unwrap_or(beside);
                    stages.weights = Some(if beside.is_file() { beside } else { weights.get().into() });
                }
                Program::Pipeline(_) | Program::OnnxFile(_) | Program::Module(_) => self.note(
                    Problem::at(weights.span(), format!("model `{}` has its weights inside", model.name), "set here")
                        .help("only models of the engine `wgsl` read a `.safetensors` file"),
                ),
            }
        }
        for (key, value) in &table.params {
            match model.with_params(&IndexMap::from([(key.get().clone(), *value.get())])) {
                Ok(changed) => model = changed,
                Err(reason) => self.note(Problem::at(key.span(), reason, "set here")),
            }
        }
        (self.problems.len() == before).then_some(model)
    }

    fn unknown(&self, name: &At<String>) -> Problem {
        let names = library::names(self.folder);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let folder = self.folder.join("models");
        let known = if names.is_empty() { String::new() } else { format!("the models here are {}; ", listed(&names)) };
        let near = nearest(name.get(), names.iter().copied());
        let help = format!("{known}write one of your own as {}", folder.join("NAME.toml").display());
        Problem::at(name.span(), format!("unknown model `{}`", name.get()), "there is no such model file")
            .help(with_near(near, &help))
    }
}
