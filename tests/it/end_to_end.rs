//! Real manifests in real browsers by the real program: what it writes, and that it is true.
//!
//! These need Chromium, Firefox and WebKitGTK with their drivers (`gpujobs setup`); a missing one fails its test.

use gpujobs::webdriver::{Browser, BrowserKind, BrowserSettings, Gpu, Launch, Watchdog, launch};

use crate::support::browser_turn;
use crate::support::workshop::{Workshop, is_positive};

fn smoke() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/manifests/smoke.toml")).unwrap()
}

/// A manifest of quick jobs in Chromium and Firefox.
fn both(matrix: &str, rest: &str) -> String {
    format!(
        "name = 'both'\n[matrix]\nbrowser = ['chrome', 'firefox']\n{matrix}\n\
         [measure]\nwarmup = 1\nsamples = 2\nrounds = 1\nretries = 0\nfallback = []\n{rest}"
    )
}

#[test]
fn smoke_runs_in_every_browser_and_says_where_it_can_not() {
    let shop = Workshop::new();
    let ended = shop.run(&smoke(), &[]).expect(0);
    let jobs = shop.jobs();
    assert_eq!(shop.column("browser"), ["chrome", "firefox", "webkitgtk"]);
    for row in &jobs[..2] {
        let browser = &row["browser"];
        assert_eq!((row["status"].as_str(), row["verified"].as_str()), ("ok", "true"), "{row:?}");
        assert!(["software", "hardware"].contains(&row["adapter_kind"].as_str()), "{row:?}");
        assert_eq!((row["backend_used"].as_str(), row["samples"].as_str()), ("webgpu", "5"));
        assert_eq!(row["reason"], "");
        for figure in [
            "session_start_ms",
            "page_ready_ms",
            "device_ready_ms",
            "model_load_ms",
            "shader_compile_ms",
            "first_inference_ms",
            "time_to_first_result_ms",
            "wall_median_ms",
            "wall_p95_ms",
            "gpu_median_ms",
            "gpu_p95_ms",
            "clock_step_us",
            "timestamp_step_ns",
            "empty_submit_ms",
            "throughput_per_s",
            "gflops",
        ] {
            assert!(is_positive(&row[figure]), "{browser}: {figure} is {:?}", row[figure]);
        }
    }
    // The same kernel of the same inputs has the same digest everywhere.
    assert_eq!(jobs[0]["output_digest"], jobs[1]["output_digest"]);
    let webkit = &jobs[2];
    assert_eq!((webkit["status"].as_str(), webkit["adapter_kind"].as_str()), ("unsupported", "none"));
    assert!(webkit["reason"].contains("navigator.gpu is undefined"), "{}", webkit["reason"]);
    assert!(webkit["wall_median_ms"].is_empty() && webkit["backend_used"].is_empty() && webkit["verified"].is_empty());

    // Data on stdout, progress on stderr.
    assert!(ended.stdout.contains("verified") && ended.stdout.contains("navigator.gpu"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("[1/3]"), "{}", ended.stdout);
    assert!(ended.stderr.contains("[1/3] chrome/axpy") && ended.stderr.contains("[3/3] webkitgtk"), "{}", ended.stderr);
    assert!(!ended.stderr.contains('│') && !ended.stderr.contains('\u{1b}'), "{}", ended.stderr);
    assert!(ended.stderr.contains("out/smoke-"), "{}", ended.stderr);
}

#[test]
fn columns_are_those_that_are_promised_and_samples_belong_to_jobs() {
    let shop = Workshop::new();
    shop.run(&both("model = 'axpy'", "[axes]\nunroll = [1, 4]\n"), &["--quiet"]).expect(0);
    let text = std::fs::read_to_string(shop.run_folder().join("jobs.csv")).unwrap();
    insta::assert_snapshot!(text.lines().next().unwrap().replace(',', "\n"));
    assert!(text.lines().all(|line| !line.is_empty()) && text.ends_with("\r\n"));
    let samples = shop.samples();
    let jobs = shop.jobs();
    assert_eq!(jobs.len(), 4);
    assert_eq!(jobs.iter().map(|job| job["axis_unroll"].as_str()).collect::<Vec<_>>(), ["1", "4", "1", "4"]);
    for job in &jobs {
        let of_job: Vec<_> = samples.iter().filter(|sample| sample["job_id"] == job["job_id"]).collect();
        let count = |kind: &str| of_job.iter().filter(|sample| sample["kind"] == kind).count().to_string();
        assert_eq!(
            (count("first"), count("warmup"), count("steady")),
            ("1".into(), job["warmup"].clone(), job["samples"].clone())
        );
        assert_eq!(job["samples"], "2");
        for sample in of_job {
            assert_eq!(sample["run_id"], job["run_id"]);
            assert!(is_positive(&sample["wall_ms"]), "{sample:?}");
        }
    }
    for job in &jobs {
        assert_eq!(job["adapter_backend"], if job["browser"] == "chrome" { "vulkan" } else { "" });
    }
    let ids: std::collections::HashSet<&String> = jobs.iter().map(|job| &job["job_id"]).collect();
    assert_eq!(ids.len(), 4);
    assert!(samples.iter().all(|sample| ids.contains(&sample["job_id"])));
}

#[test]
fn a_filter_and_sets_choose_what_runs_and_the_table_is_as_asked_for() {
    let shop = Workshop::new();
    let more = ["--filter", "browser=chr*", "--set", "measure.samples=3", "--quiet", "--format", "json"];
    let ended = shop.run(&smoke(), &more).expect(0);
    assert_eq!(ended.stderr, "");
    let table: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    let rows = table.as_array().unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (&rows[0]["browser"], &rows[0]["samples"], &rows[0]["verified"]),
        (&"chrome".into(), &3.into(), &true.into())
    );
    assert!(rows[0]["wall_median_ms"].is_number() && rows[0]["browser_version"].is_string());

    let shop = Workshop::new();
    let ended = shop.run(&smoke(), &["--filter", "browser=chrome", "--format", "markdown"]).expect(0);
    let (above, table) = ended.stdout.split_once("\n\n|").expect(&ended.stdout);
    assert!(above.starts_with("smoke: 1 job, ok and verified\n"), "{above}");
    assert!(format!("|{table}").lines().all(|line| line.starts_with('|')), "{table}");
}

