//! What a job takes of the machine's memory: its browser's processes, the JS heap, WebAssembly; and what is done before it runs
//! out.
//!
//! These need Chromium and Firefox with their drivers, and the libraries (`gpujobs setup`); a missing one fails its test.

use std::os::unix::fs::PermissionsExt;

use crate::onnx::{NO_FALLBACK, manifest, model, source};
use crate::support::workshop::{Row, Workshop, ended};
use crate::support::{browser_turn, traces};
use crate::too_large;

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

/// A browser that does not let go of what its jobs had. The limit of the address space stands for a small machine; the driver
/// lifts it, since a browser needs more.
#[test]
fn a_browser_that_keeps_what_its_jobs_had_is_started_anew_before_memory_runs_out() {
    let text = "name = 'kept'\n[matrix]\nbrowser = 'firefox'\nmodel = ['axpy', 'copy']\n[model.axpy]\nparams = { n = 64 }\n\
                [model.copy]\nparams = { n = 64 }\n[measure]\nwarmup = 0\nsamples = 1\nrounds = 1\nretries = 0\nfallback = []\n";
    let started = |kept: &str| {
        let shop = Workshop::new();
        let driver = shop.write("driver", "#!/bin/sh\nulimit -Sv unlimited\nexec geckodriver \"$@\"\n");
        std::fs::set_permissions(&driver, std::fs::Permissions::from_mode(0o755)).unwrap();
        shop.write("m.toml", &format!("{text}[browser.firefox]\ndriver = '{}'\n", driver.display()));
        shop.write(
            "own/harness/engine_wgsl.js",
            &with_more("engine_wgsl.js", "  const began = performance.now();\n  const { adapter", kept),
        );
        let _turn = browser_turn();
        let arguments = ["run", "m.toml", "--out", "out", "--templates", "own"];
        ended(too_large::with_memory(&shop, &arguments, 2 << 20).spawn().unwrap()).expect(0);
        traces::assert_none(&shop);
        let log = std::fs::read_to_string(shop.run_folder().join("logs/firefox.log")).unwrap();
        let jobs = shop.jobs();
        for job in &jobs {
            assert_eq!((job["status"].as_str(), job["attempts"].as_str()), ("ok", "1"), "{job:?}");
        }
        (jobs.iter().map(|job| job["session_start_ms"].clone()).collect::<Vec<_>>(), log)
    };
    let (sessions, log) = started("");
    assert!(sessions[0] == sessions[1] && !log.contains("is started anew"), "{log}");
    let kept = "  (/** @type {any} */ (globalThis).kept ??= []).push(new Uint8Array(900 * 2 ** 20).fill(1));\n";
    let (sessions, log) = started(kept);
    assert!(sessions[0] != sessions[1], "{log}");
    assert!(log.contains("of jobs that have ended, and ") && log.contains("are free: it is started anew"), "{log}");
}
