//! The table at the end of a run: how its jobs compare, what stands once above it and what below it.

use std::path::{Path, PathBuf};

use gpujobs::harness::fake::{Act, Script};
use gpujobs::manifest::Manifest;
use gpujobs::measure::Summary;
use gpujobs::plan::{Job, Plan};
use gpujobs::protocol::adapter::{AdapterFacts, AdapterKind};
use gpujobs::record::row::Row;
use gpujobs::record::{Recorder, read, run_toml::RunToml};
use gpujobs::report::format::TableFormat;
use gpujobs::report::table::{self, Baseline, ClosingTable};
use gpujobs::run::{JobReport, Status};
use jiff::Timestamp;

use crate::support::dispatched::{plan, run};
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
    let text =
        |baseline: &Baseline, format| ClosingTable { plan: &plan, rows: &rows, baseline, logs: None }.text(format);
    let markdown = text(&against, TableFormat::Markdown);
    let table = markdown.lines().filter(|line| line.starts_with('|'));
    let last: Vec<&str> = table.map(|line| line.trim_end_matches('|').rsplit('|').next().unwrap().trim()).collect();
    let expected = ["vs chrome", "", "1.80x slower, 1.79–1.81", "same within 1 %", "", "2.00x faster, 1.99–2.01", ""];
    assert_eq!([&last[..1], &last[2..]].concat(), expected, "{markdown}");

    let json = text(&against, TableFormat::Json);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let found = &json[1]["comparison"];
    assert_eq!((&found["base"], &found["verdict"]), (&"chrome".into(), &"slower".into()), "{json:#}");
    assert_eq!(found["method"], "paired rounds, signed-rank, ±0.6 % assumed between instances");
    assert!((found["ratio"].as_f64().unwrap() - 1.8).abs() < 1e-9 && found["p_adjusted"].as_f64().unwrap() < 0.05);
    assert!(json[0]["comparison"].is_null() && json[3]["comparison"].is_null(), "{json:#}");
    assert_eq!(json[5]["comparison"]["verdict"], "refused");

    // Without another value there is no column.
    let alone = text(&Baseline::default(), TableFormat::Markdown);
    assert!(!alone.contains("vs ") && alone.contains("first result ms"), "{alone}");
}

