//! Run folders: what stands in them, what a run that was killed leaves, and how it is resumed.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use gpujobs::harness::executor::Opened;
use gpujobs::harness::fake::prepared;
use gpujobs::manifest::Manifest;
use gpujobs::measure::Measurement;
use gpujobs::plan::{Job, Plan};
use gpujobs::record::cell::{Cell, CellKind};
use gpujobs::record::run_toml::RunToml;
use gpujobs::record::{RecordError, Recorder, columns, resume, typed};
use gpujobs::run::{Circumstances, JobReport, Status};
use jiff::Timestamp;

use crate::support::workshop::{Workshop, rows};

const THREE_JOBS: &str = "name = 'kept'\n[matrix]\nbrowser = 'chrome'\nmodel = 'axpy'\n\
    workgroup_size = [[64, 1, 1], [32, 1, 1], [16, 1, 1]]\n[measure]\nretries = 0\nfallback = []\n";

fn plan() -> Plan {
    Plan::of(Manifest::parse("manifests/kept.toml".as_ref(), THREE_JOBS.to_owned(), &[]).unwrap())
}

fn report(job: &Job, status: Status) -> JobReport {
    JobReport {
        job: job.clone(),
        status,
        reason: if status == Status::Ok { String::new() } else { "because".to_owned() },
        attempts: 1,
        started_at: Timestamp::now(),
        session: Some(Opened { browser_version: "156.0".to_owned(), ..Opened::default() }),
        backend_used: None,
        fallback_reason: String::new(),
        measurement: (status == Status::Ok).then(|| Measurement::begin(prepared())),
        page: None,
        wrong: None,
        circumstances: Circumstances::default(),
    }
}

fn recorder(out: &Path, plan: &Plan) -> Recorder {
    let started = Timestamp::now();
    Recorder::create(out, plan, RunToml::of(&plan.manifest, started), started).unwrap()
}

/// The run folder of three jobs of which the first is done, the second was skipped, and the third was being written.
fn torn(out: &Path) -> PathBuf {
    let plan = plan();
    let mut recorder = recorder(out, &plan);
    recorder.add(&report(&plan.jobs[0], Status::Ok)).unwrap();
    recorder.add(&report(&plan.jobs[1], Status::Skipped)).unwrap();
    let folder = recorder.folder().to_owned();
    let append = |file: &str, text: &str| {
        OpenOptions::new().append(true).open(folder.join(file)).unwrap().write_all(text.as_bytes()).unwrap();
    };
    append("jobs.csv", "kept,chrome/axpy/webgpu/16x1x1/precompiled,kept,ok,\"torn in the mid");
    append("samples.csv", "kept,chrome/axpy/webgpu/16x1x1/precompiled,0,0,first,1,,1,1,1,,\r\nkept,chrome/ax");
    folder
}

#[test]
fn what_looks_like_a_formula_is_harmless_in_every_text_cell() {
    let out = tempfile::tempdir().unwrap();
    let plan = plan();
    let mut recorder = recorder(out.path(), &plan);
    let mut hostile = report(&plan.jobs[0], Status::Ok);
    let adapter = hostile.measurement.as_mut().unwrap().adapter.as_mut().unwrap();
    "=cmd|' /C calc'!A0".clone_into(&mut adapter.vendor);
    "+1".clone_into(&mut adapter.device);
    "a, \"quoted\"\r\nline".clone_into(&mut adapter.description);
    "@SUM(A1)".clone_into(&mut hostile.session.as_mut().unwrap().browser_version);
    "-2+3".clone_into(&mut hostile.reason);
    recorder.add(&hostile).unwrap();
    let row = &rows(&recorder.folder().join("jobs.csv"))[0];
    assert_eq!(row["adapter_vendor"], "'=cmd|' /C calc'!A0");
    assert_eq!((row["adapter_device"].as_str(), row["browser_version"].as_str()), ("'+1", "'@SUM(A1)"));
    assert_eq!((row["reason"].as_str(), row["adapter_description"].as_str()), ("'-2+3", "a, \"quoted\"  line"));
    for (name, cell) in row {
        let risky =
            cell.starts_with(['=', '+', '@', '\t', '\r']) || (cell.starts_with('-') && cell.parse::<f64>().is_err());
        assert!(!risky, "{name} is {cell:?}");
    }
}

