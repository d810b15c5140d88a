//! Versions of libraries in a real Chromium: those that npm installs, those of a folder, and those that are not there.
//!
//! The first run of `two_versions…` asks npm for onnxruntime-web 1.26.0, which stays in the build's folder.

use std::path::Path;

use crate::onnx::{NO_FALLBACK, assert_right, manifest, model};
use crate::support::workshop::Workshop;

/// Where npm has put the older version.
const INSTALLED: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/runtimes/onnxruntime-web-1.26.0");

#[test]
fn a_version_that_is_not_there_is_an_error_before_a_browser_opens() {
    let shop = Workshop::new();
    model(&shop, "conv", "conv", "");
    let table = "[runtime.future]\nonnxruntime = '999.0.0'\n";
    let matrix = "browser = 'chrome'\nmodel = 'conv'\nbackend = 'wasm'\nruntime = 'future'\n";
    let ended = shop.run(&manifest(matrix, &format!("{NO_FALLBACK}{table}")), &[]).expect(3);
    let said = ended.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("runtime `future`: onnxruntime-web 999.0.0 is not installed; looked in"), "{said}");
    assert!(said.contains("`gpujobs setup m.toml` installs what its jobs need"), "{said}");
    assert!(!shop.path("out").exists(), "nothing ran");

    let ended = shop.gpujobs(&["setup", "--dry-run", "m.toml"]).expect(0);
    assert!(ended.stdout.contains("missing: onnxruntime-web 999.0.0\n+ npm install --prefix "), "{ended:?}");

    // A folder that has neither package names what it lacks.
    std::fs::create_dir(shop.path("empty")).unwrap();
    let table = "[runtime.future]\npath = 'empty'\n";
    let ended = shop.run(&manifest(matrix, &format!("{NO_FALLBACK}{table}")), &[]).expect(3);
    assert!(ended.stderr.contains("has neither onnxruntime-web nor"), "{ended:?}");
}

#[test]
fn two_versions_take_turns_in_one_group_and_are_compared() {
    let shop = Workshop::new();
    model(&shop, "conv", "conv", "");
    let matrix = "browser = 'chrome'\nmodel = 'conv'\nbackend = 'wasm'\nruntime = ['default', 'older', 'folder']\n\
                  [[matrix.include]]\nbrowser = 'chrome'\nmodel = 'axpy'\nruntime = 'older'\n";
    let older = "[runtime.older]\nonnxruntime = '1.26.0'\n";
    let rounds = "rounds = 2\n";
    let text = |tables: &str| manifest(matrix, &format!("{NO_FALLBACK}{tables}")).replace("rounds = 1\n", rounds);
    shop.write("m.toml", &text(older).replace(", 'folder'", ""));
    shop.gpujobs(&["setup", "m.toml"]).expect(0);
    assert!(Path::new(INSTALLED).join("package-lock.json").is_file(), "npm keeps a lock");
    // A second time there is nothing to do.
    let again = shop.gpujobs(&["setup", "m.toml"]).expect(0);
    assert!(!again.stdout.contains("npm"), "{again:?}");

    shop.run(&text(&format!("{older}[runtime.folder]\npath = '{INSTALLED}'\n")), &[]).expect(0);
    let jobs = shop.jobs();
    let ran: Vec<&str> = jobs[..3].iter().map(|job| job["runtime"].as_str()).collect();
    assert_eq!(ran[1..], ["onnxruntime-web 1.26.0"; 2], "{ran:?}");
    assert!(ran[0].starts_with("onnxruntime-web 1.") && ran[0] != ran[1], "{ran:?}");
    jobs[..3].iter().for_each(assert_right);
    let asked: Vec<[&str; 2]> =
        jobs.iter().map(|job| [job["runtime_asked"].as_str(), job["status"].as_str()]).collect();
    assert_eq!(asked, [["default", "ok"], ["older", "ok"], ["folder", "ok"], ["older", "unsupported"]]);
    assert!(jobs[..3].iter().all(|job| job["group"] == jobs[0]["group"] && !job["group"].is_empty()), "{jobs:?}");
    assert_eq!(jobs[1]["job_id"], "chrome/conv/wasm/64x1x1/precompiled/runtime=older");

    let run = shop.run_folder();
    let compared = shop.gpujobs(&["compare", run.to_str().unwrap(), "--by", "runtime", "--format", "csv"]);
    assert!(["older", "folder"].iter().all(|name| compared.stdout.contains(name)), "{compared:?}");
}
