//! The manifests of kernels, in real browsers.
//!
//! These need Chromium and Firefox with their drivers (`gpujobs setup`); a missing one fails its test.

use std::path::PathBuf;

use gpujobs::manifest::Manifest;
use gpujobs::plan::Plan;

use crate::support::browser_turn;
use crate::support::workshop::{Workshop, is_positive, rows};

fn manifests() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/manifests/kernels");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn each_kernel_has_a_manifest_of_shapes_and_of_the_hardwares_limits() {
    let names: Vec<String> =
        manifests().iter().map(|path| path.file_stem().unwrap().to_string_lossy().into()).collect();
    assert_eq!(names, ["attention", "conv1d", "copy", "layernorm", "matmul-f16", "matmul", "softmax"]);
    for path in manifests() {
        let text = std::fs::read_to_string(&path).unwrap();
        // The limits are there to be taken out of their comment.
        let (_, limits) = text.split_once("# [hardware]\n").unwrap();
        let text = format!("{text}\n[hardware]\n{}", limits.replace("# ", ""));
        let manifest =
            Manifest::parse(&path, text, &[]).unwrap_or_else(|error| panic!("{:?}", miette::Report::new(error)));
        assert_eq!(manifest.hardware.peak_gbytes_per_s.of("fp32"), Some(4189.0), "{}", path.display());
        let least = if path.ends_with("matmul-f16.toml") { 9 } else { 12 };
        assert!(Plan::of(manifest).jobs.len() >= least, "{}", path.display());
    }
}

#[test]
fn sizes_that_nothing_divides_verify_in_both_browsers() {
    let _turn = browser_turn();
    let shop = Workshop::new();
    let files = manifests();
    let sets = ["measure.samples=1", "measure.rounds=1", "measure.warmup=0"];
    let more = ["--out", "out", "--filter", "model=odd", "--quiet"].into_iter();
    let files = files.iter().map(|path| path.to_str().unwrap());
    let arguments: Vec<&str> =
        ["run"].into_iter().chain(files).chain(more).chain(sets.into_iter().flat_map(|set| ["--set", set])).collect();
    shop.gpujobs(&arguments).expect(0);
    let folders: Vec<PathBuf> =
        std::fs::read_dir(shop.path("out")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(folders.len(), 7);
    for folder in folders {
        let jobs = rows(&folder.join("jobs.csv"));
        assert!(jobs.len() >= 4, "{}", folder.display());
        for job in jobs {
            if job["status"] == "unsupported" && job["dtype"] == "fp16" {
                assert!(job["reason"].contains("shader-f16") && job["browser"] != "firefox", "{job:?}");
                continue;
            }
            assert_eq!((job["status"].as_str(), job["verified"].as_str()), ("ok", "true"), "{job:?}");
            assert!(is_positive(&job["gbytes_per_s"]), "{job:?}");
        }
    }
}
