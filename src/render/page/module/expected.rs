//! What the outputs of a user's module must hold: by a file, or by another model that gpujobs computes itself.

use std::path::PathBuf;
use std::sync::Arc;

use crate::graph::{Graph, GraphError, JobVars, TensorRole};
use crate::manifest::model::module::{Expected, ExpectedModel};
use crate::manifest::model::{OutputFile, Program};
use crate::manifest::problem::listed;
use crate::manifest::{Manifest, Model, Problem};
use crate::reference::onnx::Tensor;
use crate::render::page::remembered::signature_of;
use crate::render::page::{PageError, with_weights};
use crate::store::model_files::beside_or_stored;

/// What an output must hold.
#[derive(Debug, Clone)]
pub struct ExpectedOutput {
    /// Its name.
    pub name: String,
    /// Where that is from.
    pub source: ExpectedSource,
    /// Largest error of a float, as a share; `None` for that of the dtype.
    pub tolerance: Option<f64>,
    /// Largest error of a float whatever the sizes.
    pub absolute: f64,
}

/// Where the values of an output are from.
#[derive(Debug, Clone)]
pub enum ExpectedSource {
    /// A file.
    File(Box<OutputFile>),
    /// An output of stages, which the references in Rust compute.
    Graph(Arc<Graph>, usize),
    /// An output of an ONNX file, which native onnxruntime computes.
    Onnx(PathBuf, String),
}
/// What an output must hold; an error where the model that it is compared with takes other inputs or has no such output.
pub(super) fn expectation(
    manifest: &Manifest,
    model: &Model,
    expected: &Expected,
    inputs: &[Tensor],
    vars: &JobVars,
) -> Result<ExpectedOutput, PageError> {
    let name = expected.name().get_ref().clone();
    Ok(match expected {
        Expected::File(file) => ExpectedOutput {
            name,
            tolerance: file.tolerance,
            absolute: file.absolute,
            source: ExpectedSource::File(Box::new(file.clone())),
        },
        Expected::Model(other) => ExpectedOutput {
            name,
            tolerance: other.tolerance,
            absolute: other.absolute,
            source: of_model(manifest, model, other, inputs, vars)?,
        },
    })
}

fn of_model(
    manifest: &Manifest,
    model: &Model,
    expected: &ExpectedModel,
    inputs: &[Tensor],
    vars: &JobVars,
) -> Result<ExpectedSource, PageError> {
    let fail = |message: String, label: &str, help: String| -> PageError {
        let problem = Problem::at(expected.model.span(), message, label.to_owned()).help(help);
        GraphError::of_model(model, problem).into()
    };
    let name = expected.model.get_ref();
    let wanted = expected.output.as_ref().unwrap_or(expected.name.get_ref());
    let other = manifest.models.get(name).ok_or_else(|| PageError::Model(name.clone()))?;
    let takes = |input: &str, shape: Option<&[usize]>| {
        let Some(own) = inputs.iter().find(|tensor| tensor.name() == input) else {
            let help = "give the module an `[[input]]` of this name, which both then compute with".to_owned();
            return Err(fail(format!("model `{name}` takes an input `{input}`"), "the module has none", help));
        };
        match shape {
            Some(shape) if own.shape() != shape => {
                let label = format!("the module's is {:?}", own.shape());
                let help = "both compute with the same input".to_owned();
                Err(fail(format!("model `{name}` takes `{input}` as {shape:?}"), &label, help))
            }
            _ => Ok(()),
        }
    };
    let no_output = |known: &[&str]| {
        let help = format!("its outputs are {}: write `output = \"NAME\"` beside `model`", listed(known));
        fail(format!("model `{name}` has no output `{wanted}`"), "no such output", help)
    };
    match &other.program {
        Program::Stages(stages) => {
            let found = with_weights(manifest, other, stages)?;
            let graph = Graph::of(found.as_ref().unwrap_or(other), vars)?;
            for tensor in graph.tensors.iter().filter(|tensor| matches!(tensor.role, TensorRole::Input(_))) {
                takes(&tensor.name, Some(&tensor.shape))?;
            }
            let Some(id) = graph.outputs.iter().copied().find(|id| graph.tensors[*id].name == *wanted) else {
                let known: Vec<&str> = graph.outputs.iter().map(|id| graph.tensors[*id].name.as_str()).collect();
                return Err(no_output(&known));
            };
            Ok(ExpectedSource::Graph(Arc::new(graph), id))
        }
        Program::OnnxFile(file) => {
            let path = beside_or_stored(manifest, other, &file.file)?;
            let signature = signature_of(&path)?;
            for port in &signature.inputs {
                takes(&port.name, None)?;
            }
            if !signature.outputs.iter().any(|port| port.name == *wanted) {
                let known: Vec<&str> = signature.outputs.iter().map(|port| port.name.as_str()).collect();
                return Err(no_output(&known));
            }
            Ok(ExpectedSource::Onnx(path, wanted.clone()))
        }
        Program::Pipeline(_) | Program::Module(_) => Err(PageError::Model(name.clone())),
    }
}
