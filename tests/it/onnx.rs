//! Models of ONNX in real browsers by the real program: transformers.js and onnxruntime-web on each backend, and what is
//! checked. What must not pass for a result is in `onnx_faults`.
//!
//! These need Chromium, Firefox and WebKitGTK with their drivers, and the libraries (`gpujobs setup`); a missing one fails
//! its test.

use crate::support::workshop::{Row, Workshop, ended, is_positive, rows};
use crate::support::{browser_turn, traces};

pub(crate) const ROOT: &str = env!("CARGO_MANIFEST_DIR");

const MEASURE: &str = "[measure]\nwarmup = 1\nsamples = 3\nrounds = 1\nretries = 0\n";

/// onnxruntime-web is 27 MB of wasm, which Chromium otherwise compiles a second time, optimised, for each document: 3.7
/// seconds of processor time a job instead of 1.4.
pub(crate) const COMPILED_ONCE: &str = "[browser.chrome]\nargs = ['--js-flags=--liftoff-only']\n";

pub(crate) const NO_FALLBACK: &str = "fallback = []\n";

pub(crate) fn source(file: &str) -> String {
    std::fs::read_to_string(format!("{ROOT}/{file}")).unwrap()
}

/// A manifest of quick jobs with the small models of the tests. `rest` goes on with `[measure]`; a Chromium of its own is
/// started as it says.
pub(crate) fn manifest(matrix: &str, rest: &str) -> String {
    let browser = if rest.contains("[browser.chrome]") { "" } else { COMPILED_ONCE };
    format!("name = 'onnx'\nmodels = '{ROOT}/tests/data/models'\n[matrix]\n{matrix}\n{MEASURE}{rest}{browser}")
}

/// A model manifest of one's own for an ONNX file of the tests.
pub(crate) fn model(shop: &Workshop, name: &str, file: &str, rest: &str) {
    let text = format!("family = 'text'\nengine = 'onnxruntime'\nfile = '{ROOT}/tests/data/onnx/{file}.onnx'\n{rest}");
    shop.write(&format!("models/{name}.toml"), &text);
}

/// A few columns of a row, for comparison.
pub(crate) fn cells<'row, const N: usize>(row: &'row Row, names: [&str; N]) -> [&'row str; N] {
    names.map(|name| row[name].as_str())
}

/// Ran where it was asked to, and was checked.
#[track_caller]
pub(crate) fn assert_right(row: &Row) {
    let found = cells(row, ["status", "verified", "reference", "backend_used"]);
    assert_eq!(found, ["ok", "true", "onnxruntime", row["backend"].as_str()], "{row:?}");
    assert!(is_positive(&row["wall_median_ms"]), "{row:?}");
    match row["backend"].as_str() {
        "wasm" => assert_eq!(row["dispatches"], "", "{row:?}"),
        _ => assert!(is_positive(&row["dispatches"]), "{row:?}"),
    }
}

/// A shipped manifest in all three browsers, with few samples.
fn shipped(name: &str) {
    let shop = Workshop::new();
    let text = source(&format!("manifests/{name}.toml")).replace("../tests/data", &format!("{ROOT}/tests/data"));
    let text = format!("{text}{COMPILED_ONCE}");
    let few = ["--set", "measure.samples=3", "--set", "measure.rounds=1", "--set", "measure.warmup=1", "--quiet"];
    shop.run(&text, &few).expect(0);
    for row in shop.jobs() {
        match cells(&row, ["browser", "backend"]) {
            [_, "wasm"] | ["chrome" | "firefox", "webgpu"] => {
                assert_right(&row);
                assert!(row["runtime"].contains("onnxruntime-web 1.") && row["runtime"].contains("transformers.js 4."));
            }
            [_, backend] => {
                assert_eq!(row["status"], "unsupported", "{row:?}");
                assert_eq!(cells(&row, ["backend_used", "verified", "wall_median_ms"]), ["", "", ""], "{row:?}");
                let said = if backend == "webgpu" { ["navigator.gpu"; 2] } else { ["navigator.ml", "createContext"] };
                assert!(said.iter().any(|said| row["reason"].contains(said)), "{row:?}");
            }
        }
    }
}

