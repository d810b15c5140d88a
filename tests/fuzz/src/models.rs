//! Small models of stages, whose tensors a page posts.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use gpujobs::graph::{Graph, JobVars};
use gpujobs::harness::payload::Payload;
use gpujobs::manifest::Model;

/// Small models: whole numbers, halves, textures, several stages, and one of the user's own.
const MODELS: [&str; 5] = [
    "[[stage]]\nop = 'gelu'\nin = ['x']\nout = { y = [2, 3] }\n[[stage]]\nop = 'softmax'\nin = ['y']\nout = { z = [2, 3] }\n",
    "[[stage]]\nop = 'own'\nshader = 'own.wgsl'\nin = ['x']\nout = { y = { shape = [3], type = 'i32' }, z = { shape = [2], type = 'u32' } }\n",
    "[[stage]]\nop = 'own'\nshader = 'own.wgsl'\nin = ['x']\nout = { y = { shape = [2, 2], texture = 'rgba8unorm' } }\n",
    "[[stage]]\nop = 'layer_norm'\nin = ['x']\nweights = { weight = [3], bias = [3] }\nout = { y = [2, 3] }\n",
    "[[block]]\ntimes = 3\n[[block.stage]]\nname = 's{i}'\nop = 'gelu'\nin = ['x']\nout = { x = [2, 3] }\n",
];

/// Each with what it is given, which is nothing.
pub static GRAPHS: LazyLock<Vec<(Arc<Graph>, Arc<Payload>)>> = LazyLock::new(|| {
    let graph = |stages: &&str| {
        let text = format!("family = 'text'\n[[input]]\nname = 'x'\nshape = [2, 3]\n{stages}");
        let model = Model::parse("m", Path::new("m.toml"), &text).expect("a model without faults");
        let graph = Graph::of(&model, &JobVars::default()).expect("a graph");
        (Arc::new(graph), Arc::new(Payload::default()))
    };
    MODELS.iter().map(graph).collect()
});
