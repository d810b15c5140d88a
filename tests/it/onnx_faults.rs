//! What must not pass for a result of a model of ONNX: broken files, wrong outputs, work that another backend did, memory that
//! is out; and that nothing beyond this machine is asked for.
//!
//! These need Chromium and Firefox with their drivers, and the libraries (`gpujobs setup`); a missing one fails its test.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};

use crate::onnx::{NO_FALLBACK, ROOT, assert_right, cells, manifest, model, source, stored};
use crate::support::workshop::{Row, Workshop, ended, is_positive};
use crate::support::{browser_turn, traces};
use crate::too_large;

/// A file of the templates with a change.
pub(crate) fn tampered(file: &str, from: &str, to: &str) -> String {
    let text = source(&format!("templates/{file}"));
    assert!(text.contains(from), "{file} no longer holds {from:?}");
    text.replace(from, to)
}

#[test]
fn files_that_can_not_be_given_anything_fail_by_name() {
    let shop = Workshop::new();
    model(&shop, "missing", "nowhere", "");
    model(&shop, "corrupt", "corrupt", "");
    model(&shop, "open", "dynamic", "");
    let matrix = "browser = 'chrome'\nbackend = 'wasm'\nmodel = ['missing', 'corrupt', 'open']";
    shop.write("m.toml", &manifest(matrix, NO_FALLBACK));
    for (name, said, code) in [("missing", "nowhere.onnx", 3), ("corrupt", "corrupt.onnx", 2), ("open", "length", 2)] {
        let filter = format!("model={name}");
        let rendered = shop.gpujobs(&["render", "m.toml", "--out", "pages", "--filter", &filter]).expect(code);
        assert!(rendered.stderr.contains(said), "{}", rendered.stderr);
        // Before any browser is opened.
        let run = shop.gpujobs(&["run", "m.toml", "--out", "out", "--filter", &filter]).expect(code);
        assert!(run.stderr.contains(said), "{run:?}");
    }
}

#[test]
fn a_broken_model_spoils_nothing_for_the_jobs_after_it() {
    let shop = Workshop::new();
    let store = shop.path("own-store");
    for model in ["tiny-bert", "tiny-vit-features"] {
        stored(&shop, model, model);
    }
    let weights = store.join("tiny-bert/onnx/model.onnx");
    let whole = std::fs::read(&weights).unwrap();
    std::fs::write(&weights, &whole[..whole.len() / 2]).unwrap();
    let models = "['tiny-bert', 'countless', 'heavy', 'fed', 'stored', 'tiny-vit-features']";
    let matrix = format!("browser = 'chrome'\nmodel = {models}\nbackend = ['wasm', 'webgpu']");
    too_large::none_fits(&shop);
    // The limit is gpujobs's: a browser needs more.
    let driver = shop.write("driver", "#!/bin/sh\nulimit -Sv unlimited\nexec chromedriver \"$@\"\n");
    std::fs::set_permissions(&driver, std::fs::Permissions::from_mode(0o755)).unwrap();
    let text = manifest(&matrix, &format!("{NO_FALLBACK}[browser.chrome]\ndriver = '{}'\n", driver.display()));
    let text = text.replace(&format!("{ROOT}/tests/data/models"), "own-store");
    shop.write("m.toml", &format!("shaders = 'shaders'\n{text}"));
    let _turn = browser_turn();
    let ended =
        ended(too_large::with_little_memory(&shop, &["run", "m.toml", "--out", "out"]).spawn().unwrap()).expect(1);
    let jobs = shop.jobs();
    for (model, backend, status, said) in [
        ("countless", "webgpu", "unsupported", "73786976294838206464 elements, and a tensor has at most 1099511627776"),
        ("heavy", "webgpu", "unsupported", "the tensor x has 8589934592 bytes, this adapter allows "),
        ("fed", "wasm", "unsupported", "GiB of this machine's memory are needed, and "),
        ("stored", "webgpu", "failed", "has shape [4294967296], expected [1000]"),
    ] {
        let row = jobs.iter().find(|row| row["model"] == model && row["backend"] == backend).unwrap();
        assert!(row["status"] == status && row["reason"].contains(said), "{row:?}");
    }
    for row in &jobs[..2] {
        assert!(["unsupported", "failed"].contains(&row["status"].as_str()) && !row["reason"].is_empty(), "{row:?}");
    }
    jobs[10..].iter().for_each(assert_right);
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    traces::assert_none(&shop);
}