#[test]
fn text_runs_verified_in_every_browser() {
    shipped("text");
}

#[test]
fn vision_runs_verified_in_every_browser() {
    shipped("vision");
}

#[test]
fn speech_runs_verified_in_every_browser() {
    shipped("speech");
}

#[test]
fn multimodal_runs_verified_in_every_browser() {
    shipped("multimodal");
}

#[test]
fn webkitgtk_falls_back_to_wasm_and_says_so_and_has_one_thread() {
    let shop = Workshop::new();
    shop.run(&manifest("browser = 'webkitgtk'\nmodel = 'tiny-bert'\nthreads = [1, 2]", ""), &[]).expect(0);
    let jobs = shop.jobs();
    assert_eq!(cells(&jobs[0], ["status", "verified", "backend", "backend_used"]), ["ok", "true", "webgpu", "wasm"]);
    assert!(jobs[0]["fallback_reason"].contains("navigator.gpu"), "{:?}", jobs[0]);
    assert_eq!(jobs[1]["status"], "unsupported", "{:?}", jobs[1]);
    assert!(jobs[1]["reason"].contains("SharedArrayBuffer"), "{:?}", jobs[1]);
}

#[test]
fn a_job_has_the_threads_that_it_asks_for() {
    let shop = Workshop::new();
    let matrix = "browser = ['chrome', 'firefox']\nmodel = 'tiny-vit'\nbackend = 'wasm'\nthreads = [1, 2]";
    shop.run(&manifest(matrix, NO_FALLBACK), &[]).expect(0);
    assert_eq!(shop.column("threads"), ["1", "2", "1", "2"]);
    shop.jobs().iter().for_each(assert_right);
}

#[test]
fn an_unseen_file_needs_a_manifest_and_no_rust() {
    let shop = Workshop::new();
    model(&shop, "static", "static", "");
    let ids = "[[input]]\nname = 'input_ids'\nbelow = 32\n[[input]]\nname = 'attention_mask'\nbelow = 2\n";
    model(&shop, "dynamic", "dynamic", &format!("[dims]\nlength = 7\n{ids}"));
    model(&shop, "conv", "conv", "");
    model(&shop, "half", "half", "");
    model(&shop, "unsupported", "unsupported", "");
    let names = ["static", "dynamic", "conv", "half"];
    // The one that can't be loaded comes first: it must not spoil its session for those after it.
    let matrix = "browser = ['chrome', 'firefox']\nbackend = ['wasm', 'webgpu']\n\
                  model = ['unsupported', 'static', 'dynamic', 'conv', 'half']\nbatch = 3";
    shop.run(&manifest(matrix, NO_FALLBACK), &["--save-outputs"]).expect(0);
    for row in shop.jobs() {
        if names.contains(&row["model"].as_str()) {
            // Without 16-bit floats in its adapter a GPU may refuse them, in the runtime's words.
            if row["model"] == "half" && row["status"] == "unsupported" {
                assert!(row["backend"] == "webgpu" && !row["reason"].is_empty(), "{row:?}");
                continue;
            }
            assert_right(&row);
            let folder = shop.run_folder().join("outputs").join(&row["job_id"]);
            let sizes: Vec<u64> =
                std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).collect();
            assert!(!sizes.is_empty() && sizes.iter().all(|size| *size > 0 && size % 4 == 0), "{row:?}");
        } else {
            assert_eq!(row["status"], "unsupported", "{row:?}");
            assert!(row["reason"].contains("Frobnicate"), "{row:?}");
        }
    }
}

