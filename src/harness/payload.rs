//! A payload is the data of a page's model: its inputs and weights as numbers, for the check, and as bytes, to load.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::graph::{Tensor, TensorRole, Values};
use crate::reference::{FillError, Given, fill};
use crate::render::page::{Part, StagesPage};

/// Models whose data is kept: the jobs of a sweep use the same one again and again.
const KEPT: usize = 4;

/// Payloads made so far, the latest last.
#[derive(Debug, Default)]
pub struct Payloads(Mutex<Vec<(PayloadKey, Arc<Payload>)>>);

/// What a payload is made of: the inputs and weights, and which of them are loaded together.
type PayloadKey = (Vec<Tensor>, Vec<Part>);

/// The data of one model.
#[derive(Debug)]
pub struct Payload {
    given: Given,
    /// Each part's tensors as they are stored, one after the other, each from a multiple of 4 bytes on.
    pub parts: Vec<Bytes>,
}

impl Payloads {
    /// The payload of a page, made unless an earlier page had the same inputs and weights.
    pub fn of(&self, page: &StagesPage) -> Result<Arc<Payload>, FillError> {
        let given = page.graph.tensors.iter().filter(|tensor| tensor.role != TensorRole::Computed);
        let key: PayloadKey = (given.cloned().collect(), page.parts.clone());
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, payload)) = kept.iter().find(|(other, _)| *other == key) {
            return Ok(payload.clone());
        }
        let payload = Arc::new(Payload::make(page)?);
        if kept.len() == KEPT {
            kept.remove(0);
        }
        kept.push((key, payload.clone()));
        Ok(payload)
    }
}

impl Payload {
    fn make(page: &StagesPage) -> Result<Self, FillError> {
        let mut values = HashMap::new();
        let mut parts = Vec::new();
        for part in &page.parts {
            let mut bytes = Vec::new();
            for &id in &part.tensors {
                let tensor = &page.graph.tensors[id];
                let made = fill(tensor)?;
                bytes.extend(tensor.element.bytes(&made));
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
