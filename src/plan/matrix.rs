//! From the axes of a manifest to its jobs, in order and with stable ids.
//!
//! The axes vary like nested loops in the order of the file, the first slowest; then come the includes.

use std::collections::HashSet;
use std::fmt::Write as _;

use indexmap::IndexMap;

use super::{Cache, Job, JobId, Plan, Workgroup};
use crate::manifest::axes::{DEFAULT_SHAPE, DTYPES, WEBNN_DEVICES};
use crate::manifest::model::Engine;
use crate::manifest::{AxisValue, Backend, Manifest, product};

impl Plan {
    /// The jobs of a manifest. A checked manifest has no faulty or duplicate job, so nothing can go wrong here.
    #[must_use]
    pub fn of(manifest: Manifest) -> Self {
        let axes = &manifest.axes;
        let mut jobs: Vec<Job> = product::combinations(axes, &manifest.exclude)
            .map(|positions| {
                let values = axes.iter().zip(positions);
                job(&manifest, values.map(|(axis, at)| (axis.name.as_str(), &axis.values[at])))
            })
            .collect();
        for include in &manifest.include {
            jobs.push(job(&manifest, include.iter().map(|(name, value)| (name.as_str(), value))));
        }
        debug_assert_eq!(jobs.iter().map(|job| &job.id).collect::<HashSet<_>>().len(), jobs.len(), "ids are distinct");
        Self { manifest, jobs }
    }
}

fn job<'a>(manifest: &Manifest, values: impl Iterator<Item = (&'a str, &'a AxisValue)>) -> Job {
    let mut job = Job {
        id: JobId(String::new()),
        browser: String::new(),
        model: String::new(),
        backend: Backend::Webgpu,
        shader_precompilation: true,
        parallel_loading: true,
        workgroup_size: DEFAULT_SHAPE.into(),
        dtype: DTYPES[0].to_owned(),
        batch: 1,
        threads: None,
        webnn_device: WEBNN_DEVICES[0].to_owned(),
        cache: Cache::Warm,
        own: IndexMap::new(),
        chosen: Vec::new(),
        impossible: None,
    };
    for (name, value) in values {
        match (name, value) {
            ("browser", AxisValue::Text(text)) => job.browser.clone_from(text),
            ("model", AxisValue::Text(text)) => job.model.clone_from(text),
            ("dtype", AxisValue::Text(text)) => job.dtype.clone_from(text),
            ("backend", AxisValue::Text(text)) => {
                job.backend = Backend::ALL.into_iter().find(|backend| backend.name() == text).unwrap_or(job.backend);
            }
            ("webnn_device", AxisValue::Text(text)) => job.webnn_device.clone_from(text),
            ("cache", AxisValue::Text(text)) => job.cache = if text == "cold" { Cache::Cold } else { Cache::Warm },
            ("batch", AxisValue::Int(count)) => job.batch = u32::try_from(*count).unwrap_or(job.batch),
            ("threads", AxisValue::Int(count)) => job.threads = u32::try_from(*count).ok(),
            ("shader_precompilation", AxisValue::Bool(on)) => job.shader_precompilation = *on,
            ("parallel_loading", AxisValue::Bool(on)) => job.parallel_loading = *on,
            ("workgroup_size", AxisValue::Shape(shape)) => job.workgroup_size = (*shape).into(),
            ("workgroup_size", AxisValue::Text(_)) => job.workgroup_size = Workgroup::Tuned,
            (own, value) => drop(job.own.insert(own.to_owned(), value.clone())),
        }
    }
    job.id = id(&job);
    job.impossible = refusal(manifest, &job.model, job.backend);
    job
}

/// What every job has comes first and is always written; what most jobs leave at its default only where it differs.
fn id(job: &Job) -> JobId {
    let compiled = if job.shader_precompilation { "precompiled" } else { "lazy" };
    let mut id = format!("{}/{}/{}/{}/{compiled}", job.browser, job.model, job.backend.name(), job.workgroup_size);
    if job.dtype != DTYPES[0] {
        push(&mut id, "dtype", &job.dtype);
    }
    if job.batch != 1 {
        push(&mut id, "batch", &job.batch);
    }
    if let Some(threads) = job.threads {
        push(&mut id, "threads", &threads);
    }
    if job.webnn_device != WEBNN_DEVICES[0] {
        push(&mut id, "webnn_device", &job.webnn_device);
    }
    if !job.parallel_loading {
        push(&mut id, "parallel_loading", &false);
    }
    if job.cache == Cache::Cold {
        push(&mut id, "cache", &job.cache.name());
    }
    for (name, value) in &job.own {
        push(&mut id, name, value);
    }
    JobId(id)
}

fn push(id: &mut String, name: &str, value: &dyn std::fmt::Display) {
    // Writing to a String can't fail.
    let _ = write!(id, "/{name}={value}");
}

/// Why no browser can run a model on a backend: WGSL needs WebGPU.
#[must_use]
pub fn refusal(manifest: &Manifest, model: &str, backend: Backend) -> Option<String> {
    let engine = manifest.models.get(model)?.engine();
    let name = backend.name();
    (engine == Engine::Wgsl && backend != Backend::Webgpu)
        .then(|| format!("the model {model} is written in WGSL, which runs on webgpu, not on {name}"))
}
