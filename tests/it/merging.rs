//! `gpujobs merge`: what it makes of shards and of machines, what it refuses, and who reads the result.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use gpujobs::harness::executor::Opened;
use gpujobs::harness::fake::prepared;
use gpujobs::manifest::{Backend, Manifest};
use gpujobs::measure::{Measurement, Sample};
use gpujobs::plan::{Job, Plan, Shard};
use gpujobs::protocol::event::SampleKind;
use gpujobs::record::Recorder;
use gpujobs::record::inputs::{Inputs, RepeatToml};
use gpujobs::record::run_toml::{RunToml, ShardToml};
use gpujobs::render::Templates;
use gpujobs::run::{Circumstances, JobReport, Status, blocks};

use crate::support::workshop::{Row, Workshop, rows};

const MANIFEST: &str = "name = 'kept'\n[matrix]\nbrowser = 'chrome'\nmodel = ['axpy', 'copy', 'softmax', 'matmul']\n\
    workgroup_size = [[64, 1, 1], [32, 1, 1]]\n[measure]\nretries = 0\nrounds = 2\nfallback = []\n";

fn report(job: &Job) -> JobReport {
    let mut measurement = Measurement::begin(prepared());
    let first = measurement.samples[0];
    measurement.samples.extend((0..6).map(|round| Sample { kind: SampleKind::Steady, round, ..first }));
    JobReport {
        job: job.clone(),
        status: Status::Ok,
        reason: String::new(),
        attempts: 1,
        started_at: "2026-11-22T17:52:00Z".parse().unwrap(),
        session: Some(Opened { browser_version: "156.0".to_owned(), ..Opened::default() }),
        backend_used: Some(Backend::Webgpu),
        fallback_reason: String::new(),
        measurement: Some(measurement),
        page: None,
        wrong: None,
        circumstances: Circumstances::default(),
    }
}

/// A run that a test makes.
#[derive(Clone, Copy)]
struct Making<'a> {
    text: &'a str,
    shard: Option<(u32, u32)>,
    machine: &'a str,
    /// Jobs at the end that it has not.
    lacks: usize,
}

const WHOLE: Making<'_> = Making { text: MANIFEST, shard: None, machine: "", lacks: 0 };

fn shard(number: u32) -> Making<'static> {
    Making { shard: Some((number, 4)), ..WHOLE }
}

impl Making<'_> {
    /// Records it in a folder of the workshop. All of them began in one second.
    fn record(self, shop: &Workshop, name: &str) -> PathBuf {
        let manifest = Manifest::parse("manifests/kept.toml".as_ref(), self.text.to_owned(), &[]).unwrap();
        let mut plan = Plan::of(Manifest { machine: self.machine.to_owned(), ..manifest });
        let whole = blocks(&plan);
        let part = self.shard.map(|(number, of)| plan.keep_shard(Shard { number, of }, &whole).unwrap());
        let started = "2026-11-22T17:52:00Z".parse().unwrap();
        let run = RunToml { shard: part.as_ref().map(ShardToml::from), ..RunToml::of(&plan.manifest, started) };
        let out = shop.path(&format!("making-{name}"));
        let mut recorder = Recorder::create(&out, &plan, run, started).unwrap();
        let templates = Templates::new(None, None).unwrap();
        let inputs = Inputs { manifest: &plan.manifest, templates: &templates, files: &BTreeSet::new() };
        recorder.keep(&inputs, &RepeatToml::default()).unwrap();
        for job in &plan.jobs[..plan.jobs.len() - self.lacks] {
            recorder.add(&report(job)).unwrap();
        }
        let folder = shop.path(name);
        fs::rename(recorder.folder(), &folder).unwrap();
        fs::write(folder.join("logs/chrome.log"), name).unwrap();
        folder
    }
}

/// The four shards `s1` to `s4`.
fn four(shop: &Workshop) -> Vec<PathBuf> {
    (1..=4).map(|number| shard(number).record(shop, &format!("s{number}"))).collect()
}

/// A row without what is of its run.
fn of_any_run(row: &Row) -> BTreeMap<&str, &str> {
    row.iter().filter(|(name, _)| *name != "run_id").map(|(name, cell)| (name.as_str(), cell.as_str())).collect()
}

/// Everything below a folder, with its bytes.
fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all.extend(tree(&path)) } else { drop(all.insert(path.clone(), fs::read(&path).unwrap())) }
    }
    all
}

