//! `gpujobs compare` over run folders made by hand: verdicts, refusals, formats, exit codes.

use std::fs;
use std::process::{Command, Output};

use crate::support::made_runs::{about, grouped, job, made, made_ready, with};

fn compare(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gpujobs")).arg("compare").args(arguments).output().unwrap()
}

fn rows(arguments: &[&str]) -> Vec<serde_json::Value> {
    let output = compare(&[arguments, &["--format", "json"]].concat());
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

fn verdicts(arguments: &[&str]) -> Vec<(String, String)> {
    let text = |row: &serde_json::Value, key: &str| row[key].as_str().unwrap().to_owned();
    rows(arguments).iter().map(|row| (text(row, "job"), text(row, "verdict"))).collect()
}

/// What is added to the method where jobs were made ready once.
const ASSUMED: &str = ", ±0.6 % assumed between instances";

#[test]
fn rounds_of_one_instance_are_one_observation() {
    let folder = tempfile::tempdir().unwrap();
    // Four instances of three rounds: what one is made of slows all of its rounds by up to 2 %, at random.
    let rounds = |slow: [f64; 4]| -> Vec<Vec<f64>> {
        (0..12_usize).map(|round| vec![10.0 * slow[round / 3] * (1.0 + 0.0002 * (round % 3) as f64); 3]).collect()
    };
    let of = |id: &'static str, browser: &'static str, slow| {
        let mut job = grouped(job(id, browser, rounds(slow)), "0");
        job.firsts = vec![50.0, f64::NAN, f64::NAN, 50.0, f64::NAN, f64::NAN, 50.0, f64::NAN, f64::NAN, 50.0];
        job
    };
    let jobs = [of("chrome/m", "chrome", [1.0, 1.01, 0.99, 1.0]), of("firefox/m", "firefox", [1.015, 1.005, 1.0, 1.0])];
    let run = made(folder.path(), "run", &jobs);
    let row = &rows(&[run.to_str().unwrap(), "--by", "browser"])[0];
    assert_eq!((&row["method"], &row["verdict"]), (&"paired rounds, t".into(), &"undecided".into()), "{row}");
    assert!(row["ratio_low"].as_f64() < Some(1.0), "{row}");
}

#[test]
fn two_runs_are_compared_job_by_job() {
    let folder = tempfile::tempdir().unwrap();
    let base = made(
        folder.path(),
        "base",
        &[
            job("a", "chrome", about(10.0, 10)),
            job("b", "chrome", about(10.0, 10)),
            job("gone", "chrome", about(1.0, 3)),
        ],
    );
    let new = made(
        folder.path(),
        "new",
        &[job("a", "chrome", about(13.0, 10)), job("b", "chrome", about(10.0, 10)), job("c", "chrome", about(1.0, 3))],
    );
    let (base, new) = (base.to_str().unwrap(), new.to_str().unwrap());
    let found = verdicts(&[base, new, "--same-within", "7%"]);
    assert_eq!(found, [("a".to_owned(), "slower".to_owned()), ("b".to_owned(), "same".to_owned())]);
    assert_eq!(compare(&[base, new]).status.code(), Some(0));
    assert_eq!(compare(&[base, new, "--fail-above", "5%"]).status.code(), Some(1));
    assert_eq!(compare(&[base, new, "--fail-above", "50%"]).status.code(), Some(0));
    assert_eq!(compare(&[new, base, "--fail-above", "5%"]).status.code(), Some(0), "faster is no regression");
    assert_eq!(compare(&[base, new, "--fail-above", "5"]).status.code(), Some(2));
    let output = compare(&[base, new]);
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("1.30x slower"), "{table}");
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "left out: 1 job only in BASE, 1 job only in NEW\n");
    let csv = String::from_utf8(compare(&[base, new, "--format", "csv"]).stdout).unwrap();
    assert!(csv.starts_with("job,base,new,clock,base_median_ms,new_median_ms,ratio,ratio_low,ratio_high,p,"), "{csv}");
    assert_eq!(csv.lines().count(), 3);
}

