//! What a run of ONNX models needs before a browser opens: the libraries, and the models themselves.

use std::collections::BTreeMap;

use crate::error::Error;
use crate::manifest::Model;
use crate::manifest::model::Program;
use crate::plan::{Job, Plan};
use crate::report::fetching::Fetching;
use crate::serve::Libraries;
use crate::setup::LIBRARIES;
use crate::store::{Dtype, Store, fetch};

/// Whether a plan has jobs in onnxruntime-web.
pub(in crate::commands) fn any(plan: &Plan) -> bool {
    jobs(plan).next().is_some()
}

fn jobs(plan: &Plan) -> impl Iterator<Item = &Job> {
    let runs = |job: &&Job| plan.manifest.models.get(&job.axes.model).is_some_and(Model::needs_libraries);
    plan.jobs.iter().filter(runs)
}

/// An error where the plan's jobs need libraries that are not installed.
pub(in crate::commands) fn need_libraries(plan: &Plan) -> Result<(), Error> {
    if !any(plan) || Libraries::find().is_some() {
        return Ok(());
    }
    let places: Vec<String> = Libraries::places().iter().map(|place| place.display().to_string()).collect();
    Err(Error::Environment {
        message: format!("transformers.js and onnxruntime-web are not installed; looked in {}", places.join(" and ")),
        help: format!("`gpujobs setup {LIBRARIES}` installs them, as does `run --setup`"),
    })
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
    let fetching = Fetching::new(quiet);
    for (id, dtypes) in wanted {
        let fetched = fetch::ensure(&store, id, &dtypes, &mut |event| fetching.show(event));
        fetching.end();
        fetched?;
    }
    Ok(())
}
