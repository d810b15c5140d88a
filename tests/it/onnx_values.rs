//! Models of ONNX whose inputs and outputs are given as numbers: values, files, extents of 0, and what is said where they do not
//! fit.
//!
//! Those that run need Chromium with its driver, and the libraries (`gpujobs setup`); a missing one fails its test.

use std::fmt::Write as _;

use crate::onnx::{NO_FALLBACK, ROOT, cells, manifest, model, stored};
use crate::own_shaders::{npy, words};
use crate::support::workshop::Workshop;

/// Inputs of `cache`: what was is 1 to 4, what is new comes from a file.
const GIVEN: &str = "[dims]\npast = 1\n[[input]]\nname = 'past'\nvalues = [1, 2, 3, 4]\n\
                     [[input]]\nname = 'new'\nfile = 'new.npy'\n";

fn floats(values: &[f32]) -> Vec<u8> {
    words(values, f32::to_le_bytes)
}

/// The files of those inputs, and what must come out.
fn files(shop: &Workshop) {
    std::fs::create_dir_all(shop.path("models")).unwrap();
    let write = |name: &str, bytes: Vec<u8>| std::fs::write(shop.path("models").join(name), bytes).unwrap();
    let new = [5.0, 6.0, 7.0, 8.0, -1.0, 0.0, 0.5, f32::INFINITY];
    let all = [&[1.0, 2.0, 3.0, 4.0], &new[..]].concat();
    write("new.npy", npy("<f4", "(1, 2, 4)", &floats(&new)));
    write("all.npy", npy("<f4", "(1, 3, 4)", &floats(&all)));
    write("flat.f32", floats(&all));
    let off: Vec<f32> = all.iter().map(|value| value * 1.01).collect();
    write("off.f32", floats(&off));
    write("three.i32", words(&[3_i32], i32::to_le_bytes));
    write("four.i32", words(&[4_i32], i32::to_le_bytes));
    write("short.f32", floats(&all[..11]));
    write("fractions.f32", floats(&[3.0]));
}

#[test]
fn outputs_are_held_to_files_and_caches_may_be_empty() {
    let shop = Workshop::new();
    files(&shop);
    let expect = |rest: &str| format!("{rest}{GIVEN}");
    model(&shop, "empty", "cache", "[dims]\npast = 0\n");
    model(&shop, "empty_by_shape", "cache", "[[input]]\nname = 'past'\nshape = ['batch', 0, 4]\n");
    model(
        &shop,
        "right",
        "cache",
        &expect("expect = { present = { file = 'all.npy' }, length = { file = 'three.i32' } }\n"),
    );
    model(&shop, "one", "cache", &expect("expect = { present = { file = 'flat.f32' } }\n"));
    model(&shop, "off", "cache", &expect("expect = { present = { file = 'off.f32' } }\n"));
    model(&shop, "near", "cache", &expect("expect = { present = { file = 'off.f32', tolerance = 0.02 } }\n"));
    model(&shop, "not_three", "cache", &expect("expect = { length = { file = 'four.i32' } }\n"));
    model(&shop, "short", "cache", &expect("expect = { present = { file = 'short.f32' } }\n"));
    let names = ["empty", "empty_by_shape", "right", "one", "off", "near", "not_three", "short"];
    let matrix = format!("browser = 'chrome'\nbackend = ['wasm', 'webgpu']\nmodel = {names:?}");
    shop.run(&manifest(&matrix, NO_FALLBACK), &["--quiet"]).expect(1);
    let jobs = shop.jobs();
    assert_eq!(jobs.len(), 2 * names.len());
    for row in &jobs {
        let found = cells(row, ["status", "verified", "reference"]);
        let (expected, reason) = match row["model"].as_str() {
            "empty" | "empty_by_shape" => (["ok", "true", "onnxruntime"], ""),
            "right" => (["ok", "true", "file"], ""),
            "one" | "near" => (["ok", "true", "file and onnxruntime"], ""),
            "off" => (["incorrect", "false", "file and onnxruntime"], "it is 5, expected 5.05"),
            "not_three" => (["incorrect", "false", "file and onnxruntime"], "expected 4"),
            _ => {
                let said = "holds 11 of float32, and the output is [1, 3, 4]";
                (["failed", "", ""], said)
            }
        };
        assert_eq!(found, expected, "{row:?}");
        assert!(row["reason"].contains(reason), "{row:?}");
        assert!(!row["warnings"].contains("suspect"), "{row:?}");
    }
}

