//! From manifests to jobs: their order, their ids, filters, and how long planning takes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]
#![expect(clippy::print_stdout, reason = "the time that planning takes is printed, not judged")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use gpujobs::cli::{Folders, PlanArgs, PlanFormat as Format, Selection};
use gpujobs::commands::plan;
use gpujobs::manifest::Manifest;
use gpujobs::plan::{Filter, Plan};
use serde_json::Value;

const ORDER: &str = "tests/data/manifests/ok/order.toml";

fn arguments(manifests: &[&str], filter: Option<&str>, format: Format) -> PlanArgs {
    let (manifests, filter) = (manifests.iter().map(PathBuf::from).collect(), filter.map(str::to_owned));
    let selection = Selection { manifests, from: None, filter, sets: Vec::new() };
    let folders = Folders { shaders: None, templates: None };
    PlanArgs { selection, folders, webdriver: None, shard: None, format }
}

fn ids(plan: &Plan) -> Vec<&str> {
    plan.jobs.iter().map(|job| job.id.0.as_str()).collect()
}

fn order() -> Plan {
    Plan::of(Manifest::load(Path::new(ORDER), &[]).unwrap())
}

/// A manifest in the folder of the tests' models.
fn planned(text: &str) -> Plan {
    Plan::of(Manifest::parse(Path::new("tests/data/manifests/x.toml"), text.to_owned(), &[]).unwrap())
}

#[test]
fn the_first_axis_varies_slowest_and_includes_come_last() {
    insta::assert_snapshot!(ids(&order()).join("\n"));
}

#[test]
fn ids_are_distinct_and_do_not_depend_on_what_is_not_theirs() {
    let plan = Plan::of(Manifest::load(Path::new("tests/data/manifests/ok/everything.toml"), &[]).unwrap());
    let mut seen = ids(&plan);
    seen.sort_unstable();
    let jobs = seen.len();
    seen.dedup();
    assert_eq!(seen.len(), jobs);
    let wide = planned("[matrix]\nbrowser = ['chrome', 'firefox']\nmodel = 'axpy'\nbatch = [8, 1]\n");
    let narrow = planned("[matrix]\nmodel = 'axpy'\nbrowser = 'firefox'\n");
    assert_eq!(ids(&wide)[3], ids(&narrow)[0]);
    assert_eq!(ids(&narrow)[0], "firefox/axpy/webgpu/64x1x1/precompiled");
}

#[test]
fn excludes_do_not_drop_includes() {
    let plan = planned(
        "[matrix]\nbrowser = ['chrome', 'firefox']\nmodel = 'axpy'\n[[matrix.exclude]]\nbrowser = 'firefox'\n\
         [[matrix.include]]\nbrowser = 'firefox'\n",
    );
    assert_eq!(ids(&plan), ["chrome/axpy/webgpu/64x1x1/precompiled", "firefox/axpy/webgpu/64x1x1/precompiled"]);
}

#[test]
fn wgsl_runs_on_webgpu_alone() {
    let plan = planned("[matrix]\nbrowser = 'chrome'\nmodel = 'axpy'\nbackend = ['webgpu', 'webnn', 'wasm']\n");
    let impossible: Vec<bool> = plan.jobs.iter().map(|job| job.unsupported_reason.is_some()).collect();
    assert_eq!(impossible, [false, true, true]);
}