/// Exports and schemas know the kinds from the table alone, whatever a cell's function makes.
#[test]
fn cells_are_of_the_kind_that_their_column_has() {
    let out = tempfile::tempdir().unwrap();
    let plan = plan();
    let mut recorder = recorder(out.path(), &plan);
    let row = recorder.add(&report(&plan.jobs[0], Status::Ok)).unwrap();
    let kinds: HashMap<&str, CellKind> = columns::named().map(|(name, kind, _)| (name, kind)).collect();
    let mut checked = 0;
    for (name, cell) in row.cells() {
        let kind = kinds[name.as_str()];
        let fits = match cell {
            Cell::Empty => continue,
            Cell::Text(_) => kind == CellKind::Text || kind == CellKind::Time,
            Cell::Whole(_) | Cell::Int(_) => kind == CellKind::Whole,
            Cell::Float(_) | Cell::Exact(_) => kind == CellKind::Float,
            Cell::Flag(_) => kind == CellKind::Flag,
        };
        assert!(fits, "{name} is {cell:?}, and its column's is {kind}");
        checked += 1;
    }
    assert!(checked > 30 && kinds.len() == row.cells().len(), "{checked} of {}", kinds.len());
    let tables = typed::tables(recorder.folder()).unwrap();
    assert_eq!((tables[0].rows.len(), tables[0].columns.len()), (1, row.cells().len()));
    assert!(tables[1].rows.iter().flatten().any(|cell| matches!(cell, Cell::Float(_))));
}

#[test]
fn a_torn_run_is_taken_up_with_its_whole_rows_alone() {
    let out = tempfile::tempdir().unwrap();
    let folder = torn(out.path());
    let plan = plan();
    let resumable = resume::open(&folder, &plan.manifest).unwrap();
    assert_eq!(resumable.done, [plan.jobs[0].id.0.clone()].into());
    let kept = rows(&folder.join("jobs.csv"));
    assert_eq!((kept.len(), &kept[0]["job_id"]), (1, &plan.jobs[0].id.0));
    let samples = rows(&folder.join("samples.csv"));
    assert!(!samples.is_empty() && samples.iter().all(|sample| sample["job_id"] == plan.jobs[0].id.0), "{samples:?}");

    let text = std::fs::read_to_string(folder.join("jobs.csv")).unwrap();
    std::fs::write(folder.join("jobs.csv"), text.replace(",warnings", "")).unwrap();
    let error = Recorder::append(&folder, &plan, resumable).unwrap_err();
    assert!(error.to_string().contains("has other columns"), "{error}");
    std::fs::write(folder.join("jobs.csv"), text).unwrap();

    let resumable = resume::open(&folder, &plan.manifest).unwrap();
    let mut recorder = Recorder::append(&folder, &plan, resumable).unwrap();
    for job in &plan.jobs[1..] {
        recorder.add(&report(job, Status::Ok)).unwrap();
    }
    let ids: Vec<String> = rows(&folder.join("jobs.csv")).into_iter().map(|row| row["job_id"].clone()).collect();
    assert_eq!(ids, plan.jobs.iter().map(|job| job.id.0.clone()).collect::<Vec<_>>());
    drop(recorder);
    assert_eq!(resume::open(&folder, &plan.manifest).unwrap().done.len(), 3);
}

#[test]
fn a_run_folder_has_one_writer() {
    let out = tempfile::tempdir().unwrap();
    let plan = plan();
    let mut recorder = recorder(out.path(), &plan);
    recorder.add(&report(&plan.jobs[0], Status::Ok)).unwrap();
    let folder = recorder.folder().to_owned();
    let before = std::fs::read(folder.join("jobs.csv")).unwrap();
    let error = resume::open(&folder, &plan.manifest).unwrap_err();
    assert_eq!(error.to_string(), format!("another gpujobs is writing {}", folder.display()));
    assert_eq!(std::fs::read(folder.join("jobs.csv")).unwrap(), before);

    // What its holder leaves, however it ends, is resumed, once.
    drop(recorder);
    let first = resume::open(&folder, &plan.manifest).unwrap();
    assert!(matches!(resume::open(&folder, &plan.manifest), Err(RecordError::Busy { .. })));
    let recorder = Recorder::append(&folder, &plan, first).unwrap();
    assert!(matches!(resume::open(&folder, &plan.manifest), Err(RecordError::Busy { .. })));
    drop(recorder);
    assert_eq!(resume::open(&folder, &plan.manifest).unwrap().done.len(), 1);
}