#[test]
fn unusual_shapes_and_odd_sizes_are_right() {
    let shop = Workshop::new();
    let manifest = both(
        "model = ['axpy', 'matmul', 'softmax', 'layer-norm']\nworkgroup_size = [[7, 3, 2], [1, 1, 1], [33, 1, 1]]",
        "[model.axpy]\nparams = { n = 1001 }\n[model.matmul]\nparams = { m = 37, n = 51, k = 29 }\n\
         [model.softmax]\nparams = { rows = 3, columns = 77 }\n[model.layer-norm]\nparams = { rows = 5, columns = 13 }\n",
    );
    shop.run(&manifest, &["--set", "measure.samples=1", "--set", "measure.warmup=0"]).expect(0);
    let jobs = shop.jobs();
    assert_eq!(jobs.len(), 24);
    for job in &jobs {
        assert_eq!((job["status"].as_str(), job["verified"].as_str()), ("ok", "true"), "{job:?}");
    }
}

#[test]
fn a_shape_beyond_the_adapter_is_unsupported_with_both_numbers() {
    let shop = Workshop::new();
    shop.run(&both("model = 'axpy'\nworkgroup_size = [[64, 64, 1]]", ""), &[]).expect(0);
    for job in shop.jobs() {
        assert_eq!(job["status"], "unsupported", "{job:?}");
        let reason = &job["reason"];
        assert!(reason.contains("4096 invocations") && reason.contains("this adapter allows "), "{reason}");
        assert!(job["wall_median_ms"].is_empty());
    }
}

