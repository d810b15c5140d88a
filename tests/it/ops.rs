//! Every op at sizes that no vector width, tile or workgroup divides: its WGSL is valid, its reference takes itself for
//! right, notices a wrong constant, and agrees with what real browsers compute.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;

use gpujobs::graph::{Graph, JobVars, ops};
use gpujobs::manifest::Model;
use gpujobs::reference::{compute, verify};
use gpujobs::render::Templates;
use gpujobs::render::wgsl::render_stages;
use gpujobs::webdriver::Compiler;
use proptest::prelude::*;

use crate::models::target;

const SHAPES: [[u32; 3]; 6] = [[64, 1, 1], [256, 1, 1], [7, 3, 2], [1, 1, 1], [33, 1, 1], [2, 16, 4]];

/// Extents that ops are tried with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    batch: usize,
    t: usize,
    /// Of a head; attention takes multiples of 4.
    width: usize,
    heads: usize,
    n: usize,
}

impl Sizes {
    pub(crate) const ODD: Self = Self { batch: 2, t: 7, width: 5, heads: 3, n: 11 };
    pub(crate) const EVEN: Self = Self { batch: 3, t: 8, width: 4, heads: 2, n: 12 };
    pub(crate) const ONE: Self = Self { batch: 1, t: 1, width: 1, heads: 1, n: 1 };
    /// More than one tile of any kernel in every direction, and a bit of the next.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "of tests for Linux alone"))]
    pub(crate) const PRIME: Self = Self { batch: 3, t: 67, width: 13, heads: 3, n: 131 };
}

