//! From the axes of a manifest to its jobs, in order and with stable ids.
//!
//! The axes vary like nested loops in the order of the file, the first slowest; then come the includes.

use std::collections::HashSet;

use super::{Job, JobId, Plan};
use crate::manifest::axes::{BuiltInAxis, DEFAULT, DEFAULTS, JobAxes, built_in};
use crate::manifest::model::{Engine, Program};
use crate::manifest::{AxisValue, Backend, Manifest, product};

impl Plan {
    /// The jobs of a manifest. A checked manifest has no faulty or duplicate job, so nothing can go wrong here.
    #[must_use]
    pub fn of(manifest: Manifest) -> Self {
        let axes = &manifest.axes;
        // Looked up once, not once a job.
        let entries: Vec<_> = axes.iter().map(|axis| built_in(&axis.name)).collect();
        let mut jobs: Vec<Job> = product::combinations(axes, &manifest.exclude)
            .enumerate()
            .map(|(place, positions)| {
                let values = axes.iter().zip(&entries).zip(positions);
                job(
                    &manifest,
                    place + 1,
                    values.map(|((axis, entry), at)| (*entry, axis.name.as_str(), &axis.values[at])),
                )
            })
            .collect();
        for include in &manifest.include {
            let number = jobs.len() + 1;
            jobs.push(job(
                &manifest,
                number,
                include.iter().map(|(name, value)| (built_in(name), name.as_str(), value)),
            ));
        }
        debug_assert_eq!(jobs.iter().map(|job| &job.id).collect::<HashSet<_>>().len(), jobs.len(), "ids are distinct");
        Self { manifest, jobs }
    }
}

/// Of values on axes: the entry of a built-in one, its name, and the value.
fn job<'a>(
    manifest: &Manifest,
    number: usize,
    values: impl Iterator<Item = (Option<&'static BuiltInAxis>, &'a str, &'a AxisValue)>,
) -> Job {
    let mut axes = DEFAULTS.clone();
    for (entry, name, value) in values {
        match entry {
            Some(entry) => (entry.set)(&mut axes, value),
            None => drop(axes.custom.insert(name.to_owned(), value.clone())),
        }
    }
    let unsupported_reason = refusal(manifest, &axes, axes.backend);
    Job { id: JobId(axes.id()), number, block: None, axes, unsupported_reason }
}

/// Why no browser can run a job on a backend: WGSL needs WebGPU and has no sessions, one page has one GPU backend, and only
/// text generation counts tokens.
#[must_use]
pub fn refusal(manifest: &Manifest, axes: &JobAxes, backend: Backend) -> Option<String> {
    let JobAxes { model, session, runtime, prompt_tokens, new_tokens, .. } = axes;
    let asked = manifest.models.get(model)?;
    let engine = asked.engine();
    let name: &str = backend.into();
    let tokens = [("prompt_tokens", prompt_tokens), ("new_tokens", new_tokens)];
    if let Some((axis, Some(_))) = tokens.into_iter().find(|(_, tokens)| tokens.is_some())
        && !matches!(&asked.program, Program::Pipeline(pipeline) if pipeline.task.generates())
    {
        return Some(format!("the model {model} generates no text, which is what `{axis}` is about"));
    }
    if engine == Engine::Wgsl {
        return match (backend, session.as_str(), runtime.as_str()) {
            (Backend::Webgpu, DEFAULT, DEFAULT) => None,
            (Backend::Webgpu, DEFAULT, _) => {
                Some(format!("the model {model} is written in WGSL, which no library of the runtime `{runtime}` runs"))
            }
            (Backend::Webgpu, ..) => Some(format!(
                "the model {model} is written in WGSL, which has no sessions of onnxruntime that `{session}` could set"
            )),
            _ => Some(format!("the model {model} is written in WGSL, which runs on webgpu, not on {name}")),
        };
    }
    if engine == Engine::Module && (session != DEFAULT || runtime != DEFAULT) {
        let what = if session == DEFAULT { format!("runtime `{runtime}`") } else { format!("session `{session}`") };
        return Some(format!(
            "the model {model} is a module, which has the libraries and options that it names itself, and none of the {what}"
        ));
    }
    let mut devices = manifest.sessions.get(session)?.device.iter().filter(|_| engine == Engine::Transformers);
    let wasm: &str = Backend::Wasm.into();
    let (part, device) = devices.find(|(_, device)| **device != name && **device != wasm)?;
    Some(format!("session `{session}` puts {part} on {device}, which a page on {name} does not have"))
}