#[test]
fn whisper_is_verified_in_chromium() {
    let shop = Workshop::new();
    let manifest = both("model = 'whisper-tiny-encoder'", "[model.whisper-tiny-encoder]\nparams = { seconds = 0.2 }\n");
    shop.run(&manifest, &["--filter", "browser=chrome", "--set", "measure.samples=1"]).expect(0);
    let job = &shop.jobs()[0];
    assert_eq!((job["status"].as_str(), job["verified"].as_str(), job["family"].as_str()), ("ok", "true", "audio"));
}

#[test]
fn models_of_texts_and_images_are_verified_at_odd_sizes() {
    let shop = Workshop::new();
    let manifest = both(
        "model = ['minilm', 'vit-tiny', 'clip']\nworkgroup_size = [[64, 1, 1], [7, 3, 2]]",
        "[model.minilm]\nparams = { tokens = 11, layers = 1, vocab = 100, channels = 24, heads = 2 }\n\
         [model.vit-tiny]\nparams = { image = 12, patch = 4, layers = 1, channels = 24, heads = 2 }\n\
         [model.clip]\nparams = { tokens = 9, layers = 1, vocab = 50, positions = 9, text_channels = 24, text_heads = 2, \
         image = 12, patch = 4, channels = 16, heads = 2, projection = 10 }\n",
    );
    shop.run(&manifest, &["--set", "measure.samples=1", "--set", "measure.warmup=0"]).expect(0);
    let jobs = shop.jobs();
    assert_eq!(jobs.len(), 12);
    for job in &jobs {
        assert_eq!((job["status"].as_str(), job["verified"].as_str()), ("ok", "true"), "{job:?}");
    }
}

/// Twice x, written for each element by a shader of the user's own that reads an axis of the user's own.
const DOUBLE: &str = "{% set threads = wg[0] * wg[1] * wg[2] %}\n{% set grid = [ceil_div(outputs[0].len, threads), 1, 1] %}\n\
@group(0) @binding(0) var<storage, read> x: array<f32>;\n@group(0) @binding(1) var<storage, read_write> y: array<f32>;\n\
@compute @workgroup_size({{ wg | join(', ') }})\nfn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {\n\
    let i = group.x * {{ threads }}u + thread;\n    // times {{ axes.times }}\n\
    if (i < {{ outputs[0].len }}u) { y[i] = x[i] * {{ axes.times }}.0; }\n}\n";

const DOUBLE_MODEL: &str = "family = 'text'\n[params]\nn = 99\n[[input]]\nname = 'x'\nshape = ['n']\n\
    [[stage]]\nop = 'my_op'\nin = ['x']\nout = { y = ['n'] }\n";