#[test]
fn four_shards_are_the_whole_run() {
    let shop = Workshop::new();
    let parts = four(&shop);
    let whole = WHOLE.record(&shop, "whole");
    let before: Vec<_> = parts.iter().map(|part| tree(part)).collect();
    let ended = shop.gpujobs(&["merge", "s3", "s1", "s4", "s2", "-o", "new/all"]).expect(0);
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("new/all\n", "8 jobs of 4 runs\n"));
    assert_eq!(parts.iter().map(|part| tree(part)).collect::<Vec<_>>(), before, "the parts are as they were");
    let all = shop.path("new/all");
    let (merged, expected) = (rows(&all.join("jobs.csv")), rows(&whole.join("jobs.csv")));
    assert_eq!(merged.len(), 8);
    let plain = |rows: &[Row]| rows.iter().map(|row| format!("{:?}", of_any_run(row))).collect::<Vec<_>>();
    assert_eq!(plain(&merged), plain(&expected), "in the documented order");

    // Each row is of its part, which the samples, the logs and run.toml know by the same name.
    let runs: BTreeSet<&str> = merged.iter().map(|row| row["run_id"].as_str()).collect();
    assert_eq!(runs.len(), 4, "all began in one second: {runs:?}");
    let run = RunToml::read(&all).unwrap();
    let parts = run.merged.unwrap().part;
    assert_eq!(parts.iter().map(|part| part.run_id.as_str()).collect::<BTreeSet<_>>(), runs);
    assert_eq!(parts.iter().filter(|part| part.was.is_some()).count(), 3);
    let names: Vec<&str> = parts.iter().map(|part| part.folder.as_str()).collect();
    assert_eq!(names, ["s3", "s1", "s4", "s2"], "as they were named");
    for part in &parts {
        assert_eq!(fs::read_to_string(all.join("logs").join(&part.run_id).join("chrome.log")).unwrap(), part.folder);
        assert_eq!((part.jobs, part.browser["chrome"].browser_version.as_str()), (2, "156.0"));
    }
    let key = |row: &Row| (row["run_id"].clone(), row["job_id"].clone());
    let samples = rows(&all.join("samples.csv"));
    let of_samples: BTreeSet<_> = samples.iter().map(key).collect();
    assert_eq!(of_samples, merged.iter().map(key).collect());
    assert_eq!(samples.len(), rows(&whole.join("samples.csv")).len());
    assert_eq!((run.planned_jobs, run.shard, run.run_id.as_str()), (Some(8), None, "all"));
    let left: Vec<_> = fs::read_dir(shop.path("new")).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

