//! A recording is what a page posts of a run of a job's stages: every computed tensor, in pieces, checked as it comes in.
//!
//! Made by `live` with the first piece of each run; its end is the check of the job's output.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::executor::{Check, PostedOutput};
use super::payload::Payload;
use crate::graph::{Element, Graph, Stage, TensorId, ops};
use crate::reference::{Progress, Recorded, Spread};
use crate::render::page::short_digest;

/// A run of stages, as far as it was posted.
#[derive(Debug)]
pub struct Recording {
    graph: Arc<Graph>,
    payload: Arc<Payload>,
    progress: Progress,
    /// The computed tensors that have not come whole, the last one first.
    missing: Vec<TensorId>,
    /// The bytes that there are of the next of them.
    partial: Vec<u8>,
    /// Bytes taken.
    taken: u64,
    /// Of the model's outputs.
    hash: Sha256,
    /// The model's outputs, where they are kept.
    kept: Option<Vec<PostedOutput>>,
}

impl Recording {
    /// Of a run of which nothing was posted yet; `keep` says whether its outputs are to be in its check.
    #[must_use]
    pub fn begin(graph: Arc<Graph>, payload: Arc<Payload>, keep: bool) -> Self {
        let mut missing: Vec<TensorId> = graph.results().collect();
        missing.reverse();
        let progress = Progress::begin(&graph);
        let kept = keep.then(Vec::new);
        Self { graph, payload, progress, missing, partial: Vec::new(), taken: 0, hash: Sha256::new(), kept }
    }

    /// The same, which keeps what other inferences are judged by.
    #[must_use]
    pub fn keeping(self) -> Self {
        Self { progress: Progress::keeping(&self.graph), ..self }
    }

    /// Takes the piece that begins at byte `from` and says whether it was the last one. The error is of a piece that does
    /// not follow the one before.
    pub fn take(&mut self, from: u64, mut piece: &[u8]) -> Result<bool, String> {
        if from != self.taken {
            return Err(format!("the page posted tensors from byte {from} on, expected them from {}", self.taken));
        }
        self.taken += piece.len() as u64;
        while let Some(&id) = self.missing.last() {
            let tensor = &self.graph.tensors[id];
            #[expect(clippy::cast_possible_truncation, reason = "what is held in memory has a length")]
            let whole = tensor.bytes() as usize;
            let (bytes, later) = piece.split_at((whole - self.partial.len()).min(piece.len()));
            piece = later;
            if self.graph.outputs.contains(&id) {
                self.hash.update(bytes);
            }
            self.partial.extend_from_slice(bytes);
            if self.partial.len() < whole {
                break;
            }
            self.missing.pop();
            let values = tensor.decode(&self.partial);
            self.partial.clear();
            if let Some(kept) = self.kept.as_mut().filter(|_| self.graph.outputs.contains(&id)) {
                let element = if tensor.element == Element::F16 { Element::F32 } else { tensor.element };
                kept.push(PostedOutput { name: tensor.name.clone(), element, values: Arc::new(values.clone()) });
            }
            self.progress.take(&self.graph, self.payload.given(), id, values);
        }
        Ok(self.missing.is_empty())
    }

    /// The check of a run that was posted whole.
    #[must_use]
    pub fn end(self) -> Check {
        self.end_keeping().0
    }

    /// The same with what other inferences are judged by, where it was kept.
    #[must_use]
    pub fn end_keeping(self) -> (Check, Option<Recorded>) {
        let (verdict, recorded) = self.progress.end_keeping(&self.graph, self.payload.given());
        // Passes without a file of their own are checked by that of a later stage.
        let by_file = |stage: &Stage| stage.expect.is_some() || ops::named(&stage.op).is_none();
        let by_file = self.graph.stages.iter().all(by_file);
        let unverified = match verdict.unknown.as_slice() {
            [] => String::new(),
            [stage] => format!("the stage `{stage}` has neither a reference nor an `expect` for each of its outputs"),
            [stage, rest @ ..] => {
                format!("the stage `{stage}` and {} more have neither a reference nor an `expect`", rest.len())
            }
        };
        let check = Check {
            verdict,
            reference: if by_file { "file" } else { "rust" }.to_owned(),
            unverified,
            random: false,
            spread: Spread::default(),
            flops: None,
            output_digest: short_digest(self.hash),
            outputs: self.kept.unwrap_or_default(),
        };
        (check, recorded)
    }
}