#[test]
fn a_session_is_in_the_id_where_it_is_not_the_default_and_means_nothing_to_wgsl() {
    let text = "[matrix]\nbrowser = 'chrome'\nmodel = ['axpy', 'tiny-clip-encoders']\nbackend = ['webgpu', 'wasm']\n\
                session = ['default', 'split']\n[session.split]\ndevice = { vision_model = 'webgpu' }\n";
    let plan = planned(text);
    let found: Vec<(&str, &str)> = plan
        .jobs
        .iter()
        .map(|job| (job.id.0.as_str(), job.unsupported_reason.as_deref().unwrap_or_default()))
        .collect();
    assert_eq!(found[0], ("chrome/axpy/webgpu/64x1x1/precompiled", ""));
    assert_eq!(found[1].0, "chrome/axpy/webgpu/64x1x1/precompiled/session=split");
    assert!(found[1].1.contains("has no sessions of onnxruntime that `split` could set"), "{found:?}");
    assert!(found[3].1.contains("runs on webgpu, not on wasm"), "{found:?}");
    assert_eq!((found[4].1, found[5].1, found[6].1), ("", "", ""));
    assert_eq!(found[7].1, "session `split` puts vision_model on webgpu, which a page on wasm does not have");
}

#[test]
fn filters_keep_what_matches_all_terms() {
    let kept = |filter: &str| {
        let mut plan = order();
        plan.retain(&Filter::parse(filter, ["unroll"]).unwrap());
        plan.jobs.len()
    };
    assert_eq!(kept(""), 13);
    assert_eq!(kept("browser=firefox"), 8);
    assert_eq!(kept("browser=f*,c*"), 12);
    assert_eq!(kept("browser!=firefox,chrome"), 1);
    assert_eq!(kept("browser=firefox unroll=4 backend=webgpu"), 2);
    assert_eq!(kept("workgroup_size=64x1x1 unroll!=1"), 3);
    assert_eq!(kept("threads=2"), 1);
    assert_eq!(kept("threads!=2"), 12);
    assert_eq!(kept("id=*/webnn/*/unroll=4"), 3);
    assert_eq!(kept("browser=netscape"), 0);
}

fn written(manifests: &[&str], filter: Option<&str>, format: Format) -> String {
    let mut out = Vec::new();
    plan::run(&arguments(manifests, filter, format), &mut out).unwrap();
    String::from_utf8(out).unwrap().lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

#[test]
fn the_plan_is_shown() {
    insta::assert_snapshot!(
        "plan_table",
        written(&[ORDER, "tests/data/manifests/ok/smallest.toml"], None, Format::Table)
    );
    insta::assert_snapshot!("plan_nothing", written(&[ORDER], Some("browser=netscape"), Format::Table));
    let json = written(&[ORDER], Some("browser=webkitgtk"), Format::Json);
    insta::assert_snapshot!("plan_json", json);
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap().as_array().unwrap().len(), 1);
}

#[test]
fn a_faulty_filter_is_an_error_before_anything_is_written() {
    let mut out = Vec::new();
    let error = plan::run(&arguments(&[ORDER], Some("brwser=x"), Format::Table), &mut out).unwrap_err();
    assert_eq!(error.to_string(), "no axis is named `brwser`");
    assert!(out.is_empty());
}

/// Prints how long it takes; a shared machine can be asked for no more.
#[test]
fn ten_thousand_jobs_are_planned_in_a_moment() {
    let numbers = |count: usize| (1..=count).map(|number| number.to_string()).collect::<Vec<_>>().join(", ");
    let text = format!(
        "[matrix]\nbrowser = ['chrome', 'firefox']\nmodel = 'axpy'\n[[matrix.exclude]]\nbrowser = 'chrome'\na = 7\n\
         [axes]\na = [{}]\nb = [{}]\n",
        numbers(50),
        numbers(100)
    );
    let start = Instant::now();
    let plan = planned(&text);
    let estimate = plan.estimate();
    println!("{} jobs planned in {:?}: {estimate}", plan.jobs.len(), start.elapsed());
    assert_eq!(plan.jobs.len(), 9_900);
}

#[test]
fn a_thousand_million_jobs_are_refused_at_once() {
    let start = Instant::now();
    let path = Path::new("tests/data/manifests/bad/a_thousand_million_jobs.toml");
    let error = Manifest::load(path, &[]).unwrap_err();
    println!("refused in {:?}", start.elapsed());
    assert!(error.0[0].problems[0].message.contains("1,000,000,000 jobs"), "{error}");
}