#[test]
fn operators_of_every_kind_are_held_to_the_reference() {
    let shop = Workshop::new();
    let names = ["nbits", "grid_sample", "lstm", "loop", "branch", "nonzero", "qdq", "qdq_blocks"];
    for name in names {
        let rest = match name {
            "lstm" => "[dims]\nlength = 5\n",
            "loop" => "[[input]]\nname = 'turns'\nbelow = 9\n",
            "qdq_blocks" => "[[input]]\nname = 'input'\nbelow = 100\n",
            _ => "",
        };
        model(&shop, name, name, rest);
    }
    let matrix = format!("browser = 'chrome'\nbackend = ['wasm', 'webgpu']\nmodel = {names:?}");
    shop.run(&manifest(&matrix, NO_FALLBACK), &[]).expect(1);
    for row in shop.jobs() {
        let [model, backend] = cells(&row, ["model", "backend"]);
        if (model, backend) == ("qdq_blocks", "webgpu") {
            // So onnxruntime-web 1.31-dev computes it; a later one may be right.
            assert_eq!(
                cells(&row, ["status", "verified", "reference"]),
                ["incorrect", "false", "onnxruntime"],
                "{row:?}"
            );
            let said = "differs from its reference, with which wasm in chrome agrees (7 of 8 elements)";
            assert!(row["reason"].contains(said), "{row:?}");
            continue;
        }
        // WebGPU leaves to the CPU what finds out how long an output is, and the quantising of an input.
        let used = if backend == "webgpu" && ["nonzero", "qdq"].contains(&model) { "webgpu+cpu" } else { backend };
        let found = cells(&row, ["status", "verified", "reference", "backend_used"]);
        assert_eq!(found, ["ok", "true", "onnxruntime", used], "{row:?}");
        assert!(is_positive(&row["wall_median_ms"]), "{row:?}");
        let multiplies = ["nbits", "lstm", "loop", "qdq"].contains(&model);
        assert_eq!(is_positive(&row["gflops"]), multiplies, "{row:?}");
    }
}

#[test]
fn what_is_no_number_or_random_by_design_is_not_wrong() {
    let shop = Workshop::new();
    for name in ["nan_row", "noise"] {
        model(&shop, name, name, "");
    }
    let matrix = "browser = 'chrome'\nbackend = ['wasm', 'webgpu']\nmodel = ['nan_row', 'noise']";
    // More samples than outputs that a job may have that differ.
    shop.run(&manifest(matrix, NO_FALLBACK).replace("samples = 3", "samples = 10"), &[]);
    let jobs = shop.jobs();
    assert_eq!(jobs.len(), 4);
    for row in &jobs {
        let found = cells(row, ["model", "backend", "status", "verified", "reference", "max_abs_error"]);
        match found {
            ["noise", _, "ok", "", "", ""] => {
                assert!(row["warnings"].contains("`RandomNormalLike` draws random numbers"), "{row:?}");
                assert!(is_positive(&row["wall_median_ms"]), "{row:?}");
            }
            ["nan_row", "wasm", "ok", "true", "onnxruntime", _] => {
                let said = "3 elements of the output are NaN or infinite, as the reference's are";
                assert!(row["warnings"].contains(said), "{row:?}");
            }
            // WebGPU may give numbers there, which is said.
            ["nan_row", "webgpu", "incorrect", "false", "onnxruntime", _] => {
                assert!(row["reason"].contains("expected NaN"), "{row:?}");
            }
            other => panic!("{other:?}: {row:?}"),
        }
    }
}

/// A store of one's own, with one of the tiny models in it.
pub(crate) fn stored(shop: &Workshop, model: &str, name: &str) -> std::path::PathBuf {
    let folder = shop.path("own-store").join(name);
    std::fs::create_dir_all(folder.join("onnx")).unwrap();
    for file in std::fs::read_dir(format!("{ROOT}/tests/data/models/{model}")).unwrap().map(Result::unwrap) {
        let to = folder.join(file.file_name());
        if file.path().is_file() {
            std::fs::copy(file.path(), to).unwrap();
        } else {
            std::fs::copy(file.path().join("model.onnx"), to.join("model.onnx")).unwrap();
        }
    }
    folder
}

