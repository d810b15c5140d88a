//! The inputs and weights of a model, as stages and their references read them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::graph::ops::Expected;
use crate::graph::{Stage, TensorId};

/// Inputs and weights, with what stages must make of them alone: the jobs of a sweep ask for it again and again, and a
/// large product takes seconds.
#[derive(Debug, Default)]
pub struct Given {
    /// By their ids.
    pub values: HashMap<TensorId, Vec<f32>>,
    kept: Mutex<Vec<(Stage, Arc<Expected>)>>,
}

/// Elements of the references that are kept beside one set of inputs: 16 bytes each.
const KEPT: usize = 1 << 26;

impl Given {
    /// Of values.
    #[must_use]
    pub fn new(values: HashMap<TensorId, Vec<f32>>) -> Self {
        Self { values, kept: Mutex::default() }
    }

    pub(super) fn kept(&self, stage: &Stage) -> Option<Arc<Expected>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(other, _)| other == stage).map(|(_, expected)| expected.clone())
    }

    pub(super) fn keep(&self, stage: &Stage, expected: &Arc<Expected>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let held: usize = kept.iter().map(|(_, expected)| expected.value.len()).sum();
        if held + expected.value.len() <= KEPT {
            kept.push((stage.clone(), expected.clone()));
        }
    }
}
