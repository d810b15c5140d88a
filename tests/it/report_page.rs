//! The page of a report in real browsers: drawn, read with a pointer, filtered, narrow, dark and printed; and that nothing
//! of what a run's files say is ever executed or asks for anything.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gpujobs::webdriver::{Browser, BrowserKind, BrowserSettings, Gpu, Launch, PrefValue, Watchdog, launch};
use serde_json::{Value, json};

use crate::support::browser_turn;
use crate::support::made_runs::{about, between, dated, job, made, runs, with};
use crate::support::workshop::Workshop;

const FAST: &str = "chrome/product/webgpu/64x1x1/precompiled";
const SLOW: &str = "firefox/product/webgpu/64x1x1/precompiled";
const FAILED: &str = "firefox/product/webgpu/32x1x1/precompiled";

/// What would set `window.hacked` as a tag, as a script, as a link of Plotly's labels.
const HOSTILE: &str = "<b>bold</b></script><script>window.hacked=1</script><img src=x onerror=\"window.hacked=2\">\
                       <a href=\"javascript:window.hacked=3\">link</a>";

/// Collects what a console would say, and when the first chart was there.
const LISTENER: &str = "<script>window.faults = [];
    for (const kind of ['error', 'unhandledrejection', 'securitypolicyviolation']) addEventListener(kind, (event) =>
        faults.push(kind + ': ' + (event.message ?? event.reason ?? event.violatedDirective ?? event.target?.outerHTML)), true);
    for (const level of ['error', 'warn']) console[level] = (...words) => faults.push(level + ': ' + words.join(' '));
    new MutationObserver((_, self) => {
        if (!document.querySelector('.main-svg .point')) return;
        window.firstChart = performance.now();
        self.disconnect();
    }).observe(document, { childList: true, subtree: true });
    </script>";

/// Changes cells of a table of a run's folder, by the place of the row and the column; columns that are missing are added.
fn change(file: &Path, cells: &[(usize, &str, &str)]) {
    let mut reader = csv::Reader::from_path(file).unwrap();
    let mut header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let mut rows: Vec<Vec<String>> =
        reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
    for (place, column, text) in cells {
        let at = header.iter().position(|name| name == column).unwrap_or_else(|| {
            header.push((*column).to_owned());
            for row in &mut rows {
                row.push(String::new());
            }
            header.len() - 1
        });
        (*text).clone_into(&mut rows[*place][at]);
    }
    let mut writer = csv::Writer::from_path(file).unwrap();
    writer.write_record(&header).unwrap();
    for row in &rows {
        writer.write_record(row).unwrap();
    }
    writer.flush().unwrap();
}

/// A run with all that panels are made of, hostile wherever a page or a manifest has the word.
fn hostile_run(shop: &Workshop, name: &str, median: f64) -> PathBuf {
    let failed = [("status", "failed"), ("verified", ""), ("gpu_median_ms", "")];
    let jobs = [
        job(FAST, "chrome", about(median, 6)),
        job(SLOW, "firefox", about(2.0 * median, 6)),
        with(job(FAILED, "firefox", Vec::new()), &failed),
    ];
    let run = made(&shop.path(""), name, &jobs);
    let mut cells = vec![(2, "reason", HOSTILE), (1, "adapter_kind", "software"), (1, "backend", HOSTILE)];
    cells.extend([(1, "backend_used", HOSTILE), (0, "warnings", HOSTILE)]);
    for place in 0..2 {
        cells.extend(["model", "browser_version", "adapter_description"].map(|column| (place, column, HOSTILE)));
        cells.extend(
            [("wall_median_ms", "3"), ("gpu_median_ms", ["1", "2"][place])].map(|(name, text)| (place, name, text)),
        );
        cells.extend([("gpu_low_ms", "0.9"), ("gpu_high_ms", "2.1")].map(|(name, text)| (place, name, text)));
        let phases = ["device_ready_ms", "model_load_ms", "shader_compile_ms", "first_inference_ms"];
        cells.extend(phases.map(|column| (place, column, "10")));
        let figures =
            [("gflops", "10"), ("gbytes_per_s", "5"), ("gpu_memory_bytes", "2000000"), ("decode_tokens_per_s", "7")];
        cells.extend(figures.map(|(name, text)| (place, name, text)));
        cells.extend(
            [("of_peak_gflops_percent", "50"), ("of_peak_gbytes_percent", "20")]
                .map(|(name, text)| (place, name, text)),
        );
        cells.push((place, "time_to_first_result_ms", "30"));
    }
    change(&run.join("jobs.csv"), &cells);
    let of_jobs = |rows: &str| [FAST, SLOW].map(|id| rows.replace("ID", id)).concat();
    shop.write(
        &format!("{name}/kernels.csv"),
        &format!("job_id,kernel,op,dispatches,gpu_ms,share_percent\n{}", of_jobs("ID,k,op,1,3,75\nID,k2,op,1,1,25\n")),
    );
    change(&run.join("kernels.csv"), &[(0, "kernel", HOSTILE), (2, "op", HOSTILE)]);
    let parts = "ID,weights,9,5,10,5,,\nID,inputs,9,6,2,5,,\n";
    let header = "job_id,part,bytes,fetch_began_ms,fetch_ms,create_ms,compile_ms,first_inference_ms";
    shop.write(&format!("{name}/parts.csv"), &format!("{header}\n{}", of_jobs(parts)));
    change(&run.join("parts.csv"), &[(0, "part", HOSTILE)]);
    let toml = std::fs::read_to_string(run.join("run.toml")).unwrap();
    let hostile = format!("'''{HOSTILE}'''");
    let toml =
        toml.replace("os = 'o'", &format!("os = {hostile}")).replace("manifest = ''", &format!("manifest = {hostile}"));
    std::fs::write(run.join("run.toml"), toml).unwrap();
    run
}

