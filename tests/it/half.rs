//! `dtype = "fp16"`: weights and inputs in f16, what stages compute in f32.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::process::Command;

use gpujobs::graph::{Element, Graph, JobVars, Tensor, TensorRole, Values};
use gpujobs::manifest::AxisValue;
use gpujobs::reference::{compute, fill, verify};
use gpujobs::render::wgsl::{Rendered, render_stages};
use gpujobs::render::{RenderError, Templates};
use gpujobs::webdriver::Compiler;

use super::models::{target, validate};
use super::ops::{Sizes, model, stages};
use crate::support::browser_turn;
use crate::support::workshop::{Workshop, rows};

/// The job of a form of the product.
fn vars(form: &str, workgroup: [u32; 3]) -> JobVars {
    let own = [("form".to_owned(), AxisValue::Text(form.to_owned()))].into_iter().collect();
    JobVars { workgroup: workgroup.into(), dtype: "fp16".to_owned(), custom: own, ..JobVars::default() }
}

/// Ops that read numbers only where a stage computed them; the others read f16.
const READ_F32: [&str; 11] = [
    "attention",
    "attention_context",
    "attention_scores",
    "axpy",
    "batch_matmul",
    "copy",
    "gelu",
    "log_mel_scale",
    "mean_pool",
    "select_row",
    "stft_power",
];

#[test]
fn every_op_reads_f16_or_says_that_it_does_not() {
    let templates = Templates::new(None, None).unwrap();
    let mut refused = BTreeSet::new();
    for sizes in [Sizes::ODD, Sizes::EVEN, Sizes::ONE] {
        for (op, text) in stages(sizes) {
            for vars in [vars("direct", [7, 3, 2]), vars("tiled", [8, 8, 1]), vars("tiled", [8, 4, 4])] {
                let graph = Graph::of(&model(&text), &vars).unwrap();
                let rendered = match render_stages(&templates, &graph, &vars, &target(Compiler::Naga)) {
                    Ok(rendered) => rendered,
                    Err(RenderError::Unsupported { reason, .. }) => {
                        // Its tiled form has another shape.
                        let shape = op == "attention" && reason.contains("breaks the rule");
                        assert!(shape || reason.contains("reads f32 only"), "{op}: {reason}");
                        refused.insert(op);
                        continue;
                    }
                    Err(error) => panic!("{op}: {error}\n{text}"),
                };
                for shader in &rendered.shaders {
                    validate(&shader.code).unwrap_or_else(|error| panic!("{op}: {error}\n{}", shader.code));
                }
                assert_eq!(rendered.dispatches[0].features, ["shader-f16"], "{op}");
            }
        }
    }
    assert_eq!(refused, READ_F32.into_iter().collect());
}

/// The weights of `MiniLM` at these sizes take half the room, and its stages verify.
#[test]
fn a_whole_model_has_its_weights_in_f16() {
    let templates = Templates::new(None, None).unwrap();
    let graphs = ["fp32", "fp16"].map(|dtype| {
        let vars = JobVars { dtype: dtype.to_owned(), ..JobVars::default() };
        let whole = super::models::model("minilm");
        let small = [("layers", 1.0), ("tokens", 7.0), ("vocab", 50.0), ("positions", 9.0)];
        let graph = Graph::of(&super::models::with(&whole, &small), &vars).unwrap();
        let rendered = render_stages(&templates, &graph, &vars, &target(Compiler::Tint)).unwrap();
        for shader in &rendered.shaders {
            validate(&shader.code).unwrap_or_else(|error| panic!("{}: {error}\n{}", shader.name, shader.code));
            assert!(dtype == "fp16" || !shader.code.contains("f16"), "{}", shader.name);
        }
        graph
    });
    let weights = |graph: &Graph, element| {
        let of = graph.tensors.iter().filter(|tensor| matches!(tensor.role, TensorRole::Weight(_)));
        of.filter(|tensor| tensor.element == element).map(Tensor::bytes).sum::<u64>()
    };
    assert!(weights(&graphs[0], Element::F32) > 1 << 20);
    assert_eq!(weights(&graphs[1], Element::F16) * 2, weights(&graphs[0], Element::F32));
    let tensors = compute(&graphs[1], HashMap::new()).unwrap();
    assert_eq!(verify(&graphs[1], &tensors).verified, Some(true));
    let traffic = |graph: &Graph| graph.stages.iter().map(|stage| stage.bytes.0).sum::<u64>();
    assert!(traffic(&graphs[1]) < traffic(&graphs[0]));
}

fn product(m: usize, n: usize, k: usize, accumulate: usize) -> String {
    format!(
        "family = 'text'\n[[input]]\nname = 'a'\nshape = [{m}, {k}]\n[[input]]\nname = 'b'\nshape = [{k}, {n}]\n\
         [[stage]]\nop = 'matmul'\nin = ['a', 'b']\nparams = {{ accumulate = {accumulate} }}\nout = {{ c = [{m}, {n}] }}\n"
    )
}

