//! The command line: help, exit codes, what goes to stdout and what to stderr.

use std::path::Path;
use std::process::Stdio;

use clap::{CommandFactory, Parser};
use gpujobs::cli::Cli;

use crate::support::browser_turn;
use crate::support::workshop::{Ended, Workshop, ended};

const SMALL: &str = "name = 'small'\n[matrix]\nbrowser = ['chrome', 'firefox']\nmodel = 'axpy'\n";

fn gpujobs(arguments: &[&str]) -> Ended {
    Workshop::new().gpujobs(arguments)
}

#[test]
fn each_verb_explains_itself() {
    for verb in [
        "",
        "run",
        "plan",
        "render",
        "verify",
        "doctor",
        "setup",
        "fetch",
        "schema",
        "init",
        "completions",
        "compare",
        "tune",
        "merge",
        "export",
        "man",
        "help",
    ] {
        let arguments: Vec<&str> = [verb, "--help"].into_iter().filter(|argument| !argument.is_empty()).collect();
        let ended = gpujobs(&arguments).expect(0);
        assert_eq!(ended.stderr, "");
        insta::with_settings!({ snapshot_suffix => if verb.is_empty() { "gpujobs" } else { verb } }, {
            insta::assert_snapshot!("help", ended.stdout);
        });
    }
    assert_eq!(gpujobs(&["--version"]).expect(0).stdout, concat!("gpujobs ", env!("CARGO_PKG_VERSION"), "\n"));
}

/// The command lines of a long help: those of its lines that begin with the program's name.
fn examples(help: &str) -> Vec<Vec<String>> {
    let lines = help.lines().filter_map(|line| line.strip_prefix("  gpujobs "));
    let words = |line: &str| {
        // Every other piece stands between quotes.
        let pieces = line.split('\'').enumerate();
        let words = pieces.flat_map(|(place, piece)| match place % 2 {
            0 => piece.split_whitespace().map(str::to_owned).collect(),
            _ => vec![piece.to_owned()],
        });
        std::iter::once("gpujobs".to_owned()).chain(words).collect()
    };
    lines.map(words).collect()
}

#[test]
fn each_command_has_examples_and_they_parse() {
    let mut cli = Cli::command();
    let mut helps = vec![("gpujobs".to_owned(), cli.render_long_help().to_string())];
    for command in cli.get_subcommands_mut().filter(|command| !command.is_hide_set()) {
        helps.push((command.get_name().to_owned(), command.render_long_help().to_string()));
    }
    for (name, help) in helps {
        let examples = examples(&help);
        assert!(!examples.is_empty(), "{name} has no example");
        for words in examples {
            assert!(name == "gpujobs" || words[1] == name, "{words:?} stands at {name}");
            Cli::try_parse_from(&words).unwrap_or_else(|error| panic!("{words:?}: {error}"));
        }
    }
}

#[test]
fn help_prints_commands_and_the_reference() {
    assert_eq!(gpujobs(&["help", "run"]).expect(0).stdout, gpujobs(&["run", "--help"]).expect(0).stdout);
    assert_eq!(gpujobs(&["help"]).expect(0).stdout, gpujobs(&["--help"]).expect(0).stdout);
    for (topic, said) in [
        ("columns", "gpu_median_ms"),
        ("manifest", "require_hardware"),
        ("model", "automatic-speech-recognition"),
        ("ops", "layer_norm"),
        ("warnings", "two modes"),
    ] {
        let text = gpujobs(&["help", topic]).expect(0).stdout;
        assert!(text.contains(said), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 110), "{text}");
    }
    let wrong = gpujobs(&["help", "colums"]).expect(2);
    assert!(wrong.stderr.contains("did you mean `columns`?"), "{}", wrong.stderr);
}

#[test]
fn each_command_has_a_man_page() {
    let shop = Workshop::new();
    shop.gpujobs(&["man", "pages/man1"]).expect(0);
    for (page, said) in [("gpujobs.1", "gpujobs"), ("gpujobs-run.1", "require"), ("gpujobs-help.1", "columns")] {
        let text = std::fs::read_to_string(shop.path("pages/man1").join(page)).unwrap();
        assert!(text.contains(".TH") && text.contains(said), "{text}");
    }
    assert!(!shop.path("pages/man1/gpujobs-watchdog.1").exists());
}

#[test]
fn what_is_typed_wrongly_ends_with_2_and_says_so_on_stderr() {
    let shop = Workshop::new();
    shop.write("m.toml", SMALL);
    shop.write("bad.toml", "[matrix]\nbrowser = 'netscape'\nmodel = 'axpy'\n");
    for arguments in [
        &[][..],
        &["fly"],
        &["run"],
        &["run", "m.toml", "--warp"],
        &["run", "nowhere.toml"],
        &["run", "bad.toml"],
        &["plan", "bad.toml"],
        &["run", "m.toml", "--filter", "colour=red"],
        &["run", "m.toml", "--filter", "browser=lynx"],
        &["run", "m.toml", "--set", "measure.samples=none"],
        &["run", "m.toml", "--webdriver", "nonsense"],
        &["run", "m.toml", "--webdriver", "ftp://grid.example:4444"],
        &["run", "m.toml", "--resume", "m.toml", "m.toml"],
        &["run", "m.toml", "--shaders", "nowhere"],
        &["run", "m.toml", "--quiet", "-v"],
        &["render", "m.toml"],
        &["init", "a/b"],
        &["setup", "netscape"],
        &["fetch"],
        &["fetch", "../evil"],
        &["fetch", "org/name", "a/b/c"],
        &["fetch", "org/name", "--dtype", "fp31"],
        &["fetch", "org/name", "--dtype", "q8", "--all"],
        &["completions", "abacus"],
        &["help", "colums"],
        &["man"],
    ] {
        let ended = shop.gpujobs(arguments).expect(2);
        assert_eq!(ended.stdout, "", "{arguments:?}");
        assert!(!ended.stderr.is_empty() && !ended.stderr.contains("panicked"), "{arguments:?}: {}", ended.stderr);
    }
    assert!(!shop.path("results").exists());
}

