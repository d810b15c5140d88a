//! Machines in one run folder, as merged runs have them: their jobs are kept apart, whatever reads the folder.

use std::process::{Command, Output};

use serde_json::Value;

use crate::support::made_runs::{Made, about, dated, grouped, job, made, with};

fn gpujobs(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gpujobs")).args(arguments).output().unwrap()
}

fn json(arguments: &[&str]) -> Value {
    let wide: &[&str] = if arguments[0] == "compare" { &["--same-within", "10%"] } else { &[] };
    let output = gpujobs(&[arguments, wide, &["--format", "json"]].concat());
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// A job of a machine with its browser in front, as slow as is said.
fn of(machine: &'static str, run: &'static str, id: &'static str, ms: f64) -> Made {
    let browser = id.split('/').next().unwrap();
    with(grouped(job(id, browser, about(ms, 10)), "1"), &[("machine", machine), ("run_id", run)])
}

fn texts(rows: &Value, keys: &[&str]) -> Vec<String> {
    let row =
        |row: &Value| keys.iter().map(|key| row[key].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" | ");
    rows.as_array().unwrap().iter().map(row).collect()
}

#[test]
fn jobs_of_one_id_are_paired_with_those_of_their_machine() {
    let folder = tempfile::tempdir().unwrap();
    let two = |slow: f64| [of("a", "r1", "chrome/m/x", 10.0 * slow), of("b", "r2", "chrome/m/x", 20.0)];
    let base = made(folder.path(), "base", &two(1.0));
    let [first, second] = two(1.5);
    // In another order.
    let new = made(folder.path(), "new", &[second, first]);
    let (base, new) = (base.to_str().unwrap(), new.to_str().unwrap());
    let found = json(&["compare", base, new]);
    let found = texts(&found, &["job", "base", "new", "verdict"]);
    assert_eq!(
        found,
        ["chrome/m/x | base [a] | new [a] | slower", "chrome/m/x | base [b] | new [b] | same"],
        "the machine of each is named"
    );

    // One that only one of them has is left out, and compared only where that is asked for.
    let other = made(folder.path(), "other", &[of("a", "r1", "chrome/m/x", 10.0), of("c", "r3", "chrome/m/x", 20.0)]);
    let other = other.to_str().unwrap();
    let found = json(&["compare", base, other]);
    assert_eq!(texts(&found, &["new", "verdict"]), ["other [a] | same", "other [c] | refused"]);
    let reason = found[1]["reason"].as_str().unwrap();
    assert_eq!(reason, "machine is `b` and `c` (--across-machines compares them all the same)");
    let found = json(&["compare", base, other, "--across-machines"]);
    assert_eq!(texts(&found, &["base", "new", "verdict"])[1], "base [b] | other [c] | same");
    let lone = made(folder.path(), "lone", &[of("a", "r1", "chrome/m/x", 10.0)]);
    let output = gpujobs(&["compare", base, lone.to_str().unwrap()]);
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "left out: 1 job only in BASE, 0 jobs only in NEW\n");
}

#[test]
fn a_machine_that_was_named_later_is_the_same_one_and_two_names_are_two() {
    let folder = tempfile::tempdir().unwrap();
    let named = |name: &'static str, machine| made(folder.path(), name, &[of(machine, "r", "chrome/m/x", 10.0)]);
    let [unnamed, a, b] = [named("unnamed", ""), named("a", "a"), named("b", "b")];
    let verdict = |base: &std::path::Path, new: &std::path::Path| {
        texts(&json(&["compare", base.to_str().unwrap(), new.to_str().unwrap()]), &["verdict"])
    };
    assert_eq!(verdict(&unnamed, &a), ["same"]);
    assert_eq!(verdict(&a, &b), ["refused"]);
    for (path, day) in [(&unnamed, "01"), (&a, "02")] {
        dated(path, &format!("2026-11-{day}T00:00:00Z"), "1");
    }
    let one = json(&["history", unnamed.to_str().unwrap(), a.to_str().unwrap()]);
    assert_eq!(texts(&one["series"], &["adapter"]), ["a: same · same"]);
    assert_eq!(one["series"][0]["points"].as_array().unwrap().len(), 2);
    let apart = json(&["history", unnamed.to_str().unwrap(), a.to_str().unwrap(), b.to_str().unwrap()]);
    assert_eq!(apart["series"].as_array().unwrap().len(), 3, "whose the unnamed one is is not known: {apart:#}");
}

