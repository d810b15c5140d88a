//! The manifests of kernels, in real browsers.
//!
//! These need Chromium and Firefox with their drivers (`gpujobs setup`); a missing one fails its test.

use std::fmt::Write as _;
use std::path::PathBuf;

use gpujobs::manifest::{AxisValue, Manifest};
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

const QUICK: &str = "[measure]\nsamples = 1\nrounds = 1\nwarmup = 0\nfallback = []\n";

/// One manifest of the odd sizes of several, each model under its manifest's name, so that each browser starts once.
fn of_odd_sizes(files: &[PathBuf]) -> String {
    let (mut jobs, mut models) = (String::new(), String::new());
    for path in files {
        let name = path.file_stem().unwrap().to_string_lossy();
        let text = std::fs::read_to_string(path).unwrap();
        let (_, odd) = text.split_once("[model.odd]\n").unwrap();
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/manifests/models");
        let odd = odd.split("\n\n").next().unwrap().replace("../models", folder);
        let _ = write!(models, "[model.{name}]\n{odd}\n");
        let plan = Plan::of(Manifest::parse(path, text, &[]).unwrap());
        for axes in plan.jobs.iter().map(|job| &job.axes).filter(|axes| axes.model == "odd") {
            let shape = AxisValue::from(axes.workgroup_size).to_string().replace('x', ", ");
            let browser = &axes.browser;
            let _ = write!(
                jobs,
                "[[matrix.include]]\nbrowser = '{browser}'\nmodel = '{name}'\nworkgroup_size = [{shape}]\n"
            );
        }
    }
    format!("name = 'odd'\n[matrix]\nbrowser = 'chrome'\nmodel = 'axpy'\n{jobs}{models}{QUICK}")
}

#[test]
fn sizes_that_nothing_divides_verify_in_both_browsers() {
    let shop = Workshop::new();
    // That of f16 gives Chromium arguments of its own.
    let (half, single): (Vec<PathBuf>, Vec<PathBuf>) =
        manifests().into_iter().partition(|path| path.ends_with("matmul-f16.toml"));
    shop.write("odd.toml", &of_odd_sizes(&single));
    let _turn = browser_turn();
    shop.gpujobs(&["run", "odd.toml", "--out", "out", "--quiet"]).expect(0);
    let half = half[0].to_str().unwrap();
    let quick =
        ["measure.samples=1", "measure.rounds=1", "measure.warmup=0"].into_iter().flat_map(|set| ["--set", set]);
    let arguments = ["run", half, "--out", "out", "--quiet", "--filter", "model=odd"].into_iter().chain(quick);
    shop.gpujobs(&arguments.collect::<Vec<_>>()).expect(0);
    let folders = std::fs::read_dir(shop.path("out")).unwrap().map(|entry| entry.unwrap().path().join("jobs.csv"));
    let jobs: Vec<_> = folders.flat_map(|path| rows(&path)).collect();
    let names = single.iter().map(|path| path.file_stem().unwrap().to_string_lossy().into_owned());
    for name in names.chain(["odd".to_owned()]) {
        let count = jobs.iter().filter(|job| job["model"] == name).count();
        assert!(count >= 4, "{name}: {count} jobs");
    }
    for job in jobs {
        if job["status"] == "unsupported" && job["dtype"] == "fp16" {
            assert!(job["reason"].contains("shader-f16") && job["browser"] != "firefox", "{job:?}");
            continue;
        }
        assert_eq!((job["status"].as_str(), job["verified"].as_str()), ("ok", "true"), "{job:?}");
        assert!(is_positive(&job["gbytes_per_s"]), "{job:?}");
    }
}