/// A copy of a run, with a text in one of its files replaced.
fn edited(shop: &Workshop, from: &str, name: &str, file: &str, [before, after]: [&str; 2]) {
    for (path, bytes) in tree(&shop.path(from)) {
        let target = shop.path(name).join(path.strip_prefix(shop.path(from)).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::write(target, bytes).unwrap();
    }
    let text = fs::read_to_string(shop.path(name).join(file)).unwrap();
    assert!(text.contains(before), "{text}");
    fs::write(shop.path(name).join(file), text.replace(before, after)).unwrap();
}

/// Copies of the shard `s4` in which something is odd.
fn copies(shop: &Workshop) {
    let version = format!("gpujobs_version = \"{}\"", env!("CARGO_PKG_VERSION"));
    edited(shop, "s4", "older", "run.toml", [&version, "gpujobs_version = \"0.0.1\""]);
    let division = RunToml::read(&shop.path("s4")).unwrap().shard.unwrap().division;
    edited(shop, "s4", "divided", "run.toml", [&division, "0123456789abcdef"]);
    edited(shop, "s4", "by-hand", "jobs.csv", ["kept-20261122T175200Z", "another"]);
    edited(shop, "s4", "columns", "jobs.csv", ["browser_version", "version"]);
    edited(shop, "s4", "torn", "jobs.csv", ["matmul/webgpu/32x1x1", "matmul/webgpu/32x1x1"]);
    let text = fs::read_to_string(shop.path("torn/jobs.csv")).unwrap();
    fs::write(shop.path("torn/jobs.csv"), text.trim_end()).unwrap();
    let input = RunToml::read(&shop.path("s4")).unwrap().input[0].sha256.clone().unwrap();
    edited(shop, "s4", "other-input", "run.toml", [&input, "0123"]);
    edited(shop, "s4", "leads-out", "run.toml", ["run_id = \"kept-", "run_id = \"../kept-"]);
    edited(shop, "s4", "strange-shard", "run.toml", ["of = 4", "of = 4000000000"]);
    edited(shop, "s4", "twice", "run.toml", ["", ""]);
    let text = fs::read_to_string(shop.path("twice/jobs.csv")).unwrap();
    let last = text.lines().last().unwrap();
    fs::write(shop.path("twice/jobs.csv"), format!("{text}{last}\r\n")).unwrap();
}

/// Every error names the run, what was found, what was expected, and what helps.
#[test]
fn what_does_not_fit_is_refused() {
    let shop = Workshop::new();
    four(&shop);
    let other = MANIFEST.replace("rounds = 2", "rounds = 3");
    Making { text: &other, ..shard(4) }.record(&shop, "other-manifest");
    Making { shard: Some((3, 3)), ..WHOLE }.record(&shop, "of-three");
    Making { lacks: 1, ..shard(4) }.record(&shop, "unfinished");
    Making { machine: "lab-2", ..shard(2) }.record(&shop, "elsewhere");
    shard(2).record(&shop, "again");
    WHOLE.record(&shop, "whole");
    copies(&shop);
    shop.write("no-run/jobs.csv", "");
    shop.write("there/file", "");
    let refused = |name: &str, arguments: &[&str]| {
        let ended = shop.gpujobs(&[&["merge"], arguments].concat()).expect(2);
        assert_eq!(ended.stdout, "");
        format!("--- {name}\n{}\n", ended.stderr)
    };
    let with = |last: &str, name: &str| refused(name, &["s1", "s2", "s3", last, "-o", "new"]);
    let all = [
        refused("a shard is missing", &["s1", "s3", "s4", "-o", "new"]),
        refused("two are", &["s1", "s4", "-o", "new"]),
        refused("a shard is there twice", &["s1", "s2", "s3", "s4", "again", "-o", "new"]),
        refused("on two machines", &["s1", "s2", "s3", "s4", "elsewhere", "-o", "new"]),
        with("of-three", "a shard of another count"),
        with("divided", "a shard of another division"),
        with("other-manifest", "a shard of another manifest"),
        with("other-input", "a shard that was made of another file"),
        with("older", "a shard of another version"),
        with("unfinished", "a run that was killed"),
        with("torn", "one that was killed in the middle of a row"),
        with("columns", "one with other columns"),
        with("by-hand", "one that was put together by hand"),
        with("strange-shard", "one that is no shard that there can be"),
        with("twice", "one that has a job twice"),
        with("leads-out", "one whose id leads out"),
        with("whole", "a job that two runs have"),
        with("s1/../s1", "a run that is named twice"),
        with("no-run", "a folder that is no run"),
        with("nowhere", "a folder that is not there"),
        refused("a place that is taken", &["s1", "s2", "s3", "s4", "-o", "there"]),
        refused("a place inside a run", &["s1", "s2", "s3", "s4", "-o", "s1/deep/new"]),
    ]
    .concat();
    let shown = all.replace(shop.path("").to_str().unwrap(), "DIR/").replace(env!("CARGO_PKG_VERSION"), "VERSION");
    insta::assert_snapshot!("merge_refusals", shown);
    assert!(!shop.path("new").exists() && !shop.path("s1/deep").exists());
    let hidden = fs::read_dir(shop.path("")).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(hidden.filter(|name| name.to_string_lossy().starts_with('.')).count(), 0, "nothing is left");
}

#[test]
fn what_is_missing_on_purpose_is_recorded() {
    let shop = Workshop::new();
    shard(1).record(&shop, "s1");
    let unfinished = Making { lacks: 1, ..shard(3) }.record(&shop, "s3");
    // Killed in the middle of a row.
    let text = fs::read_to_string(unfinished.join("jobs.csv")).unwrap();
    fs::write(unfinished.join("jobs.csv"), format!("{text}kept-20261122T175200Z,chr")).unwrap();
    let ended = shop.gpujobs(&["merge", "s1", "s3", "-o", "some", "--allow-missing"]).expect(0);
    assert_eq!(
        ended.stderr,
        "missing: shard 2/4\nmissing: shard 4/4\nmissing: 1 of 2 jobs of kept-20261122T175200Z\n3 jobs of 2 runs\n"
    );
    let run = RunToml::read(&shop.path("some")).unwrap();
    assert_eq!(run.merged.unwrap().missing.len(), 3);
    assert_eq!(run.planned_jobs, Some(8), "so that reports say what is not there");
    assert_eq!(rows(&shop.path("some/jobs.csv")).len(), 3);
    let page = shop.gpujobs(&["report", "some"]).expect(0).stdout;
    let page = fs::read_to_string(shop.path(page.trim())).unwrap();
    assert!(page.contains("unfinished: 3 of 8 jobs have ended"));
    // A shard that is there twice is no less wrong for it.
    shard(1).record(&shop, "again");
    shop.gpujobs(&["merge", "s1", "again", "-o", "more", "--allow-missing"]).expect(2);
}

/// Two whole runs of two machines.
fn two_machines(shop: &Workshop) {
    for name in ["lab-1", "lab-2"] {
        Making { machine: name, ..WHOLE }.record(shop, name);
    }
    shop.gpujobs(&["merge", "lab-1", "lab-2", "-o", "both"]).expect(0);
}

#[test]
fn every_command_takes_a_merged_run() {
    let shop = Workshop::new();
    two_machines(&shop);
    let merged = rows(&shop.path("both/jobs.csv"));
    let machines: Vec<&str> = merged.iter().map(|row| row["machine"].as_str()).collect();
    assert_eq!(machines, ["lab-1", "lab-2"].repeat(8), "the rows of a job stand together");
    let json = |arguments: &[&str]| -> serde_json::Value {
        serde_json::from_str(&shop.gpujobs(&[arguments, &["--format", "json"]].concat()).expect(0).stdout).unwrap()
    };
    let pairs = json(&["compare", "both", "lab-2", "--unverified"]);
    assert_eq!(pairs.as_array().unwrap().len(), 8);
    assert!(pairs.as_array().unwrap().iter().all(|pair| pair["base"] == "both [lab-2]"), "{pairs:#}");
    let by = json(&["compare", "both", "--by", "workgroup_size", "--unverified"]);
    let jobs: BTreeSet<&str> = by.as_array().unwrap().iter().map(|pair| pair["job"].as_str().unwrap()).collect();
    assert_eq!(jobs.len(), 8, "four models on two machines: {jobs:?}");
    // A part of it would count twice; another run of one of the machines goes on with its series.
    Making { machine: "lab-1", text: &MANIFEST.replace("'kept'", "'later'"), ..WHOLE }.record(&shop, "later");
    let history = json(&["history", "both", "lab-1", "later"]);
    assert_eq!(history["runs"].as_array().unwrap().len(), 2, "{history:#}");
    let series = history["series"].as_array().unwrap();
    let points: Vec<usize> = series.iter().map(|series| series["points"].as_array().unwrap().len()).collect();
    assert_eq!(points, [2, 1].repeat(8), "{history:#}");
    let told = shop.gpujobs(&["history", "."]).expect(0).stderr;
    assert!(told.contains("left out: 2 runs are part of a merged run that is named as well"), "{told}");

    let page = shop.gpujobs(&["report", "both"]).expect(0).stdout;
    let page = fs::read_to_string(shop.path(page.trim())).unwrap();
    for shown in ["[lab-1]", "[lab-2]", "chrome [lab-1, kept-20261122T175200Z]", "kept-20261122T175200Z-2]"] {
        assert!(page.contains(shown), "{shown}");
    }
    shop.gpujobs(&["export", "both", "--format", "json", "-o", "run.json"]).expect(0);
    let document: serde_json::Value = serde_json::from_slice(&fs::read(shop.path("run.json")).unwrap()).unwrap();
    assert_eq!(document["run"]["merged"]["part"][1]["host"]["machine"], "lab-2");
    assert_eq!((document["jobs"].as_array().unwrap().len(), &document["jobs"][1]["machine"]), (16, &"lab-2".into()));
    let schema: serde_json::Value = serde_json::from_str(&shop.gpujobs(&["schema", "--run"]).expect(0).stdout).unwrap();
    jsonschema::validate(&schema, &document).unwrap_or_else(|error| panic!("{error}"));
    for format in ["xlsx", "parquet"] {
        shop.gpujobs(&["export", "both", "--format", format]).expect(0);
    }
    shop.gpujobs(&["export", "both", "--format", "bencher", "--unverified", "-o", "bmf.json"]).expect(0);
    let names = fs::read_to_string(shop.path("bmf.json")).unwrap();
    assert_eq!(names.matches("[lab-1: ").count(), 8, "{names}");

    // It is planned and run again like any other: its parts had the same options.
    let planned = json(&["plan", "--from", "both"]);
    assert_eq!(planned.as_array().unwrap().len(), 8);
    // It can't be resumed, nor be merged again.
    shop.write("kept.toml", MANIFEST);
    let resumed = shop.gpujobs(&["run", "kept.toml", "--resume", "both"]).expect(2).stderr;
    assert!(resumed.contains("both is merged from 2 runs, and can't be resumed"), "{resumed}");
    assert!(resumed.contains("lab-1 lab-2"), "{resumed}");
    let merged = shop.gpujobs(&["merge", "both", "lab-1", "-o", "more"]).expect(2).stderr;
    assert!(merged.contains("both is merged from 2 runs already") && merged.contains("lab-1 lab-2"), "{merged}");
}

#[test]
fn a_run_of_unlike_parts_is_not_repeated() {
    let shop = Workshop::new();
    four(&shop);
    let toml = fs::read_to_string(shop.path("s2/run.toml")).unwrap();
    fs::write(shop.path("s2/run.toml"), toml.replace("headed = false", "headed = true")).unwrap();
    shop.gpujobs(&["merge", "s1", "s2", "s3", "s4", "-o", "all"]).expect(0);
    let refused = shop.gpujobs(&["plan", "--from", "all"]).expect(2).stderr;
    assert!(refused.contains("all is merged from runs with unlike options"), "{refused}");
}

/// What is copied from a folder that somebody else may have made lies in that folder.
#[test]
fn a_merge_follows_no_links_and_leaves_nothing_where_it_fails() {
    let shop = Workshop::new();
    four(&shop);
    shop.write("secret", "not for others");
    let link = shop.path("s4/logs/secret.log");
    std::os::unix::fs::symlink(shop.path("secret"), &link).unwrap();
    let refused = shop.gpujobs(&["merge", "s1", "s2", "s3", "s4", "-o", "new/all"]).expect(2).stderr;
    assert!(refused.contains("s4/logs/secret.log is neither a file nor a folder"), "{refused}");
    assert_eq!(fs::read_dir(shop.path("new")).unwrap().count(), 0);
    fs::remove_file(link).unwrap();
    // An input that leads out.
    fs::rename(shop.path("s4/inputs"), shop.path("elsewhere")).unwrap();
    std::os::unix::fs::symlink(shop.path("elsewhere"), shop.path("s4/inputs")).unwrap();
    shop.gpujobs(&["merge", "s1", "s2", "s3", "s4", "-o", "new/all"]).expect(0);
    fs::remove_dir_all(shop.path("new/all")).unwrap();
    let refused = shop.gpujobs(&["merge", "s4", "s1", "s2", "s3", "-o", "new/all"]).expect(2).stderr;
    assert!(refused.contains("names the input \"inputs/"), "{refused}");
    assert_eq!(fs::read_dir(shop.path("new")).unwrap().count(), 0);
}

/// A merge that is killed leaves nothing that looks like a run, and does not keep the next one from its place.
#[test]
fn a_merge_that_is_killed_leaves_no_run() {
    let shop = Workshop::new();
    let parts = four(&shop);
    // Long enough to be killed in the middle of it.
    fs::write(parts[3].join("logs/firefox.log"), vec![b'x'; 200 << 20]).unwrap();
    let mut child = shop.command(&["merge", "s1", "s2", "s3", "s4", "-o", "new/all"]).spawn().unwrap();
    let begun = || {
        let entry = fs::read_dir(shop.path("new")).ok()?.next()?.ok()?;
        entry.path().join("run/logs").exists().then_some(())
    };
    while begun().is_none() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was seen");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!shop.path("new/all").exists());
    let told = shop.gpujobs(&["history", "new"]).expect(2).stderr;
    assert!(told.contains("names no run"), "{told}");
    shop.gpujobs(&["merge", "s1", "s2", "s3", "s4", "-o", "new/all"]).expect(0);
    assert_eq!(rows(&shop.path("new/all/jobs.csv")).len(), 8);
}

/// A run that is still being written is not merged.
#[test]
fn a_run_that_is_being_written_is_waited_for() {
    let shop = Workshop::new();
    four(&shop);
    let _writer = gpujobs::record::lock::RunLock::take(&shop.path("s2")).unwrap();
    let busy = shop.gpujobs(&["merge", "s1", "s2", "s3", "s4", "-o", "all"]).expect(3).stderr;
    assert!(busy.contains("another gpujobs is writing s2"), "{busy}");
}