/// A stage of each op, and of each form that an op takes.
#[expect(clippy::many_single_char_names, reason = "extents have their names of the literature")]
#[expect(clippy::too_many_lines, reason = "a list of stages")]
pub(crate) fn stages(sizes: Sizes) -> Vec<(&'static str, String)> {
    let Sizes { batch: b, t, width, heads, n } = sizes;
    let d = heads * width;
    let wide = heads * width.next_multiple_of(4);
    let (h, w) = (t + 2, n + 2);
    let square = format!("[{b}, {heads}, {t}, {t}]");
    let x = format!("[{b}, {t}, {d}]");
    let mut all = Vec::new();
    let mut add = |op: &'static str, inputs: &[String], weights: &str, params: &str, out: &str| {
        let mut text = String::from("family = 'text'\n");
        for (i, shape) in inputs.iter().enumerate() {
            let (shape, fill) = shape.split_once(" | ").unwrap_or((shape, ""));
            let _ = write!(text, "[[input]]\nname = 'x{i}'\nshape = {shape}\n{}\n", fill.replace(", ", "\n"));
        }
        let names: Vec<String> = (0..inputs.len()).map(|i| format!("'x{i}'")).collect();
        let _ = write!(
            text,
            "[[stage]]\nop = '{op}'\nin = [{}]\nweights = {{ {weights} }}\nparams = {{ {params} }}\nout = {{ y = {out} }}\n",
            names.join(", ")
        );
        all.push((op, text));
    };
    let of = |shape: &str| [shape.to_owned()];
    add("copy", &of(&x), "", "", &x);
    add("axpy", &[x.clone(), x.clone()], "", "a = 1.5", &x);
    for activation in ["none", "gelu", "quick_gelu", "tanh", "relu"] {
        let spread = format!("{x} | spread = 9");
        add("gelu", &of(&spread), "", &format!("activation = '{activation}'"), &x);
        add(
            "linear",
            &of(&x),
            &format!("weight = [{d}, {n}], bias = [{n}]"),
            &format!("activation = '{activation}'"),
            &format!("[{b}, {t}, {n}]"),
        );
        add(
            "conv2d",
            &of(&format!("[{b}, {h}, {w}, {width}]")),
            &format!("weight = [3, 2, {width}, {n}], bias = [{n}]"),
            &format!("activation = '{activation}', stride = 2, padding = 1"),
            &format!("[{b}, {}, {}, {n}]", (h - 1) / 2 + 1, w / 2 + 1),
        );
    }
    add("gelu", &of(&x), "", "", &x);
    add("conv2d", &of(&format!("[{h}, {w}, 3]")), &format!("weight = [1, 1, 3, {n}]"), "", &format!("[{h}, {w}, {n}]"));
    add(
        "conv1d",
        &of(&x),
        &format!("weight = [3, {d}, {n}]"),
        "padding = 1, activation = 'tanh'",
        &format!("[{b}, {t}, {n}]"),
    );
    add("matmul", &[x.clone(), format!("[{d}, {n}]")], "", "", &format!("[{b}, {t}, {n}]"));
    add("batch_matmul", &[x.clone(), format!("[{b}, {d}, {n}]")], "", "", &format!("[{b}, {t}, {n}]"));
    let transposed = format!("[{b}, {n}, {d}]");
    add("batch_matmul", &[x.clone(), transposed.clone()], "", "transpose_b = true", &format!("[{b}, {t}, {n}]"));
    add("softmax", &of(&x), "", "", &x);
    add("softmax", &of(&format!("{square} | spread = 5")), "", "causal = true", &square);
    let norm = format!("weight = [{d}], bias = [{d}]");
    add("layer_norm", &of(&x), &norm, "", &x);
    add("layer_norm", &[x.clone(), format!("{x} | mean = 1")], &norm, "eps = 1e-12", &x);
    let scale = format!("weight = [{d}]");
    add("rms_norm", &of(&x), &scale, "", &x);
    add("rms_norm", &[x.clone(), format!("{x} | mean = 1")], &scale, "eps = 1e-12", &x);
    for op in ["max", "sum"] {
        add(op, &of(&x), "", "", &format!("[{b}, {t}, 1]"));
    }
    add("log_mel_scale", &[x.clone(), format!("[{b}, 1, 1]")], "", "", &x);
    add(
        "mel_log",
        &of(&format!("{x} | mean = 2")),
        &format!("filters = {{ shape = [{d}, {n}], mean = 1, spread = 0.5 }}"),
        "",
        &format!("[{b}, {t}, {n}]"),
    );
    let tables = "dft_cos = { shape = [8, 5], fill = 'dft_cos' }, dft_sin = { shape = [8, 5], fill = 'dft_sin' }";
    add("stft_power", &of(&format!("[{b}, {}]", 4 * (t + 1))), tables, "hop = 4", &format!("[{b}, {}, 5]", t + 1));
    let tokens = format!("[{b}, {t}] | fill = 'tokens', below = {n}");
    add("embedding", &of(&tokens), &format!("weight = [{n}, {d}]"), "", &x);
    let (p, segment) = (t + 3, format!("segment = [2, {d}]"));
    add("embedding", &of(&tokens), &format!("weight = [{n}, {d}], position = [{p}, {d}], {segment}"), "", &x);
    let pooled = format!("[{b}, {d}]");
    add("mean_pool", &of(&x), "", "", &pooled);
    add("mean_pool", &of(&x), "", "normalize = true", &pooled);
    add("select_row", &of(&x), "", "row = 0", &pooled);
    add("select_row", &of(&x), "", "row = -1", &pooled);
    let heads_are = format!("heads = {heads}");
    let keys = format!("[{b}, {n}, {d}]");
    let scores = format!("[{b}, {heads}, {t}, {n}]");
    add("attention_scores", &[x.clone(), keys.clone()], "", &heads_are, &scores);
    add("attention_context", &[scores, keys], "", &heads_are, &x);
    let (q, k) = (format!("[{b}, {t}, {wide}] | spread = 3"), format!("[{b}, {n}, {wide}]"));
    let out = format!("[{b}, {t}, {wide}]");
    add("attention", &[q.clone(), k.clone(), k], "", &heads_are, &out);
    let causal = format!("{heads_are}, causal = true");
    add("attention", &[q.clone(), q.clone(), q], "", &causal, &out);
    let packed = format!("[{b}, {t}, {}]", 3 * wide);
    add("attention", &of(&packed), "", &heads_are, &out);
    add("attention", &of(&packed), "", &causal, &out);
    let patch = |patch: usize, c: usize, more: &str, first: usize| {
        let tokens = t * n + first;
        let more = more.replace("POSITION", &format!("position = [{tokens}, {d}]")).replace('D', &d.to_string());
        (
            format!("[{b}, {}, {}, {c}]", t * patch, n * patch),
            format!("weight = [{}, {d}]{more}", patch * patch * c),
            format!("patch = {patch}"),
            format!("[{b}, {tokens}, {d}]"),
        )
    };
    for (image, weights, params, out) in [
        patch(2, 3, "", 0),
        patch(4, 3, ", bias = [D], class = [D], POSITION", 1),
        patch(3, 1, ", class = [D]", 1),
        patch(1, 4, ", POSITION", 0),
    ] {
        add("patch_embed", &of(&image), &weights, &params, &out);
    }
    all
}

