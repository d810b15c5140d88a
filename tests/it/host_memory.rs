//! What a job takes of the machine's memory: its browser's processes, the JS heap, WebAssembly.
//!
//! These need Chromium and Firefox with their drivers, and the libraries (`gpujobs setup`); a missing one fails its test.

use crate::onnx::{NO_FALLBACK, manifest, model, source};
use crate::support::workshop::{Row, Workshop};

const MIB: f64 = (1 << 20) as f64;

fn number(job: &Row, column: &str) -> f64 {
    job[column].parse().unwrap_or_else(|_| panic!("{column} of {job:?}"))
}

/// A module of the page with more at a place.
fn with_more(file: &str, before: &str, more: &str) -> String {
    let text = source(&format!("templates/harness/{file}"));
    assert!(text.contains(before), "{file} no longer holds {before:?}");
    text.replace(before, &format!("{more}{before}"))
}

/// Where a document keeps 200 MiB for itself, it shows in the processes of both browsers, and in the heap of the one that says
/// what that is.
#[test]
fn what_a_document_holds_is_in_its_row() {
    let matrix = "browser = ['chrome', 'firefox']\nbackend = 'wasm'\nmodel = 'mlp'";
    let run = |more: &str| {
        let shop = Workshop::new();
        model(&shop, "mlp", "mlp", "");
        shop.write(
            "own/harness/engine_onnxruntime.js",
            &with_more("engine_onnxruntime.js", "  const createBegan", more),
        );
        shop.run(&manifest(matrix, NO_FALLBACK), &["--templates", "own"]).expect(0);
        shop.jobs()
    };
    let plain = run("");
    let holding = run("  /** @type {any} */ (globalThis).held = new Uint8Array(200 * 2 ** 20).fill(1);\n");
    for (plain, holding) in plain.iter().zip(&holding) {
        // onnxruntime's wasm begins with 16 MiB and grows in pages of 64 KiB; a small model needs no more than a few of these.
        let wasm = number(plain, "wasm_memory_bytes");
        assert!(wasm >= 16.0 * MIB && wasm % 65536.0 == 0.0, "{plain:?}");
        assert_eq!(plain["wasm_memory_bytes"], holding["wasm_memory_bytes"]);
        let more = number(holding, "browser_rss_peak_bytes") - number(plain, "browser_rss_peak_bytes");
        assert!((100.0 * MIB..400.0 * MIB).contains(&more), "{more} in {}", plain["browser"]);
        assert_eq!(plain["gpu_memory_bytes"], "", "{plain:?}");
        if plain["browser"] == "chrome" {
            let more = number(holding, "js_heap_peak_bytes") - number(plain, "js_heap_peak_bytes");
            assert!((195.0 * MIB..205.0 * MIB).contains(&more), "{more}");
        } else {
            assert_eq!((plain["js_heap_peak_bytes"].as_str(), holding["js_heap_peak_bytes"].as_str()), ("", ""));
        }
    }
}
