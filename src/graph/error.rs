//! Why a model has no graph for a job: what its file says does not go with the job's values, and where it says so.
//!
//! Made while a model is evaluated; `check` shows them before a run.

use crate::manifest::{ManifestError, Model, Problem};
use crate::memory::{self, TooLarge};

/// Why a model has no graph for a job; the message names the model and what to change.
#[derive(Debug, thiserror::Error)]
pub enum GraphError {
    /// A model of another engine: it has no stages.
    #[error("model `{model}` runs on the engine `{engine}` and has no stages")]
    NoStages {
        /// The model.
        model: String,
        /// Its engine.
        engine: &'static str,
    },
    /// A tensor that no memory holds.
    #[error("model `{model}`: `{tensor}` {shape:?}: {source}")]
    TooLarge {
        /// The model.
        model: String,
        /// The tensor's name.
        tensor: String,
        /// Its shape.
        shape: Vec<usize>,
        /// How far it goes.
        source: TooLarge,
    },
    /// A dim or extent without a usable value, a tensor that does not exist yet, a shape or a parameter that the op
    /// can't take.
    #[error("{message}")]
    Faulty {
        /// The model, the stage if it is in one, and what is wrong.
        message: String,
        /// The place in the model's file.
        file: Box<ManifestError>,
    },
}

impl GraphError {
    /// That a tensor has no more elements than can be counted.
    pub(super) fn check_size(model: &Model, tensor: &str, shape: &[usize]) -> Result<(), Self> {
        let Err(source) = memory::elements(shape) else { return Ok(()) };
        let (model, tensor) = (model.name.clone(), tensor.to_owned());
        Err(Self::TooLarge { model, tensor, shape: shape.to_vec(), source })
    }

    /// A problem with a model as a whole.
    pub(crate) fn of_model(model: &Model, problem: Problem) -> Self {
        let message = format!("model `{}`: {problem}", model.name);
        Self::Faulty { message, file: Box::new(ManifestError::new(&model.path, &model.source, vec![problem])) }
    }

    /// A problem with a stage of it, named as in "stage `q` (linear)".
    pub(super) fn of_stage(model: &Model, stage: &str, mut problem: Problem) -> Self {
        let message = format!("model `{}`, {stage}: {problem}", model.name);
        problem.message = format!("{stage}: {problem}");
        Self::Faulty { message, file: Box::new(ManifestError::new(&model.path, &model.source, vec![problem])) }
    }
}
