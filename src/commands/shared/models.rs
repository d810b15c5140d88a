//! What a run of ONNX models and modules needs before a browser opens: the libraries, and the models themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;

use crate::error::Error;
use crate::manifest::axes::DEFAULT;
use crate::manifest::model::module::Expected;
use crate::manifest::model::{Module, Program};
use crate::manifest::runtime::Runtime;
use crate::manifest::{Manifest, Model};
use crate::plan::{Job, Plan};
use crate::registry::{Package, is_package};
use crate::report::fetching::Fetching;
use crate::serve::{Lacking, Libraries, lacking};
use crate::setup::LIBRARIES;
use crate::setup::models::fetch_package;
use crate::store::fetch_error::FetchError;
use crate::store::packages::{NoPackage, Packages};
use crate::store::{Dtype, Store, fetch};

/// Whether a plan has jobs in onnxruntime-web, or such that native onnxruntime computes what they must give.
pub(in crate::commands) fn any(plan: &Plan) -> bool {
    jobs(plan).next().is_some()
        || plan.manifest.models.values().any(|model| model.needs_libraries() && compared(plan, model))
}

/// Whether a module of the plan's jobs is compared with a model.
fn compared(plan: &Plan, model: &Model) -> bool {
    modules(plan).any(|(_, module)| {
        let named =
            |expected: &Expected| matches!(expected, Expected::Model(other) if *other.model.get_ref() == model.name);
        module.expect.iter().any(named)
    })
}

/// Whether a plan has jobs in documents of their own, which load over http.
pub(in crate::commands) fn any_framed(plan: &Plan) -> bool {
    jobs(plan).next().is_some() || modules(plan).next().is_some()
}

/// The modules of the plan's jobs, each once.
pub(in crate::commands) fn modules(plan: &Plan) -> impl Iterator<Item = (&Model, &Module)> {
    let used: BTreeSet<&str> = plan.jobs.iter().map(|job| job.axes.model.as_str()).collect();
    plan.manifest.models.values().filter(move |model| used.contains(model.name.as_str())).filter_map(|model| {
        match &model.program {
            Program::Module(module) => Some((model, module)),
            _ => None,
        }
    })
}

fn jobs(plan: &Plan) -> impl Iterator<Item = &Job> {
    let runs = |job: &&Job| plan.manifest.models.get(&job.axes.model).is_some_and(Model::needs_libraries);
    plan.jobs.iter().filter(runs)
}

/// An error where the plan's jobs need libraries that are not installed.
pub(in crate::commands) fn need_libraries(plan: &Plan) -> Result<(), Error> {
    modules(plan).try_for_each(|(model, module)| need_packages(plan, model, module))?;
    if !any(plan) {
        return Ok(());
    }
    if Libraries::find().is_some() {
        return runtimes(plan).try_for_each(|(name, runtime)| need(plan, name, runtime));
    }
    let places: Vec<String> = Libraries::places().iter().map(|place| place.display().to_string()).collect();
    Err(Error::Environment {
        message: format!("transformers.js and onnxruntime-web are not installed; looked in {}", places.join(" and ")),
        help: format!("`gpujobs setup {LIBRARIES}` installs them, as does `run --setup`"),
    })
}

/// An error where a package that a module imports is not there.
fn need_packages(plan: &Plan, model: &Model, module: &Module) -> Result<(), Error> {
    let Err(NoPackage { message, installable, .. }) = Packages::of(module) else { return Ok(()) };
    let manifest = plan.manifest.path.display();
    let help = if installable {
        format!("`gpujobs setup {manifest}` installs what its jobs need, as does `run {manifest} --setup`")
    } else {
        format!("mend `libraries` in {}", model.path.display())
    };
    Err(Error::Environment { message: format!("model `{}`: {message}", model.name), help })
}