#[test]
fn a_model_a_shader_and_an_axis_of_ones_own_need_no_rust() {
    for by_argument in [true, false] {
        let shop = Workshop::new();
        shop.write("models/double.toml", DOUBLE_MODEL);
        shop.write("own/my_op.wgsl", DOUBLE);
        let mut manifest = both("model = 'double'", "[axes]\ntimes = [2, 3]\n");
        let mut more = vec!["--filter", "browser=chrome"];
        if by_argument {
            more.extend(["--shaders", "own"]);
        } else {
            manifest = format!("shaders = 'own'\n{manifest}");
        }
        shop.run(&manifest, &more).expect(0);
        let jobs = shop.jobs();
        assert_eq!(jobs.len(), 2);
        for job in &jobs {
            // Nothing says what it must compute, and no row claims that it was checked.
            assert_eq!((job["status"].as_str(), job["verified"].as_str()), ("ok", ""), "{job:?}");
            assert!(is_positive(&job["wall_median_ms"]));
        }
        assert_ne!(jobs[0]["shader_digest"], jobs[1]["shader_digest"], "the axis reached the shader");
        assert_ne!(jobs[0]["output_digest"], jobs[1]["output_digest"], "and its output");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rendered_job_runs_when_it_is_opened_by_hand() {
    let shop = Workshop::new();
    shop.write(
        "m.toml",
        &both("model = ['axpy', 'softmax']", "[model.softmax]\nparams = { rows = 3, columns = 77 }\n"),
    );
    shop.gpujobs(&["render", "m.toml", "--out", "pages", "--filter", "browser=chrome"]).expect(0);
    let pages: Vec<_> = std::fs::read_dir(shop.path("pages")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(pages.len(), 2);
    let _turn = browser_turn();
    let browser = chromium().await;
    for page in pages {
        assert!(page.join("job.js").is_file() && std::fs::read_dir(page.join("wgsl")).unwrap().count() > 0);
        let shown = shown(&browser, &url::Url::from_file_path(page.join("index.html")).unwrap()).await;
        assert!(shown.ends_with("done\n") && !shown.contains("failed"), "{shown}");
        assert!(
            shown.starts_with("chrome/") && shown.contains("adapter: ") && shown.contains("sample 9: wall"),
            "{shown}"
        );
    }
    browser.close(std::time::Duration::from_secs(5)).await;
}

/// A browser without a runner.
async fn chromium() -> Browser {
    let how = Launch {
        settings: BrowserSettings::of(BrowserKind::Chrome),
        gpu: Gpu::Software,
        cold: false,
        timeout: std::time::Duration::from_mins(1),
        log: None,
        watchdog: Watchdog::with_command(env!("CARGO_BIN_EXE_gpujobs").into(), ["watchdog"]),
        accept_insecure_certs: false,
        tunnel: None,
    };
    launch(how).await.unwrap()
}

/// What a page shows at its end.
async fn shown(browser: &Browser, url: &url::Url) -> String {
    browser.navigate(url).await.unwrap();
    let script = "return new Promise((resolve) => {
        const screen = document.getElementById('screen');
        const look = () => /^(done|failed.*)$/m.test(screen.textContent) ? resolve(screen.textContent) : setTimeout(look, 50);
        look();
    })";
    browser.execute(script).await.unwrap().as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rendered_job_of_an_onnx_model_runs_from_any_server_of_files() {
    let shop = Workshop::new();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let models = root.join("tests/data/models");
    let input = |name: &str, values: &str| format!("[[input]]\nname = '{name}'\nshape = ['batch', 8]\n{values}\n");
    let inputs =
        [("input_ids", "below = 89"), ("attention_mask", "fill = 'ones'"), ("token_type_ids", "fill = 'zeros'")];
    shop.write(
        "models/file.toml",
        &format!(
            "family = 'text'\nengine = 'onnxruntime'\nfile = 'tiny-bert/onnx/model.onnx'\n{}",
            inputs.map(|(name, values)| input(name, values)).concat()
        ),
    );
    let jobs = both("model = ['tiny-bert', 'file']\nbackend = 'wasm'", "");
    shop.write("m.toml", &format!("models = '{}'\n{jobs}", models.display()));
    // A space in the path is none of the page's business.
    let arguments = ["render", "m.toml", "--out", "the pages", "--filter", "browser=chrome"];
    for _ in 0..2 {
        let rendered = shop.command(&arguments).env("GPUJOBS_LIBRARIES", root.join("node_modules")).output().unwrap();
        let said = String::from_utf8(rendered.stderr).unwrap();
        assert!(rendered.status.success() && said.contains("http.server"), "{said}");
    }
    let pages = shop.path("the pages");
    let jobs: Vec<String> = std::fs::read_dir(&pages)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("chrome_"))
        .collect();
    assert_eq!(jobs.len(), 2, "{jobs:?}");
    assert!(pages.join("libraries/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm").is_file());
    let original = std::fs::metadata(models.join("tiny-bert/onnx/model.onnx")).unwrap();
    let port = file_server(shop.path(""));

    let _turn = browser_turn();
    let browser = chromium().await;
    for job in &jobs {
        let model = found(&pages.join(job).join("files"), "model.onnx");
        assert_eq!(std::fs::metadata(model).unwrap().len(), original.len());
        let url = format!("http://127.0.0.1:{port}/the%20pages/{job}/index.html");
        let over_http = shown(&browser, &url.parse().unwrap()).await;
        assert!(over_http.ends_with("done\n") && !over_http.contains("failed"), "{over_http}");
        for told in ["runtime: onnxruntime-web ", "threads: 1, since", "timeToFirstResultMs: ", "sample 9: wall"] {
            assert!(over_http.contains(told), "{told}: {over_http}");
        }
        let as_file = shown(&browser, &url::Url::from_file_path(pages.join(job).join("index.html")).unwrap()).await;
        assert!(as_file.starts_with("failed: ") && as_file.contains("must come over http"), "{as_file}");
        assert!(as_file.contains("/the pages/'") && as_file.contains(&format!("8000/{job}/")), "{as_file}");
    }
    browser.close(std::time::Duration::from_secs(5)).await;
}

/// The file of this name somewhere below a folder.
fn found(folder: &std::path::Path, name: &str) -> std::path::PathBuf {
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().unwrap() == name {
                return path;
            }
        }
    }
    panic!("there is no {name} below {}", folder.display());
}