#[test]
fn rows_that_someone_takes_away_are_not_lost_silently() {
    type Meddle = fn(&Path);
    let remove = |path: &Path| std::fs::remove_file(path).unwrap();
    let replace = |path: &Path| {
        let text = std::fs::read(path).unwrap();
        std::fs::remove_file(path).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let empty = |path: &Path| std::fs::write(path, "").unwrap();
    let meddle: [(&str, Meddle); 3] = [("removed", remove), ("replaced", replace), ("changed", empty)];
    for (what, meddle) in meddle {
        for file in ["jobs.csv", "samples.csv"] {
            let out = tempfile::tempdir().unwrap();
            let plan = plan();
            let mut recorder = recorder(out.path(), &plan);
            recorder.add(&report(&plan.jobs[0], Status::Ok)).unwrap();
            recorder.check().unwrap();
            let path = recorder.folder().join(file);
            meddle(&path);
            // At the next row, and where there is none, at the end.
            for error in [recorder.check(), recorder.add(&report(&plan.jobs[1], Status::Ok)).map(drop)] {
                let said = format!("{} was {what} while it was being written", path.display());
                let error = error.unwrap_err().to_string();
                assert!(error.starts_with(&said), "{error}");
            }
            // The remedy is one: what is missing is measured again.
            let folder = recorder.folder().to_owned();
            drop(recorder);
            let resumed = resume::open(&folder, &plan.manifest).unwrap();
            assert_eq!(resumed.done.is_empty(), what != "replaced", "{what} {file}");
            let mut recorder = Recorder::append(&folder, &plan, resumed).unwrap();
            for job in &plan.jobs {
                recorder.add(&report(job, Status::Ok)).unwrap();
            }
            recorder.check().unwrap();
        }
    }
}

#[test]
fn a_folder_of_another_manifest_or_of_no_run_is_refused() {
    let out = tempfile::tempdir().unwrap();
    let folder = torn(out.path());
    let before = std::fs::read(folder.join("jobs.csv")).unwrap();
    let changed = Manifest::parse("manifests/kept.toml".as_ref(), format!("{THREE_JOBS}# changed\n"), &[]).unwrap();
    let error = resume::open(&folder, &changed).unwrap_err();
    assert!(matches!(&error, RecordError::NotTheRun { .. }), "{error}");
    assert_eq!(std::fs::read(folder.join("jobs.csv")).unwrap(), before, "nothing was touched");
    assert!(resume::open(out.path(), &plan().manifest).is_err());
    std::fs::write(folder.join("jobs.csv"), "something else\r\n").unwrap();
    assert!(matches!(resume::open(&folder, &plan().manifest).unwrap_err(), RecordError::NotTheRun { .. }));
}

#[test]
fn run_toml_says_what_ran() {
    let out = tempfile::tempdir().unwrap();
    let folder = torn(out.path());
    let run = RunToml::read(&folder).unwrap();
    assert_eq!(run.manifest, THREE_JOBS);
    assert_eq!(run.run_id, folder.file_name().unwrap().to_str().unwrap());
    assert_eq!(run.gpujobs_version, env!("CARGO_PKG_VERSION"));
    assert_eq!((run.planned_jobs, run.model_params.map(|models| models.len())), (Some(3), Some(1)));
    assert!(!run.command.is_empty() && !run.host.os.is_empty() && !run.host.cpu.is_empty());
    let browser = &run.browser["chrome"];
    assert_eq!(
        (browser.browser_version.as_str(), browser.adapter.as_ref().unwrap().vendor.as_str()),
        ("156.0", "fake")
    );
    assert!(folder.join("logs").is_dir());
}

#[test]
fn a_folder_that_can_not_be_made_is_said_with_the_remedy() {
    let shop = Workshop::new();
    shop.write("m.toml", THREE_JOBS);
    shop.write("taken", "a file");
    let ended = shop.gpujobs(&["run", "m.toml", "--out", "taken"]).expect(3);
    assert!(ended.stderr.contains("taken") && ended.stderr.contains("help:"), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
}

#[cfg(target_os = "linux")]
#[test]
fn an_interrupted_run_is_finished_by_resume() {
    use crate::support::browser_turn;
    use crate::support::traces;
    use crate::support::workshop::ended;

    let _turn = browser_turn();
    let shop = Workshop::new();
    let manifest = THREE_JOBS.replace("[measure]\n", "[measure]\nwarmup = 0\nsamples = 300\nrounds = 1\n");
    shop.write("m.toml", &manifest);
    let mut child = shop.command(&["run", "m.toml", "--out", "out"]).spawn().unwrap();
    shop.wait_for(&mut child, "jobs.csv", "/64x1x1/");
    traces::signal(child.id(), nix::sys::signal::Signal::SIGINT);
    ended(child).expect(130);
    let first = shop.jobs();
    assert!(first.len() < 3);
    let folder = shop.run_folder().display().to_string();

    shop.write("m.toml", &format!("{manifest}# changed\n"));
    let refused = shop.gpujobs(&["run", "m.toml", "--resume", &folder]).expect(2);
    assert!(refused.stderr.contains("another manifest"), "{}", refused.stderr);

    shop.write("m.toml", &manifest);
    shop.gpujobs(&["run", "m.toml", "--resume", &folder]).expect(0);
    let jobs = shop.jobs();
    assert_eq!(jobs[0], first[0], "what was measured is kept as it was");
    assert_eq!(shop.column("workgroup_x"), ["64", "32", "16"]);
    assert_eq!(shop.column("status"), ["ok", "ok", "ok"]);
    assert_eq!(shop.samples().iter().filter(|sample| sample["kind"] == "steady").count(), 3 * 300);
    traces::assert_none(&shop);
}
