//! Results share buffers, and every stage is checked all the same: by a recorded run, posted in pieces.
//!
//! These need Chromium and Firefox with their drivers (`gpujobs setup`); a missing one fails its test.

use sha2::{Digest, Sha256};

use crate::support::workshop::{Row, Workshop};

/// Five stages whose results lie in two buffers, and the last one's in its own; 4000 bytes each.
const CHAIN: &str = "family = 'text'\n[[input]]\nname = 'x'\nshape = [1000]\n[[input]]\nname = 'y'\nshape = [1000]\n\
                     [[block]]\ntimes = 5\n[[block.stage]]\nname = 'step.{i}'\nop = 'axpy'\nin = ['x', 'y']\n\
                     params = { a = 0.5 }\nout = { x = [1000] }\n";

/// Runs the chain in Chromium and Firefox, with changes of files of the repository.
fn chain(changes: &[(&str, &str, &str)], code: i32) -> Vec<Row> {
    chain_with("", changes, code)
}

/// The same with more in the manifest.
fn chain_with(more: &str, changes: &[(&str, &str, &str)], code: i32) -> Vec<Row> {
    let shop = Workshop::new();
    shop.write("models/chain.toml", CHAIN);
    for folder in ["shaders", "templates"] {
        std::fs::create_dir(shop.path(folder)).unwrap();
    }
    for (path, from, to) in changes {
        let text = std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert!(text.contains(from), "{path} no longer holds {from:?}");
        shop.write(path, &text.replace(from, to));
    }
    let manifest = "name = 'recording'\n[matrix]\nbrowser = ['chrome', 'firefox']\nmodel = 'chain'\n\
                    [measure]\nwarmup = 1\nsamples = 2\nrounds = 1\nretries = 0\nfallback = []\n";
    shop.run(&format!("{manifest}{more}"), &["--shaders", "shaders", "--templates", "templates"]).expect(code);
    let jobs = shop.jobs();
    assert_eq!(jobs.len(), 2);
    jobs
}

/// Pieces that end in the midst of tensors.
const PIECES: (&str, &str, &str) = ("templates/harness/recording.js", "64 * 2 ** 20", "1200");

#[test]
fn tensors_that_share_buffers_are_verified_in_pieces_and_the_memory_is_told() {
    let whole = chain(&[], 0);
    let pieces = chain(&[PIECES], 0);
    for (job, other) in whole.iter().zip(&pieces) {
        for job in [job, other] {
            assert_eq!((job["status"].as_str(), job["verified"].as_str()), ("ok", "true"), "{job:?}");
            // Inputs, the two that are shared and the output, which have a guard of 256 bytes.
            assert_eq!(job["gpu_memory_bytes"], (5 * 4000 + 3 * 256).to_string());
        }
        assert_eq!(job["output_digest"], other["output_digest"]);
        assert_eq!(job["max_abs_error"], other["max_abs_error"]);
    }
}

#[test]
fn outputs_are_saved_as_they_were_checked_where_that_is_asked_for() {
    let manifest = "name = 'saved'\n[matrix]\nbrowser = ['chrome', 'firefox']\nmodel = 'axpy'\n\
                    [measure]\nwarmup = 0\nsamples = 1\nrounds = 1\nretries = 0\n[model.axpy]\nparams = { n = 100 }\n";
    let shop = Workshop::new();
    shop.run(manifest, &["--save-outputs"]).expect(0);
    for job in shop.jobs() {
        let folder = shop.run_folder().join("outputs").join(&job["job_id"]);
        let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
        assert_eq!(files, [folder.join("out.f32")]);
        let bytes = std::fs::read(&files[0]).unwrap();
        let hash = Sha256::digest(&bytes);
        let digest = format!("{:016x}", u64::from_be_bytes(hash[..8].try_into().unwrap()));
        assert_eq!((bytes.len(), digest), (400, job["output_digest"].clone()));
    }
    let shop = Workshop::new();
    shop.run(manifest, &["--filter", "browser=chrome"]).expect(0);
    assert!(!shop.run_folder().join("outputs").exists());
}

