//! What an op's reference is given, and what it says.

use super::activation::Activation;
use super::parameters;
use crate::graph::Stage;

/// The values that an op must produce, and how far each may be off.
#[derive(Debug, Clone)]
pub struct Expected {
    /// Row-major, as long as the stage's output.
    pub value: Vec<f64>,
    /// Largest allowed |got - value|, an element each.
    pub tolerance: Vec<f64>,
}

impl Expected {
    pub(super) fn zeros(len: usize) -> Self {
        Self { value: vec![0.0; len], tolerance: vec![0.0; len] }
    }

    /// From an element's value and tolerance.
    pub(crate) fn from_elements(elements: impl rayon::iter::IndexedParallelIterator<Item = (f64, f64)>) -> Self {
        let (value, tolerance) = elements.unzip();
        Self { value, tolerance }
    }
}

/// A tensor's shape and values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TensorView<'a> {
    pub(crate) shape: &'a [usize],
    pub(crate) values: &'a [f32],
}

impl TensorView<'_> {
    /// The extent `back` places from the end, 1 beyond the first.
    pub(super) fn extent(&self, back: usize) -> usize {
        self.shape.len().checked_sub(back).map_or(1, |position| self.shape[position])
    }
}

/// What a reference sees of a stage; shapes and parameters were checked.
pub(crate) struct Operands<'a> {
    pub(crate) stage: &'a Stage,
    pub(crate) inputs: Vec<TensorView<'a>>,
    pub(crate) weights: Vec<(&'a str, TensorView<'a>)>,
    pub(crate) output: &'a [usize],
}

impl<'a> Operands<'a> {
    pub(super) fn weight(&self, key: &str) -> Option<TensorView<'a>> {
        self.weights.iter().find(|(name, _)| *name == key).map(|(_, view)| *view)
    }

    /// A weight that the op's rule requires.
    pub(super) fn needed(&self, key: &str) -> TensorView<'a> {
        self.weight(key).unwrap_or(TensorView { shape: &[], values: &[] })
    }

    /// A parameter that is a whole number, which was checked.
    pub(super) fn whole(&self, key: &str) -> usize {
        parameters::whole(self.stage, key)
    }

    pub(super) fn signed(&self, key: &str) -> i64 {
        parameters::signed(self.stage, key)
    }

    pub(super) fn real(&self, key: &str) -> f64 {
        parameters::real(self.stage, key)
    }

    pub(super) fn switch(&self, key: &str) -> bool {
        parameters::switch(self.stage, key)
    }

    pub(super) fn activation(&self) -> Activation {
        parameters::activation(self.stage)
    }

    pub(super) fn output_len(&self) -> usize {
        self.output.iter().product()
    }
}