#[test]
fn plan_lists_jobs_for_people_and_programs() {
    let shop = Workshop::new();
    shop.write("m.toml", SMALL);
    let table = shop.gpujobs(&["plan", "m.toml"]).expect(0);
    assert!(table.stdout.contains("firefox/axpy/webgpu/64x1x1/precompiled"), "{}", table.stdout);
    assert_eq!(table.stderr, "");
    let json = shop.gpujobs(&["plan", "m.toml", "--format", "json", "--filter", "browser=firefox"]).expect(0);
    let jobs: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((jobs.as_array().unwrap().len(), &jobs[0]["browser"]), (1, &"firefox".into()));
}

#[test]
fn the_schema_accepts_what_init_writes_and_plan_takes_it() {
    let shop = Workshop::new();
    assert_eq!(shop.gpujobs(&["init", "mine"]).expect(0).stdout, "./mine.toml\n");
    let planned = shop.gpujobs(&["plan", "mine.toml"]).expect(0);
    assert!(planned.stdout.contains("4 jobs"), "{}", planned.stdout);
    let again = shop.gpujobs(&["init", "mine"]).expect(2);
    assert!(again.stderr.contains("mine.toml"), "{}", again.stderr);
    let schema: serde_json::Value = serde_json::from_str(&gpujobs(&["schema"]).expect(0).stdout).unwrap();
    let text = std::fs::read_to_string(shop.path("mine.toml")).unwrap();
    let manifest: serde_json::Value = toml::from_str(&text).unwrap();
    jsonschema::validate(&schema, &manifest).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn the_schema_of_models_accepts_those_that_are_shipped() {
    let schema: serde_json::Value = serde_json::from_str(&gpujobs(&["schema", "--model"]).expect(0).stdout).unwrap();
    let mut checked = 0;
    for folder in ["manifests/models", "manifests/engines/models", "manifests/gallery/models", "manifests/h200/models"]
    {
        let entries = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        for path in paths.filter(|path| path.extension().is_some_and(|end| end == "toml")) {
            let model: serde_json::Value = toml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            jsonschema::validate(&schema, &model).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            checked += 1;
        }
    }
    assert!(checked > 30, "{checked}");
    let wrong = serde_json::json!({ "family": "audio", "stages": [] });
    assert!(jsonschema::validate(&schema, &wrong).is_err());
}

#[test]
fn completions_name_the_verbs() {
    let ended = gpujobs(&["completions", "bash"]).expect(0);
    assert!(ended.stdout.contains("_gpujobs") && ended.stdout.contains("require-hardware"), "{}", ended.stdout);
}

#[test]
fn setup_can_be_asked_what_it_would_do_and_doctor_what_there_is() {
    let setup = gpujobs(&["setup", "--dry-run"]).expect(0);
    assert!(!setup.stdout.is_empty() && setup.stderr.is_empty(), "{setup:?}");
    let doctor = gpujobs(&["doctor"]).expect(0);
    assert!(doctor.stdout.contains("chromedriver") && doctor.stdout.contains("geckodriver"), "{}", doctor.stdout);
    let json = gpujobs(&["doctor", "--format", "json"]).expect(0);
    serde_json::from_str::<serde_json::Value>(&json.stdout).unwrap();
}

#[test]
fn verify_says_what_a_browser_really_has() {
    let _turn = browser_turn();
    let shop = Workshop::new();
    let mut command = shop.command(&["verify", "--browser", "chrome", "--format", "json"]);
    let ended = ended(command.env("HOME", shop.path("home")).spawn().unwrap()).expect(0);
    assert!(!shop.path("home/.config/chromium").exists(), "crash reports lie in the session's own folder");
    let answer: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&answer[0]["browser"], &answer[0]["verified"]), (&"chrome".into(), &true.into()), "{answer:#}");
    let kind = answer[0]["webgpu"].as_str().unwrap();
    assert!(["hardware", "software"].contains(&kind), "{kind}");
    assert_eq!(answer[0]["adapter"]["kind"], kind);
    assert_eq!(answer[0]["page"]["crossOriginIsolated"], true);
    #[cfg(target_os = "linux")]
    crate::support::traces::assert_none(&shop);
}

#[test]
fn no_colour_where_none_is_wanted() {
    let shop = Workshop::new();
    for arguments in [&["plan", "nowhere.toml"][..], &["--help"], &["fly"]] {
        let ended = ended(shop.command(arguments).env("NO_COLOR", "1").env("TERM", "xterm-256color").spawn().unwrap());
        assert!(!ended.stdout.contains('\u{1b}') && !ended.stderr.contains('\u{1b}'), "{ended:?}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let shop = Workshop::new();
    shop.write("m.toml", SMALL);
    for arguments in
        [&["schema"][..], &["plan", "m.toml"], &["plan", "m.toml", "--format", "json"], &["completions", "bash"]]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let child = shop.command(arguments).stdout(Stdio::from(writer)).spawn().unwrap();
        let ended = ended(child).expect(0);
        assert_eq!(ended.stderr, "", "{arguments:?}");
    }
}
