//! The fuzzers of `tests/fuzz`: what belongs to each is there, and what each does compiles and holds of its seeds. libFuzzer
//! and what instruments the code are not built here.

use std::path::{Path, PathBuf};

#[expect(unreachable_pub, clippy::pedantic, reason = "a package of its own")]
#[path = "../fuzz/src/lib.rs"]
mod fuzz;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz")
}

fn names(folder: &Path) -> Vec<String> {
    let stem = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()
    };
    let mut names: Vec<String> = std::fs::read_dir(folder).unwrap().map(stem).collect();
    names.sort();
    names
}

#[test]
fn each_fuzzer_has_its_file_its_seeds_and_its_place_in_the_readme() {
    let package: toml::Table = std::fs::read_to_string(folder().join("Cargo.toml")).unwrap().parse().unwrap();
    let mut targets: Vec<String> = package["bin"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bin| {
            let name = bin["name"].as_str().unwrap();
            assert_eq!(bin["path"].as_str(), Some(format!("targets/{name}.rs").as_str()));
            name.to_owned()
        })
        .collect();
    targets.sort();
    assert!(targets.len() > 10, "{targets:?}");
    assert_eq!(names(&folder().join("targets")), targets);
    assert_eq!(names(&folder().join("seeds")), targets);
    let readme = std::fs::read_to_string(folder().join("README.md")).unwrap();
    for target in &targets {
        let seeds = std::fs::read_dir(folder().join("seeds").join(target)).unwrap().map(|seed| seed.unwrap());
        let bytes: u64 = seeds.map(|seed| seed.metadata().unwrap().len()).sum();
        assert!((1..20_000).contains(&bytes), "{target} has {bytes} bytes of seeds");
        let rows = readme.lines().filter(|line| line.starts_with(&format!("| `{target}` |"))).count();
        assert_eq!(
            rows, 2,
            "{target} has {rows} rows in the README, expected one of what it checks and one of what was run"
        );
    }
}

/// The inputs that a fuzzer begins with, read as the fuzzer reads them.
fn feed(target: &str, bytes: &[u8]) {
    use fuzz::targets::{
        expression, hub, input_file, manifest, model, onnx, page_message, posted_calls, posted_outputs, posted_stages,
        run_tables, run_toml, safetensors,
    };
    let text = || std::str::from_utf8(bytes).unwrap();
    match target {
        "expression" => expression::check(text()),
        "hub" => hub::check(text()),
        "input_file" => input_file::check(bytes),
        "manifest" => manifest::check(text()),
        "model" => model::check(text()),
        "onnx" => onnx::check(bytes),
        "page_message" => page_message::check(text()),
        "posted_calls" => posted_calls::check(bytes),
        "posted_outputs" => posted_outputs::check(bytes),
        "posted_stages" => posted_stages::check(bytes),
        "run_tables" => run_tables::check(text()),
        "run_toml" => run_toml::check(text()),
        "safetensors" => safetensors::check(bytes),
        other => panic!("the fuzzer `{other}` has no arm here"),
    }
}

/// Files that targets write have fixed names, so that one test feeds all of them.
#[test]
fn what_each_fuzzer_checks_holds_of_its_seeds() {
    for target in names(&folder().join("seeds")) {
        for seed in std::fs::read_dir(folder().join("seeds").join(&target)).unwrap() {
            let path = seed.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            let target = target.clone();
            // A panic names its thread.
            let reading = std::thread::Builder::new().name(path.display().to_string()).spawn(move || {
                feed(&target, &bytes);
                // Its beginning is as good an input as itself.
                let cut = &bytes[..bytes.len() * 2 / 3];
                if std::str::from_utf8(cut).is_ok() {
                    feed(&target, cut);
                }
            });
            reading.unwrap().join().unwrap();
        }
    }
}