/// A job of a matmul with these parameters of its kernel, rendered.
fn multiply(text: &str, vars: &JobVars, own: &[(&str, AxisValue)]) -> Result<Rendered, String> {
    let mut vars = vars.clone();
    vars.custom.extend(own.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    let graph = Graph::of(&model(text), &vars).map_err(|error| error.to_string())?;
    let templates = Templates::new(None, None).unwrap();
    render_stages(&templates, &graph, &vars, &target(Compiler::Tint)).map_err(|error| error.to_string())
}

/// naga knows no matrix units: the text stands for what tint is given.
#[test]
fn the_matrix_form_looks_like_this() {
    let text = |name: &str| AxisValue::Text(name.to_owned());
    let own = [
        ("sm", AxisValue::Int(32)),
        ("sn", AxisValue::Int(32)),
        ("fragment", text("16x16x16")),
        ("pad", AxisValue::Int(1)),
    ];
    let rendered = multiply(&product(64, 32, 48, 32), &vars("matrix", [32, 2, 1]), &own).unwrap();
    let dispatch = &rendered.dispatches[0];
    assert_eq!(dispatch.features, ["chromium-experimental-subgroup-matrix", "shader-f16", "subgroups"]);
    assert_eq!((dispatch.grid, dispatch.workgroup_bytes), ([1, 1, 1], 2 * (64 * 24 + 16 * 40)));
    insta::assert_snapshot!(rendered.shaders[0].code);
    let swept = [("swizzle", AxisValue::Int(8)), ("prefetch", AxisValue::Bool(true)), ("bk", AxisValue::Int(32))];
    let large = multiply(&product(4096, 4096, 4096, 32), &vars("matrix", [64, 2, 1]), &swept).unwrap();
    assert_eq!(large.dispatches[0].grid, [1024, 1, 1]);
    // 4 x 8 sums of 16 x 8 a subgroup, four steps of eight in a block.
    assert_eq!(large.shaders[0].code.matches("subgroupMatrixMultiplyAccumulate(").count(), 4 * 8 * 4);
    assert_eq!(large.shaders[0].code.matches("subgroupMatrixStore<").count(), 4 * 8);
}

/// Every value of its parameters, in each of its workgroups.
#[test]
fn the_matrix_form_multiplies_all_of_its_blocks() {
    let mut rendered = 0;
    for wg in [[32, 1, 1], [64, 2, 1], [64, 4, 1], [128, 2, 1]] {
        for (sm, sn, bk) in [(32, 32, 16), (64, 64, 32), (32, 128, 32), (128, 32, 16), (64, 32, 16), (64, 32, 32)] {
            for fragment in ["16x8x8", "16x8x16", "16x16x16"] {
                let own = [
                    ("sm", AxisValue::Int(sm)),
                    ("sn", AxisValue::Int(sn)),
                    ("bk", AxisValue::Int(bk)),
                    ("fragment", AxisValue::Text(fragment.to_owned())),
                ];
                let code = match multiply(&product(512, 512, 64, 32), &vars("matrix", wg), &own) {
                    Ok(rendered) => rendered.shaders[0].code.clone(),
                    Err(said) => {
                        assert!(said.contains("breaks the rule"), "{said}");
                        continue;
                    }
                };
                let cut: Vec<i64> = fragment.split('x').map(|extent| extent.parse().unwrap()).collect();
                let products = (sm / cut[0]) * (sn / cut[1]) * (bk / cut[2]);
                let found = code.matches("subgroupMatrixMultiplyAccumulate(").count();
                assert_eq!(i64::try_from(found).unwrap(), products, "{wg:?} {own:?}");
                rendered += 1;
            }
        }
    }
    assert!(rendered >= 36, "{rendered}");
}

#[test]
fn what_matrix_units_and_sums_in_f16_can_not_do_is_said() {
    let refused = |text: &str, vars: &JobVars| multiply(text, vars, &[]).unwrap_err();
    let half = vars("matrix", [64, 2, 1]);
    let single = JobVars { dtype: "fp32".to_owned(), ..half.clone() };
    let whole = product(128, 128, 128, 32);
    assert!(refused(&whole, &single).contains("multiplies f16 by f16"), "{}", refused(&whole, &single));
    for (text, vars, reason) in [
        (product(128, 128, 120, 32), &half, "takes multiples of 128x128x16, not 128x128x120"),
        (product(128, 128, 128, 16), &half, "sums in f32"),
        (product(8, 8, 8, 16), &vars("direct", [64, 1, 1]), "takes the form tiled"),
        (product(8, 8, 8, 24), &half, "expected 32 (sums in f32) or 16 (in f16)"),
        (whole, &vars("matrix", [48, 1, 1]), "breaks the rule"),
    ] {
        let said = refused(&text, vars);
        assert!(said.contains(reason), "{said}");
    }
    let tiled = JobVars { dtype: "fp32".to_owned(), ..vars("tiled", [8, 8, 1]) };
    let said = refused(&product(8, 8, 8, 16), &tiled);
    assert!(said.contains("both inputs must be"), "{said}");
}

/// A sum in f16 may be off by what f16 rounds, and by no more.
#[test]
fn sums_in_f16_have_a_tolerance_that_zeros_do_not_pass() {
    let vars = vars("tiled", [8, 8, 1]);
    for k in [1, 67, 4096] {
        let graph = Graph::of(&model(&product(5, 7, k, 16)), &vars).unwrap();
        let inputs = [0, 1].map(|id| match fill(&graph.tensors[id]).unwrap() {
            Values::Floats(values) => values,
            Values::Whole(values) => panic!("{values:?}"),
        });
        // In the order of the shader: one after the other, each sum rounded.
        let mut summed = vec![0.0_f32; 35];
        for (at, sum) in summed.iter_mut().enumerate() {
            for i in 0..k {
                let exact =
                    f64::from(inputs[0][at / 7 * k + i]) * f64::from(inputs[1][i * 7 + at % 7]) + f64::from(*sum);
                #[expect(clippy::cast_possible_truncation, reason = "rounded to f16 just after")]
                let rounded = Element::F16.stored(exact as f32);
                *sum = rounded;
            }
        }
        let output = graph.outputs[0];
        let verdict = verify(&graph, &[(output, summed.clone())].into());
        assert_eq!(verdict.verified, Some(true), "{k}: {:?}", verdict.failure);
        assert_eq!(verify(&graph, &[(output, vec![0.0; 35])].into()).verified, Some(false), "{k}");
        // As sums in f32 they would be wrong.
        if k > 1 {
            let single = Graph::of(&model(&product(5, 7, k, 32)), &vars).unwrap();
            assert_eq!(verify(&single, &[(output, summed)].into()).verified, Some(false), "{k}");
        }
    }
}

/// What a page makes by itself is what the runner would have sent.
#[test]
fn a_page_rounds_as_the_runner_does() {
    let values: Vec<f32> = (0..4000_u16)
        .map(|i| (f32::from(i) - 2000.0) * 1.001_f32.powi(i32::from(i % 97) * 100 - 9000))
        .chain([0.0, -0.0, 1.0, 2049.0, 2051.0, -65_519.0, 6.1e-5, 6.103_515_6e-5, 0.000_061_035_14])
        .collect();
    let values: Vec<f32> = values.into_iter().filter(|value| value.abs() < 65_520.0).collect();
    let stored: Vec<f32> = values.iter().map(|value| Element::F16.stored(*value)).collect();
    let expected: Vec<u16> = Element::F16
        .bytes(&Values::Floats(stored.clone()))
        .as_chunks::<2>()
        .0
        .iter()
        .map(|bytes| u16::from_le_bytes(*bytes))
        .collect();
    let words: Vec<u32> = values.iter().map(|value| value.to_bits()).collect();
    let module = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/harness/tensors.js");
    let script = format!(
        "import {{ halves }} from {module:?};\nconst words = Uint32Array.from({words:?});\n\
         console.log(JSON.stringify([...halves(new Float32Array(words.buffer))]));"
    );
    let shop = Workshop::new();
    let script = shop.write("round.mjs", &script);
    let output = Command::new("node").arg(script).output().expect("node");
    let made: Vec<u16> = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(made, expected[..values.len()]);
}

/// Odd sizes in both browsers; one whose adapter has no f16 says so and how to get it.
#[test]
fn weights_and_inputs_in_f16_verify_in_real_browsers() {
    let _turn = browser_turn();
    let shop = Workshop::new();
    let mut text = "name = 'half'\n[measure]\nsamples = 1\nrounds = 1\nwarmup = 0\n[matrix]\n\
                    browser = ['chrome', 'firefox']\ndtype = 'fp16'\nworkgroup_size = [[8, 8, 1], [8, 4, 4]]\nmodel = ["
        .to_owned();
    let mut models = String::new();
    let mut count = 0;
    for sizes in [Sizes::ODD, Sizes::EVEN] {
        for (_, stage) in stages(sizes).into_iter().filter(|(op, _)| !READ_F32.contains(op)).step_by(2) {
            let _ = write!(text, "'m{count}', ");
            shop.write(&format!("models/m{count}.toml"), &stage);
            count += 1;
        }
    }
    models += "]\n[axes]\nform = ['direct', 'tiled']\n";
    text = format!("models = 'models'\n{text}{models}");
    shop.write("m.toml", &text);
    shop.gpujobs(&["run", "m.toml", "--out", "out", "--quiet"]).expect(0);
    let folder = std::fs::read_dir(shop.path("out")).unwrap().next().unwrap().unwrap().path();
    let jobs = rows(&folder.join("jobs.csv"));
    let mut verified = 0;
    for job in &jobs {
        match job["status"].as_str() {
            "ok" => {
                assert_eq!(job["verified"], "true", "{job:?}");
                verified += 1;
            }
            "unsupported" => assert!(job["reason"].contains("shader-f16"), "{job:?}"),
            _ => panic!("{job:?}"),
        }
    }
    assert!(verified >= 2 * count, "{verified} of {}", jobs.len());
}
