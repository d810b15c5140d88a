//! Faulty manifests and what a user is shown; good ones, the JSON Schema, and that the two agree.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::fs;
use std::path::{Path, PathBuf};

use gpujobs::cli::SchemaArgs;
use gpujobs::commands::{init, schema};
use gpujobs::manifest::Manifest;
use gpujobs::manifest::read::read;
use gpujobs::manifest::schema::ManifestFile;
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};
use serde_json::Value;

const DATA: &str = "tests/data/manifests";

/// As on a terminal of 100 columns without colour.
fn drawn(error: &dyn Diagnostic) -> String {
    let mut text = String::new();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(100);
    handler.render_report(&mut text, error).unwrap();
    text.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

fn toml_files(folder: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    files.sort();
    files
}

/// The manifests that gpujobs ships, read as if they lay beside the models of the tests.
fn shipped() -> Vec<(PathBuf, String)> {
    let beside = |path: &Path| Path::new(DATA).join(path.file_name().unwrap());
    // What lies beside them is found from there as well.
    let engines = format!("\"{}/manifests/engines/", env!("CARGO_MANIFEST_DIR"));
    let moved = |text: &str| text.replace("../tests/data/", "../").replace("\"engines/", &engines);
    let mut files: Vec<_> =
        toml_files("manifests").iter().map(|path| (beside(path), moved(&fs::read_to_string(path).unwrap()))).collect();
    files.push((Path::new(DATA).join("init.toml"), init::STARTER.to_owned()));
    files
}

#[test]
fn each_fault_is_shown_with_its_place_and_remedy() {
    let mut settings = insta::Settings::clone_current();
    // The models that gpujobs brings along are listed too, and become more.
    settings.add_filter(r"(?s)(he models here are ).*", "${1}[…]\n");
    let _bound = settings.bind_to_scope();
    insta::glob!("../data/manifests/bad", "*.toml", |path| {
        let path = Path::new(DATA).join("bad").join(path.file_name().unwrap());
        let errors = Manifest::load(&path, &[]).expect_err("a faulty manifest");
        insta::assert_snapshot!(drawn(&errors));
    });
}

#[test]
fn good_manifests_load() {
    for path in toml_files("tests/data/manifests/ok") {
        if let Err(errors) = Manifest::load(&path, &[]) {
            panic!("{}", drawn(&errors));
        }
    }
    for path in toml_files("manifests") {
        if let Err(errors) = Manifest::load(&path, &[]) {
            panic!("{}", drawn(&errors));
        }
    }
    for (path, text) in shipped() {
        if let Err(errors) = Manifest::parse(&path, text, &[]) {
            panic!("{}", drawn(&errors));
        }
    }
}

#[test]
fn everything_is_resolved() {
    let manifest = Manifest::load(Path::new("tests/data/manifests/ok/everything.toml"), &[]).unwrap();
    let shown =
        format!("{:#?}\n{:#?}\n{:#?}\n{:#?}", manifest.measure, manifest.serve, manifest.browsers, manifest.tune);
    insta::assert_snapshot!(shown);
    insta::assert_snapshot!(
        "everything_of_sessions_and_runtimes",
        format!("{:#?}\n{:#?}", manifest.sessions, manifest.runtimes)
    );
    let names: Vec<&str> = manifest.axes.iter().map(|axis| axis.name.as_str()).collect();
    assert_eq!(names[..2], ["model", "browser"], "in the order of the file");
    let models: Vec<&String> = manifest.models.keys().collect();
    assert_eq!(models.len(), 3, "{models:?}");
}

#[test]
fn a_file_that_is_not_there_names_those_that_are() {
    for path in ["tests/data/manifests/ok/smalest.toml", "tests/data/manifests/ok", "tests/data/nowhere/x.toml"] {
        insta::assert_snapshot!(drawn(&Manifest::load(Path::new(path), &[]).unwrap_err()));
    }
}

#[test]
fn set_changes_the_manifest_before_it_is_checked() {
    let path = Path::new("tests/data/manifests/ok/smallest.toml");
    let set = |sets: &[&str]| Manifest::load(path, &sets.iter().map(|&set| set.to_owned()).collect::<Vec<_>>());
    let manifest =
        set(&["measure.samples=20", "measure.timeout=90s", "matrix.browser=[\"edge\", \"safari\"]"]).unwrap();
    assert_eq!((manifest.measure.samples.min, manifest.measure.samples.max), (20, 20));
    assert_eq!(manifest.measure.timeout.as_secs(), 90);
    assert_eq!(manifest.browsers.len(), 2);
    assert!(manifest.source.contains("timeout = \"90s\""), "{}", manifest.source);
    insta::assert_snapshot!("set_value", drawn(&set(&["measure.samples=0"]).unwrap_err()));
    insta::assert_snapshot!("set_unknown", drawn(&set(&["mesure.samples=20"]).unwrap_err()));
    insta::assert_snapshot!("set_faulty", drawn(&set(&["measure.samples", "matrix.browser.x=1"]).unwrap_err()));
}

#[test]
fn the_schema_accepts_what_the_reader_accepts() {
    let mut text = Vec::new();
    schema::run(&SchemaArgs { model: false, run: false }, &mut text).unwrap();
    let schema: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert!(!String::from_utf8(text).unwrap().contains("null"), "TOML has no null");
    let validator = jsonschema::validator_for(&schema).unwrap();
    let ok = toml_files("tests/data/manifests/ok").into_iter().map(|path| {
        let text = fs::read_to_string(&path).unwrap();
        (path, text.trim_start_matches('\u{feff}').to_owned())
    });
    for (path, text) in ok.chain(shipped()) {
        let json = serde_json::to_value(toml::from_str::<toml::Table>(&text).unwrap()).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&json).map(|error| format!("{} at {}", error, error.instance_path())).collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", path.display());
    }
}

