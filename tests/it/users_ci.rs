//! What a project's own CI calls: the script of the GitHub Action, with the tables, the outputs and the exit code that it leaves.
//!
//! Needs Chromium with its driver (`gpujobs setup`); a missing one fails its test.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::browser_turn;
use crate::support::workshop::{Ended, Workshop, ended};

const MANIFEST: &str = "name = 'bench'\n[matrix]\nbrowser = 'chrome'\nmodel = 'axpy'\n[measure]\nsamples = 6\nrounds = 6\nwarmup = 1\n\
                        instances = 1\nfallback = []\nretries = 0\n";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The script as the action calls it, in a shop's folder.
fn measure(shop: &Workshop, variables: &[(&str, &str)]) -> Ended {
    let _turn = browser_turn();
    let bin = Path::new(env!("CARGO_BIN_EXE_gpujobs")).parent().unwrap();
    let mut script = Command::new(root().join(".github/actions/measure/measure.sh"));
    // The environment of the program in a workshop, with the program on PATH.
    for (name, value) in shop.command(&[]).get_envs() {
        match value {
            Some(value) => script.env(name, value),
            None => script.env_remove(name),
        };
    }
    script.env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()));
    script.env("GITHUB_STEP_SUMMARY", shop.path("summary.md")).env("GITHUB_OUTPUT", shop.path("output.txt"));
    script.envs(variables.iter().copied()).current_dir(shop.path(""));
    script.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    ended(script.spawn().unwrap())
}

fn output(shop: &Workshop, name: &str) -> String {
    let text = fs::read_to_string(shop.path("output.txt")).unwrap();
    let line = text.lines().rev().find_map(|line| line.strip_prefix(&format!("{name}=")));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).to_owned()
}

/// A run as it would have been on a machine that is so many times as fast.
fn faster(run: &Path, baseline: &Path, times: f64) {
    fs::create_dir(baseline).unwrap();
    fs::copy(run.join("run.toml"), baseline.join("run.toml")).unwrap();
    for table in ["jobs.csv", "samples.csv"] {
        let mut reader = csv::Reader::from_path(run.join(table)).unwrap();
        let header = reader.headers().unwrap().clone();
        let mut writer = csv::Writer::from_path(baseline.join(table)).unwrap();
        writer.write_record(&header).unwrap();
        for row in reader.records() {
            let cells = row.unwrap();
            let scaled = header.iter().zip(&cells).map(|(column, cell)| match cell.parse::<f64>() {
                Ok(time) if column.ends_with("_ms") => (time / times).to_string(),
                _ => cell.to_owned(),
            });
            writer.write_record(scaled).unwrap();
        }
        writer.flush().unwrap();
    }
}

#[test]
fn a_slower_change_fails_and_the_summary_says_by_how_much() {
    let shop = Workshop::new();
    shop.write("bench.toml", MANIFEST);
    let common =
        [("MANIFEST", "bench.toml"), ("ARGUMENTS", "--filter 'browser=chrome model=axpy'"), ("FAIL_ABOVE", "50%")];
    measure(&shop, &[&common[..], &[("OUT", "first"), ("BASELINE", "none")]].concat()).expect(0);
    let summary = fs::read_to_string(shop.path("summary.md")).unwrap();
    assert!(summary.contains("bench: 1 job, ok and verified"), "{summary}");
    assert!(summary.contains("There is no baseline"), "{summary}");
    assert_eq!(output(&shop, "sound"), "true");
    assert!(fs::read_to_string(shop.path(&output(&shop, "report"))).unwrap().contains("<title>"));

    // Compared with itself in a thousandth of the time, the next run is slower whatever else the machine does.
    let run = shop.path(&output(&shop, "run"));
    faster(&run, &shop.path("baseline"), 1000.0);
    let slower = measure(&shop, &[&common[..], &[("OUT", "second"), ("BASELINE", "baseline")]].concat());
    let said = fs::read_to_string(shop.path("summary.md")).unwrap();
    assert_eq!(slower.code, Some(1), "{said}\n{slower:?}");
    let summary = fs::read_to_string(shop.path("summary.md")).unwrap();
    assert!(summary.contains("### Compared with the baseline"), "{summary}");
    assert!(summary.contains("slower"), "{summary}");
    assert_eq!(output(&shop, "sound"), "true", "it is slow, and right");

    let ended = measure(&shop, &[("MANIFEST", "bench.toml"), ("OUT", "second")]).expect(2);
    assert!(ended.stderr.contains("holds results already"), "{}", ended.stderr);
    let ended = measure(&shop, &[("MANIFEST", "nowhere.toml"), ("OUT", "third")]).expect(2);
    assert!(ended.stderr.contains("there is no file nowhere.toml"), "{}", ended.stderr);
}

#[test]
fn the_action_hands_over_what_its_script_reads() {
    let folder = root().join(".github/actions/measure");
    let (action, script) = (folder.join("action.yml"), folder.join("measure.sh"));
    let (action, script) = (fs::read_to_string(action).unwrap(), fs::read_to_string(script).unwrap());
    let documented: Vec<&str> = script
        .lines()
        .filter_map(|line| line.strip_prefix("# ")?.split_once("  "))
        .map(|(name, _)| name)
        .filter(|name| !name.is_empty() && name.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_'))
        .collect();
    assert_eq!(documented, ["MANIFEST", "ARGUMENTS", "BASELINE", "FAIL_ABOVE", "OUT"]);
    for name in documented {
        assert!(action.contains(&format!("\n        {name}: ")), "the action does not set {name}");
    }
    for output in ["run", "report", "sound"] {
        assert!(action.contains(&format!("steps.measure.outputs.{output}")), "{output}");
        assert!(script.contains(&format!("{output}=%s")), "{output}");
    }
    // What somebody else writes into a pull request is never a part of a script.
    let in_script = action.split("run: |").skip(1).map(|rest| rest.split("\n    - ").next().unwrap());
    in_script.for_each(|text| assert!(!text.contains("${{"), "{text}"));
}
