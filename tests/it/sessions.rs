//! Options of sessions in a real Chromium: what takes effect stands in the row, and what does not is a warning.

use std::collections::HashMap;

use crate::onnx::{NO_FALLBACK, assert_right, manifest, model};
use crate::support::workshop::{Row, Workshop};

const TABLES: &str = "[session.captured]\ngraph_capture = true\n\
    [session.planar]\npreferred_layout = 'NCHW'\nstorage_buffer_cache_mode = 'lazyRelease'\n\
    [session.plain]\ngraph_optimization_level = 'disabled'\npreferred_output_location = 'cpu'\nenable_mem_pattern = true\n\
    extra = { session.disable_prepacking = '1', ep.webgpuexecutionprovider.preferredLayout = 'NCHW' }\n\
    [session.open]\nfix_dimensions = false\n[session.fixed]\nfix_dimensions = true\n\
    [session.split]\ndevice = { text_model = 'wasm' }\ndtype = { vision_model = 'fp32', decoder_model_merged = 'q4' }\n";

/// The row of a job by a part of its id.
fn row<'rows>(rows: &'rows HashMap<String, Row>, id: &str) -> &'rows Row {
    rows.get(id).unwrap_or_else(|| panic!("no {id} among {:?}", rows.keys()))
}

#[test]
fn what_takes_effect_is_shown_and_what_does_not_is_said() {
    let shop = Workshop::new();
    model(&shop, "conv", "conv", "");
    model(&shop, "cpu_only", "cpu_only", "");
    let include = |what: &str| format!("[[matrix.include]]\nbrowser = 'chrome'\n{what}\n");
    let matrix = [
        "browser = 'chrome'\nmodel = 'conv'\nsession = ['default', 'captured', 'planar', 'plain']\n".to_owned(),
        include("model = 'conv'\nbackend = 'wasm'\nsession = 'captured'"),
        include("model = 'conv'\nbackend = 'wasm'\nsession = 'plain'"),
        include("model = 'cpu_only'\nsession = 'captured'"),
        include("model = 'tiny-bert'\nsession = 'captured'"),
        include("model = 'tiny-bert'\nsession = 'planar'"),
        include("model = 'tiny-bert'\nbackend = 'wasm'\nsession = 'open'"),
        include("model = 'tiny-bert'\nbackend = 'wasm'\nsession = 'fixed'"),
        include("model = 'conv'\nbackend = 'wasm'\nsession = 'open'"),
        include("model = 'tiny-gpt2'\nbackend = 'wasm'\nsession = 'fixed'"),
        include("model = 'tiny-clip-encoders'\nsession = 'split'"),
        include("model = 'axpy'\nsession = 'captured'"),
    ];
    shop.run(&manifest(&matrix.concat(), &format!("{NO_FALLBACK}timeout = '5min'\n{TABLES}")), &[]).expect(0);
    let id = |row: &Row| format!("{} {} {}", row["model"], row["backend"], row["session"]);
    let rows: HashMap<String, Row> = shop.jobs().into_iter().map(|row| (id(&row), row)).collect();
    assert_eq!(rows.len(), 15);

    assert_on_webgpu(&rows);
    assert_elsewhere(&rows);

    let run = shop.run_folder();
    let compared = shop.gpujobs(&["compare", run.to_str().unwrap(), "--by", "session", "--format", "csv"]);
    // The verdicts are of three samples; what is asked here is which pairs there are.
    assert!(["captured", "planar", "plain"].iter().all(|session| compared.stdout.contains(session)), "{compared:?}");
}