#[test]
fn the_schema_rejects_typos_and_wrong_values() {
    let mut text = Vec::new();
    schema::run(&SchemaArgs { model: false, run: false }, &mut text).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_slice(&text).unwrap()).unwrap();
    for name in [
        "unknown_top_key",
        "unknown_table",
        "unknown_matrix_key",
        "unknown_measure_key",
        "unknown_browser_key",
        "unknown_samples_key",
        "timeout_without_unit",
        "timeout_as_bare_text",
        "warmup_is_text",
        "warmup_is_negative",
        "samples_zero",
        "unknown_backend",
        "unknown_dtype",
        "unknown_cache",
        "unknown_webnn_device",
        "duplicate_value",
        "zero_workgroup",
        "workgroup_too_short",
        "batch_zero",
        "switch_in_quotes",
        "bandwidth_without_time",
        "empty_axis",
        "session_faults",
        "session_unknown_key",
        "tune_faults",
        "tune_parameters_is_text",
        "tune_parameters_listed_twice",
        "tune_parameters_empty",
    ] {
        let text = fs::read_to_string(format!("{DATA}/bad/{name}.toml")).unwrap();
        let json = serde_json::to_value(toml::from_str::<toml::Table>(&text).unwrap()).unwrap();
        assert!(!validator.is_valid(&json), "the schema accepts {name}.toml");
    }
}

#[test]
fn the_reader_knows_every_key_of_the_schema() {
    let mut text = Vec::new();
    schema::run(&SchemaArgs { model: false, run: false }, &mut text).unwrap();
    let schema: Value = serde_json::from_slice(&text).unwrap();
    let mut paths = Vec::new();
    keys(&schema, &schema, &[], &mut paths);
    assert!(paths.len() > 35, "{paths:?}");
    for path in paths {
        // A wrong value is all right here, an unknown key is not.
        let (_, problems) = read::<ManifestFile>(&format!("{} = true\n", path.join(".")));
        let unknown: Vec<_> = problems.iter().filter(|problem| problem.message.contains("unknown key")).collect();
        assert!(unknown.is_empty(), "{path:?}: {unknown:#?}");
    }
}

/// The dotted keys that a schema describes.
fn keys(root: &Value, schema: &Value, path: &[String], found: &mut Vec<Vec<String>>) {
    if let Some(name) = schema["$ref"].as_str() {
        keys(root, &root["$defs"][name.rsplit('/').next().unwrap()], path, found);
    }
    for option in schema["anyOf"].as_array().into_iter().flatten() {
        keys(root, option, path, found);
    }
    for (name, below) in schema["properties"].as_object().into_iter().flatten() {
        let path = [path, std::slice::from_ref(name)].concat();
        assert!(below["description"].is_string(), "{path:?} has no description");
        found.push(path.clone());
        keys(root, below, &path, found);
    }
    if schema["additionalProperties"].is_object() {
        keys(root, &schema["additionalProperties"], &[path, &["chrome".to_owned()]].concat(), found);
    }
}

#[test]
fn of_very_many_errors_a_hundred_are_shown() {
    let includes = |batch: &dyn Fn(u32) -> u32| -> String {
        let entry =
            |number| format!("[[matrix.include]]\nbrowser = 'chrome'\nmodel = 'axpy'\nbatch = {}\n", batch(number));
        format!(
            "name = 'many'\n[matrix]\nbrowser = 'chrome'\nmodel = 'axpy'\n{}",
            (0..20_000).map(entry).collect::<String>()
        )
    };
    let load = |text: String| Manifest::parse(&Path::new(DATA).join("many.toml"), text, &[]);
    // Neither jobs nor errors are compared each with each.
    assert_eq!(load(includes(&|number| number + 2)).unwrap().include.len(), 20_000);
    let keys = (0..20_000).map(|number| format!("key{number} = 1")).collect::<Vec<_>>().join("\n") + "\n";
    for (text, rest) in [
        (keys + "[matrix]\nbrowser = 'chrome'\nmodel = 'axpy'\n", "at least one more error is not shown"),
        (includes(&|_| 7), "at least 19899 more errors are not shown"),
    ] {
        let error = load(text).unwrap_err();
        assert!(error.to_string().ends_with("many.toml has more than 100 errors"), "{error}");
        let shown = drawn(&error);
        assert_eq!(shown.matches("many.toml:").count(), 100, "{shown}");
        assert!(shown.contains(rest), "{shown}");
    }
}

#[test]
fn init_writes_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = init::run(folder.path(), Some("mine")).unwrap();
    assert!(fs::read_to_string(&path).unwrap().contains("name = \"mine\""));
    assert!(path.ends_with("mine.toml"));
    assert!(init::run(folder.path(), None).unwrap().ends_with("gpujobs.toml"));
    assert!(init::run(folder.path(), Some("mine.toml")).unwrap_err().to_string().contains("already"));
    assert!(init::run(folder.path(), Some("../x")).is_err());
}
