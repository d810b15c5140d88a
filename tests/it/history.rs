//! `gpujobs history` over run folders made by hand: which run and job it names, what was new then, what it keeps apart.

use std::process::{Command, Output};

use serde_json::Value;

use crate::support::made_runs::{about, between, four_jobs, job, runs, with};

fn history(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gpujobs")).arg("history").args(arguments).output().unwrap()
}

fn json(arguments: &[&str]) -> Value {
    let output = history(&[arguments, &["--format", "json"]].concat());
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn a_planted_regression_is_named_with_its_run_and_what_was_new() {
    let folder = tempfile::tempdir().unwrap();
    let paths = runs(folder.path(), 10, |run| four_jobs(run, true));
    let seventh = paths[6].file_name().unwrap().to_str().unwrap();
    let told = json(&[folder.path().to_str().unwrap()]);
    let series = told["series"].as_array().unwrap();
    let verdicts: Vec<&str> = series.iter().map(|series| series["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["no-change", "no-change", "slower", "no-change"], "{told:#}");
    let change = &series[2]["changes"][0];
    assert_eq!((&series[2]["job"], &change["run"]), (&"firefox/a/same".into(), &6.into()), "{change:#}");
    assert_eq!(told["runs"][6]["run"], seventh);
    let [ratio, low, high] = ["ratio", "low", "high"].map(|key| change[key].as_f64().unwrap());
    assert!(low > 1.03 && low < 1.05 && high > 1.05 && high < 1.07 && ratio > low && ratio < high, "{change:#}");
    let news: Vec<&str> = change["news"].as_array().unwrap().iter().map(|new| new["what"].as_str().unwrap()).collect();
    assert_eq!(news, ["browser_version", "gpujobs_version"]);

    let output = history(&[folder.path().to_str().unwrap(), "--fail-above", "3%"]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("firefox/a/same fails: 1.05x slower") && stderr.contains(&format!("from {seventh} on")));
    assert!(stderr.contains("browser_version 145.0 -> 146.0, gpujobs_version 0.1.0 -> 0.2.0"), "{stderr}");
    assert_eq!(history(&[folder.path().to_str().unwrap(), "--fail-above", "6%"]).status.code(), Some(0));
    // Those of before the change have none.
    let earlier: Vec<&str> = paths[..6].iter().map(|path| path.to_str().unwrap()).collect();
    let told = json(&earlier);
    assert!(told["series"].as_array().unwrap().iter().all(|series| series["changes"] == Value::Array(Vec::new())));
}

#[test]
fn ten_runs_without_a_change_name_none() {
    let folder = tempfile::tempdir().unwrap();
    runs(folder.path(), 10, |run| four_jobs(run, false));
    let pattern = folder.path().join("run-*");
    let told = json(&[pattern.to_str().unwrap()]);
    let series = told["series"].as_array().unwrap();
    assert!(series.len() == 4 && series.iter().all(|series| series["verdict"] == "no-change"), "{told:#}");
    // Versions of browsers are told all the same, where they were new.
    assert_eq!(series[2]["points"][6]["news"][0]["what"], "browser_version");
    assert_eq!(history(&[pattern.to_str().unwrap(), "--fail-above", "0%"]).status.code(), Some(0));
    let some = json(&[pattern.to_str().unwrap(), "--filter", "id=firefox/*"]);
    assert_eq!(some["series"].as_array().unwrap().len(), 2);
    assert_eq!(history(&[pattern.to_str().unwrap(), "--filter", "id=nothing"]).status.code(), Some(2));
    let few = history(&[pattern.to_str().unwrap(), "--format", "markdown"]);
    assert!(String::from_utf8(few.stdout).unwrap().contains("| no change"));
}

#[test]
fn rows_without_a_result_and_unlike_adapters_stand_apart() {
    let folder = tempfile::tempdir().unwrap();
    runs(folder.path(), 9, |run| {
        let good = job("chrome/a/same", "chrome", about(10.0 * between(run, 0), 6));
        let kind = if run == 8 { [("adapter_kind", "software"), ("adapter_vendor", "mesa")] } else { [("os", "o"); 2] };
        let mut one = with(good, &kind);
        if run == 4 {
            // A time that is there all the same must not count.
            one = with(
                job("chrome/a/same", "chrome", about(99.0, 6)),
                &[("status", "incorrect"), ("reason", "wrong | sum")],
            );
        }
        if run == 5 {
            one = with(job("chrome/a/same", "chrome", Vec::new()), &[("status", "failed"), ("adapter_kind", "")]);
        }
        vec![one]
    });
    let told = json(&[folder.path().to_str().unwrap()]);
    let series = told["series"].as_array().unwrap();
    let kinds: Vec<&str> = series.iter().map(|series| series["adapter_kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["hardware", "software"]);
    let points = series[0]["points"].as_array().unwrap();
    let states: Vec<(bool, &str)> =
        points.iter().map(|point| (point["median_ms"].is_number(), point["status"].as_str().unwrap())).collect();
    assert_eq!(states[4..6], [(false, "incorrect"), (false, "failed")], "{states:?}");
    assert_eq!(states.iter().filter(|(number, _)| *number).count(), 6);
    assert_eq!((&series[0]["verdict"], &series[1]["verdict"]), (&"no-change".into(), &"too-few".into()));
    let output = history(&[folder.path().to_str().unwrap(), "--format", "markdown"]);
    let (table, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(table.contains("software adapter: mesa") && table.contains("incorrect: wrong \\| sum"), "{table}");
    assert!(stderr.contains("1 job ran on unlike adapters or processors"), "{stderr}");
    let mixed = json(&[folder.path().to_str().unwrap(), "--across-machines"]);
    assert_eq!(mixed["series"].as_array().unwrap().len(), 1);
}

#[test]
fn what_holds_no_run_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for (path, said) in
        [("", "names no run"), ("nowhere", "can't read"), ("no-*", "names no run"), ("[", "is no pattern")]
    {
        let path = if path == "[" { "[".to_owned() } else { folder.path().join(path).to_str().unwrap().to_owned() };
        let output = history(&[&path]);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains(said), "{path}: {stderr}");
        assert_ne!(output.status.code(), Some(0));
    }
}