/// One model on WebGPU, with each session.
fn assert_on_webgpu(rows: &HashMap<String, Row>) {
    let default = row(rows, "conv webgpu default");
    assert_right(default);
    assert_eq!(default["session_used"], "");
    assert!(!default["warnings"].contains("session option"), "{default:?}");

    let captured = row(rows, "conv webgpu captured");
    assert_right(captured);
    assert_eq!(captured["session_used"], "graph_capture=true");
    assert_eq!(captured["dispatches"], default["dispatches"], "those of a replay are those of an inference");
    assert!(!captured["warnings"].contains("session option"), "{captured:?}");

    let planar = row(rows, "conv webgpu planar");
    assert_right(planar);
    assert_eq!(planar["session_used"], "preferred_layout=NCHW, storage_buffer_cache_mode=lazyRelease");
    assert_ne!(planar["nodes"], default["nodes"], "the default layout is the other one");

    let plain = row(rows, "conv webgpu plain");
    assert_right(plain);
    assert_eq!(plain["session_used"], "preferred_output_location=cpu, graph_optimization_level=disabled");
    for said in [
        "the session option `enable_mem_pattern` = true was ignored: the runtime has enable_mem_pattern:0",
        "the session option `extra.ep.webgpuexecutionprovider.preferredLayout` = NCHW was ignored",
        "nothing shows that the session option `extra.session.disable_prepacking` = 1 took effect",
    ] {
        assert!(plain["warnings"].contains(said), "{}", plain["warnings"]);
    }
}

/// Another backend, other models, and parts of one.
fn assert_elsewhere(rows: &HashMap<String, Row>) {
    let on_wasm = row(rows, "conv wasm captured");
    assert_right(on_wasm);
    assert_eq!(on_wasm["session_used"], "");
    let said = "the session option `graph_capture` = true was ignored: it is one of webgpu, and wasm ran";
    assert!(on_wasm["warnings"].contains(said), "{on_wasm:?}");
    let on_wasm = row(rows, "conv wasm plain");
    assert_right(on_wasm);
    let used = "preferred_output_location=cpu, graph_optimization_level=disabled, enable_mem_pattern=true";
    assert_eq!(on_wasm["session_used"], used);

    let refused = row(rows, "cpu_only webgpu captured");
    assert_eq!(refused["status"], "unsupported", "{refused:?}");
    assert!(refused["reason"].contains("cannot use the graph capture feature"), "in the runtime's words: {refused:?}");

    // What transformers.js gives and takes lies on the CPU; whether its graph can be captured is the runtime's to say.
    let bert = row(rows, "tiny-bert webgpu captured");
    if bert["status"] == "unsupported" {
        assert!(bert["reason"].contains("cannot use the graph capture feature"), "{bert:?}");
    } else {
        assert_right(bert);
        assert_eq!(bert["session_used"], "graph_capture=true");
    }
    let bert = row(rows, "tiny-bert webgpu planar");
    assert_right(bert);
    assert_eq!(bert["session_used"], "storage_buffer_cache_mode=lazyRelease");
    let said = "`preferred_layout` = NCHW was ignored: the graph has as many nodes with the other layout";
    assert!(bert["warnings"].contains(said), "{bert:?}");

    for (id, used) in [
        ("tiny-bert wasm open", "fix_dimensions=false"),
        ("tiny-bert wasm fixed", "fix_dimensions=true"),
        ("conv wasm open", "fix_dimensions=false"),
        // Of a text that grows only the number of texts stays.
        ("tiny-gpt2 wasm fixed", "fix_dimensions=true"),
    ] {
        let row = row(rows, id);
        assert_right(row);
        assert_eq!(row["session_used"], used);
    }

    let split = row(rows, "tiny-clip-encoders webgpu split");
    assert_eq!(
        [&split["status"], &split["verified"], &split["backend_used"]],
        ["ok", "true", "webgpu+cpu"],
        "{split:?}"
    );
    assert_eq!(split["session_used"], "dtype.vision_model=fp32, device.text_model=wasm");
    assert!(split["warnings"].contains("`dtype.decoder_model_merged` = q4 was ignored: this model has"), "{split:?}");

    let wgsl = row(rows, "axpy webgpu captured");
    assert_eq!(wgsl["status"], "unsupported", "{wgsl:?}");
    assert!(wgsl["reason"].contains("has no sessions of onnxruntime"), "{wgsl:?}");
}
