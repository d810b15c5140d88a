//! Models on a `WebNN` that really computes. What a stand-in answers on the paths of errors is in `onnx_faults`.
//!
//! These need the Chromium with `WebNN`, and the libraries (`gpujobs setup`); a missing one fails its test.

use crate::onnx::{cells, manifest};
use crate::support::browser_turn;
use crate::support::workshop::{Row, Workshop, ended};

/// Those whose shapes a job gives whole.
const WHOLE: [&str; 7] = [
    "tiny-ast",
    "tiny-bert",
    "tiny-bert-classifier",
    "tiny-bert-masked",
    "tiny-vit",
    "tiny-vit-features",
    "tiny-wav2vec2",
];

#[test]
fn models_run_whole_where_their_shapes_are_the_jobs_and_in_parts_with_the_reason() {
    let shop = Workshop::new();
    let models = [&WHOLE[..], &["tiny-clip", "tiny-clip-encoders", "tiny-gpt2"]].concat();
    let text = manifest(&format!("browser = 'webnn'\nbackend = 'webnn'\nmodel = {models:?}"), "instances = 1\n");
    shop.run(&text, &["--set", "measure.samples=1", "--set", "measure.warmup=0", "--set", "measure.fallback=[]"])
        .expect(0);
    let rows = shop.jobs();
    let row = |model: &str| -> &Row { rows.iter().find(|row| row["model"] == model).unwrap() };
    for model in WHOLE {
        let found = cells(row(model), ["status", "verified", "backend_used", "nodes", "cpu_nodes"]);
        assert_eq!(found, ["ok", "true", "webnn", "1", "0"], "{:?}", row(model));
    }
    // A part of CLIP that the browser refuses whole, and a text whose length grows.
    for (model, reason) in [
        (
            "tiny-clip",
            "with fixed dimensions: NotSupportedError: Failed to execute 'build' on 'MLGraphBuilder': gatherElements",
        ),
        ("tiny-clip-encoders", "gatherElements only supports constant indices"),
        ("tiny-gpt2", "Dynamic shape is not supported"),
    ] {
        let found = cells(row(model), ["status", "verified", "backend_used"]);
        assert_eq!(found, ["ok", "true", "webnn+cpu"], "{:?}", row(model));
        assert!(row(model)["warnings"].contains(reason), "{:?}", row(model));
    }
}

#[test]
fn verify_has_it_compute_and_says_what_it_takes() {
    let _turn = browser_turn();
    let shop = Workshop::new();
    let ended = ended(shop.command(&["verify", "--browser", "webnn"]).spawn().unwrap()).expect(0);
    let right = "WebNN present: computed relu(w x + b) with random numbers: right; contexts for cpu, gpu";
    assert!(ended.stdout.contains(right), "{}", ended.stdout);
    assert!(ended.stdout.contains("takes float32, "), "{}", ended.stdout);
}
