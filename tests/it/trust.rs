//! What a page measures badly is said in its row and misleads no comparison: clocks that lie or step too far, slow rounds,
//! load, two modes. The pages are real ones in Chromium whose harness was tampered with.
//!
//! These need Chromium with its driver (`gpujobs setup`); a missing one fails its test.

use std::process::{Child, Command, Stdio};

use crate::support::workshop::{Row, Workshop};

fn harness(file: &str) -> String {
    std::fs::read_to_string(format!("{}/templates/harness/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// A module of the page with changes.
fn tampered(file: &str, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(harness(file), |text, (from, to)| {
        assert!(text.contains(from), "{file} no longer holds {from:?}");
        text.replace(from, to)
    })
}

/// Runs two equal jobs that take turns, with a tampered page.
fn twins(measure: &str, files: &[(&str, String)]) -> Workshop {
    let shop = Workshop::new();
    std::fs::create_dir(shop.path("own")).unwrap();
    for (file, text) in files {
        shop.write(&format!("own/harness/{file}"), text);
    }
    let manifest = format!(
        "name = 'trust'\n[matrix]\nbrowser = 'chrome'\nmodel = 'matmul'\n[axes]\ntwin = ['a', 'b']\n\
         [model.matmul]\nparams = {{ m = 32, n = 32, k = 32 }}\n[measure]\nretries = 0\nfallback = []\n{measure}\n"
    );
    shop.run(&manifest, &["--templates", "own"]).expect(0);
    shop
}

fn verdict(shop: &Workshop) -> serde_json::Value {
    let folder = shop.run_folder();
    let compared = shop.gpujobs(&["compare", folder.to_str().unwrap(), "--by", "twin", "--format", "json"]).expect(0);
    let rows: serde_json::Value = serde_json::from_str(&compared.stdout).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 1);
    rows[0].clone()
}

fn both(shop: &Workshop) -> [Row; 2] {
    shop.jobs().try_into().unwrap()
}

/// Sample times that a page makes up: `n` counts the job's steady samples, `job` is 1 or 2.
fn made_up(ms: &str) -> [(&'static str, String); 1] {
    let to = format!(
        "  if (kind === \"steady\") {{\n    const job = page.current;\n    const n = (counts[job] = (counts[job] ?? -1) + 1);\n    \
         sample.wallMs = {ms};\n    sample.gpuMs = sample.gpuMs === null ? null : sample.wallMs - 0.1;\n  }}\n{PUSH}"
    );
    let text = tampered("runner.js", &[(PUSH, &to)]) + "\nconst counts = {};\n";
    [("runner.js", text)]
}

/// Where the page pushes a sample.
const PUSH: &str = "  push(page, { kind: \"sample\", sample });";

/// One inference a sample: no more time may be made up than there was.
const TWENTY: &str = "warmup = 1\nsamples = 20\nrounds = 20\ninstances = 1\niterations = 1";
/// Times about 10 ms with a spread of a few percent, unlike for the two jobs.
const NOISE: &str = "10 + 0.3 * (((n * 7 + job * 3) % 11) / 5 - 1)";

#[test]
fn a_gpu_clock_that_runs_slow_is_demoted() {
    // What some versions of Safari do: 1 ms for 70.
    let slow = tampered("clock.js", &[("Number(end) / 1e6", "Number(end) / 70e6")]);
    let shop = twins("warmup = 0\nsamples = 2\nrounds = 1", &[("clock.js", slow)]);
    for job in both(&shop) {
        assert!(job["warnings"].contains("% slower than the wall clock: wall time only"), "{}", job["warnings"]);
        assert!(job["timestamp_drift_percent"].starts_with("-98."), "{job:?}");
        assert_eq!((job["gpu_median_ms"].as_str(), job["status"].as_str()), ("", "ok"));
    }
    assert_eq!(verdict(&shop)["clock"], "wall");
}

#[test]
fn a_sample_below_a_step_of_its_clock_is_said() {
    // No number of inferences of so small a kernel is long against steps of a second.
    let coarse = [("clockStepUs: clockStepMs() * 1000", "clockStepUs: 1e6"), ("await timestampStepNs(device)", "1e9")];
    let shop = twins("warmup = 0\nsamples = 1\nrounds = 1", &[("clock.js", tampered("clock.js", &coarse))]);
    for job in both(&shop) {
        assert!(job["warnings"].contains("GPU timestamps step by 1000 ms, a sample takes "), "{}", job["warnings"]);
        assert!(job["warnings"].contains("the wall clock steps by 1000 ms, a sample takes "), "{}", job["warnings"]);
        assert_eq!((job["gpu_median_ms"].as_str(), job["iterations"].as_str()), ("", "1024"));
    }
}

#[test]
fn samples_are_long_against_the_steps_of_a_coarse_clock() {
    let coarse = tampered("clock.js", &[("await timestampStepNs(device)", "65536")]);
    // Whatever else the machine does, an inference takes 0.1 ms here.
    let steady = tampered("runner.js", &[(PUSH, &format!("  sample.wallMs = 0.2;\n  sample.gpuMs = 0.1;\n{PUSH}"))]);
    let shop = twins("warmup = 0\nsamples = 2\nrounds = 2", &[("clock.js", coarse), ("runner.js", steady)]);
    let jobs = both(&shop);
    assert_eq!(jobs[0]["iterations"], jobs[1]["iterations"], "the same for both");
    for job in jobs {
        let iterations: f64 = job["iterations"].parse().unwrap();
        let lasted = iterations * job["gpu_median_ms"].parse::<f64>().unwrap();
        assert!((6.5..14.0).contains(&lasted), "100 steps are 6.55 ms, this one lasted {lasted}");
        assert!(!job["warnings"].contains("step"), "{}", job["warnings"]);
    }
}

#[test]
fn a_slow_round_is_said_and_decides_nothing() {
    for (slowed, said) in [("n === 7", true), ("n === 7 && job === 2", false)] {
        let shop = twins(TWENTY, &made_up(&format!("({NOISE}) * ({slowed} ? 3 : 1)")));
        for job in both(&shop) {
            let warned = job["warnings"].contains("1 of 20 samples were slow, up to 3");
            assert_eq!(warned, said, "{}", job["warnings"]);
        }
        let verdict = verdict(&shop);
        assert!(["same", "undecided"].contains(&verdict["verdict"].as_str().unwrap()), "{verdict}");
    }
}

#[test]
fn times_that_grow_are_said_and_hide_no_difference() {
    let shop = twins(TWENTY, &made_up(&format!("({NOISE}) * (1 + 0.02 * n) * (job === 2 ? 1.05 : 1)")));
    for job in both(&shop) {
        assert!(job["warnings"].contains("% longer than the first: clock droop, heat or load"), "{}", job["warnings"]);
    }
    let verdict = verdict(&shop);
    assert_eq!(verdict["verdict"], "slower", "{verdict}");
}

#[test]
fn two_modes_and_too_little_precision_are_said() {
    let precise =
        "warmup = 1\nsamples = { min = 20, max = 24, precision = '1%' }\nrounds = 20\ninstances = 1\niterations = 1";
    let shop = twins(precise, &made_up("(n % 2 ? 10 : 14) + 0.05 * (n % 3)"));
    for job in both(&shop) {
        assert!(job["warnings"].contains("two modes: 9.95 ms and 13.9 ms"), "{}", job["warnings"]);
        assert!(job["warnings"].contains("precision not reached"), "{}", job["warnings"]);
        assert_eq!(job["samples"], "24");
    }
}

#[test]
fn a_hidden_page_is_said() {
    let hidden = tampered("engine_wgsl.js", &[("hidden: document.hidden", "hidden: true")]);
    let shop = twins("warmup = 0\nsamples = 1\nrounds = 1", &[("engine_wgsl.js", hidden)]);
    assert!(both(&shop).iter().all(|job| job["warnings"].contains("hidden")));
}

/// Another program that keeps a processor busy until it is dropped.
struct Busy(Child);

impl Drop for Busy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn other_programs_that_keep_processors_busy_are_said() {
    let busy = || Busy(Command::new("sh").args(["-c", "while :; do :; done"]).stdin(Stdio::null()).spawn().unwrap());
    let _load = busy();
    let shop = twins("warmup = 3\nsamples = 300\nrounds = 2", &[]);
    for job in both(&shop) {
        assert!(job["warnings"].contains("background load: other programs kept "), "{}", job["warnings"]);
    }
}

#[test]
fn an_adapter_that_does_not_say_what_it_is_is_no_gpu() {
    let shop = Workshop::new();
    let flag = "info.isFallbackAdapter ?? /** @type { { isFallbackAdapter?: boolean } } */ (adapter).isFallbackAdapter";
    let silent = "/** @type {boolean | undefined} */ (undefined)";
    shop.write("own/harness/device.js", &tampered("device.js", &[(flag, silent)]));
    let manifest = "[matrix]\nbrowser = 'chrome'\nmodel = 'axpy'\n[measure]\nsamples = 2\nrounds = 1\nretries = 0\n\
                    fallback = []\n";
    shop.run(manifest, &["--templates", "own"]).expect(0);
    let row = &shop.jobs()[0];
    assert_eq!([&row["status"], &row["adapter_kind"]], ["ok", "unknown"], "{row:?}");
    assert!(row["warnings"].contains("does not say whether its adapter is a GPU"), "{row:?}");
    std::fs::remove_dir_all(shop.path("out")).unwrap();
    shop.run(manifest, &["--templates", "own", "--require-hardware"]).expect(1);
    let row = &shop.jobs()[0];
    assert_eq!(row["status"], "failed", "{row:?}");
    assert!(row["reason"].contains("require_hardware is set and the browser does not say"), "{row:?}");
}

/// Nothing says what the shader must compute, so its configurations are held against each other.
#[test]
fn of_outputs_that_nothing_verifies_the_outlier_is_named() {
    let shop = Workshop::new();
    let model = "family = 'vision'\n[[input]]\nname = 'x'\nshape = [64]\n[[stage]]\nop = 'twice'\nin = ['x']\n\
                 out = { y = [64] }\n";
    shop.write("models/twice.toml", model);
    let shader = "{% set grid = [64 // wg[0], 1, 1] %}\n\
                  @group(0) @binding(0) var<storage, read> x: array<f32>;\n\
                  @group(0) @binding(1) var<storage, read_write> y: array<f32>;\n\
                  @compute @workgroup_size({{ wg | join(', ') }})\n\
                  fn main(@builtin(global_invocation_id) id: vec3u) {\n\
                  y[id.x] = {{ '2.25' if wg[0] == 32 else '2.0' }} * x[id.x]; }\n";
    shop.write("shaders/twice.wgsl", shader);
    let manifest = "shaders = 'shaders'\n[matrix]\nbrowser = 'chrome'\nmodel = 'twice'\n\
                    workgroup_size = [[64, 1, 1], [32, 1, 1], [16, 1, 1]]\n[measure]\nsamples = 2\nrounds = 2\nretries = 0\n\
                    fallback = []\n";
    shop.run(manifest, &[]).expect(0);
    let jobs = shop.jobs();
    assert_eq!(jobs.len(), 3);
    let id = |shape: &str| format!("chrome/twice/webgpu/{shape}/precompiled");
    for row in &jobs {
        assert_eq!([&row["status"], &row["verified"]], ["ok", ""], "{row:?}");
        let said = match row["workgroup_x"].as_str() {
            "32" => format!(
                "it is the outlier: {}, {} agree with each other, and differ from it by up to 0.11",
                id("64x1x1"),
                id("16x1x1")
            ),
            "64" => format!(
                "{} agrees with it within 0 of the largest element, {} differs by 0.11",
                id("16x1x1"),
                id("32x1x1")
            ),
            _ => format!(
                "{} agrees with it within 0 of the largest element, {} differs by 0.11",
                id("64x1x1"),
                id("32x1x1")
            ),
        };
        assert!(row["warnings"].contains(&said), "{said}: {}", row["warnings"]);
    }
}
