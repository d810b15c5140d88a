//! A payload is the data of a page's model: its inputs and weights as numbers, for the check, and as bytes, to load.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::graph::{Graph, Tensor, TensorId, TensorRole, Values, ops};
use crate::memory::{self, TooLarge};
use crate::reference::{FillError, Given, fill};
use crate::render::page::{Part, StagesPage};

/// Models whose data is kept: the jobs of a sweep use the same one again and again.
const KEPT: usize = 4;

/// Data that can't be made.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    /// This machine's memory does not hold it.
    #[error("the model's data, of which `{largest}` {shape:?} is the largest: {source}")]
    TooLarge {
        /// A tensor's name.
        largest: String,
        /// Its shape.
        shape: Vec<usize>,
        /// How far it goes.
        source: TooLarge,
    },
    /// An input or a weight has no values.
    #[error(transparent)]
    Fill(#[from] FillError),
}

/// Payloads made so far, the latest last.
#[derive(Debug, Default)]
pub struct Payloads(Mutex<Vec<(PayloadKey, Arc<Payload>)>>);

/// What a payload is made of: the inputs and weights, and which of them are loaded together.
type PayloadKey = (Vec<Tensor>, Vec<Part>);

/// The data of one model. That of none is empty: what a check needs of it is made then.
#[derive(Debug, Default)]
pub struct Payload {
    given: Given,
    /// Each part's tensors as they are stored, one after the other, each from a multiple of 4 bytes on.
    pub parts: Vec<Bytes>,
}

impl Payloads {
    /// The payload of a page, made unless an earlier page had the same inputs and weights.
    pub fn of(&self, page: &StagesPage) -> Result<Arc<Payload>, PayloadError> {
        let given = page.graph.tensors.iter().filter(|tensor| tensor.role != TensorRole::Computed);
        let key: PayloadKey = (given.cloned().collect(), page.parts.clone());
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(payload) = kept.iter().find(|(other, _)| *other == key).map(|(_, payload)| payload.clone()) {
            room(&page.graph, true)?;
            return Ok(payload);
        }
        if room(&page.graph, false).is_err() {
            kept.clear();
            room(&page.graph, false)?;
        }
        let payload = Arc::new(Payload::make(page)?);
        if kept.len() == KEPT {
            kept.remove(0);
        }
        kept.push((key, payload.clone()));
        Ok(payload)
    }
}

/// Whether memory holds what a run of a graph takes here at the least: inputs and weights as numbers and as the bytes that the
/// page loads, which has them once more, and beside them what is at hand of one tensor at a time: a result as it was posted,
/// as numbers, and, of an op that has one, its reference, of 16 bytes an element. `made` says that inputs and weights
/// are there already.
fn room(graph: &Graph, made: bool) -> Result<(), PayloadError> {
    let known = graph.stages.iter().filter(|stage| ops::named(&stage.op).is_some());
    let referenced: HashSet<TensorId> = known.flat_map(|stage| stage.outputs.iter().copied()).collect();
    let sizes = graph.tensors.iter().enumerate().map(|(id, tensor)| {
        let len = tensor.len() as u64;
        match tensor.role {
            TensorRole::Computed => (0, tensor.bytes() + if referenced.contains(&id) { 20 * len } else { 4 * len }),
            TensorRole::Input(_) | TensorRole::Weight(_) if made => (0, tensor.bytes()),
            TensorRole::Input(_) | TensorRole::Weight(_) => (4 * len + 2 * tensor.bytes(), tensor.bytes()),
        }
    });
    let (kept, at_hand) = sizes.fold((0, 0), |(kept, most), (more, at_hand)| (kept + more, at_hand.max(most)));
    let largest = || graph.tensors.iter().max_by_key(|tensor| tensor.bytes());
    memory::check(kept + at_hand).map_err(|source| {
        let (largest, shape) = largest().map(|tensor| (tensor.name.clone(), tensor.shape.clone())).unwrap_or_default();
        PayloadError::TooLarge { largest, shape, source }
    })
}

impl Payload {
    fn make(page: &StagesPage) -> Result<Self, FillError> {
        let mut values = HashMap::new();
        let mut parts = Vec::new();
        for part in &page.parts {
            let total: u64 = part.tensors.iter().map(|id| page.graph.tensors[*id].bytes()).sum();
            let mut bytes = Vec::with_capacity(usize::try_from(total).unwrap_or_default());
            for &id in &part.tensors {
                let tensor = &page.graph.tensors[id];
                let made = fill(tensor)?;
                bytes.extend(tensor.encode(&made));
                // No reference reads whole numbers.
                if let Values::Floats(floats) = made {
                    values.insert(id, floats);
                }
            }
            parts.push(Bytes::from(bytes));
        }
        Ok(Self { given: Given::new(values), parts })
    }

    /// Inputs and weights.
    #[must_use]
    pub fn given(&self) -> &Given {
        &self.given
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::graph::JobVars;
    use crate::manifest::Model;

    #[test]
    fn what_memory_does_not_hold_is_known_before_it_is_made() {
        let graph = |n: &str| {
            let text = format!(
                "family = 'text'\n[[input]]\nname = 'x'\nshape = [{n}, 1024]\n\
                 [[stage]]\nop = 'own'\nshader = 'own.wgsl'\nin = ['x']\nout = {{ y = [1] }}\n"
            );
            Graph::of(&Model::parse("m", Path::new("m.toml"), &text).unwrap(), &JobVars::default()).unwrap()
        };
        assert!(room(&graph("1024"), false).is_ok());
        // 4 TiB as numbers, as bytes, in the page and on the way there.
        let error = room(&graph("1073741824"), false).unwrap_err().to_string();
        let begins =
            "the model's data, of which `x` [1073741824, 1024] is the largest: 16384 GiB of this machine's memory";
        assert!(error.starts_with(begins) && error.ends_with(" are free"), "{error}");
    }
}