#[test]
fn the_stage_that_is_wrong_is_named_though_others_used_its_buffer() {
    let from = "{% set value = ";
    let to = "{% set slip = '0.01 + ' if outputs[0].name == 'x@step.2' else '' %}\n{% set value = slip ~ ";
    for job in chain(&[PIECES, ("shaders/axpy.wgsl", from, to)], 1) {
        assert_eq!(job["status"], "incorrect", "{job:?}");
        assert!(job["reason"].contains("stage `step.2`: `x@step.2` differs"), "{}", job["reason"]);
    }
}

#[test]
fn elements_that_a_stage_left_as_an_earlier_one_wrote_them_are_found() {
    let from = "if (i < {{ count }}u)";
    let to = "if (i < {{ count // 2 if outputs[0].name == 'x@step.3' else count }}u)";
    for job in chain(&[("shaders/lib/elementwise.wgsl", from, to)], 1) {
        assert_eq!(job["status"], "incorrect", "{job:?}");
        let reason = &job["reason"];
        assert!(
            reason.contains("stage `step.3`") && reason.contains("500 elements that were never written"),
            "{reason}"
        );
    }
}

#[test]
fn what_a_stage_writes_beyond_its_end_is_found_though_all_that_is_read_is_right() {
    let from = "if (i < {{ count }}u)";
    let to = "if (i < {{ count + 1 if outputs[0].name == 'x@step.1' else count }}u)";
    for job in chain(&[("shaders/lib/elementwise.wgsl", from, to)], 1) {
        assert_eq!((job["status"].as_str(), job["verified"].as_str()), ("incorrect", "false"), "{job:?}");
        assert!(job["reason"].contains("stage `step.1` writes beyond the end of `x@step.1`"), "{}", job["reason"]);
    }
}

#[test]
fn an_inference_that_does_not_what_its_stages_do_in_turn_is_incorrect() {
    let from = "    for (const stage of stages) {\n      if (stage.starts";
    let to = "    for (const stage of stages.toSpliced(2, 1)) {\n      if (stage.starts";
    let broken = ("templates/harness/dispatch.js", from, to);
    // The verdict is the runner's, whatever the page makes of it.
    let deaf =
        ("templates/harness/repeats.js", "if (verdict === \"ok\") return;", "if (verdict !== \"record\") return;");
    for job in chain(&[broken], 1).into_iter().chain(chain(&[broken, deaf], 1)) {
        assert_eq!((job["status"].as_str(), job["verified"].as_str()), ("incorrect", "false"), "{job:?}");
        let said = "stage `step.4`: `x@step.4` of an inference differs from its reference, though each stage by itself is right";
        assert!(job["reason"].starts_with(said), "{}", job["reason"]);
    }
}

#[test]
fn a_given_number_of_inferences_is_queued_and_a_share_of_the_hardware_told() {
    let more = "iterations = 7\nlatency = true\n[hardware]\npeak_gflops = { fp32 = 50, fp16 = 1 }\n";
    for job in chain_with(more, &[], 0) {
        assert_eq!((job["iterations"].as_str(), job["samples"].as_str()), ("7", "2"), "{job:?}");
        let number = |column: &str| job[column].parse::<f64>().unwrap();
        // Nothing is said of which is longer: two samples of a busy computer may come either way.
        assert!(number("latency_raw_median_ms") > 0.0);
        assert!(number("latency_median_ms") > 0.0 && number("gpu_median_ms") > 0.0, "{job:?}");
        assert!((number("of_peak_gflops_percent") / (2.0 * number("gflops")) - 1.0).abs() < 1e-3, "{job:?}");
        assert_eq!(job["of_peak_gbytes_percent"], "");
    }
}