/// The folder of a tuning.
fn hostile_tuning(shop: &Workshop, run: &Path) -> PathBuf {
    let header = "run_id,browser,model,dtype,batch,axes,kernel,size,adapter_kind,adapter,phase,workgroup,param_tile,\
                  status,verified,samples,median_ms,low_ms,high_ms,reason";
    let row = |tile: u32, ms: u32| {
        format!("t,chrome,m,fp32,1,,product,8x8,software,a,sample,8x{tile}x1,{tile},ok,true,9,{ms},{ms},{ms},\n")
    };
    let rows: String = [(4, 5), (8, 3), (16, 4)].map(|(tile, ms)| row(tile, ms)).concat();
    let path = shop.write("tuning/tried.csv", &format!("{header}\n{rows}"));
    change(&path, &[(0, "adapter", HOSTILE), (1, "model", HOSTILE), (2, "kernel", HOSTILE)]);
    std::fs::copy(run.join("run.toml"), shop.path("tuning/run.toml")).unwrap();
    shop.path("tuning")
}

/// Eight runs of two jobs: one is 20 % slower from the fifth on, the other one failed once, and but for the last two runs no
/// hardware computed it.
fn hostile_history(shop: &Workshop) -> PathBuf {
    let folder = shop.path("past");
    std::fs::create_dir(&folder).unwrap();
    let paths = runs(&folder, 8, |run| {
        let slow = if run < 4 { 1.0 } else { 1.2 };
        let other = [("adapter_kind", "software"), ("status", "failed")];
        let other = &other[..[1, 1, 2, 1, 1, 1, 0, 0][run]];
        vec![
            job(FAST, "chrome", about(slow * between(run, 0), 6)),
            with(job(SLOW, "firefox", about(between(run, 1), 6)), other),
        ]
    });
    for (run, path) in paths.iter().enumerate() {
        let mut cells = vec![(1, "adapter_description", HOSTILE)];
        cells.extend([0, 1].map(|place| (place, "backend_used", "webgpu")));
        cells.extend((run >= 4).then_some((0, "browser_version", HOSTILE)));
        cells.extend((run == 2).then_some((1, "reason", HOSTILE)));
        change(&path.join("jobs.csv"), &cells);
    }
    dated(&paths[7], "2026-11-08T00:00:00Z", HOSTILE);
    folder
}

/// A page that is looked at has been given a listener; else it is as it was written.
fn listened(shop: &Workshop, folders: &[&Path], name: &str) -> url::Url {
    let folders: Vec<&str> = folders.iter().map(|folder| folder.to_str().unwrap()).collect();
    shop.gpujobs(&[&["report"], &folders[..], &["-o", name]].concat()).expect(0);
    let text = std::fs::read_to_string(shop.path(name)).unwrap();
    let (before, after) = text.split_once("<meta name=\"viewport\"").unwrap();
    let page = shop.write(name, &format!("{before}{LISTENER}<meta name=\"viewport\"{after}"));
    url::Url::from_file_path(page).unwrap()
}