#[test]
fn a_difference_in_load_is_said_beside_the_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let loaded = |load: &'static str| with(job("a", "chrome", about(10.0, 10)), &[("other_load", load)]);
    let idle = made(folder.path(), "idle", &[loaded("0.04")]);
    let alike = made(folder.path(), "alike", &[loaded("0.2")]);
    let slow = with(job("a", "chrome", about(19.6, 10)), &[("other_load", "1.93")]);
    let busy = made(folder.path(), "busy", &[slow]);
    let [idle, alike, busy] = [&idle, &alike, &busy].map(|run| run.to_str().unwrap());
    let said = "other programs kept 0.0 processors busy beside the base and 1.9 beside the new one";
    let output = compare(&[idle, busy, "--fail-above", "5%"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains(&format!("a fails, but {said}")));
    assert!(String::from_utf8(output.stdout).unwrap().contains("1.96x slower, but other programs kept"));
    assert!(rows(&[idle, busy])[0]["circumstances"].as_str().unwrap().contains(said));
    assert_eq!(rows(&[idle, alike])[0]["circumstances"], "");
}

#[test]
fn a_difference_in_the_state_of_the_gpu_is_said_beside_the_verdict_and_the_failure() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, ms: f64, cells: &[(&'static str, &'static str)]| {
        let path = made(folder.path(), name, &[with(job("a", "chrome", about(ms, 10)), cells)]);
        path.to_str().unwrap().to_owned()
    };
    let state = |clock, power, temperature| {
        [("gpu_clock_mhz", clock), ("gpu_power_w", power), ("gpu_temperature_c", temperature)]
    };
    let base = run("base", 10.0, &state("1980", "310.5", "41"));
    let cases = [
        ("alike", state("1950", "300", "50"), vec![]),
        (
            "clock",
            state("1500", "310", "41"),
            vec!["the GPU's clock was 1980 MHz at the base and 1500 MHz at the new one"],
        ),
        ("power", state("1980", "240", "41"), vec!["the GPU drew 310 W at the base and 240 W at the new one"]),
        ("warmth", state("1980", "310", "68"), vec!["the GPU was at 41 °C at the base and 68 °C at the new one"]),
        ("all", state("1500", "200", "80"), vec!["1500 MHz", "200 W", "80 °C"]),
        ("unread", state("", "", ""), vec![]),
    ];
    for (name, cells, said) in cases {
        let new = run(name, 13.0, &cells);
        let circumstances = rows(&[&base, &new])[0]["circumstances"].as_str().unwrap().to_owned();
        assert_eq!(circumstances.is_empty(), said.is_empty(), "{name}: {circumstances}");
        let output = compare(&[&base, &new, "--fail-above", "5%"]);
        assert_eq!(output.status.code(), Some(1));
        let [shown, failed] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        assert_eq!(failed.contains("a fails, but "), !said.is_empty(), "{name}: {failed}");
        for words in said {
            assert!(
                circumstances.contains(words) && failed.contains(words) && shown.contains("slower, but the GPU"),
                "{name}"
            );
        }
    }
    // Another program draws another power.
    let other = [&state("1980", "200", "41")[..], &[("shader_digest", "f00d")]].concat();
    let new = run("other", 13.0, &other);
    assert_eq!(rows(&[&base, &new, "--different-shaders"])[0]["circumstances"], "");
}