/// An error where a runtime is not complete.
fn need(plan: &Plan, name: &str, runtime: &Runtime) -> Result<(), Error> {
    let Some(Lacking { reason, installable }) = lacking(runtime) else { return Ok(()) };
    let manifest = plan.manifest.path.display();
    let help = match runtime {
        _ if installable => {
            format!("`gpujobs setup {manifest}` installs what its jobs need, as does `run {manifest} --setup`")
        }
        Runtime::Versions { .. } => "name a newer version: onnxruntime-web has these files since 1.23".to_owned(),
        Runtime::Folder(_) => {
            "`path` leads to a folder with `onnxruntime-web/dist` or `@huggingface/transformers/dist`, by itself or in its \
             `node_modules`"
                .to_owned()
        }
    };
    Err(Error::Environment { message: format!("runtime `{name}`: {reason}"), help })
}

/// The runtimes of the plan's jobs in onnxruntime-web, each once; not the default.
pub(in crate::commands) fn runtimes(plan: &Plan) -> impl Iterator<Item = (&str, &Runtime)> {
    let named: BTreeSet<&str> = jobs(plan).map(|job| job.axes.runtime.as_str()).collect();
    plan.manifest
        .runtimes
        .iter()
        .filter(move |(name, _)| named.contains(name.as_str()))
        .map(|(name, of)| (name.as_str(), of))
}

/// The libraries of a manifest by the names of their runtimes; none where none are installed.
pub(in crate::commands) fn libraries(manifest: &Manifest) -> impl Iterator<Item = (&str, Libraries)> {
    let default = Libraries::find();
    let others = manifest.runtimes.iter().map(|(name, runtime)| (name.as_str(), Some(runtime)));
    std::iter::once((DEFAULT, None)).chain(others).filter_map(move |(name, runtime)| {
        let default = default.clone()?;
        Some((name, runtime.map_or(default.clone(), |runtime| default.with(runtime))))
    })
}

/// The files of registries' packages that the plan's models name, each once.
fn packages(plan: &Plan) -> BTreeSet<&str> {
    let used: BTreeSet<&str> = plan.jobs.iter().map(|job| job.axes.model.as_str()).collect();
    let needed = |model: &&Model| used.contains(model.name.as_str()) || compared(plan, model);
    let files = plan.manifest.models.values().filter(needed).filter_map(file_of);
    files.filter_map(|file| file.to_str()).filter(|text| is_package(text)).collect()
}

/// The file of a model, or of its weights.
fn file_of(model: &Model) -> Option<&Path> {
    match &model.program {
        Program::Stages(stages) => stages.weights.as_deref(),
        Program::OnnxFile(file) => Some(&file.file),
        Program::Pipeline(_) | Program::Module(_) => None,
    }
}

/// Where what npm and pip say is shown.
pub(in crate::commands) fn progress(quiet: bool) -> Box<dyn Write> {
    if quiet { Box::new(std::io::sink()) } else { Box::new(anstream::stderr()) }
}

/// Brings the models that the store does not have.
pub(in crate::commands) fn download(plan: &Plan, quiet: bool) -> Result<(), Error> {
    let store = Store::new(plan.manifest.model_store.clone());
    let mut wanted: BTreeMap<&str, Vec<Dtype>> = BTreeMap::new();
    for job in jobs(plan) {
        let program = plan.manifest.models.get(&job.axes.model).map(|model| &model.program);
        if let (Some(Program::Pipeline(pipeline)), Some(dtype)) = (program, job.axes.dtype.parse::<Dtype>().ok()) {
            let dtypes = wanted.entry(&pipeline.id).or_default();
            let session = plan.manifest.sessions.get(&job.axes.session);
            let of_parts = session.into_iter().flat_map(|session| session.dtype.values());
            for dtype in of_parts.filter_map(|dtype| dtype.parse().ok()).chain([dtype]) {
                if !dtypes.contains(&dtype) {
                    dtypes.push(dtype);
                }
            }
        }
    }
    for text in packages(plan) {
        let package = Package::with_rest(text).map_err(FetchError::from)?.0;
        fetch_package(&store, &package, &mut progress(quiet))?;
    }
    let fetching = Fetching::new(quiet);
    for (id, dtypes) in wanted {
        let fetched = fetch::ensure(&store, id, &dtypes, &mut |event| fetching.show(event));
        fetching.end();
        fetched?;
    }
    Ok(())
}