/// The masked model's scores of each word, read as a word's class.
#[test]
fn tokens_are_classified() {
    let shop = Workshop::new();
    let config = stored(&shop, "tiny-bert-masked", "tiny-tagger").join("config.json");
    let text = std::fs::read_to_string(&config).unwrap().replace("BertForMaskedLM", "BertForTokenClassification");
    std::fs::write(&config, text).unwrap();
    let task = "family = 'text'\nengine = 'transformers'\ntask = 'token-classification'\nid = 'tiny-tagger'\n\
                [[input]]\ntext = 'the time is said to have been there.'\n";
    shop.write("models/tagger.toml", task);
    let matrix = "browser = ['chrome', 'firefox']\nmodel = 'tagger'\nbackend = ['wasm', 'webgpu']";
    let text = manifest(matrix, NO_FALLBACK).replace(&format!("{ROOT}/tests/data/models"), "own-store");
    shop.run(&text, &[]).expect(0);
    let jobs = shop.jobs();
    assert_eq!(jobs.len(), 4);
    for row in &jobs {
        assert_right(row);
        assert_eq!(cells(row, ["task", "reference"]), ["token-classification", "onnxruntime"]);
    }
}

#[test]
fn kernels_and_parts_have_rows_of_their_own() {
    let shop = Workshop::new();
    let matrix = "browser = 'chrome'\nmodel = ['tiny-bert', 'tiny-clip-encoders', 'axpy']";
    shop.run(&manifest(matrix, &format!("profile = true\n{NO_FALLBACK}")), &[]).expect(0);
    let folder = shop.run_folder();
    let (kernels, parts) = (rows(&folder.join("kernels.csv")), rows(&folder.join("parts.csv")));
    for job in shop.jobs() {
        let of_job: Vec<&Row> = kernels.iter().filter(|kernel| kernel["job_id"] == job["job_id"]).collect();
        let shares: f64 = of_job.iter().map(|kernel| kernel["share_percent"].parse::<f64>().unwrap()).sum();
        assert!((shares - 100.0).abs() < 0.01, "{shares} % of {job:?}");
        assert!(of_job.iter().all(|kernel| is_positive(&kernel["dispatches"])), "{of_job:?}");
        let expected: &[&str] = match job["model"].as_str() {
            "tiny-clip-encoders" => &["text", "vision"],
            _ => &[],
        };
        let of_job: Vec<&Row> = parts.iter().filter(|part| part["job_id"] == job["job_id"]).collect();
        for name in expected {
            let part = of_job.iter().find(|part| part["part"] == *name).unwrap_or_else(|| panic!("{of_job:?}"));
            let figures = ["bytes", "fetch_ms", "create_ms", "compile_ms", "first_inference_ms"];
            assert!(figures.iter().all(|figure| is_positive(&part[*figure])), "{part:?}");
        }
    }
    let resumed = shop.gpujobs(&["run", "m.toml", "--resume", folder.to_str().unwrap()]).expect(0);
    assert_eq!(rows(&folder.join("kernels.csv")).len(), kernels.len(), "{resumed:?}");
    assert_eq!(rows(&folder.join("parts.csv")).len(), parts.len());
}