#[test]
fn an_axis_is_compared_inside_a_run_and_rounds_are_paired() {
    let folder = tempfile::tempdir().unwrap();
    // The rounds' wobble of 12 % hides a difference of 2 % from all but paired rounds.
    let jobs = [job("chrome/m/webgpu", "chrome", about(10.0, 10)), job("firefox/m/webgpu", "firefox", about(10.2, 10))];
    let of_groups = |name: &str, groups: [&'static str; 2]| {
        let [chrome, firefox] = jobs.clone();
        made(folder.path(), name, &[grouped(chrome, groups[0]), grouped(firefox, groups[1])])
    };
    let run = of_groups("run", ["1", "1"]);
    let run = run.to_str().unwrap();
    assert_eq!(verdicts(&[run, "--by", "browser"]), [("m/webgpu".to_owned(), "slower".to_owned())]);
    assert_eq!(rows(&[run, "--by", "browser"])[0]["method"], format!("paired rounds, signed-rank{ASSUMED}"));
    // Rounds of other groups, and of jobs that ran alone, were measured at other times.
    for (name, groups) in [("groups", ["1", "2"]), ("alone", ["", ""])] {
        let run = of_groups(name, groups);
        let row = &rows(&[run.to_str().unwrap(), "--by", "browser"])[0];
        assert_eq!(
            (&row["verdict"], &row["method"]),
            (&"undecided".into(), &format!("unpaired rounds, rank-sum{ASSUMED}").into())
        );
    }
    let base = made(folder.path(), "base", &[job("m", "chrome", about(10.0, 10))]);
    let new = made(folder.path(), "new", &[job("m", "chrome", about(10.2, 10))]);
    let unpaired = verdicts(&[base.to_str().unwrap(), new.to_str().unwrap()]);
    assert_eq!(unpaired, [("m".to_owned(), "undecided".to_owned())]);
    let wrong = compare(&[run, "--by", "brauser"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("its axes are browser"), "{wrong:?}");
}

#[test]
fn what_must_not_be_compared_is_refused_until_told_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let base = made(folder.path(), "base", &[job("a", "chrome", about(10.0, 5))]);
    for (name, cell, value, lift) in [
        ("kind", "adapter_kind", "software", "--across-machines"),
        ("vendor", "adapter_vendor", "other", "--across-machines"),
        ("cpu", "cpu", "other", "--across-machines"),
        ("unverified", "verified", "", "--unverified"),
        ("shader", "shader_digest", "other", "--different-shaders"),
        ("fallback", "backend_used", "wasm", "--different-shaders"),
    ] {
        let mut other = job("a", "chrome", about(10.0, 5));
        other.cells.push((cell, value));
        let new = made(folder.path(), name, &[other]);
        let arguments = [base.to_str().unwrap(), new.to_str().unwrap()];
        assert_eq!(verdicts(&arguments)[0].1, "refused", "{name}");
        let table = String::from_utf8(compare(&arguments).stdout).unwrap();
        assert!(table.contains("refused"), "{table}");
        assert_ne!(verdicts(&[arguments[0], arguments[1], lift])[0].1, "refused", "{name}");
    }
    let mut failed = job("a", "chrome", Vec::new());
    failed.cells.push(("status", "failed"));
    let new = made(folder.path(), "failed", &[failed]);
    let all = ["--across-machines", "--unverified", "--different-shaders"];
    assert_eq!(verdicts(&[&[base.to_str().unwrap(), new.to_str().unwrap()], &all[..]].concat())[0].1, "refused");
}

#[test]
fn along_an_axis_fallbacks_and_software_are_refused_and_other_shaders_are_not() {
    let folder = tempfile::tempdir().unwrap();
    for (place, (cell, value, verdict)) in
        [("adapter_kind", "software", "refused"), ("backend_used", "wasm", "refused"), ("shader_digest", "x", "slower")]
            .into_iter()
            .enumerate()
    {
        let mut other = job("firefox/m", "firefox", about(20.0, 8));
        other.cells.push((cell, value));
        let run = made(folder.path(), &place.to_string(), &[job("chrome/m", "chrome", about(10.0, 8)), other]);
        assert_eq!(verdicts(&[run.to_str().unwrap(), "--by", "browser"])[0].1, verdict, "{cell}");
    }
}

