//! What a job holds on its GPU: live, at the peak, and whether it grows.
//!
//! These need Chromium and Firefox with their drivers, and the libraries (`gpujobs setup`); a missing one fails its test.

use crate::onnx::{NO_FALLBACK, manifest, model, source};
use crate::support::workshop::{Row, Workshop};

/// Bytes that a stage may not write, behind each buffer for results (`places.js`).
const GUARD: u64 = 256;

/// Runs a manifest with changes of the page's modules.
fn run(shop: &Workshop, manifest: &str, changes: &[(&str, &str, &str)]) -> Vec<Row> {
    std::fs::create_dir_all(shop.path("own/harness")).unwrap();
    for (file, from, to) in changes {
        let text = source(&format!("templates/harness/{file}"));
        assert!(text.contains(from), "{file} no longer holds {from:?}");
        shop.write(&format!("own/harness/{file}"), &text.replace(from, to));
    }
    shop.run(manifest, &["--templates", "own"]).expect(0);
    let jobs = shop.jobs();
    for job in &jobs {
        assert_eq!((job["status"].as_str(), job["verified"].as_str()), ("ok", "true"), "{job:?}");
    }
    jobs
}

fn number(job: &Row, column: &str) -> f64 {
    job[column].parse().unwrap_or_else(|_| panic!("{column} of {job:?}"))
}

const AXPY: &str = "name = 'held'\n[matrix]\nbrowser = ['chrome', 'firefox']\nmodel = 'axpy'\n[model.axpy]\n\
                    params = { n = 1000 }\n[measure]\nwarmup = 1\nsamples = 8\nrounds = 2\ninstances = 1\niterations = 3\n\
                    retries = 0\nfallback = []\n";

#[test]
fn a_buffer_that_each_inference_keeps_is_a_leak() {
    let submit = "    device.queue.submit([encoder.finish()]);\n";
    let makes = "device.createBuffer({ size: 4096, usage: GPUBufferUsage.STORAGE })";
    let keeps = format!("{submit}    (globalThis.kept ??= []).push({makes});\n");
    for job in run(&Workshop::new(), AXPY, &[("dispatch.js", submit, &keeps)]) {
        assert_eq!(job["gpu_memory_growth_bytes"], "4096", "{job:?}");
        assert_eq!(job["gpu_buffers_per_inference"], "1", "{job:?}");
        assert!(job["warnings"].contains("GPU memory grows by 4096 bytes an inference"), "{}", job["warnings"]);
        // Three tensors and one guard; the first inference has kept one already, and 8 samples of 3 keep one each.
        let live = 3 * 4000 + GUARD + 4096;
        assert_eq!(job["gpu_memory_bytes"], live.to_string(), "{job:?}");
        assert!(number(&job, "gpu_memory_peak_bytes") >= (live + 24 * 4096) as f64, "{job:?}");
    }
    // One that is let go of is none.
    let lets_go = format!("{submit}    {makes}.destroy();\n");
    for job in run(&Workshop::new(), AXPY, &[("dispatch.js", submit, &lets_go)]) {
        assert_eq!(job["gpu_memory_growth_bytes"], "0", "{job:?}");
        assert_eq!(job["gpu_buffers_per_inference"], "1", "{job:?}");
        assert!(!job["warnings"].contains("GPU memory grows"), "{}", job["warnings"]);
        assert_eq!(job["gpu_memory_peak_bytes"], (3 * 4000 + GUARD + 4096).to_string(), "{job:?}");
    }
}

#[test]
fn outputs_that_are_not_disposed_of_are_a_leak_of_onnxruntime() {
    let matrix = "browser = ['chrome', 'firefox']\nbackend = 'webgpu'\nmodel = 'mlp'";
    let text = manifest(matrix, NO_FALLBACK).replace("samples = 3", "samples = 12\ninstances = 1");
    let shop = Workshop::new();
    model(&shop, "mlp", "mlp", "");
    let steady = run(&shop, &text, &[]);
    let shop = Workshop::new();
    model(&shop, "mlp", "mlp", "");
    let leaking = run(&shop, &text, &[("engine_onnxruntime.js", "tensor.dispose();", "void tensor;")]);
    for (steady, leaking) in steady.iter().zip(&leaking) {
        assert!(number(steady, "gpu_memory_bytes") > 0.0, "{steady:?}");
        assert!(number(steady, "gpu_memory_peak_bytes") >= number(steady, "gpu_memory_bytes"), "{steady:?}");
        assert_eq!(steady["gpu_memory_growth_bytes"], "0", "{steady:?}");
        assert!(!steady["warnings"].contains("GPU memory grows"), "{}", steady["warnings"]);
        assert!(number(leaking, "gpu_memory_growth_bytes") > 0.0, "{leaking:?}");
        assert!(leaking["warnings"].contains("GPU memory grows by "), "{}", leaking["warnings"]);
    }
}

/// A session that gpujobs makes beside the job's, to find out where nodes are, has them as well.
#[test]
fn weights_are_counted_once() {
    let matrix = "browser = ['chrome', 'firefox']\nbackend = 'webgpu'\nmodel = 'tiny-bert'";
    // The floats of all initialisers of its file.
    let weights = 4.0 * 22_117.0;
    for job in run(&Workshop::new(), &manifest(matrix, NO_FALLBACK), &[]) {
        let [live, peak] = ["gpu_memory_bytes", "gpu_memory_peak_bytes"].map(|column| number(&job, column));
        assert!(live >= weights && peak >= live && peak < 2.0 * weights, "{job:?}");
    }
}

/// `MiniLM`'s architecture, small, with one text and with 32.
#[test]
fn the_peak_is_what_the_tensors_take() {
    let [layers, channels, vocab, positions, tokens] = [2, 16, 100, 512, 128_u64];
    let text = format!(
        "name = 'peak'\n[matrix]\nbrowser = ['chrome', 'firefox']\nmodel = 'minilm'\nbatch = [1, 32]\n[model.minilm]\n\
         params = {{ layers = {layers}, channels = {channels}, heads = 2, vocab = {vocab}, tokens = {tokens} }}\n\
         [measure]\nwarmup = 0\nsamples = 1\nrounds = 1\nretries = 0\nfallback = []\n"
    );
    let linear = |from: u64, to: u64| from * to + to;
    let norm = 2 * channels;
    let layer = linear(channels, 3 * channels)
        + linear(channels, channels)
        + norm
        + linear(channels, 4 * channels)
        + linear(4 * channels, channels)
        + norm;
    let weights = (vocab + positions + 2) * channels + norm + layers * layer;
    for job in run(&Workshop::new(), &text, &[]) {
        let batch: u64 = job["batch"].parse().unwrap();
        let wide = batch * tokens * channels;
        // The wide inner tensor's buffer, which others use in turn, and three narrow ones: what a stage reads, what it writes,
        // and what is added later. Then the outputs: the last layer's, and the embeddings.
        let results = (4 + 3) * wide + wide + batch * channels;
        let bytes = 4 * (batch * tokens + weights + results) + 6 * GUARD;
        for column in ["gpu_memory_bytes", "gpu_memory_peak_bytes"] {
            assert_eq!(job[column], bytes.to_string(), "{column} of {job:?}");
        }
        assert_eq!(job["gpu_buffers_per_inference"], "0", "{job:?}");
    }
}