/// As on a system for which npm's package has no library.
#[test]
fn where_there_is_no_native_onnxruntime_wasm_of_the_run_is_the_reference() {
    let shop = Workshop::new();
    model(&shop, "cpu_only", "cpu_only", "");
    model(&shop, "conv", "conv", "");
    for package in ["@huggingface", "onnxruntime-web", "onnxruntime-common"] {
        std::fs::create_dir_all(shop.path("libraries")).unwrap();
        let installed = format!("{ROOT}/node_modules/{package}");
        std::os::unix::fs::symlink(installed, shop.path("libraries").join(package)).unwrap();
    }
    let text = manifest(
        "backend = ['webgpu', 'wasm']\nbrowser = ['chrome', 'firefox']\nmodel = ['cpu_only', 'conv']",
        NO_FALLBACK,
    );
    shop.write("m.toml", &text);
    let turn = browser_turn();
    let mut command = shop.command(&["run", "m.toml", "--out", "out"]);
    ended(command.env("GPUJOBS_LIBRARIES", shop.path("libraries")).spawn().unwrap()).expect(0);
    traces::assert_none(&shop);
    drop(turn);
    for row in shop.jobs() {
        assert_eq!(row["status"], "ok", "{row:?}");
        // On webgpu the runtime leaves that operator to the CPU, and the row says so.
        let on_webgpu = row["backend"] == "webgpu";
        if row["model"] == "conv" {
            match cells(&row, ["browser", "backend", "verified", "reference"]) {
                // No wasm had run yet: a witness in its own page did.
                [browser, "webgpu", "true", reference] => {
                    assert_eq!(reference, format!("wasm in {browser}"), "{row:?}");
                }
                ["chrome", "wasm", "", ""] | ["firefox", "wasm", "true", "wasm in chrome"] => {}
                other => panic!("{other:?}: {row:?}"),
            }
            continue;
        }
        assert_eq!(row["cpu_nodes"] == "1", on_webgpu, "{row:?}");
        assert_eq!(row["backend_used"], if on_webgpu { "webgpu+cpu" } else { "wasm" }, "{row:?}");
        assert_eq!(row["warnings"].contains("ran on the CPU: 1 ReverseSequence"), on_webgpu, "{row:?}");
        let said = "output not verified: the reference does not cover this model: there is no native onnxruntime for this system; \
                    that of ";
        match cells(&row, ["browser", "backend", "verified", "reference"]) {
            // The operator in question was computed by wasm's kernels both times.
            [browser, "webgpu", "", ""] => {
                let shared = format!(
                    "{said}wasm in {browser} is within 0 of the largest element, but both compute 1 ReverseSequence"
                );
                assert!(row["warnings"].contains(&shared), "{row:?}");
            }
            // Of two browsers' wasm the first has none but its own webgpu beside it.
            ["chrome", "wasm", "", ""] => {
                assert!(row["warnings"].contains(&format!("{said}webgpu in chrome is within 0 of")), "{row:?}");
            }
            ["firefox", "wasm", "true", "wasm in chrome"] => {}
            other => panic!("{other:?}: {row:?}"),
        }
    }
}

#[test]
fn a_transcriber_of_two_models_loads_both_of_the_jobs_dtype() {
    let shop = Workshop::new();
    for name in ["encoder_model_fp16", "decoder_model_merged_fp16", "decoder_model_fp16", "encoder_model"] {
        shop.write(&format!("store/whisper/onnx/{name}.onnx"), name);
    }
    shop.write("store/whisper/config.json", "{}");
    let model = "family = 'audio'\nengine = 'transformers'\ntask = 'automatic-speech-recognition'\nid = 'whisper'\n\
                 [[input]]\nsamples = 16000\n";
    shop.write("models/whisper.toml", model);
    let matrix = "[matrix]\nbrowser = 'chrome'\nmodel = 'whisper'\ndtype = ";
    shop.write("m.toml", &format!("models = 'store'\n{matrix}'fp16'\n"));
    shop.gpujobs(&["render", "m.toml", "--out", "pages"]).expect(0);
    let job = std::fs::read_to_string(shop.path("pages/chrome_whisper_webgpu_64x1x1_precompiled_dtype=fp16/job.js"));
    let job = job.unwrap();
    for (path, loaded) in [
        ("onnx/encoder_model_fp16.onnx", true),
        ("onnx/decoder_model_merged_fp16.onnx", true),
        ("onnx/decoder_model_fp16.onnx", false),
        ("onnx/encoder_model.onnx", false),
    ] {
        assert_eq!(job.contains(&format!("\"{path}\"")), loaded, "{path}: {job}");
    }
    shop.write("m.toml", &format!("models = 'store'\n{matrix}'q8'\n"));
    let told = shop.gpujobs(&["render", "m.toml", "--out", "pages"]).expect(3).stderr;
    assert!(told.contains("onnx/model_quantized.onnx is not in") && told.contains("fp32, fp16"), "{told}");
}