pub(crate) fn model(text: &str) -> Model {
    Model::parse("m", Path::new("m.toml"), text).unwrap_or_else(|error| panic!("{error:?}\n{text}"))
}

pub(crate) fn graph(text: &str) -> Graph {
    Graph::of(&model(text), &JobVars::default()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn every_known_op_is_tried() {
    let tried: std::collections::HashSet<&str> = stages(Sizes::ODD).into_iter().map(|(op, _)| op).collect();
    let known: std::collections::HashSet<&str> = ops::all().map(|op| op.name).collect();
    assert_eq!(tried, known);
}

#[test]
fn every_op_is_valid_wgsl_at_any_size_and_shape() {
    let templates = Templates::new(None, None).unwrap();
    for sizes in [Sizes::ODD, Sizes::EVEN, Sizes::ONE] {
        for (op, text) in stages(sizes) {
            let graph = graph(&text);
            for workgroup in SHAPES {
                let vars = JobVars { workgroup: workgroup.into(), ..JobVars::default() };
                let rendered = render_stages(&templates, &graph, &vars, &target(Compiler::Naga))
                    .unwrap_or_else(|error| panic!("{op} {workgroup:?}: {error}\n{text}"));
                for shader in &rendered.shaders {
                    super::models::validate(&shader.code)
                        .unwrap_or_else(|error| panic!("{op} {workgroup:?}: {error}\n{}", shader.code));
                }
            }
        }
    }
}

/// Defaults are spelled with the ops, and a stage of one's own that takes a shader of theirs finds them there too.
#[test]
fn an_op_of_ones_own_with_a_shipped_shader_has_its_defaults() {
    let templates = Templates::new(None, None).unwrap();
    let render = |text: &str| {
        let rendered = render_stages(&templates, &graph(text), &JobVars::default(), &target(Compiler::Naga)).unwrap();
        rendered.shaders.into_iter().map(|shader| shader.code).collect::<Vec<_>>()
    };
    for (op, text) in stages(Sizes::ODD) {
        let own =
            text.replace(&format!("op = '{op}'"), &format!("op = 'own_{op}'\nname = '{op}'\nshader = '{op}.wgsl'"));
        assert_eq!(graph(&own).stages[0].flops, None);
        assert_eq!(render(&own), render(&text), "{own}");
    }
    // A known op in another one's shader has the defaults of both.
    let other = "family = 'text'\n[[input]]\nname = 'a'\nshape = [4, 4]\n[[input]]\nname = 'b'\nshape = [4, 4]\n\
                 [[stage]]\nop = 'axpy'\nshader = 'matmul.wgsl'\nin = ['a', 'b']\nout = { y = [4, 4] }\n";
    assert_eq!(render(other).len(), 1);
}

/// A right result is right, and one whose elements are all off by a thousandth is not.
#[test]
fn every_reference_takes_itself_for_right_and_notices_a_wrong_constant() {
    for sizes in [Sizes::ODD, Sizes::EVEN] {
        for (op, text) in stages(sizes) {
            let graph = graph(&text);
            let right = compute(&graph, HashMap::new()).unwrap();
            let verdict = verify(&graph, &right);
            assert_eq!(verdict.verified, Some(true), "{op}: {:?}\n{text}", verdict.failure);
            let mut wrong = right;
            for value in wrong.get_mut(&graph.outputs[0]).unwrap() {
                *value *= 1.001;
            }
            assert_eq!(verify(&graph, &wrong).verified, Some(false), "{op}\n{text}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn graphs_of_every_op_unfold_render_and_verify_at_random_sizes(
        batch in 1_usize..4, t in 1_usize..20, width in 1_usize..9, heads in 1_usize..4, n in 1_usize..20,
        wg in prop::array::uniform3(1_u32..17),
    ) {
        let workgroup = [wg[0], wg[1], wg[2].min(4)];
        prop_assume!(workgroup.iter().product::<u32>() <= 256);
        let templates = Templates::new(None, None).unwrap();
        for (op, text) in stages(Sizes { batch, t, width, heads, n }) {
            let graph = graph(&text);
            let tensors = compute(&graph, HashMap::new()).unwrap();
            prop_assert_eq!(verify(&graph, &tensors).verified, Some(true), "{}", op);
            let vars = JobVars { workgroup: workgroup.into(), ..JobVars::default() };
            let rendered = render_stages(&templates, &graph, &vars, &target(Compiler::Naga)).unwrap();
            prop_assert!(rendered.shaders.iter().all(|shader| super::models::validate(&shader.code).is_ok()), "{}", op);
        }
    }
}
