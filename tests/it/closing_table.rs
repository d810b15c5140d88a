//! The table at the end of a run: how its jobs compare.

use gpujobs::harness::fake::Script;
use gpujobs::record::{Recorder, read, run_toml::RunToml};
use gpujobs::report::format::TableFormat;
use gpujobs::report::table::{self, Baseline};
use jiff::Timestamp;

use crate::dispatcher::{plan, run};
use crate::support::made_runs::{Made, about, grouped, job, made, with};

/// The closing table is that of rows in the order in which jobs ended, with what the run folder says of their times.
#[tokio::test]
async fn the_closing_table_says_how_the_jobs_compare() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(
        "[matrix]\nworkgroup_size = [[64, 1, 1], [1, 1, 1]]\nbrowser = ['chrome', 'firefox', 'edge']\nmodel = 'axpy'\n\
         [measure]\nsamples = 2\nrounds = 1\nwarmup = 1\nfallback = []\n",
    );
    let started = Timestamp::now();
    let mut recorder = Recorder::create(folder.path(), &plan, RunToml::of(&plan.manifest, started), started).unwrap();
    let reports = run(&plan, &Script::new()).await.reports;
    let ended = reports.into_iter().rev().map(|report| (report.job.clone(), recorder.add(&report).unwrap()));
    let mut rows: Vec<_> = ended.collect();
    let of = |id: &'static str, browser: &'static str, time: f64| grouped(job(id, browser, about(time, 12)), "0");
    let mut wrong = of("edge/axpy/webgpu/1x1x1/precompiled", "edge", 10.0);
    wrong.cells.push(("status", "failed"));
    let jobs = [
        of("firefox/axpy/webgpu/64x1x1/precompiled", "firefox", 18.0),
        of("chrome/axpy/webgpu/64x1x1/precompiled", "chrome", 10.0),
        of("edge/axpy/webgpu/64x1x1/precompiled", "edge", 10.0),
        of("chrome/axpy/webgpu/1x1x1/precompiled", "chrome", 10.0),
        of("firefox/axpy/webgpu/1x1x1/precompiled", "firefox", 5.0),
        wrong,
        of("chrome/other/webgpu/1x1x1/precompiled", "chrome", 10.0),
    ];
    let against = Baseline::of(&plan, read::run(&made(folder.path(), "made", &jobs)).unwrap());
    table::sort(&plan, &mut rows);
    let markdown = table::text(&plan, &rows, &against, TableFormat::Markdown);
    let last: Vec<&str> =
        markdown.lines().map(|line| line.trim_end_matches('|').rsplit('|').next().unwrap().trim()).collect();
    let expected = ["vs chrome", "", "1.80x slower, 1.79–1.81", "same within 1 %", "", "2.00x faster, 1.99–2.01", ""];
    assert_eq!([&last[..1], &last[2..]].concat(), expected, "{markdown}");
    let terminal = table::text(&plan, &rows, &against, TableFormat::Table);
    assert!(terminal.lines().all(|line| line.chars().count() <= 160), "{terminal}");

    let json = table::text(&plan, &rows, &against, TableFormat::Json);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let found = &json[1]["comparison"];
    assert_eq!((&found["base"], &found["verdict"]), (&"chrome".into(), &"slower".into()), "{json:#}");
    assert_eq!(found["method"], "paired rounds, signed-rank, ±0.6 % assumed between instances");
    assert!((found["ratio"].as_f64().unwrap() - 1.8).abs() < 1e-9 && found["p_adjusted"].as_f64().unwrap() < 0.05);
    assert!(json[0]["comparison"].is_null() && json[3]["comparison"].is_null(), "{json:#}");
    assert_eq!(json[5]["comparison"]["verdict"], "refused");

    // Without another value there is no column.
    let alone = table::text(&plan, &rows, &Baseline::default(), TableFormat::Markdown);
    assert!(!alone.contains("vs ") && alone.contains("first result ms"), "{alone}");
}

#[test]
fn the_closing_table_compares_along_the_axis_that_varies() {
    let folder = tempfile::tempdir().unwrap();
    let title = |name: &str, matrix: &str, jobs: &[Made]| {
        let plan = plan(&format!("{matrix}\n[measure]\nsamples = 2\n"));
        let run = read::run(&made(folder.path(), name, jobs)).unwrap();
        table::text(&plan, &[], &Baseline::of(&plan, run), TableFormat::Markdown).lines().next().unwrap().to_owned()
    };
    let with = |id: &'static str, cell: &'static str, value: &'static str| {
        with(job(id, "chrome", about(10.0, 8)), &[(cell, value)])
    };
    let own = [
        with("chrome/axpy/webgpu/64x1x1/precompiled/unroll=1", "axis_unroll", "1"),
        with("chrome/axpy/webgpu/64x1x1/precompiled/unroll=4", "axis_unroll", "4"),
    ];
    let matrix = "[matrix]\nbrowser = 'chrome'\nmodel = ['axpy', 'copy']\n[axes]\nunroll = [1, 4]";
    assert!(title("own", matrix, &own).contains("| vs 1"));
    let models = [
        with("chrome/axpy/webgpu/64x1x1/precompiled", "x", ""),
        with("chrome/copy/webgpu/64x1x1/precompiled", "x", ""),
    ];
    let matrix = "[matrix]\nbrowser = 'chrome'\nmodel = ['axpy', 'copy']";
    assert!(!title("no-column", matrix, &models[..1]).contains("vs "));
    assert!(!title("nothing", "[matrix]\nbrowser = 'chrome'\nmodel = 'axpy'", &models[..1]).contains("vs "));
}