#[test]
fn first_results_are_compared_where_they_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let of = |browser: &'static str, id: &'static str, first: f64, instances: usize| {
        made_ready(job(id, browser, about(10.0, 10)), first, instances)
    };
    let jobs = |instances| [of("chrome", "chrome/m", 100.0, instances), of("firefox", "firefox/m", 102.0, instances)];
    let together = made(folder.path(), "together", &jobs(10).map(|job| grouped(job, "1")));
    let together = together.to_str().unwrap();
    let by_browser = [together, "--by", "browser", "--metric", "first-result"];
    let row = &rows(&by_browser)[0];
    let said = ["verdict", "method", "metric", "clock", "reason"].map(|key| row[key].as_str().unwrap());
    assert_eq!(said, ["slower", "paired rounds, signed-rank", "first-result", "wall", ""]);
    assert!((row["ratio"].as_f64().unwrap() - 1.02).abs() < 1e-9 && row["base_median_ms"].as_f64().unwrap() > 90.0);
    assert_eq!(compare(&[&by_browser[..], &["--fail-above", "1%"]].concat()).status.code(), Some(1));
    for (format, named) in [("table", "first result"), ("markdown", "| first result "), ("csv", ",first-result")] {
        let shown = String::from_utf8(compare(&[&by_browser[..], &["--format", format]].concat()).stdout).unwrap();
        assert!(shown.contains(named), "{shown}");
    }
    // The steady times of the same jobs are equal.
    let steady = &rows(&[together, "--by", "browser"])[0];
    assert_eq!((&steady["verdict"], &steady["metric"]), (&"same".into(), &"time".into()));

    // Their wobble hides it where rounds are no pairs.
    let [base, new] = [100.0, 102.0].map(|first| {
        let run = made(folder.path(), &first.to_string(), &[of("chrome", "chrome/m", first, 10)]);
        run.to_str().unwrap().to_owned()
    });
    let row = &rows(&[&base, &new, "--metric", "first-result"])[0];
    assert_eq!((&row["verdict"], &row["method"]), (&"undecided".into(), &"unpaired rounds, rank-sum".into()));

    for (instances, told) in [(1, "1 and 1 first results"), (2, "2 and 2 first results")] {
        let few = made(folder.path(), told, &jobs(instances).map(|job| grouped(job, "1")));
        let few = [few.to_str().unwrap(), "--by", "browser", "--metric", "first-result"];
        let row = &rows(&few)[0];
        assert_eq!((&row["verdict"], &row["ratio"]), (&"undecided".into(), &serde_json::Value::Null));
        assert!(row["base_median_ms"].is_number() && row["ratio_low"].is_null() && row["p"].is_null(), "{row}");
        let reason = row["reason"].as_str().unwrap();
        assert!(reason.starts_with(told) && reason.contains("`rounds = 10, instances = 10`"), "{reason}");
        assert!(String::from_utf8(compare(&few).stdout).unwrap().contains("undecided: "));
    }
    // Three are enough for Student's t.
    let three = made(folder.path(), "three", &jobs(3).map(|job| grouped(job, "1")));
    let row = &rows(&[three.to_str().unwrap(), "--by", "browser", "--metric", "first-result"])[0];
    assert_eq!(row["method"], "paired rounds, t");

    let older = made(folder.path(), "older", &[job("chrome/m", "chrome", about(10.0, 5))]);
    let older = compare(&[&base, older.to_str().unwrap(), "--metric", "first-result"]);
    let told = String::from_utf8_lossy(&older.stderr);
    assert_eq!(older.status.code(), Some(2));
    assert!(told.contains("no column time_to_first_result_ms") && told.contains("instances = 10"), "{told}");
}

#[test]
fn one_clock_can_be_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let [chrome, firefox] = [("chrome/m", "chrome", 1.0), ("firefox/m", "firefox", 2.0)]
        .map(|(id, browser, time)| job(id, browser, about(time, 10)));
    let run = made(folder.path(), "run", &[chrome.clone(), firefox.clone()]);
    // Wall times are 1 ms longer.
    for (metric, clock, ratio) in [("time", "gpu", 2.0), ("gpu", "gpu", 2.0), ("wall", "wall", 1.5)] {
        let row = &rows(&[run.to_str().unwrap(), "--by", "browser", "--metric", metric])[0];
        assert_eq!((&row["clock"], &row["metric"]), (&clock.into(), &metric.into()));
        assert!((row["ratio"].as_f64().unwrap() - ratio).abs() < 0.02, "{row}");
    }
    let run = made(folder.path(), "demoted", &[chrome, with(firefox, &[("gpu_median_ms", "")])]);
    let row = &rows(&[run.to_str().unwrap(), "--by", "browser", "--metric", "gpu"])[0];
    assert_eq!(row["verdict"], "refused");
    assert!(row["reason"].as_str().unwrap().starts_with("firefox/m has no GPU time"), "{row}");
    assert_eq!(compare(&[run.to_str().unwrap(), "--by", "browser", "--metric", "cpu"]).status.code(), Some(2));
}