/// The page of two runs and a tuning, with all that panels are made of, and that of a history.
fn pages(shop: &Workshop) -> [url::Url; 2] {
    let runs = [hostile_run(shop, "base", 1.0), hostile_run(shop, "new", 1.2)];
    let tuning = hostile_tuning(shop, &runs[0]);
    let all = listened(shop, &[&runs[0], &runs[1], &tuning], "report.html");
    [all, listened(shop, &[&hostile_history(shop)], "history.html")]
}

/// A page that is looked at.
struct Reader(Browser);

impl Reader {
    async fn open(kind: BrowserKind, prefs: &[(&str, PrefValue)]) -> Self {
        let mut settings = BrowserSettings::of(kind);
        settings.prefs.extend(prefs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let watchdog = Watchdog::with_command(env!("CARGO_BIN_EXE_gpujobs").into(), ["watchdog"]);
        let (gpu, cold, timeout) = (Gpu::Software, false, Duration::from_mins(2));
        let (log, accept_insecure_certs, tunnel) = (None, false, None);
        let how = Launch { settings, gpu, cold, timeout, log, watchdog, accept_insecure_certs, tunnel };
        Self(launch(how).await.unwrap())
    }

    async fn run(&self, script: &str) -> Value {
        self.0.execute(script).await.unwrap()
    }

    /// Waits until an expression is true, and gives it.
    async fn wait(&self, expression: &str) -> Value {
        let script = format!(
            "return new Promise((resolve) => {{
                const look = () => {{ const found = {expression}; found ? resolve(found) : setTimeout(look, 20); }};
                look();
            }})"
        );
        self.0.execute(&script).await.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    async fn command(&self, command: &str, body: Value) -> Value {
        self.0.post(command, &body).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Types into the filter as a user does.
    async fn filter(&self, words: &str) {
        self.run("filter.value = ''; filter.dispatchEvent(new Event('input'))").await;
        let found = self.command("element", json!({ "using": "css selector", "value": "#filter" })).await;
        let id = found.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned();
        self.command(&format!("element/{id}/value"), json!({ "text": words })).await;
        let drawn =
            format!("[...document.querySelectorAll('.panel')].every((panel) => panel.dataset.drawn === '{words}')");
        self.wait(&drawn).await;
    }

    async fn points(&self) -> u64 {
        self.run("return document.querySelectorAll('[data-chart=sweep] .point').length").await.as_u64().unwrap()
    }

    /// Contrast of a chart's words with the page, from 1 to 21 (WCAG 2.2, 1.4.3).
    async fn contrast(&self) -> f64 {
        let script = "const light = (text) => {
                const [r, g, b] = text.match(/[\\d.]+/g).map(Number).map((part) => part / 255)
                    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
            };
            const words = getComputedStyle(document.querySelector('.xtick text')).fill;
            const ground = getComputedStyle(document.documentElement).backgroundColor;
            const [low, high] = [light(words), light(ground)].sort((a, b) => a - b);
            return (high + 0.05) / (low + 0.05);";
        self.run(script).await.as_f64().unwrap()
    }

    /// Bytes of the page on paper.
    async fn printed(&self, name: &str) -> Vec<u8> {
        // chromedriver waits for its own print for 10 s, which are few where all processors are busy.
        let paper = if name == "chromium" {
            let params = json!({ "printBackground": true });
            self.command("goog/cdp/execute", json!({ "cmd": "Page.printToPDF", "params": params })).await["data"].take()
        } else {
            self.command("print", json!({ "background": true })).await
        };
        STANDARD.decode(paper.as_str().unwrap()).unwrap()
    }
}

