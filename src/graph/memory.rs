//! Memory is which GPU buffer each tensor of a graph lies in: results that no later stage reads make room for others.
//!
//! Made from a graph; the page creates these buffers and no others for tensors, `run` sizes groups of jobs by them.

use super::{Graph, TensorId, TensorRole};

/// Index into [`Memory::buffers`].
pub type BufferId = usize;

/// The buffers of a graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    /// Sizes in bytes, each a multiple of 4 and as large as the largest tensor in it.
    pub buffers: Vec<u64>,
    /// Where each of [`Graph::tensors`] lies, from the buffer's beginning on.
    pub of: Vec<BufferId>,
}

/// The stages between which a result must be kept, both included.
type Lifetime = (usize, usize);

impl Memory {
    /// Plans the buffers of `graph`.
    ///
    /// Inputs, weights and outputs of the model have each their own. The other results share, the largest first, each in
    /// the smallest buffer in which nothing else is needed at the same time ("greedy by size for shared objects",
    /// Y. Pisarchyk and J. Lee, *Efficient Memory Management for Deep Neural Net Inference*, 2020). What a stage reads is
    /// needed until it is done, so none of its results lies there.
    #[must_use]
    pub fn of(graph: &Graph) -> Self {
        let lifetimes = lifetimes(graph);
        let mut buffers = Vec::new();
        let mut of = vec![0; graph.tensors.len()];
        for (id, tensor) in graph.tensors.iter().enumerate() {
            if tensor.role != TensorRole::Computed || graph.outputs.contains(&id) {
                of[id] = buffers.len();
                buffers.push(tensor.bytes());
            }
        }
        let own = buffers.len();
        let mut shared: Vec<Vec<Lifetime>> = Vec::new();
        let mut results: Vec<(TensorId, Lifetime)> = graph.results().map(|id| (id, lifetimes[id])).collect();
        results.retain(|(id, _)| !graph.outputs.contains(id));
        results.sort_by_key(|(id, _)| std::cmp::Reverse(graph.tensors[*id].bytes()));
        for (id, (from, to)) in results {
            let free = |others: &Vec<Lifetime>| others.iter().all(|other| other.1 < from || to < other.0);
            // Later buffers are smaller, and none of them is too small.
            let place = shared.iter().rposition(free).unwrap_or_else(|| {
                shared.push(Vec::new());
                buffers.push(graph.tensors[id].bytes());
                shared.len() - 1
            });
            shared[place].push((from, to));
            of[id] = own + place;
        }
        Self { buffers, of }
    }

    /// All buffers together.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.buffers.iter().sum()
    }
}

/// For each tensor the stage that writes it, 0 where none does, and the last one that reads it; both are the same where
/// none reads it.
#[must_use]
pub fn lifetimes(graph: &Graph) -> Vec<Lifetime> {
    let mut lifetimes = vec![(0, 0); graph.tensors.len()];
    for (index, stage) in graph.stages.iter().enumerate() {
        for id in &stage.outputs {
            lifetimes[*id] = (index, index);
        }
        for id in stage.reads() {
            lifetimes[id].1 = index;
        }
    }
    lifetimes
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::graph::JobVars;
    use crate::manifest::Model;

    fn graph(stages: &str) -> Graph {
        let text = format!("family = 'text'\n[[input]]\nname = 'x'\nshape = [8]\n{stages}");
        Graph::of(&Model::parse("m", Path::new("m.toml"), &text).unwrap(), &JobVars::default()).unwrap()
    }

    fn copy(name: &str, from: &str, len: usize) -> String {
        format!(
            "[[stage]]\nname = '{name}'\nop = 'own'\nshader = 'own.wgsl'\nin = ['{from}']\nout = {{ {name} = [{len}] }}\n"
        )
    }

    #[test]
    fn a_chain_needs_two_buffers_beside_input_and_output() {
        let chain = ["x", "a", "b", "c", "d"].windows(2).map(|pair| copy(pair[1], pair[0], 8)).collect::<String>();
        let memory = Memory::of(&graph(&chain));
        assert_eq!(memory, Memory { buffers: vec![32; 4], of: vec![0, 2, 3, 2, 1] });
    }

    #[test]
    fn what_is_read_later_is_kept_and_the_smallest_buffer_is_taken() {
        // `a` is read by the last stage; `c` fits where `b` was, `d` is larger than anything.
        let stages = copy("a", "x", 2) + &copy("b", "a", 4) + &copy("c", "b", 1) + &copy("d", "c", 3);
        let stages = stages + &copy("e", "d", 8).replace("in = ['d']", "in = ['d', 'a']");
        let memory = Memory::of(&graph(&stages));
        // Of x, a, b, c, d, e: `d` lies where `b` was, and `c` finds no place beside `a`.
        assert_eq!(memory, Memory { buffers: vec![32, 32, 16, 8, 4], of: vec![0, 3, 2, 4, 2, 1] });
        assert_eq!(memory.bytes(), 92);
    }
}