/// A page in whose frames this script runs before anything else.
fn page_with(script: &str) -> String {
    let before = "{% elif frame is defined %}\n";
    tampered("page.html", before, &format!("{before}<script>{{% raw %}}{script}{{% endraw %}}</script>\n"))
}

/// The row of a model on the `WebNN` that computes in plain JavaScript.
fn on_webnn(stand_in: &str, file: &str, code: i32) -> Row {
    let shop = Workshop::new();
    model(&shop, "own", file, "");
    shop.write("own/page.html", &page_with(stand_in));
    let text = manifest("browser = 'chrome'\nmodel = 'own'\nbackend = 'webnn'", NO_FALLBACK);
    shop.run(&text, &["--templates", "own"]).expect(code);
    shop.jobs().remove(0)
}

#[test]
fn webnn_is_webnn_only_where_its_context_computes() {
    let stand_in = source("tests/data/webnn/stand-in.js");
    let row = on_webnn(&stand_in, "mlp", 0);
    assert_right(&row);
    assert!(row["webnn_context"].contains("gpu"), "{row:?}");

    let row = on_webnn(&stand_in, "half", 0);
    assert_eq!(cells(&row, ["status", "backend_used"]), ["unsupported", ""], "{row:?}");

    let right = "Math.max(x, 0)";
    assert!(stand_in.contains(right));
    let row = on_webnn(&stand_in.replace(right, "Math.max(x, 0.25)"), "mlp", 1);
    assert_eq!(cells(&row, ["status", "verified", "wall_median_ms"]), ["incorrect", "false", ""], "{row:?}");
}

/// What a tampered harness brings.
fn with_harness(file: &str, text: &str, matrix: &str, code: i32) -> Vec<Row> {
    with_harnesses(&[(file, text)], matrix, code)
}

fn with_harnesses(files: &[(&str, &str)], matrix: &str, code: i32) -> Vec<Row> {
    let shop = Workshop::new();
    model(&shop, "conv", "conv", "");
    for (file, text) in files {
        shop.write(&format!("own/harness/{file}"), text);
    }
    let matrix = format!("browser = 'chrome'\nbackend = 'webgpu'\n{matrix}");
    shop.run(&manifest(&matrix, NO_FALLBACK), &["--templates", "own", "--set", "measure.retries=1"]).expect(code);
    shop.jobs()
}

#[test]
fn a_browser_without_memory_left_is_started_again() {
    let out = tampered(
        "harness/onnx_runtime.js",
        "return await settles(create(model, sessionOptions));",
        "throw new RangeError(\"Out of memory\");",
    );
    let row = with_harness("onnx_runtime.js", &out, "model = 'conv'", 1).remove(0);
    assert_eq!(cells(&row, ["status", "attempts"]), ["failed", "2"], "{row:?}");
    assert!(row["reason"].contains("no memory left"), "{row:?}");
}

/// A harness that gives the reference other inputs than the page's backends, both of which then contradict it alike.
fn shifted() -> String {
    let given = "feeds: feeds.map(place)";
    let other = "feeds: feeds.map((value) => place(witness === null ? shifted(value) : value))";
    let shifted = "\nconst shifted = (/** @type {any} */ value) => \
                   ({ ...value, data: value.data && value.data.map((/** @type {number} */ x) => x + 0.5) });\n";
    tampered("harness/calls.js", given, other) + shifted
}