/// What holds in each browser once the page is open.
async fn check(reader: &Reader, name: &str) {
    reader.wait("document.body.dataset.drawn === 'all'").await;
    let charts = "return [...document.querySelectorAll('.panel')].map((panel) => [...panel.querySelectorAll('figure')]
        .map((figure) => figure.dataset.chart + (figure.querySelector('.main-svg') && Number(figure.dataset.count) > 0 ? '' : ' is empty'))
        .join())";
    let of_run = ["sweep", "start_up", "parts", "samples", "kernels", "roofline", "memory", "tokens"];
    let expected = [&["forest"], &of_run[..], &of_run[..], &["best_so_far,parallel,heat_map"]].concat();
    assert_eq!(reader.run(charts).await, json!(expected), "{name}");
    hover(reader, "[data-chart=sweep] .point", &["ms gpu (0.9–2.1)", "<img src=x onerror"], name).await;
    filters(reader, name).await;
    for width in [1280, 420] {
        reader.narrow(width, name).await;
    }
    let paper = reader.printed(name).await;
    assert!(paper.starts_with(b"%PDF-"), "{name}");
    reader.run("for (const charts of document.querySelectorAll('.charts')) charts.style.display = 'none'").await;
    let bare = reader.printed(name).await;
    reader.run("for (const charts of document.querySelectorAll('.charts')) charts.style.display = ''").await;
    assert!(paper.len() > bare.len() + 10_000, "{name}: no charts on paper: {} and {} bytes", paper.len(), bare.len());
    harmless(reader, name).await;
}

impl Reader {
    /// Nothing is wider than a window of so many pixels, or of the narrowest that the browser has.
    async fn narrow(&self, width: u64, name: &str) {
        let size = json!({ "width": width, "height": 900 });
        if name == "chromium" {
            let params = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
            let command = json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": params });
            self.command("goog/cdp/execute", command).await;
        } else {
            self.command("window/rect", size).await;
        }
        self.wait("[...document.querySelectorAll('.main-svg')].every((svg) => svg.getBoundingClientRect().right <= innerWidth)").await;
        let widths = self.run("return [innerWidth, document.documentElement.scrollWidth]").await;
        let [inner, scroll] = [0, 1].map(|place| widths[place].as_u64().unwrap());
        assert!(inner.abs_diff(width) <= 80 && scroll <= inner, "{name}, {width}: {scroll} of {inner}");
    }
}

/// A pointer on a dot brings its figure, its interval and its names, as they are.
async fn hover(reader: &Reader, point: &str, expected: &[&str], name: &str) {
    let script = format!(
        "const point = document.querySelector('{point}');
        point.scrollIntoView({{ block: 'center' }});
        const at = point.getBoundingClientRect();
        return [at.x + at.width / 2, at.y + at.height / 2].map(Math.round)"
    );
    let at = reader.run(&script).await;
    let to =
        |aside: i64| json!({ "type": "pointerMove", "duration": 0, "x": at[0].as_i64().unwrap() + aside, "y": at[1] });
    let pointer = json!({ "type": "pointer", "id": "mouse", "parameters": { "pointerType": "mouse" }, "actions": [to(3), to(0)] });
    reader.command("actions", json!({ "actions": [pointer] })).await;
    let said = reader.wait("document.querySelector('.hovertext')?.textContent").await;
    let said = said.as_str().unwrap();
    assert!(expected.iter().all(|words| said.contains(words)), "{name}: {said}");
}

/// The page of a history: a course for each job with its change, marks of what was new and of what is refused.
async fn check_history(reader: &Reader, url: &url::Url, name: &str) {
    reader.0.navigate(url).await.unwrap();
    reader.wait("document.body.dataset.drawn === 'all'").await;
    let script = "const chart = document.querySelector('.panel figure');
        const texts = (query) => [...chart.querySelectorAll(query)].map((text) => text.textContent);
        return [chart.dataset.chart, chart.dataset.count, texts('.legendtext'), texts('.annotation-text')]";
    let legend = ["GPU time", "computed in software", "slower from here on", "new browser", "new gpujobs", "no number"];
    let found = reader.run(script).await;
    assert_eq!((&found[0], &found[1], &found[2]), (&json!("over_runs"), &json!("3"), &json!(legend)), "{name}");
    // The window is still a narrow one.
    let labels: Vec<&str> = found[3].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    let beginning = |words: &str| labels.iter().filter(|label| label.starts_with(words)).count();
    let found = ["▲ 1.2x slower (1.1", "chrome/", "⚠ firefox/", "firefox/"].map(beginning);
    assert!(labels.len() == 4 && found == [1; 4], "{name}: {labels:?}");
    reader.narrow(420, name).await;
    reader.narrow(1280, name).await;
    reader.wait(&format!("[...document.querySelectorAll('.annotation-text')].some((one) => one.textContent === '{FAST} last change: slower')")).await;
    let change = ["ms gpu (", "1.2x slower (1.1", "with browser_version same -> <b>bold", "<img src=x onerror"];
    hover(reader, "[data-chart=over_runs] .xy .scatter:nth-child(2) .point", &change, name).await;
    harmless(reader, name).await;
    reader.filter("firefox").await;
    let count = "return document.querySelector('[data-chart=over_runs]').dataset.count";
    assert_eq!(reader.run(count).await, json!("2"), "{name}");
}

