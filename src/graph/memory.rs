//! Memory is which GPU buffer or texture each tensor of a graph lies in: results that no later stage reads make room for
//! others.
//!
//! Made from a graph; the page creates these buffers and textures and no others for tensors, `run` sizes groups of jobs by them.

use super::{Graph, Tensor, TensorId, TensorRole, TextureFormat};

/// Index into [`Memory::buffers`].
pub type BufferId = usize;

/// Index into [`Memory::textures`].
pub type TextureId = usize;

/// Where a tensor lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// From the buffer's beginning on.
    Buffer(BufferId),
    /// It fills the texture.
    Texture(TextureId),
}

/// A texture in which tensors lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Texture {
    /// In texels.
    pub width: usize,
    /// In texels.
    pub height: usize,
    /// Of its texels.
    pub format: TextureFormat,
}

/// The buffers and textures of a graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    /// Sizes in bytes, each a multiple of 4 and as large as the largest tensor in it.
    pub buffers: Vec<u64>,
    /// Those of tensors that lie in textures.
    pub textures: Vec<Texture>,
    /// Where each of [`Graph::tensors`] lies.
    pub of: Vec<Place>,
}

/// The stages between which a result must be kept, both included.
type Lifetime = (usize, usize);

impl Memory {
    /// Plans the buffers of `graph`.
    ///
    /// Inputs, weights and outputs of the model have each their own. The other results share, the largest first, each in
    /// the smallest buffer, or a texture of its very size and format, in which nothing else is needed at the same time ("greedy by size for shared objects",
    /// Y. Pisarchyk and J. Lee, *Efficient Memory Management for Deep Neural Net Inference*, 2020). What a stage reads is
    /// needed until it is done, so none of its results lies there.
    #[must_use]
    pub fn of(graph: &Graph) -> Self {
        let lifetimes = lifetimes(graph);
        let mut memory =
            Self { buffers: Vec::new(), textures: Vec::new(), of: vec![Place::Buffer(0); graph.tensors.len()] };
        for (id, tensor) in graph.tensors.iter().enumerate() {
            if tensor.role != TensorRole::Computed || graph.outputs.contains(&id) {
                memory.of[id] = memory.add(tensor);
            }
        }
        let mut shared: Vec<(Place, Vec<Lifetime>)> = Vec::new();
        let mut results: Vec<(TensorId, Lifetime)> = graph.results().map(|id| (id, lifetimes[id])).collect();
        results.retain(|(id, _)| !graph.outputs.contains(id));
        results.sort_by_key(|(id, _)| std::cmp::Reverse(graph.tensors[*id].bytes()));
        for (id, (from, to)) in results {
            let tensor = &graph.tensors[id];
            let takes = |place: Place| match place {
                // Later buffers are smaller, and none of them is too small.
                Place::Buffer(_) => tensor.texture.is_none(),
                Place::Texture(at) => Some(memory.textures[at]) == texture(tensor),
            };
            let free = |(place, others): &(Place, Vec<Lifetime>)| {
                takes(*place) && others.iter().all(|other| other.1 < from || to < other.0)
            };
            let found = shared.iter().rposition(free);
            let at = found.unwrap_or_else(|| {
                shared.push((memory.add(tensor), Vec::new()));
                shared.len() - 1
            });
            shared[at].1.push((from, to));
            memory.of[id] = shared[at].0;
        }
        memory
    }

    /// Makes a place for a tensor.
    fn add(&mut self, tensor: &Tensor) -> Place {
        if let Some(texture) = texture(tensor) {
            self.textures.push(texture);
            return Place::Texture(self.textures.len() - 1);
        }
        self.buffers.push(tensor.bytes());
        Place::Buffer(self.buffers.len() - 1)
    }

    /// All buffers and textures together.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let texels = |texture: &Texture| texture.format.texel_bytes() * (texture.width * texture.height) as u64;
        self.buffers.iter().sum::<u64>() + self.textures.iter().map(texels).sum::<u64>()
    }
}

/// The texture that a tensor fills, if it lies in one.
fn texture(tensor: &Tensor) -> Option<Texture> {
    let (width, height) = tensor.size();
    tensor.texture.map(|format| Texture { width, height, format })
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
        assert_eq!(memory, buffers(vec![32; 4], &[0, 2, 3, 2, 1]));
    }

    #[test]
    fn what_is_read_later_is_kept_and_the_smallest_buffer_is_taken() {
        // `a` is read by the last stage; `c` fits where `b` was, `d` is larger than anything.
        let stages = copy("a", "x", 2) + &copy("b", "a", 4) + &copy("c", "b", 1) + &copy("d", "c", 3);
        let stages = stages + &copy("e", "d", 8).replace("in = ['d']", "in = ['d', 'a']");
        let memory = Memory::of(&graph(&stages));
        // Of x, a, b, c, d, e: `d` lies where `b` was, and `c` finds no place beside `a`.
        assert_eq!(memory, buffers(vec![32, 32, 16, 8, 4], &[0, 3, 2, 4, 2, 1]));
        assert_eq!(memory.bytes(), 92);
    }
    fn buffers(buffers: Vec<u64>, of: &[BufferId]) -> Memory {
        Memory { buffers, textures: Vec::new(), of: of.iter().map(|buffer| Place::Buffer(*buffer)).collect() }
    }

    #[test]
    fn textures_are_shared_where_size_and_format_are_the_same() {
        let step = |name: &str, from: &str, texture: &str, shape: &str| {
            format!(
                "[[stage]]\nname = '{name}'\nop = 'own'\nshader = 'own.wgsl'\nin = ['{from}']\n\
                 out = {{ {name} = {{ shape = {shape}, texture = '{texture}' }} }}\n"
            )
        };
        let stages = ["x", "a", "b", "c"].windows(2).map(|pair| step(pair[1], pair[0], "r32float", "[2, 4]"));
        let stages = stages.collect::<String>() + &step("d", "c", "rgba8unorm", "[2, 4]");
        let stages = stages + &step("e", "d", "r32float", "[4, 2]") + &copy("f", "e", 8);
        let memory = Memory::of(&graph(&stages));
        let of = |width, height, format| Texture { width, height, format };
        let (float, bytes) = (TextureFormat::R32Float, TextureFormat::Rgba8Unorm);
        assert_eq!(memory.textures, [of(4, 2, float), of(4, 2, float), of(4, 2, bytes), of(2, 4, float)]);
        assert_eq!(memory.of[1..6], [0, 1, 0, 2, 3].map(Place::Texture));
        assert_eq!(memory.bytes(), 32 + 4 * 32 + 32);
    }
}