/// A server of plain files, without the headers of gpujobs's own; it ends with the test. Gives its port.
fn file_server(root: std::path::PathBuf) -> u16 {
    use std::io::{BufRead, BufReader, Write};

    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = move |mut stream: std::net::TcpStream| -> std::io::Result<()> {
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        let request = lines.next().transpose()?.unwrap_or_default();
        while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
        let path = request.split(' ').nth(1).unwrap_or_default().replace("%20", " ");
        let path = root.join(path.trim_start_matches('/'));
        let kind = match path.extension().and_then(|extension| extension.to_str()) {
            Some("html") => "text/html",
            Some("js" | "mjs") => "text/javascript",
            Some("wasm") => "application/wasm",
            _ => "application/octet-stream",
        };
        let (status, body) = std::fs::read(path).map_or(("404 Not Found", Vec::new()), |body| ("200 OK", body));
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
        )?;
        stream.write_all(&body)
    };
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let answer = answer.clone();
            // A browser that goes away in the middle is no fault.
            std::thread::spawn(move || drop(answer(stream)));
        }
    });
    port
}

/// Of several GPUs a page gets the one that it asks for; where nothing is said, the browser chooses.
#[test]
fn a_page_asks_for_the_gpu_that_the_job_prefers() {
    let shop = Workshop::new();
    let harness = format!("{}/templates/harness/device.js", env!("CARGO_MANIFEST_DIR"));
    let ask = "const adapter = await navigator.gpu.requestAdapter(";
    let text = std::fs::read_to_string(harness).unwrap();
    assert!(text.contains(ask) && text.contains("description: info.description ?? \"\""));
    let told = "const wanted = navigator.gpu.requestAdapter.bind(navigator.gpu);\n  let asked = \"nothing\";\n  \
                const adapter = await ((how) => { asked = how?.powerPreference ?? asked; return wanted(how); })(";
    let text = text.replace(ask, told).replace("  if (!adapter)", "  globalThis.asked = asked;\n  if (!adapter)");
    std::fs::create_dir_all(shop.path("own/harness")).unwrap();
    shop.write("own/harness/device.js", &text.replace("info.description ?? \"\"", "globalThis.asked"));
    let shared = "name = 'power'\n[matrix]\nbrowser = ['chrome', 'firefox']\nmodel = 'axpy'\n";
    let measure = "[measure]\nsamples = 1\nrounds = 1\nwarmup = 0\n";
    let values = "power_preference = ['high-performance', 'low-power']\n";
    let include = "[[matrix.include]]\nbrowser = 'chrome'\n";
    shop.run(&format!("{shared}{values}{include}{measure}"), &["--templates", "own"]).expect(0);
    let mut found: Vec<(String, String)> =
        shop.jobs().iter().map(|job| (job["power_preference"].clone(), job["adapter_description"].clone())).collect();
    found.sort();
    let preferred = |name: &str| (name.to_owned(), name.to_owned());
    let [high, low] = ["high-performance", "low-power"].map(preferred);
    assert_eq!(found, [(String::new(), "nothing".to_owned()), high.clone(), high, low.clone(), low]);
}