/// A harness that leaves a convolution to the CPU.
fn half_on_the_cpu() -> String {
    let plain = "{ name: \"webgpu\", device: gpu.device,";
    let forced = "{ name: \"webgpu\", device: gpu.device, forceCpuNodeNames: [\"Conv_0\"],";
    tampered("harness/onnx_runtime.js", plain, forced)
}

#[test]
fn a_reference_that_both_backends_contradict_is_the_suspect() {
    let calls = shifted();
    let rows = with_harness("calls.js", &calls, "model = 'conv'", 0);
    let row = &rows[0];
    assert_eq!(cells(row, ["status", "verified", "reference", "max_rel_error"]), ["ok", "", "", ""], "{row:?}");
    assert!(is_positive(&row["wall_median_ms"]), "{row:?}");
    let warnings = &row["warnings"];
    for said in ["it differs from that of onnxruntime by 0.", "from that of wasm in chrome by ", "is the suspect"] {
        assert!(warnings.contains(said), "{said}: {warnings}");
    }
    // Kernels that both have on the CPU are no second witness.
    let files = [("calls.js", calls.as_str()), ("onnx_runtime.js", &half_on_the_cpu())];
    let row = with_harnesses(&files, "model = 'conv'", 1).remove(0);
    assert_eq!(cells(&row, ["status", "verified", "wall_median_ms"]), ["incorrect", "false", ""], "{row:?}");
    let said = "wasm in chrome gives the same, but both compute 1 Conv on the CPU";
    assert!(row["reason"].contains(said), "{row:?}");
}

#[test]
fn what_a_page_keeps_back_or_ignores_is_no_result() {
    let read = "fetches: await valuesOf(fetches, download) };";
    let nothing = tampered("harness/calls.js", read, "fetches: [] };");
    let row = with_harness("calls.js", &nothing, "model = 'conv'", 0).remove(0);
    assert_eq!(cells(&row, ["status", "verified", "reference", "max_rel_error"]), ["ok", "", "", ""], "{row:?}");
    assert!(row["warnings"].contains("conv.onnx returned nothing"), "{row:?}");

    // It is told to look for a witness, and goes on as if all were well.
    let calls = tampered(
        "harness/calls.js",
        read,
        &read.replace("await valuesOf", "wrong(await valuesOf").replace(" }", ") }"),
    );
    let wrong = "\nconst wrong = (/** @type {any[]} */ values) => values.map((value) => ({ ...value, data: value.data && \
                 value.data.map((/** @type {number} */ x) => 1.1 * x + 0.01) }));\n";
    let asked = "let { verdict, compared } = await host.verify(posted);";
    let deaf = tampered("harness/onnx_job.js", asked, &format!("{asked}\n  verdict = \"ok\";"));
    let files = [("calls.js", &*(calls + wrong)), ("onnx_job.js", &deaf)];
    let row = with_harnesses(&files, "model = 'conv'", 1).remove(0);
    assert_eq!(cells(&row, ["status", "verified", "wall_median_ms"]), ["incorrect", "false", ""], "{row:?}");
    assert!(row["reason"].contains("differs from its reference"), "{row:?}");
}

#[test]
fn outputs_that_are_not_the_models_are_incorrect() {
    let read = "fetches: await valuesOf(fetches, download) };";
    let wrong = "fetches: (await valuesOf(fetches, download)).map(wrong) };";
    let wrong_of = "\nconst wrong = (/** @type {any} */ value) => \
                    (/^(logits|last_hidden_state)$/.test(value.name) ? { ...value, data: value.data && \
                    value.data.map((/** @type {number} */ x) => 1.02 * x + 0.01) } : value);\n";
    let calls = tampered("harness/calls.js", read, wrong) + wrong_of;
    for row in with_harness("calls.js", &calls, "model = ['conv', 'tiny-bert']", 1) {
        assert_eq!(cells(&row, ["status", "verified", "wall_median_ms"]), ["incorrect", "false", ""], "{row:?}");
    }
}