/// What a job of a tiny plan brought whose samples take about so many milliseconds.
fn measured(ms: f64) -> JobReport {
    let plan = plan(
        "[matrix]\nbrowser = 'chrome'\nmodel = 'axpy'\n[measure]\nsamples = 12\nrounds = 6\nwarmup = 1\ninstances = 1\nfallback = []\n",
    );
    let wobble = [0.97, 1.0, 1.03, 1.01, 0.99].map(|factor| factor * ms);
    let script = Script::new().job("", [Act::Runs(wobble.to_vec())]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut report = runtime.block_on(run(&plan, &script)).reports.remove(0);
    report.measurement.as_mut().unwrap().check.verdict.verified = Some(true);
    report
}

/// A row for each job of a plan, written into a run folder under `out`: what the reports say, in turn.
fn rows(plan: &Plan, reports: &[JobReport], out: &Path) -> Vec<(Job, Row)> {
    let started = Timestamp::now();
    let mut recorder = Recorder::create(out, plan, RunToml::of(&plan.manifest, started), started).unwrap();
    let of = |job: &Job, report: &JobReport| JobReport {
        job: job.clone(),
        backend_used: Some(job.axes.backend),
        ..report.clone()
    };
    let jobs = plan.jobs.iter().zip(reports.iter().cycle());
    jobs.map(|(job, report)| (job.clone(), recorder.add(&of(job, report)).unwrap())).collect()
}

#[test]
fn the_closing_table_compares_along_the_axis_that_varies() {
    let folder = tempfile::tempdir().unwrap();
    let title = |name: &str, matrix: &str, jobs: &[Made]| {
        let plan = plan(&format!("{matrix}\n[measure]\nsamples = 2\n"));
        let run = read::run(&made(folder.path(), name, jobs)).unwrap();
        let rows = rows(&plan, &[measured(1.0)], folder.path());
        let baseline = Baseline::of(&plan, run);
        let table = ClosingTable { plan: &plan, rows: &rows, baseline: &baseline, logs: None };
        let text = table.text(TableFormat::Markdown);
        text.lines().find(|line| line.starts_with('|')).unwrap().to_owned()
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

/// The manifests of a folder and of those in it, but not those of models.
fn manifests(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let inside = entries.flat_map(|path| match path.is_dir() {
        true if path.ends_with("models") => Vec::new(),
        true => manifests(&path),
        false => vec![path],
    });
    inside.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect()
}

/// With figures as long as they come: those of a large GPU, and of two browsers whose adapters have long names.
fn with_long_figures((job, row): &mut (Job, Row)) {
    let interval = Some((0.001_234, 0.001_242));
    let gpu = Summary { count: 20, median: 0.001_239, interval, p95: 0.001_3 };
    let name = format!("NVIDIA H200 (0x00002335) in the browser {} over the driver 570.133.20", job.axes.browser);
    let empty = String::new;
    let adapter = AdapterFacts {
        vendor: empty(),
        architecture: empty(),
        device: empty(),
        description: name,
        backend: empty(),
        driver: String::new(),
        kind: AdapterKind::Hardware,
    };
    row.figures.gpu = Some(gpu);
    row.figures.wall = Some(Summary { median: 12_345.6, ..gpu });
    row.figures.gflops = Some(41_743.0);
    row.figures.of_peak_gflops = Some(81.25);
    row.figures.of_peak_gbytes = Some(100.3);
    row.figures.adapter = Some(adapter);
}

#[test]
fn the_closing_table_of_each_shipped_manifest_fits_120_columns() {
    let folder = tempfile::tempdir().unwrap();
    let manifests = manifests(&Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests"));
    assert!(manifests.len() > 20, "{manifests:?}");
    let reports = [measured(1.0), measured(1.8), measured(0.4)];
    for manifest in manifests {
        let plan = Plan::of(Manifest::load(&manifest, &[]).unwrap());
        let out = folder.path().join(plan.manifest.name.as_str());
        let mut rows = rows(&plan, &reports, &out);
        rows.iter_mut().for_each(with_long_figures);
        let run = std::fs::read_dir(&out).unwrap().next().unwrap().unwrap().path();
        let baseline = Baseline::of(&plan, read::run(&run).unwrap());
        if let Some((_, last)) = rows.last_mut().filter(|_| plan.jobs.len() > 1) {
            last.status = Status::Failed;
            last.figures.reason = "the page fell silent; ".repeat(20);
        }
        let table = ClosingTable { plan: &plan, rows: &rows, baseline: &baseline, logs: Some(&run.join("logs")) };
        let text = anstream::adapter::strip_str(&table.text(TableFormat::Table)).to_string();
        // A path and an id are one word, however long they are.
        let mut lines = text.lines().filter(|line| !line.contains("logs: ") && !line.contains("/webgpu/"));
        assert!(lines.all(|line| line.chars().count() <= 120), "{}:\n{text}", manifest.display());
        let titles = ["wall ms", "GFLOP/s", "interval"].map(|title| title.split(' ').next().unwrap());
        assert!(titles.iter().all(|title| text.contains(title)), "{}:\n{text}", manifest.display());
        assert!(rows.len() < 2 || text.contains("failed: the page fell silent;"), "{text}");
    }
}

#[test]
fn what_is_the_same_stands_above_and_what_failed_below() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(
        "name = 'small'\n[matrix]\nbrowser = ['chrome', 'firefox']\nmodel = ['axpy', 'copy']\nbackend = 'webgpu'\n\
         workgroup_size = [[64, 1, 1], [1, 1, 1]]\n",
    );
    let mut rows = rows(&plan, &[measured(1.0), measured(1.01), measured(2.0), measured(0.5)], folder.path());
    let text = |rows: &[(Job, Row)], format| {
        let logs = Path::new("results/small/logs");
        let table = ClosingTable { plan: &plan, rows, baseline: &Baseline::default(), logs: Some(logs) };
        anstream::adapter::strip_str(&table.text(format)).to_string()
    };
    let well = text(&rows, TableFormat::Table);
    // What is worse than it looks is not the best: a wrong or an unchecked output, another backend.
    rows[7].1.status = Status::Incorrect;
    rows[7].1.figures.reason = "y[3] is 0 instead of *2*; ".repeat(6) + "see <b>";
    rows[5].1.status = Status::Incorrect;
    rows[5].1.figures.reason = rows[7].1.figures.reason.clone();
    rows[4].1.status = Status::TimedOut;
    rows[4].1.figures.reason = "no answer after 60 s".to_owned();
    rows[3].1.figures.verified = None;
    insta::assert_snapshot!("closing_table_well", well);
    insta::assert_snapshot!("closing_table_failures", text(&rows, TableFormat::Table));
    insta::assert_snapshot!("closing_table_markdown", text(&rows, TableFormat::Markdown));
    let coloured = ClosingTable { plan: &plan, rows: &rows, baseline: &Baseline::default(), logs: None };
    assert!(coloured.text(TableFormat::Table).contains('\u{1b}'));
    assert!(!coloured.text(TableFormat::Markdown).contains('\u{1b}'));
}