/// What no GPU computed has no adapter in its row, and no GPU times.
const ON_CPU: [(&str, &str); 3] = [("adapter_kind", ""), ("adapter_vendor", ""), ("gpu_median_ms", "")];

#[test]
fn backends_are_compared_where_each_job_ran_on_the_one_that_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let on = |asked: &'static str, used: &'static str, time: f64| {
        let id = if asked == "wasm" { "chrome/m/wasm" } else { "chrome/m/webgpu" };
        let cpu: &[_] = if used == "wasm" { &ON_CPU } else { &[] };
        with(with(job(id, "chrome", about(time, 10)), &[("backend", asked), ("backend_used", used)]), cpu)
    };
    for (used, verdict) in [("webgpu", "slower"), ("wasm", "refused"), ("webgpu+cpu", "refused")] {
        let run = made(folder.path(), used, &[on("webgpu", used, 10.0), on("wasm", "wasm", 20.0)]);
        let by_backend = [run.to_str().unwrap(), "--by", "backend"];
        let row = &rows(&by_backend)[0];
        assert_eq!((&row["job"], &row["verdict"]), (&"chrome/m".into(), &verdict.into()), "{row}");
        if verdict == "refused" {
            let told = format!("chrome/m/webgpu ran on `{used}`, which is not the backend asked for");
            assert!(row["reason"].as_str().unwrap().starts_with(&told), "{row}");
        } else {
            assert_eq!(row["clock"], "wall");
        }
        assert_eq!(rows(&[&by_backend[..], &["--different-shaders"]].concat())[0]["verdict"], "slower");
    }
    // Two jobs on the CPU are like any two, between runs as inside one.
    let base = made(folder.path(), "base", &[on("wasm", "wasm", 10.0)]);
    let new = made(folder.path(), "new", &[on("wasm", "wasm", 20.0)]);
    let row = &rows(&[base.to_str().unwrap(), new.to_str().unwrap()])[0];
    assert_eq!((&row["verdict"], &row["clock"]), (&"slower".into(), &"wall".into()));
    let elsewhere = made(folder.path(), "elsewhere", &[with(on("wasm", "wasm", 20.0), &[("cpu", "other")])]);
    let row = &rows(&[base.to_str().unwrap(), elsewhere.to_str().unwrap()])[0];
    assert!(row["reason"].as_str().unwrap().contains("--across-machines"), "{row}");
    // A fallback, of all or of a part, is no other machine but another program.
    let base = made(folder.path(), "whole", &[on("webgpu", "webgpu", 10.0)]);
    for used in ["wasm", "webgpu+cpu"] {
        let new = made(folder.path(), &format!("partly {used}"), &[on("webgpu", used, 20.0)]);
        let runs = [base.to_str().unwrap(), new.to_str().unwrap()];
        let row = &rows(&runs)[0];
        let told = format!("backend_used is `webgpu` and `{used}`");
        assert!(row["reason"].as_str().unwrap().starts_with(&told), "{row}");
        assert_eq!(rows(&[&runs[..], &["--different-shaders"]].concat())[0]["verdict"], "slower");
        let mut other = on("webgpu", used, 20.0);
        (other.id, other.browser) = ("firefox/m/webgpu", "firefox");
        let run = made(folder.path(), &format!("browsers {used}"), &[on("webgpu", "webgpu", 10.0), other]);
        assert_eq!(verdicts(&[run.to_str().unwrap(), "--by", "browser"])[0].1, "refused");
    }
}

#[test]
fn one_slow_round_decides_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for count in [4, 8, 12] {
        let mut slow = about(10.0, count);
        slow[2].iter_mut().for_each(|time| *time *= 2.0);
        let jobs = [
            grouped(job("chrome/m", "chrome", about(10.0, count)), "0"),
            grouped(job("edge/m", "edge", about(10.0, count)), "0"),
            grouped(job("firefox/m", "firefox", slow), "0"),
        ];
        let run = made(folder.path(), &count.to_string(), &jobs);
        let found = verdicts(&[run.to_str().unwrap(), "--by", "browser", "--same-within", "0%"]);
        assert!(found.iter().all(|(_, verdict)| ["undecided", "same"].contains(&verdict.as_str())), "{found:?}");
        let run = run.to_str().unwrap();
        assert_eq!(compare(&[run, "--by", "browser", "--fail-above", "0%"]).status.code(), Some(0));
    }
}

