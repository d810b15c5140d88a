//! Groups: jobs that take turns in rounds, and what becomes of them when one loses its browser.

use gpujobs::browser::fake::{Act, Script};
use gpujobs::browser::wire::SampleKind;
use gpujobs::run::Status;

use crate::dispatcher::{plan, run};

/// Three jobs in each of two browsers, six samples each.
const SIX: &str = "[matrix]\nbrowser = ['chrome', 'firefox']\nmodel = 'axpy'\nworkgroup_size = [[64, 1, 1], [8, 1, 1], [1, 1, 1]]\n\
    [measure]\nwarmup = 1\nsamples = 6\nrounds = 3\nretries = 1\nfallback = []\n";

fn calls(script: &Script, begin: &str) -> Vec<String> {
    script.calls().into_iter().filter_map(|call| call.strip_prefix(begin).map(str::to_owned)).collect()
}

#[tokio::test]
async fn every_job_has_its_turn_in_every_round_and_the_order_is_shuffled() {
    let script = Script::new();
    let told = run(&plan(SIX), &script).await;
    assert_eq!(calls(&script, "prepare ").len(), 6, "each job is made ready once");
    let turns = calls(&script, "measure 1+2 of ");
    assert_eq!(turns.len(), 18, "{turns:?}");
    let rounds: Vec<&[String]> = turns.chunks(6).collect();
    for round in &rounds {
        let mut jobs = round.to_vec();
        jobs.sort();
        assert_eq!(jobs, ["1", "2", "3", "4", "5", "6"]);
    }
    assert!(rounds[0] != rounds[1] && rounds[1] != rounds[2], "{rounds:?}");
    for report in &told.reports {
        let steady = report.measurement.as_ref().unwrap().samples.iter().filter(|one| one.kind == SampleKind::Steady);
        let rounds: Vec<u32> = steady.map(|sample| sample.round).collect();
        assert_eq!(rounds, [0, 0, 1, 1, 2, 2]);
    }
    let ids: Vec<&str> = told.reports.iter().map(|report| report.job.id.0.as_str()).collect();
    let planned = plan(SIX);
    assert_eq!(ids, planned.jobs.iter().map(|job| job.id.0.as_str()).collect::<Vec<_>>(), "rows keep the plan's order");
    // The order does not depend on the run.
    let again = Script::new();
    run(&plan(SIX), &again).await;
    assert_eq!(calls(&again, "measure 1+2 of "), turns);
}

#[tokio::test]
async fn one_round_cold_jobs_and_other_models_are_not_interleaved() {
    for text in [
        SIX.replace("rounds = 3", "rounds = 1"),
        SIX.replace("model = 'axpy'", "model = 'axpy'\ncache = 'cold'"),
        SIX.replace("model = 'axpy'", "model = ['axpy', 'copy']")
            .replace("[[64, 1, 1], [8, 1, 1], [1, 1, 1]]", "[[64, 1, 1]]"),
    ] {
        let script = Script::new();
        run(&plan(&text), &script).await;
        let calls = script.calls();
        let first_measure = calls.iter().position(|call| call.starts_with("measure")).unwrap();
        let prepared = calls[..first_measure].iter().filter(|call| call.starts_with("prepare")).count();
        assert_eq!(prepared, 1, "{calls:?}");
    }
}

#[tokio::test]
async fn a_lost_browser_costs_its_jobs_their_turns_and_not_their_rows() {
    let script = Script::new().job("chrome/axpy/webgpu/8x", [Act::LostAtSamples("it crashed".into())]);
    let told = run(&plan(SIX), &script).await;
    assert!(told.reports.iter().all(|report| report.status == Status::Ok), "{:?}", told.events);
    assert_eq!(told.reports.len(), 6);
    let attempts = |part: &str| told.reports.iter().find(|report| report.job.id.0.contains(part)).unwrap().attempts;
    assert_eq!(attempts("chrome/axpy/webgpu/8x"), 2, "the one that lost it");
    assert_eq!(attempts("chrome/axpy/webgpu/64x"), 1, "its neighbour is not blamed");
    for report in &told.reports {
        assert_eq!(report.measurement.as_ref().unwrap().wall_ms().len(), 6, "{}", report.job.id);
    }
}

#[tokio::test]
async fn without_retries_only_the_job_that_lost_its_browser_fails() {
    let text = SIX.replace("retries = 1", "retries = 0");
    for act in [Act::LostAtSamples("it crashed".into()), Act::Lost("it crashed".into())] {
        let script = Script::new().job("chrome/axpy/webgpu/8x", [act]);
        let told = run(&plan(&text), &script).await;
        let failed: Vec<&str> = told
            .reports
            .iter()
            .filter(|report| report.status != Status::Ok)
            .map(|report| report.reason.as_str())
            .collect();
        assert_eq!((failed, told.reports.len()), (vec!["it crashed"], 6));
        assert_eq!(told.outcome.unwrap().failed, 1);
    }
}

#[tokio::test]
async fn what_fails_by_itself_leaves_the_others_in_the_group() {
    let script = Script::new()
        .job("chrome/axpy/webgpu/8x", [Act::Incorrect("wrong".into())])
        .job("firefox/axpy/webgpu/1x", [Act::Unsupported("no adapter".into())]);
    let told = run(&plan(SIX), &script).await;
    assert_eq!(calls(&script, "measure 1+2 of ").len(), 12);
    let statuses: Vec<Status> = told.reports.iter().map(|report| report.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == Status::Ok).count(), 4, "{statuses:?}");
    assert!(statuses.contains(&Status::Incorrect) && statuses.contains(&Status::Unsupported));
}

#[tokio::test]
async fn a_silent_job_ends_in_time_and_the_others_run() {
    let script = Script::new().job("chrome/axpy/webgpu/8x", [Act::Silent, Act::Silent]);
    let told = run(&plan(&SIX.replace("[measure]", "[measure]\ntimeout = '200ms'")), &script).await;
    let status = |part: &str| told.reports.iter().find(|report| report.job.id.0.contains(part)).unwrap().status;
    assert_eq!(status("chrome/axpy/webgpu/8x"), Status::TimedOut);
    assert_eq!(told.reports.iter().filter(|report| report.status == Status::Ok).count(), 5);
}

#[tokio::test]
async fn a_group_that_can_run_nowhere_opens_no_browser() {
    let script = Script::new();
    let told = run(&plan(&SIX.replace("[measure]", "backend = 'wasm'\n[measure]")), &script).await;
    assert!(told.reports.len() == 6 && told.reports.iter().all(|report| report.status == Status::Unsupported));
    assert!(script.calls().is_empty(), "{:?}", script.calls());
}
