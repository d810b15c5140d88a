//! Repeats are inferences whose outputs differ, bit for bit, from those of the recorded run: sums that atomics make in any
//! order, or what is wrong. The page posts such outputs, and they are held against the references of the stages that make
//! them, or against the recorded run's where there are none.
//!
//! Kept by `check` for each job of stages. Of a job whose outputs are always the same nothing is held.

use std::collections::HashSet;

use super::executor::Checked;
use crate::graph::{Graph, TensorId};
use crate::reference::{Given, Judged, Recorded};

/// Recorded runs that are asked for to see whether what a stage reads comes out in several ways.
const MOST_RECORDED: u32 = 4;

/// What is known of a job's other inferences.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    /// The latest recorded run of those that were to be kept.
    recorded: Option<Recorded>,
    /// How many were kept.
    count: u32,
    /// Tensors that two of them made otherwise.
    varied: HashSet<TensorId>,
    /// Whether recorded runs are to be kept.
    pub(super) wanted: bool,
    /// The outputs that are being posted, as far as they have come.
    posted: Vec<u8>,
}

impl Repeats {
    /// Takes what a recorded run kept.
    pub(super) fn keep(&mut self, recorded: Recorded) {
        if let Some(before) = &self.recorded {
            self.varied.extend(recorded.unlike(before));
        }
        self.recorded = Some(recorded);
        self.count += 1;
    }

    /// Takes a piece of an inference's outputs, in the order of the model's. One at 0 starts over; the error is of a piece that
    /// does not follow the one before.
    pub(super) fn take(&mut self, graph: &Graph, given: &Given, from: u64, piece: &[u8]) -> Result<Checked, String> {
        if from == 0 {
            self.posted.clear();
        }
        let (taken, whole) =
            (self.posted.len() as u64, graph.outputs.iter().map(|id| graph.tensors[*id].bytes()).sum());
        let end = taken + piece.len() as u64;
        if from != taken || end > whole {
            return Err(format!(
                "the page posted bytes {from} to {end} of outputs of {whole}, of which {taken} had come"
            ));
        }
        let Some(recorded) = &mut self.recorded else {
            self.wanted = true;
            return Ok(Checked::Record);
        };
        self.posted.extend_from_slice(piece);
        if end < whole {
            return Ok(Checked::More);
        }
        let mut rest = self.posted.as_slice();
        let outputs = graph.outputs.iter().map(|id| {
            let tensor = &graph.tensors[*id];
            let (bytes, later) = rest.split_at(usize::try_from(tensor.bytes()).unwrap_or(rest.len()));
            rest = later;
            (*id, tensor.decode(bytes))
        });
        let judged = recorded.judge(graph, given, outputs.collect(), &self.varied);
        self.posted = Vec::new();
        Ok(match judged {
            Judged::Right(spread) => Checked::Repeated(Ok(spread)),
            Judged::Unsure(_) if self.count < MOST_RECORDED => Checked::Record,
            Judged::Unsure(failure) | Judged::Wrong(failure) => Checked::Repeated(Err(failure)),
        })
    }
}