/// Jobs are paired by their values on the axes, never by the words of their ids.
#[test]
fn a_name_that_is_also_a_value_of_the_axis_does_not_confuse() {
    let folder = tempfile::tempdir().unwrap();
    let pairs = |name: &str, by: &str, jobs: [(&'static str, &'static str); 2]| {
        let jobs = jobs.map(|(id, browser)| grouped(job(id, browser, about(10.0, 10)), "1"));
        let run = made(folder.path(), name, &jobs);
        rows(&[run.to_str().unwrap(), "--by", by])
            .into_iter()
            .map(|row| [&row["job"], &row["base"], &row["new"]].map(|cell| cell.as_str().unwrap().to_owned()).join(" "))
            .collect::<Vec<_>>()
    };
    let both = |rest: [&'static str; 2]| rest.map(|id| (id, "chrome"));
    let batch = both(["chrome/1/wasm/64x1x1/precompiled", "chrome/1/wasm/64x1x1/precompiled/batch=8"]);
    assert_eq!(pairs("batch", "batch", batch), ["chrome/1/wasm/64x1x1/precompiled 1 8"]);
    let dtype = both(["chrome/fp32/wasm/64x1x1/precompiled", "chrome/fp32/wasm/64x1x1/precompiled/dtype=q8"]);
    assert_eq!(pairs("dtype", "dtype", dtype), ["chrome/fp32/wasm/64x1x1/precompiled fp32 q8"]);
    let lazy = both(["chrome/lazy/wasm/64x1x1/precompiled", "chrome/lazy/wasm/64x1x1/lazy"]);
    assert_eq!(pairs("lazy", "shader_precompilation", lazy), ["chrome/lazy/wasm/64x1x1 true false"]);
    let browser = [("m/m/wasm/64x1x1/precompiled", "m"), ("n/m/wasm/64x1x1/precompiled", "n")];
    assert_eq!(pairs("browser", "browser", browser), ["m/wasm/64x1x1/precompiled m n"]);
    let model = both(["chrome/chrome/wasm/64x1x1/precompiled", "chrome/m/wasm/64x1x1/precompiled"]);
    assert_eq!(pairs("model", "model", model), ["chrome/wasm/64x1x1/precompiled chrome m"]);
    // Older rows have no column for the threads that were asked for.
    let threads = both(["chrome/m/wasm/64x1x1/precompiled/threads=1", "chrome/m/wasm/64x1x1/precompiled/threads=4"]);
    assert_eq!(pairs("threads", "threads", threads), ["chrome/m/wasm/64x1x1/precompiled 1 4"]);
    let tuned = both(["chrome/m/wasm/tuned/precompiled", "chrome/m/wasm/8x8x1/precompiled"]);
    assert_eq!(
        pairs("tuned", "workgroup_size", tuned.map(|(id, _)| (id, "chrome"))),
        ["chrome/m/wasm/precompiled tuned 8x8x1"]
    );
}

#[test]
fn each_value_of_an_axis_is_compared_with_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let of = |id: &'static str, browser: &'static str, time: f64| grouped(job(id, browser, about(time, 10)), "3");
    // Firefox's row of the second model comes first, as if Chrome had been tried again.
    let jobs = [
        of("chrome/m", "chrome", 10.0),
        of("firefox/m", "firefox", 20.0),
        of("webkit/m", "webkit", 5.0),
        of("firefox/n", "firefox", 20.0),
        of("chrome/n", "chrome", 10.0),
        of("chrome/o", "chrome", 10.0),
    ];
    let run = made(folder.path(), "run", &jobs);
    let found: Vec<_> = rows(&[run.to_str().unwrap(), "--by", "browser"])
        .into_iter()
        .map(|row| {
            [&row["job"], &row["base"], &row["new"], &row["verdict"]].map(|cell| cell.as_str().unwrap().to_owned())
        })
        .collect();
    assert_eq!(
        found,
        [
            ["m", "chrome", "firefox", "slower"].map(str::to_owned),
            ["m", "chrome", "webkit", "faster"].map(str::to_owned),
            ["n", "chrome", "firefox", "slower"].map(str::to_owned),
        ]
    );
    let told = compare(&[run.to_str().unwrap(), "--by", "browser"]).stderr;
    assert_eq!(String::from_utf8(told).unwrap(), "left out: 1 job without a counterpart on browser\n");
}

