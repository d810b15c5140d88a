//! Inferences whose outputs differ from one to the next: right where each is within what its reference allows, as sums are that
//! come out in any order; wrong where one is not.
//!
//! These need Chromium and Firefox with their drivers (`gpujobs setup`); a missing one fails its test.

use std::fmt::Write as _;

use crate::own_shaders::words;
use crate::support::workshop::{Row, Workshop};

const ELEMENTS: usize = 4096;

/// What all three are given: values between 0.5 and 1.5, of which no two neighbours are alike.
const INPUT: &str = "family = 'vision'\n[[input]]\nname = 'x'\nshape = [4096]\nmean = 1.0\nspread = 0.5\n";

/// A binding of a shader.
fn storage(tensor: &str, access: &str, name: &str, kind: &str) -> String {
    format!("@group(0) @binding({{{{ {tensor}.binding }}}}) var<storage, {access}> {name}: {kind};\n")
}

/// The sum of all by atomics, in whatever order the threads come.
fn atomics() -> (String, String) {
    let stage = "[[stage]]\nop = 'atomics'\nin = ['x']\nout = { y = { shape = [1], start = 'zeros' } }\n";
    let body = "@compute @workgroup_size(64)\nfn main(@builtin(global_invocation_id) id: vec3u) {\n\
                loop {\n let old = atomicLoad(&y.bits);\n let sum = bitcast<u32>(bitcast<f32>(old) + x[id.x]);\n\
                if (atomicCompareExchangeWeak(&y.bits, old, sum).exchanged) { break; }\n}\n}\n";
    let shader = ["{% set grid = [64, 1, 1] %}\nstruct Sum { bits: atomic<u32> }\n", body].concat();
    (stage.to_owned(), bound(&shader, "Sum"))
}

/// A shader that reads `x` and writes `y`.
fn bound(shader: &str, kind: &str) -> String {
    let x = storage("inputs[0]", "read", "x", "array<f32>");
    let y = storage("outputs[0]", "read_write", "y", kind);
    shader.replacen("@compute", &format!("{x}{y}@compute"), 1)
}

/// The same sum from another element on in each inference: what counts them lies in a buffer that only a recorded run fills.
fn orders() -> [(String, String); 2] {
    let count = "{% set grid = [1, 1, 1] %}\n@compute @workgroup_size(1)\nfn main() {\n\
                 let before = select(y[0], 0.0, bitcast<u32>(y[0]) == 0x7fc05e17u);\n y[0] = before + x[0] / x[0];\n}\n";
    let sum = "{% set grid = [1, 1, 1] %}\n@compute @workgroup_size(1)\nfn main() {\n\
               var total = 0.0;\n let first = u32(count[0]) * 61u;\n\
               for (var i = 0u; i < 4096u; i++) { total += x[(first + i) % 4096u]; }\n y[0] = total;\n}\n";
    let read = storage("inputs[1]", "read", "count", "array<f32>");
    let stages = [
        "[[stage]]\nop = 'count'\nin = ['x']\nout = { c = [1] }\n",
        "[[stage]]\nop = 'order'\nin = ['x', 'c']\nout = { y = [1] }\n",
    ];
    [(stages[0].to_owned(), bound(count, "array<f32>")), (stages[1].to_owned(), read + &bound(sum, "array<f32>"))]
}

/// What an earlier inference of the same sample left is added to.
fn accumulating() -> (String, String) {
    let stage = "[[stage]]\nop = 'accumulating'\nin = ['x']\nout = { y = [4096] }\n";
    let body = "{% set grid = [64, 1, 1] %}\n@compute @workgroup_size(64)\n\
                fn main(@builtin(global_invocation_id) id: vec3u) {\n\
                let before = select(y[id.x], 0.0, bitcast<u32>(y[id.x]) == 0x7fc05e17u);\n y[id.x] = before + x[id.x];\n}\n";
    (stage.to_owned(), bound(body, "array<f32>"))
}

/// `x` as the fill makes it.
fn x() -> Vec<f32> {
    let x = crate::own_shaders::uniform("x", ELEMENTS);
    x.into_iter().map(|value| 1.0 + 0.5 * value).collect()
}

/// Runs each model with a file of what is right and without one, in both browsers.
fn rows() -> Vec<Row> {
    let shop = Workshop::new();
    std::fs::create_dir(shop.path("shaders")).unwrap();
    #[expect(clippy::cast_possible_truncation, reason = "as a file of f32 has it")]
    let sum = x().iter().map(|value| f64::from(*value)).sum::<f64>() as f32;
    let [count, order] = orders();
    let models = [
        ("atomics", vec![("atomics", atomics())], vec![sum]),
        ("order", vec![("count", count), ("order", order)], vec![sum]),
        ("accumulating", vec![("accumulating", accumulating())], x()),
    ];
    let mut names = String::new();
    for (name, stages, right) in models {
        let mut model = INPUT.to_owned();
        for (op, (stage, shader)) in stages {
            model.push_str(&stage);
            std::fs::write(shop.path(&format!("shaders/{op}.wgsl")), shader).unwrap();
        }
        shop.write(&format!("models/{name}_unknown.toml"), &model);
        shop.write(&format!("models/{name}.toml"), &format!("{model}expect = {{ file = '{name}.f32' }}\n"));
        std::fs::write(shop.path(&format!("models/{name}.f32")), words(&right, f32::to_le_bytes)).unwrap();
        write!(names, "'{name}', '{name}_unknown', ").unwrap();
    }
    let manifest = format!(
        "name = 'repeats'\nshaders = 'shaders'\n[matrix]\nbrowser = ['chrome', 'firefox']\nmodel = [{names}]\n\
         [measure]\nsamples = 12\nrounds = 1\nwarmup = 1\niterations = 3\nfallback = []\nretries = 0\n"
    );
    shop.run(&manifest, &[]).expect(1);
    shop.jobs()
}

#[test]
fn outputs_that_differ_are_right_as_far_as_their_references_allow() {
    let rows = rows();
    assert_eq!(rows.len(), 12);
    for row in &rows {
        let (status, verified) = (row["status"].as_str(), row["verified"].as_str());
        let known = if row["model"].ends_with("_unknown") { "" } else { "true" };
        let differ = row["warnings"].contains("outputs differ from one inference to the next, by up to ");
        match row["model"].trim_end_matches("_unknown") {
            // Whether threads meet in another order is theirs.
            "atomics" => assert_eq!((status, verified), ("ok", known), "{row:?}"),
            // More of them than are remembered.
            "order" => {
                assert_eq!((status, verified, row["samples"].as_str(), differ), ("ok", known, "12", true), "{row:?}");
            }
            _ => {
                assert_eq!((status, verified, row["wall_median_ms"].as_str()), ("incorrect", "false", ""), "{row:?}");
                let said = "stage `accumulating`: `y` of an inference differs from ";
                assert!(row["reason"].starts_with(said), "{row:?}");
            }
        }
    }
}