async fn filters(reader: &Reader, name: &str) {
    let all = reader.points().await;
    assert_eq!(all, 4, "{name}");
    reader.filter("firefox").await;
    assert_eq!(reader.points().await, 2, "{name}");
    let said = "return [matches.textContent, document.querySelectorAll('table.grid tbody tr:not([hidden])').length,
        document.querySelectorAll('#refusals tbody tr:not([hidden])').length]";
    assert_eq!(reader.run(said).await, json!(["4 of 6 jobs, 0 of 3 trials", 4, 2]), "{name}");
    reader.filter("tile=8").await;
    let trials = "return document.querySelectorAll('[data-chart=best_so_far] .point').length";
    assert_eq!(reader.run(trials).await, json!(1), "{name}");
    reader.filter("nobody").await;
    let captions = "return [...document.querySelectorAll('figcaption')].every((one) => one.textContent === 'Nothing matches the filter.')";
    assert_eq!(reader.run(captions).await, json!(true), "{name}");
    reader.run("filter.value = ''; filter.dispatchEvent(new Event('input'))").await;
    reader.wait("[...document.querySelectorAll('.panel')].every((panel) => panel.dataset.drawn === 'all')").await;
    assert_eq!(reader.points().await, all, "{name}");
}

/// Texts stayed texts, the console is empty, and nothing was asked of anybody.
async fn harmless(reader: &Reader, name: &str) {
    let script = "return {
        hacked: window.hacked ?? null,
        faults: window.faults,
        requests: performance.getEntriesByType('resource').map((entry) => entry.name).filter((name) => !name.startsWith('data:')),
        links: [...document.querySelectorAll('a')].map((link) => link.getAttribute('href') ?? link.getAttribute('xlink:href'))
            .filter((href) => href && !href.startsWith('#')),
        images: document.querySelectorAll('img, iframe, object').length,
        bold: [...document.querySelectorAll('svg text')].some((text) => text.textContent.includes('<b>')),
    }";
    let found = reader.run(script).await;
    let expected = json!({ "hacked": null, "faults": [], "requests": [], "links": [], "images": 0, "bold": true });
    assert_eq!(found, expected, "{name}");
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_shows_it_light_and_dark() {
    let shop = Workshop::new();
    let [url, history] = pages(&shop);
    let _turn = browser_turn();
    let reader = Reader::open(BrowserKind::Chrome, &[]).await;
    reader.0.navigate(&url).await.unwrap();
    check(&reader, "chromium").await;
    let light = reader.contrast().await;
    let features = json!([{ "name": "prefers-color-scheme", "value": "dark" }]);
    let command = json!({ "cmd": "Emulation.setEmulatedMedia", "params": { "features": features } });
    let words = "getComputedStyle(document.querySelector('.xtick text')).fill";
    let before = reader.run(&format!("return {words}")).await;
    reader.command("goog/cdp/execute", command).await;
    reader.wait(&format!("{words} !== '{}'", before.as_str().unwrap())).await;
    let dark = reader.contrast().await;
    assert!(light > 4.5 && dark > 4.5, "light {light}, dark {dark}");
    harmless(&reader, "chromium").await;
    check_history(&reader, &history, "chromium").await;
    reader.0.close(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn firefox_shows_it_in_the_dark() {
    let shop = Workshop::new();
    let [url, history] = pages(&shop);
    let _turn = browser_turn();
    let dark = ("layout.css.prefers-color-scheme.content-override", PrefValue::Int(0));
    let reader = Reader::open(BrowserKind::Firefox, &[dark]).await;
    reader.0.navigate(&url).await.unwrap();
    check(&reader, "firefox").await;
    let is_dark = reader.run("return matchMedia('(prefers-color-scheme: dark)').matches").await;
    let contrast = reader.contrast().await;
    assert!(is_dark == json!(true) && contrast > 4.5, "{is_dark} {contrast}");
    check_history(&reader, &history, "firefox").await;
    reader.0.close(Duration::from_secs(5)).await;
}
