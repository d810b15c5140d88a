//! `dtype = "fp16"`: weights and inputs in f16, what stages compute in f32.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::process::Command;

use gpujobs::manifest::{AxisValue, Compiler};
use gpujobs::plan::graph::{Element, Graph, JobVars, Tensor, TensorRole};
use gpujobs::reference::{compute, verify};
use gpujobs::render::wgsl::render_stages;
use gpujobs::render::{RenderError, Templates};

use super::models::{target, validate};
use super::ops::{Sizes, model, stages};
use crate::support::browser_turn;
use crate::support::workshop::{Workshop, rows};

/// The job of a form of the product.
fn vars(form: &str, workgroup: [u32; 3]) -> JobVars {
    let own = [("form".to_owned(), AxisValue::Text(form.to_owned()))].into_iter().collect();
    JobVars { workgroup: workgroup.into(), dtype: "fp16".to_owned(), own, ..JobVars::default() }
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

/// What a page makes by itself is what the runner would have sent.
#[test]
fn a_page_rounds_as_the_runner_does() {
    let values: Vec<f32> = (0..4000_u16)
        .map(|i| (f32::from(i) - 2000.0) * 1.001_f32.powi(i32::from(i % 97) * 100 - 9000))
        .chain([0.0, -0.0, 1.0, 2049.0, 2051.0, -65_519.0, 6.1e-5, 6.103_515_6e-5, 0.000_061_035_14])
        .collect();
    let values: Vec<f32> = values.into_iter().filter(|value| value.abs() < 65_520.0).collect();
    let stored: Vec<f32> = values.iter().map(|value| Element::F16.stored(*value)).collect();
    let expected: Vec<u16> =
        Element::F16.bytes(&stored).as_chunks::<2>().0.iter().map(|bytes| u16::from_le_bytes(*bytes)).collect();
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
