//! The fuzzers of `tests/fuzz` are not built here; what belongs to each is there.

use std::path::{Path, PathBuf};

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
