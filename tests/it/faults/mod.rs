//! What goes wrong is said, never measured: faulty shaders and templates, and browsers that are missing or hang.
//!
//! `table` names all faults that are played, here and elsewhere; those of `played` have stand-ins. The others here need
//! Chromium and Firefox with their drivers (`gpujobs setup`); a missing one fails its test.

mod played;
mod table;

use crate::support::workshop::{Row, Workshop};

const BROWSERS: &str = "browser = ['chrome', 'firefox']";

/// A manifest of a small model.
fn manifest(browsers: &str, model: &str) -> String {
    format!(
        "name = 'faults'\n[matrix]\n{browsers}\nmodel = '{model}'\n\
         [measure]\nwarmup = 0\nsamples = 1\nrounds = 1\nretries = 0\ntimeout = '5m'\nfallback = []\n"
    )
}

fn built_in(path: &str) -> String {
    std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// A file of the repository with a fault put in.
pub(crate) fn broken(path: &str, from: &str, to: &str) -> String {
    let text = built_in(path);
    assert!(text.contains(from), "{path} no longer holds {from:?}");
    text.replace(from, to)
}

/// Runs the model with one shader replaced in Chromium and Firefox; every row has this status and no time.
fn with_shader(model: &str, shader: &str, text: &str, status: &str) -> Vec<Row> {
    let shop = Workshop::new();
    shop.write(&format!("own/{shader}"), text);
    shop.run(&manifest(BROWSERS, model), &["--shaders", "own"]).expect(1);
    let jobs = shop.jobs();
    assert_eq!(jobs.len(), 2);
    for job in &jobs {
        assert_eq!(job["status"], status, "{job:?}");
        for column in ["wall_median_ms", "gpu_median_ms", "first_inference_ms", "gflops", "samples", "throughput_per_s"]
        {
            assert_eq!(job[column], "", "{column} of {job:?}");
        }
        assert_eq!(job["verified"], if status == "incorrect" { "false" } else { "" });
    }
    assert!(shop.samples().is_empty());
    jobs
}

#[test]
fn a_shader_that_does_not_compile_fails_with_the_compilers_words() {
    let text = broken("shaders/axpy.wgsl", "* x[i] + b[i]", "* x[i] + nonsense[i]");
    for job in with_shader("axpy", "axpy.wgsl", &text, "failed") {
        let reason = &job["reason"];
        // The template puts the expression into one that it includes.
        assert!(reason.starts_with("shaders/lib/elementwise.wgsl:") && reason.contains("nonsense"), "{reason}");
        assert!(reason.ends_with("(line 9 of axpy.wgsl (axpy) as rendered)"), "{reason}");
    }
}

#[test]
fn a_wrong_constant_is_incorrect() {
    let text = broken("shaders/axpy.wgsl", "+ b[i]", "+ b[i] + 0.001");
    for job in with_shader("axpy", "axpy.wgsl", &text, "incorrect") {
        assert!(job["reason"].contains("differs from its reference"), "{}", job["reason"]);
        assert!(job["max_abs_error"].parse::<f64>().unwrap() > 0.0005, "{job:?}");
    }
}

#[test]
fn elements_that_nothing_wrote_are_incorrect() {
    let text = broken("shaders/lib/elementwise.wgsl", "if (i < {{ count }}u)", "if (i < {{ count // 2 }}u)");
    for job in with_shader("axpy", "lib/elementwise.wgsl", &text, "incorrect") {
        assert!(job["reason"].contains("512 of 1024 elements"), "{}", job["reason"]);
    }
}

#[test]
fn a_race_is_incorrect() {
    // Each thread of a workgroup writes its own value to every element of the workgroup.
    let racing = "for (var j = i - thread; j < i - thread + {{ threads }}u; j++) { y[j] = {{ value }}; }";
    let text = broken("shaders/lib/elementwise.wgsl", "y[i] = {{ value }};", racing);
    with_shader("axpy", "lib/elementwise.wgsl", &text, "incorrect");
}

#[test]
fn a_write_beyond_the_end_does_not_pass_for_the_element_that_was_meant() {
    let text = broken("shaders/lib/elementwise.wgsl", "y[i] =", "y[i + 1u] =");
    with_shader("axpy", "lib/elementwise.wgsl", &text, "incorrect");
}

#[test]
fn a_faulty_template_ends_the_run_before_any_browser_opens() {
    let faults = [
        ("shaders/axpy.wgsl", "params.a ", "params.typo.deep ", "axpy.wgsl:6"),
        ("shaders/axpy.wgsl", "{% set value =", "{% sett value =", "axpy.wgsl:7"),
        ("shaders/axpy.wgsl", "lib/elementwise.wgsl", "lib/nowhere.wgsl", "nowhere"),
    ];
    for (path, from, to, place) in faults {
        let shop = Workshop::new();
        shop.write("own/axpy.wgsl", &broken(path, from, to));
        shop.write("m.toml", &manifest(BROWSERS, "axpy"));
        let ended = shop.gpujobs(&["run", "m.toml", "--out", "out", "--shaders", "own"]).expect(2);
        assert!(ended.stderr.contains(place), "{}", ended.stderr);
        assert_eq!(ended.stdout, "");
        assert!(!shop.path("out").exists(), "no run folder for a run that could not be");
    }
}

#[test]
fn a_missing_browser_is_one_clear_row_and_the_others_run() {
    let shop = Workshop::new();
    let text = manifest("browser = ['ghost', 'firefox']", "axpy")
        + "[browser.ghost]\nkind = 'chrome'\nbinary = '/nonexistent/chrome'\n";
    let ended = shop.run(&text, &[]).expect(3);
    let jobs = shop.jobs();
    assert_eq!((jobs[0]["status"].as_str(), jobs[1]["status"].as_str()), ("skipped", "ok"));
    assert!(jobs[0]["reason"].contains("/nonexistent/chrome"), "{}", jobs[0]["reason"]);
    assert!(ended.stdout.contains("skipped"), "{}", ended.stdout);
}

#[test]
fn a_software_adapter_fails_where_hardware_is_required() {
    let shop = Workshop::new();
    let software = "[browser.chrome]\nargs = ['--use-webgpu-adapter=swiftshader']\n";
    shop.run(&(manifest("browser = 'chrome'", "axpy") + software), &["--require-hardware"]).expect(1);
    let job = &shop.jobs()[0];
    assert_eq!(job["status"], "failed");
    assert!(job["reason"].contains("require_hardware") && job["reason"].contains("software"), "{}", job["reason"]);
}

/// Three shapes of one kernel whose first one never comes to an end in the page, by this statement.
fn hangs(browser: &str, statement: &str) {
    let shop = Workshop::new();
    let start = "export async function prepare(job, host) {\n";
    let hang = format!("{start}  if (job.stages[0].workgroup[0] === 2) {statement}\n");
    shop.write("own/harness/engine_wgsl.js", &broken("templates/harness/engine_wgsl.js", start, &hang));
    let text = manifest(&format!("browser = '{browser}'\nworkgroup_size = [[2, 1, 1], [4, 1, 1]]"), "axpy");
    shop.run(&text, &["--templates", "own", "--set", "measure.timeout=\"12s\""]).expect(1);
    let jobs = shop.jobs();
    assert_eq!((jobs[0]["status"].as_str(), jobs[1]["status"].as_str()), ("timed_out", "ok"), "{jobs:?}");
    assert!(jobs[0]["reason"].contains("no result within 12s"), "{}", jobs[0]["reason"]);
    assert_eq!(jobs[0]["wall_median_ms"], "");
}

#[test]
fn a_page_that_waits_for_ever_times_out_and_the_next_job_runs() {
    hangs("firefox", "await new Promise(() => {});");
}

#[test]
fn a_page_that_spins_for_ever_times_out_and_the_next_job_runs() {
    hangs("chrome", "for (;;);");
}

#[test]
fn what_a_page_throws_is_the_reason() {
    let shop = Workshop::new();
    let start = "export async function prepare(job, host) {\n";
    let throws = format!("{start}  if (job.id) throw new TypeError('=HYPERLINK(\"x\")');\n");
    shop.write("own/harness/engine_wgsl.js", &broken("templates/harness/engine_wgsl.js", start, &throws));
    shop.run(&manifest("browser = 'chrome'", "axpy"), &["--templates", "own"]).expect(1);
    let job = &shop.jobs()[0];
    assert_eq!((job["status"].as_str(), job["reason"].as_str()), ("failed", "TypeError: =HYPERLINK(\"x\")"));
}

#[test]
fn a_module_that_does_not_parse_is_the_reason() {
    let shop = Workshop::new();
    shop.write("own/job.js", "export const job = ;\n");
    shop.run(&manifest(BROWSERS, "axpy"), &["--templates", "own"]).expect(1);
    for job in shop.jobs() {
        assert_eq!(job["status"], "failed");
        assert!(job["reason"].contains("SyntaxError"), "{}", job["reason"]);
    }
}

#[test]
fn a_gpu_clock_that_lies_is_demoted_and_does_not_size_the_batch() {
    let shop = Workshop::new();
    let lie = broken("templates/harness/stopwatch.js", "Number(end - begin) / 1e6", "Number(end - begin) / 1e12");
    shop.write("own/harness/stopwatch.js", &lie);
    shop.run(&manifest("browser = 'chrome'", "matmul"), &["--templates", "own"]).expect(0);
    let job = &shop.jobs()[0];
    assert_eq!(job["status"], "ok");
    assert_eq!(job["gpu_median_ms"], "", "{job:?}");
    assert!(job["warnings"].contains("wall time only"), "{job:?}");
    assert!(job["wall_median_ms"].parse::<f64>().unwrap() > 0.0);
}

#[test]
fn a_feature_that_the_adapter_lacks_is_unsupported_with_the_stage_and_the_remedy() {
    // The first one is there, and no browser has the others without a flag.
    let told = "axpy needs the WebGPU feature own-feature, this adapter does not offer it";
    let features = [("own-feature", told), ("chromium-experimental-subgroup-matrix", "--enable-unsafe-webgpu")];
    for (feature, told) in features {
        let shop = Workshop::new();
        let wants = format!("{{% set features = ['timestamp-query', '{feature}'] %}}\n{{% set value =");
        shop.write("own/axpy.wgsl", &broken("shaders/axpy.wgsl", "{% set value =", &wants));
        shop.run(&manifest(BROWSERS, "axpy"), &["--shaders", "own"]).expect(0);
        for job in shop.jobs() {
            assert_eq!(job["status"], "unsupported", "{job:?}");
            assert!(job["reason"].contains(told), "{}", job["reason"]);
        }
    }
}

/// Runs the small model with a wrong shader and changed files of the page, in Chromium.
fn with_page(changes: &[(&str, &str, &str)]) -> Row {
    let shop = Workshop::new();
    for (path, from, to) in changes {
        shop.write(path, &broken(path, from, to));
    }
    std::fs::create_dir_all(shop.path("shaders")).unwrap();
    shop.run(&manifest("browser = 'chrome'", "axpy"), &["--shaders", "shaders", "--templates", "templates"]).expect(1);
    let mut jobs = shop.jobs();
    assert_eq!((jobs.len(), shop.samples().len()), (1, 0));
    jobs.remove(0)
}

#[test]
fn a_page_that_ignores_the_verdict_has_none_of_its_figures_believed() {
    let ignores = (
        "templates/harness/channel.js",
        "return response.json();",
        "await response.json(); return { verdict: \"ok\" };",
    );
    let job = with_page(&[("shaders/axpy.wgsl", "+ b[i]", "+ b[i] + 1.0"), ignores]);
    assert_eq!((job["status"].as_str(), job["verified"].as_str()), ("incorrect", "false"), "{job:?}");
    assert!(job["reason"].contains("differs from its reference") && job["wall_median_ms"].is_empty(), "{job:?}");
}

#[test]
fn times_and_counts_that_can_not_be_are_failures() {
    let wall = "wallMs: wallMs / how.iterations,";
    for (to, said) in [
        ("wallMs: how.kind === \"steady\" ? 0 : wallMs / how.iterations,", "took no time by the page's clock"),
        ("wallMs: how.kind === \"steady\" ? 1e300 : wallMs / how.iterations,", "the page says that samples took"),
    ] {
        let job = with_page(&[("templates/harness/engine_wgsl.js", wall, to)]);
        assert_eq!(job["status"], "failed", "{job:?}");
        assert!(job["reason"].contains(said) && job["gflops"].is_empty(), "{job:?}");
    }
    let count = (
        "templates/harness/engine_wgsl.js",
        "iterations: how.iterations,\n    hidden",
        "iterations: how.iterations + 1,\n    hidden",
    );
    let job = with_page(&[count]);
    assert!(job["reason"].contains("and was asked for one"), "{job:?}");
}

#[test]
fn waits_are_nudged_by_what_was_measured_whatever_the_browser_calls_itself() {
    let shop = Workshop::new();
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 LibreWolf/153.0";
    let text = manifest("browser = 'wolf'", "axpy").replace("warmup = 0\nsamples = 1", "warmup = 1\nsamples = 3");
    let text =
        format!("{text}[browser.wolf]\nkind = 'firefox'\nprefs = {{ 'general.useragent.override' = '{agent}' }}\n");
    shop.run(&text, &[]).expect(0);
    let job = shop.jobs().remove(0);
    let number = |column: &str| job[column].parse::<f64>().unwrap_or_else(|_| panic!("{column} of {job:?}"));
    // Firefox's timer is in the bare wait, and in nothing else.
    assert!(number("empty_submit_ms") < number("empty_submit_raw_ms"), "{job:?}");
    assert!(number("wall_median_ms") < number("empty_submit_raw_ms"), "{job:?}");
    assert!(!job["gpu_median_ms"].is_empty() && !job["warnings"].contains("wall time only"), "{job:?}");
}