#[test]
fn times_that_are_none_are_left_out_and_rounds_that_one_lacks_are_no_pairs() {
    let folder = tempfile::tempdir().unwrap();
    let odd = |time: f64| {
        let mut rounds = about(20.0, 10);
        rounds[1][0] = time;
        rounds
    };
    for (place, time) in [0.0, f64::NAN, f64::INFINITY, -1.0].into_iter().enumerate() {
        let jobs = [
            grouped(job("chrome/m", "chrome", about(10.0, 10)), "0"),
            grouped(job("firefox/m", "firefox", odd(time)), "0"),
        ];
        let run = made(folder.path(), &format!("odd-{place}"), &jobs);
        let row = &rows(&[run.to_str().unwrap(), "--by", "browser"])[0];
        // Not all samples have a GPU time, so the wall clock counts.
        assert_eq!((&row["verdict"], &row["clock"]), (&"slower".into(), &"wall".into()), "{time}: {row}");
        assert!((row["ratio"].as_f64().unwrap() - 21.0 / 11.0).abs() < 0.02, "{row}");
    }
    let none = made(
        folder.path(),
        "none",
        &[job("chrome/m", "chrome", about(10.0, 6)), job("firefox/m", "firefox", vec![vec![-1.0, f64::NAN]])],
    );
    let row = &rows(&[none.to_str().unwrap(), "--by", "browser"])[0];
    assert_eq!((&row["verdict"], &row["ratio"]), (&"refused".into(), &serde_json::Value::Null), "{row}");
    assert!(row["reason"].as_str().unwrap().contains("no time above zero"), "{row}");

    // The base has rounds 0–9, the new one 0–6 and too few in common.
    for (name, rounds, method) in
        [("seven", 7, "paired rounds, signed-rank"), ("four", 4, "paired rounds, t"), ("two", 2, "samples, bootstrap")]
    {
        let jobs = [
            grouped(job("chrome/m", "chrome", about(10.0, 10)), "0"),
            grouped(job("firefox/m", "firefox", about(20.0, rounds)), "0"),
        ];
        let run = made(folder.path(), name, &jobs);
        let row = &rows(&[run.to_str().unwrap(), "--by", "browser"])[0];
        assert_eq!(
            (&row["verdict"], &row["method"]),
            (&"slower".into(), &format!("{method}{ASSUMED}").into()),
            "{name}: {row}"
        );
    }
}

#[test]
fn a_folder_that_is_no_run_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let run = made(folder.path(), "run", &[job("a", "chrome", about(10.0, 5))]);
    let other = made(folder.path(), "other", &[job("b", "chrome", about(10.0, 5))]);
    let run = run.to_str().unwrap();
    assert_eq!(compare(&[run, "/nonexistent"]).status.code(), Some(2));
    let nothing = compare(&[run, other.to_str().unwrap()]);
    assert_eq!(nothing.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&nothing.stderr).contains("no pair"), "{nothing:?}");
    fs::write(other.join("samples.csv"), "job_id,round,kind,wall_ms,gpu_ms\r\nb,0,steady,fast,\r\n").unwrap();
    let nonsense = compare(&[other.to_str().unwrap(), run]);
    assert_eq!(nonsense.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&nonsense.stderr).contains("wall_ms is no number"), "{nonsense:?}");
}

#[test]
fn a_hundred_thousand_samples_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let many = |scale: f64| [job("a", "chrome", about(10.0 * scale, 5_000)), job("b", "chrome", about(10.0, 5_000))];
    let (base, new) = (made(folder.path(), "base", &many(1.0)), made(folder.path(), "new", &many(1.05)));
    let found = verdicts(&[base.to_str().unwrap(), new.to_str().unwrap()]);
    assert_eq!(found, [("a".to_owned(), "slower".to_owned()), ("b".to_owned(), "same".to_owned())]);
}