#[test]
fn the_values_of_an_axis_are_compared_on_each_machine_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = [
        of("a", "r1", "chrome/m/x", 10.0),
        of("b", "r2", "chrome/m/x", 40.0),
        of("b", "r2", "firefox/m/x", 20.0),
        of("a", "r1", "firefox/m/x", 20.0),
    ];
    let run = made(folder.path(), "run", &jobs);
    let found = json(&["compare", run.to_str().unwrap(), "--by", "browser"]);
    let found: Vec<String> = texts(&found, &["job", "verdict", "method"]);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("[a] | slower") && found[1].contains("[b] | faster"), "{found:?}");
    assert!(found.iter().all(|pair| pair.contains("| paired rounds")), "{found:?}");

    // Where each value ran on another machine they are refused, and rounds of groups of one number are no pairs.
    let jobs = [of("a", "r1", "chrome/m/x", 10.0), of("b", "r2", "firefox/m/x", 20.0)];
    let run = made(folder.path(), "apart", &jobs);
    let found = json(&["compare", run.to_str().unwrap(), "--by", "browser"]);
    assert_eq!(texts(&found, &["verdict"]), ["refused"]);
    let found = json(&["compare", run.to_str().unwrap(), "--by", "browser", "--across-machines"]);
    assert_eq!(texts(&found, &["verdict"]), ["slower"]);
    assert!(found[0]["method"].as_str().unwrap().starts_with("unpaired"), "{found:#}");
}

/// Two machines that no name and no word about them tells apart are told apart by their runs.
#[test]
fn machines_without_names_are_kept_apart_by_their_adapters() {
    let folder = tempfile::tempdir().unwrap();
    let adapter = |job: Made, vendor: &'static str| with(job, &[("adapter_vendor", vendor)]);
    let jobs = [
        adapter(of("", "r1", "chrome/m/x", 10.0), "one"),
        adapter(of("", "r2", "chrome/m/x", 40.0), "two"),
        of("", "r1", "firefox/m/x", 20.0),
        of("", "r2", "firefox/m/x", 20.0),
    ];
    let run = made(folder.path(), "run", &jobs);
    let run = run.to_str().unwrap();
    let found = json(&["compare", run, "--by", "browser"]);
    assert_eq!(texts(&found, &["verdict"]), ["slower", "faster"]);

    // One browser says which of two adapters it had: across runs they are not compared.
    let jobs = [
        adapter(of("", "r1", "chrome/m/webgpu/64x1x1", 10.0), "one"),
        adapter(of("", "r2", "chrome/m/webgpu/32x1x1", 10.0), "two"),
    ];
    let run = made(folder.path(), "shapes", &jobs);
    let found = json(&["compare", run.to_str().unwrap(), "--by", "workgroup_size"]);
    assert_eq!(texts(&found, &["verdict"]), ["refused"], "{found:#}");
}

/// On the page those of one machine stand beside each other, also where only some ids are on several machines.
#[test]
fn a_page_names_the_machine_of_each_job_where_ids_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let timed = |job: Made, ms: &'static str| with(job, &[("gpu_median_ms", ms)]);
    let jobs = [
        timed(of("a", "r1", "chrome/m/same", 10.0), "10"),
        timed(of("b", "r2", "chrome/m/same", 40.0), "40"),
        timed(of("a", "r1", "firefox/m/same", 20.0), "20"),
    ];
    let run = made(folder.path(), "run", &jobs);
    let page = |run: &std::path::Path| {
        // Only what has an interval is best.
        let text = std::fs::read_to_string(run.join("jobs.csv")).unwrap();
        let with = |(place, line): (usize, &str)| {
            format!("{line},{}\r\n", if place == 0 { "gpu_low_ms,gpu_high_ms" } else { "9,11" })
        };
        std::fs::write(run.join("jobs.csv"), text.lines().enumerate().map(with).collect::<String>()).unwrap();
        let output = gpujobs(&["report", run.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        std::fs::read_to_string(run.join("report.html")).unwrap()
    };
    let shown = page(&run);
    for id in ["chrome/m/same [a]", "chrome/m/same [b]", "firefox/m/same [a]"] {
        assert!(shown.contains(id), "{id}");
    }
    assert!(
        shown.contains("batch 1, machine a") && !shown.contains("batch 1, machine b"),
        "b has nobody to win against"
    );
    // Where ids say it all they are enough, and machines do not compete all the same.
    let jobs = [timed(of("a", "r1", "chrome/m/same", 10.0), "10"), timed(of("b", "r2", "firefox/m/same", 20.0), "20")];
    let shown = page(&made(folder.path(), "apart", &jobs));
    assert!(shown.contains("firefox/m/same") && !shown.contains("m/same [b]") && !shown.contains("batch 1, machine a"));
}