#[test]
fn work_that_was_left_to_the_cpu_is_in_the_backends_name() {
    let row = with_harness("onnx_runtime.js", &half_on_the_cpu(), "model = 'conv'", 0).remove(0);
    assert_eq!(cells(&row, ["status", "verified", "backend_used"]), ["ok", "true", "webgpu+cpu"], "{row:?}");
    assert!(row["warnings"].contains("on the CPU") && row["warnings"].contains("Conv"), "{row:?}");
    assert!(is_positive(&row["cpu_nodes"]) || row["cpu_nodes"].contains("Conv"), "{row:?}");

    let blind = tampered("harness/gpu_watch.js", "dispatches += 1;", "");
    let row = with_harness("gpu_watch.js", &blind, "model = 'conv'", 0).remove(0);
    assert_eq!(cells(&row, ["status", "backend_used"]), ["unsupported", ""], "{row:?}");
    assert!(row["reason"].contains("nothing was computed by webgpu"), "{row:?}");
}

/// A proxy on loopback that serves nobody; the hosts that it was asked for.
fn proxy() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = asked.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let log = log.clone();
            std::thread::spawn(move || {
                let mut line = String::new();
                let _ = BufReader::new(&stream).read_line(&mut line);
                log.lock().unwrap().push(line.split(' ').nth(1).unwrap_or_default().to_owned());
                let _ = stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            });
        }
    });
    (port, asked)
}

/// All that a browser asks of the network goes to a proxy that answers nothing. Browsers ask it for things of their own;
/// pages ask it for the one address that they are made to ask for here, and for nothing else.
#[test]
fn nothing_beyond_this_machine_is_asked_for() {
    let shop = Workshop::new();
    let (port, asked) = proxy();
    let probe = "fetch('http://asked.by.the.page.invalid/', { mode: 'no-cors' }).catch(() => {});\n\
        const told = new PerformanceObserver((list) => {\n\
          for (const { name } of list.getEntries()) {\n\
            if (/^(https?|wss?):/.test(name) && new URL(name).hostname !== location.hostname && !name.includes('asked.by.the.page'))\n\
              fetch('http://leaked.invalid/' + encodeURIComponent(name), { mode: 'no-cors' }).catch(() => {});\n\
          }\n\
        });\n\
        told.observe({ type: 'resource', buffered: true });";
    shop.write("own/page.html", &page_with(probe));
    model(&shop, "mlp", "mlp", "");
    let browsers = format!(
        "{NO_FALLBACK}[browser.chrome]\nargs = ['--js-flags=--liftoff-only', '--proxy-server=http://127.0.0.1:{port}']\n[browser.firefox.prefs]\n\
         'network.proxy.type' = 1\n'network.proxy.http' = '127.0.0.1'\n'network.proxy.http_port' = {port}\n\
         'network.proxy.ssl' = '127.0.0.1'\n'network.proxy.ssl_port' = {port}\n"
    );
    let matrix = "browser = ['chrome', 'firefox']\nmodel = ['tiny-bert', 'mlp']\nbackend = ['webgpu', 'wasm']";
    shop.run(&manifest(matrix, &browsers), &["--templates", "own"]).expect(0);
    let jobs = shop.jobs();
    assert_eq!(jobs.len(), 8);
    jobs.iter().for_each(assert_right);
    let asked = asked.lock().unwrap();
    let count = |host: &str| asked.iter().filter(|address| address.contains(host)).count();
    // A page's own request does come this way, in each of the two browsers.
    assert!(count("asked.by.the.page.invalid") >= 2, "{asked:?}");
    for host in ["leaked.invalid", "huggingface", "hf.co", "jsdelivr", "unpkg", "cdn", "127.0.0.1"] {
        assert_eq!(count(host), 0, "{asked:?}");
    }
}
