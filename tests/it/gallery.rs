//! The gallery of shaders of one's own: each right by numpy's numbers in both browsers, and wrong once it is changed.
//!
//! These need Chromium and Firefox with their drivers (`gpujobs setup`); a missing one fails its test.

use std::path::Path;

use crate::models::validate;
use crate::support::browser_turn;
use crate::support::workshop::Workshop;

const GALLERY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/manifests/gallery");

const MODELS: [&str; 8] =
    ["prefix-sum", "histogram", "bitonic-sort", "n-body", "life", "gaussian-blur", "fft", "reduction"];

/// One number of a shader changed, so that something else comes out.
const MUTANTS: [(&str, &str, &str, &str); 3] = [
    ("life", "shaders/life.wgsl", "neighbours == 3u", "neighbours == 4u"),
    // Early passes too: the file is compared with what the last one makes of them.
    ("prefix-sum", "shaders/prefix_blocks.wgsl", "distance = 1u;", "distance = 2u;"),
    ("fft", "shaders/fft.wgsl", "a - turned", "a + turned"),
];

/// Copies a folder with all that is in it.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let from = entry.unwrap().path();
        let to = to.join(from.file_name().unwrap());
        if from.is_dir() {
            copy(&from, &to);
        } else {
            std::fs::copy(&from, &to).unwrap();
        }
    }
}

#[test]
fn each_shader_gives_the_numbers_of_numpy_in_both_browsers() {
    let _turn = browser_turn();
    let shop = Workshop::new();
    shop.gpujobs(&["run", &format!("{GALLERY}/gallery.toml"), "--out", "out", "--quiet"]).expect(0);
    let jobs = shop.jobs();
    let found: Vec<(&str, &str)> = jobs.iter().map(|job| (job["browser"].as_str(), job["model"].as_str())).collect();
    for browser in ["chrome", "firefox"] {
        for model in MODELS {
            assert!(found.contains(&(browser, model)), "no {model} in {browser}: {found:?}");
        }
    }
    assert_eq!(jobs.len(), 2 * MODELS.len());
    for job in &jobs {
        let cells = ["status", "verified", "reference", "max_abs_error"].map(|column| job[column].as_str());
        match job["model"].as_str() {
            "n-body" | "gaussian-blur" | "fft" | "reduction" => {
                assert_eq!(cells[..3], ["ok", "true", "file"], "{job:?}");
            }
            _ => assert_eq!(cells, ["ok", "true", "file", "0"], "{job:?}"),
        }
    }
}

#[test]
fn a_changed_shader_is_found_wrong_in_both_browsers() {
    let _turn = browser_turn();
    let shop = Workshop::new();
    copy(Path::new(GALLERY), &shop.path("gallery"));
    for (_, shader, from, to) in MUTANTS {
        let path = shop.path("gallery").join(shader);
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches(from).count(), 1, "{shader}: {from}");
        std::fs::write(path, text.replace(from, to)).unwrap();
    }
    let models = MUTANTS.map(|(model, ..)| format!("'{model}'")).join(", ");
    let set = format!("matrix.model=[{models}]");
    let run = ["run", "gallery/gallery.toml", "--out", "out", "--quiet", "--set", &set, "--set", "measure.retries=0"];
    shop.gpujobs(&run).expect(1);
    let jobs = shop.jobs();
    assert_eq!(jobs.len(), 2 * MUTANTS.len());
    for job in jobs {
        assert_eq!((job["status"].as_str(), job["verified"].as_str()), ("incorrect", "false"), "{job:?}");
        assert!(job["reason"].contains("differs from its reference"), "{job:?}");
    }
}

#[test]
fn the_skeleton_of_the_reference_is_a_shader() {
    const REFERENCE: &str = include_str!("../../shaders/README.md");
    let block = |language: &str| {
        let (_, rest) = REFERENCE.split_once(&format!("```{language}\n")).unwrap();
        rest.split_once("```").unwrap().0
    };
    let shop = Workshop::new();
    shop.write("models/scale.toml", block("toml"));
    shop.write("shaders/scale.wgsl", block("wgsl"));
    // What is written about templates is none, whatever it shows.
    shop.write("shaders/README.md", "{{ neither {% nor");
    shop.write("m.toml", "name = 't'\nshaders = 'shaders'\n[matrix]\nbrowser = 'chrome'\nmodel = 'scale'\n");
    shop.gpujobs(&["render", "m.toml", "--out", "out"]).expect(0);
    let folder = shop.run_folder().join("wgsl");
    let codes = std::fs::read_dir(folder).unwrap().map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    let codes: Vec<String> = codes.collect();
    assert!(codes.len() == 1 && codes[0].contains("y[i] = 2.5f * x[i];"), "{codes:?}");
    validate(&codes[0]).unwrap();
}