#[test]
fn what_does_not_fit_is_said_at_its_place_before_a_browser_opens() {
    let shop = Workshop::new();
    files(&shop);
    let faults = [
        ("no_output", format!("expect = {{ presence = {{ file = 'all.npy' }} }}\n{GIVEN}")),
        ("no_file", format!("expect = {{ present = {{ file = 'none.npy' }} }}\n{GIVEN}")),
        ("fractions", format!("expect = {{ length = {{ file = 'fractions.f32' }} }}\n{GIVEN}")),
        ("longer", format!("expect = {{ length = {{ file = 'all.npy' }} }}\n{GIVEN}").replace("all.npy", "flat.i32")),
        ("many", GIVEN.replace("values = [1, 2, 3, 4]", "values = [1, 2, 3]")),
        ("other_shape", GIVEN.replace("new.npy", "all.npy")),
        ("twice", GIVEN.replace("file = 'new.npy'", "file = 'new.npy'\nfill = 'zeros'")),
        ("negative", "[dims]\npast = -1\n".to_owned()),
        ("less_than_none", "[params]\nn = 1\n[dims]\npast = 'n - 2'\n".to_owned()),
        ("no_such_input", "[[input]]\nname = 'pasta'\nvalues = [1]\n".to_owned()),
    ];
    std::fs::write(shop.path("models/flat.i32"), words(&[3_i32, 4], i32::to_le_bytes)).unwrap();
    let mut said = String::new();
    for (name, rest) in &faults {
        model(&shop, name, "cache", rest);
        shop.write("m.toml", &format!("[matrix]\nbrowser = 'chrome'\nbackend = 'wasm'\nmodel = '{name}'\n"));
        let told = shop.gpujobs(&["plan", "m.toml"]).expect(2);
        writeln!(said, "## {name}\n{}", told.stderr).unwrap();
    }
    insta::assert_snapshot!(said.replace(ROOT, "ROOT"));
}

#[test]
fn a_pipelines_file_may_have_another_name() {
    let shop = Workshop::new();
    let folder = stored(&shop, "tiny-bert", "renamed").join("onnx");
    std::fs::rename(folder.join("model.onnx"), folder.join("bert.onnx")).unwrap();
    let task = "family = 'text'\nengine = 'transformers'\ntask = 'feature-extraction'\nid = 'renamed'\n";
    let input = "[[input]]\nwords = 8\n";
    let options = |name: &str| format!("{task}options = {{ pooling = 'mean', model_file_name = {name} }}\n{input}");
    shop.write("models/renamed.toml", &options("'bert'"));
    shop.write("models/lost.toml", &options("'brett'"));
    shop.write("models/path.toml", &options("'../bert'"));
    shop.write("models/up.toml", &options("'bert', subfolder = '../renamed'"));
    shop.write(
        "models/elsewhere.toml",
        &options("'bert', subfolder = 'weights/full'").replace("'renamed'", "'elsewhere'"),
    );
    shop.write("models/flat.toml", &options("'bert', subfolder = ''").replace("'renamed'", "'flat'"));
    for (model, folder) in [("elsewhere", "weights/full"), ("flat", "")] {
        let own = stored(&shop, "tiny-bert", model);
        std::fs::create_dir_all(own.join(folder)).unwrap();
        std::fs::rename(own.join("onnx/model.onnx"), own.join(folder).join("bert.onnx")).unwrap();
    }
    let run = |models: &str| {
        let matrix = format!("browser = 'chrome'\nbackend = 'wasm'\nmodel = {models}");
        manifest(&matrix, NO_FALLBACK).replace("models = ", "models = 'own-store' # ")
    };
    shop.run(&run("['renamed', 'elsewhere', 'flat']"), &["--quiet"]).expect(0);
    for row in shop.jobs() {
        assert_eq!(cells(&row, ["status", "verified", "reference"]), ["ok", "true", "onnxruntime"], "{row:?}");
    }
    shop.write("m.toml", &run("'lost'"));
    let told = shop.gpujobs(&["render", "m.toml", "--out", "pages"]).expect(3).stderr;
    assert!(told.contains("onnx/brett.onnx is not in") && told.contains("which has onnx/bert.onnx"), "{told}");
    shop.write("m.toml", &run("'path'"));
    let told = shop.gpujobs(&["plan", "m.toml"]).expect(2).stderr;
    assert!(told.contains("`model_file_name` is no name of a file"), "{told}");
    shop.write("m.toml", &run("'up'"));
    let told = shop.gpujobs(&["plan", "m.toml"]).expect(2).stderr;
    assert!(told.contains("`subfolder` is no folder of a model"), "{told}");
}
