//! The dispatcher against a fake that plays a script: order, tries, missing browsers, fallback, rounds, stopping.

use std::io;

use gpujobs::error::Exit;
use gpujobs::harness::executor::OpenError;
use gpujobs::harness::fake::{Act, Script};
use gpujobs::manifest::axes::Cache;
use gpujobs::protocol::event::SampleKind;
use gpujobs::run::{Outcome, RunEvent, Status};

use crate::support::dispatched::{plan, run, run_with};

const TWO_BROWSERS: &str = "[matrix]\nbrowser = ['chrome', 'firefox']\nmodel = 'axpy'\nworkgroup_size = [[64, 1, 1], [1, 1, 1]]\n\
    [measure]\nsamples = 2\nrounds = 1\nwarmup = 0\nfallback = []\n";

fn open_error(message: &str, missing: bool) -> OpenError {
    OpenError { message: message.to_owned(), missing }
}

#[tokio::test]
async fn jobs_run_in_the_order_of_the_plan_and_share_a_session_a_browser() {
    let script = Script::new();
    let told = run(&plan(TWO_BROWSERS), &script).await;
    assert_eq!(
        told.events,
        [
            "0 started chrome",
            "ok after 1",
            "1 started chrome",
            "ok after 1",
            "2 started firefox",
            "ok after 1",
            "3 started firefox",
            "ok after 1"
        ]
    );
    let calls = script.calls();
    assert_eq!(
        calls[..11],
        [
            "open chrome",
            "prepare chrome/axpy/webgpu/64x1x1/precompiled",
            "pilot 1",
            "measure 0+2 of 1",
            "prepare chrome/axpy/webgpu/1x1x1/precompiled",
            "pilot 2",
            "measure 0+2 of 2",
            "open firefox",
            "prepare firefox/axpy/webgpu/64x1x1/precompiled",
            "pilot 3",
            "measure 0+2 of 3",
        ]
    );
    let mut last = calls[calls.len() - 2..].to_vec();
    last.sort();
    assert_eq!(last, ["close chrome", "close firefox"]);
    assert_eq!(told.outcome.unwrap(), Outcome { interrupted: false, ended: 4, failed: 0, skipped: 0 });
}

#[tokio::test]
async fn a_lost_browser_is_closed_and_the_job_tried_in_a_new_one() {
    for act in [Act::Lost("it crashed".into()), Act::LostAtSamples("it crashed".into())] {
        let script = Script::new().job("chrome/axpy/webgpu/64", [act]);
        let told = run(&plan(TWO_BROWSERS), &script).await;
        assert_eq!(told.events[..3], ["0 started chrome", "retrying chrome: it crashed", "ok after 2"]);
        let calls: Vec<String> = script
            .calls()
            .into_iter()
            .filter(|call| call.starts_with("open") || call.starts_with("close") || call.starts_with("prepare"))
            .collect();
        let job = "prepare chrome/axpy/webgpu/64x1x1/precompiled";
        assert_eq!(calls[..5], ["open chrome", job, "close chrome", "open chrome", job]);
        assert_eq!(
            told.reports[0].measurement.as_ref().unwrap().wall_ms().len(),
            2,
            "no sample of the lost try counts"
        );
        assert!(told.reports[0].reason.is_empty());
    }
}

#[tokio::test]
async fn a_job_that_is_lost_again_and_again_fails_and_the_next_one_runs() {
    let text = TWO_BROWSERS.replace("warmup = 0", "warmup = 0\nretries = 2");
    let lost = || Act::Lost("it crashed".into());
    let script = Script::new().job("chrome/axpy/webgpu/64", [lost(), lost(), lost()]);
    let told = run(&plan(&text), &script).await;
    let retrying = "retrying chrome: it crashed";
    assert_eq!(
        told.events[..6],
        ["0 started chrome", retrying, retrying, "failed after 3: it crashed", "1 started chrome", "ok after 1"]
    );
    assert_eq!(told.outcome.unwrap(), Outcome { interrupted: false, ended: 4, failed: 1, skipped: 0 });
    assert!(told.reports[0].measurement.is_none());
}

#[tokio::test]
async fn a_page_that_never_answers_times_out_in_a_session_that_is_thrown_away() {
    let text = TWO_BROWSERS.replace("warmup = 0", "warmup = 0\nretries = 1\ntimeout = '30ms'");
    let script = Script::new().job("chrome/axpy/webgpu/64", [Act::Silent, Act::Silent]);
    let told = run(&plan(&text), &script).await;
    assert_eq!(told.reports[0].status, Status::TimedOut);
    assert_eq!(told.reports[0].attempts, 2);
    assert!(told.reports[0].reason.contains("no result within 30ms"), "{}", told.reports[0].reason);
    assert_eq!(told.reports[1].status, Status::Ok);
    let closed = script.calls().iter().filter(|call| *call == "close chrome").count();
    assert_eq!(closed, 3, "after each time-out and at the end");
}

#[tokio::test]
async fn a_failed_or_incorrect_job_is_not_tried_again_and_keeps_its_session() {
    let script = Script::new()
        .job("chrome/axpy/webgpu/64", [Act::Incorrect("3 is not 4".into())])
        .job("chrome/axpy/webgpu/1x", [Act::Failed("no such buffer".into())]);
    let told = run(&plan(TWO_BROWSERS), &script).await;
    assert_eq!(
        told.events[..4],
        ["0 started chrome", "incorrect after 1: 3 is not 4", "1 started chrome", "failed after 1: no such buffer"]
    );
    assert!(told.reports.iter().take(2).all(|report| report.measurement.is_none()));
    assert_eq!(script.calls().iter().filter(|call| *call == "open chrome").count(), 1);
    assert_eq!(told.outcome.unwrap(), Outcome { interrupted: false, ended: 4, failed: 2, skipped: 0 });
}

#[tokio::test]
async fn jobs_whose_browser_never_started_are_the_environments_fault_and_those_of_one_that_had_are_not() {
    let text = TWO_BROWSERS.replace("warmup = 0", "warmup = 0\nretries = 1");
    let died = || open_error("the driver died", false);
    let told = run(&plan(&text), &Script::new().opening("chrome", [died(), died()])).await;
    let started = ["0 started chrome", "retrying chrome: the driver died", "failed after 2: the driver died"];
    assert_eq!(told.events[..3], started);
    let outcome = told.outcome.unwrap();
    assert_eq!(outcome, Outcome { interrupted: false, ended: 2, failed: 0, skipped: 2 });
    assert_eq!(Exit::from(outcome), Exit::Environment);

    let text = TWO_BROWSERS.replace("warmup = 0", "warmup = 0\nretries = 0");
    let script = Script::new().job("chrome/axpy/webgpu/64", [Act::Lost("it crashed".into())]);
    let outcome = run(&plan(&text), &script.opening("chrome", [None, Some(died())])).await.outcome.unwrap();
    assert_eq!((outcome.failed, Exit::from(outcome)), (2, Exit::Failure));
}

#[tokio::test]
async fn a_missing_browser_is_asked_for_once_and_the_others_run() {
    let script = Script::new().opening("chrome", [open_error("no chrome here", true)]);
    let told = run(&plan(TWO_BROWSERS), &script).await;
    assert_eq!(
        told.events[..4],
        ["0 started chrome", "skipped after 1: no chrome here", "1 started chrome", "skipped after 0: no chrome here"]
    );
    assert_eq!(script.calls().iter().filter(|call| call.starts_with("open chrome")).count(), 1);
    assert!(told.reports[2..].iter().all(|report| report.status == Status::Ok));
    assert_eq!(told.outcome.unwrap(), Outcome { interrupted: false, ended: 2, failed: 0, skipped: 2 });
}

#[tokio::test]
async fn a_browser_that_stumbles_at_its_start_is_started_again() {
    let script = Script::new().opening("chrome", [open_error("port taken", false)]);
    let told = run(&plan(TWO_BROWSERS), &script).await;
    assert_eq!(told.events[..3], ["0 started chrome", "retrying chrome: port taken", "ok after 2"]);
}

#[tokio::test]
async fn a_browser_that_never_starts_fails_its_job_and_skips_the_rest() {
    let stumble = || open_error("port taken", false);
    let script = Script::new().opening("chrome", [stumble(), stumble(), stumble()]);
    let told = run(&plan(TWO_BROWSERS), &script).await;
    let statuses: Vec<Status> = told.reports.iter().map(|report| report.status).collect();
    assert_eq!(statuses, [Status::Failed, Status::Skipped, Status::Ok, Status::Ok]);
    assert_eq!(script.calls().iter().filter(|call| call.starts_with("open chrome")).count(), 2);
}

#[tokio::test]
async fn cold_jobs_get_fresh_sessions_and_warm_ones_share() {
    let text = TWO_BROWSERS
        .replace("['chrome', 'firefox']", "'chrome'")
        .replace("[measure]", "cache = ['cold', 'warm']\n[measure]");
    let script = Script::new();
    let told = run(&plan(&text), &script).await;
    assert!(told.reports.iter().all(|report| report.status == Status::Ok));
    let sessions: Vec<String> =
        script.calls().into_iter().filter(|call| call.starts_with("open") || call.starts_with("close")).collect();
    // In the plan's order: cold, warm, cold, warm.
    // A warm job does not run in a session without caches, nor a cold one in any that is open.
    let expected = plan(&text).jobs.iter().fold((Vec::new(), None), |(mut calls, open), job| {
        let cold = job.axes.cache == Cache::Cold;
        if open.is_some() && (cold || open == Some(true)) {
            calls.push("close chrome");
        }
        if cold {
            calls.push("open chrome cold");
        } else if open != Some(false) {
            calls.push("open chrome");
        }
        (calls, Some(cold))
    });
    assert_eq!(sessions, [expected.0, vec!["close chrome"]].concat());
    assert!(sessions.iter().filter(|call| *call == "open chrome cold").count() == 2);
}

#[tokio::test]
async fn stopping_keeps_what_ended_drops_what_runs_and_closes_the_browsers() {
    let script = Script::new().job("chrome/axpy/webgpu/1x", [Act::Silent]);
    let told = run_with(&plan(TWO_BROWSERS), &script, |event, stop| {
        if matches!(event, RunEvent::JobStarted { index: 1, .. }) {
            stop.send(true).unwrap();
        }
        Ok(())
    })
    .await;
    assert_eq!(told.events, ["0 started chrome", "ok after 1", "1 started chrome"]);
    assert_eq!(told.outcome.unwrap(), Outcome { interrupted: true, ended: 1, failed: 0, skipped: 0 });
    assert_eq!(script.calls().last().map(String::as_str), Some("close chrome"));
}

#[tokio::test]
async fn an_error_of_the_listener_ends_the_run_and_closes_the_browsers() {
    for at in ["started", "finished", "retrying"] {
        // The second browser stumbles, so that the first one is open meanwhile.
        let script = Script::new().job("firefox/axpy/webgpu/64", [Act::Lost("it crashed".into())]);
        let told = run_with(&plan(TWO_BROWSERS), &script, |event, _| match (event, at) {
            (RunEvent::JobStarted { index: 2, .. }, "started")
            | (RunEvent::JobFinished(_), "finished")
            | (RunEvent::Retrying { .. }, "retrying") => Err(io::Error::other("disk full")),
            _ => Ok(()),
        })
        .await;
        assert_eq!(told.outcome.unwrap_err().to_string(), "disk full");
        assert!(script.calls().iter().any(|call| call == "close chrome"), "{at}: {:?}", script.calls());
    }
}

#[tokio::test]
async fn a_fallback_is_tried_where_the_backend_is_missing_and_every_reason_is_kept() {
    let text = "[matrix]\nbrowser = 'chrome'\nmodel = 'axpy'\nbackend = ['webnn', 'webgpu']\n\
        [measure]\nsamples = 1\nrounds = 1\nfallback = ['wasm', 'webgpu']\n";
    let script = Script::new();
    let told = run(&plan(text), &script).await;
    let first = &told.reports[0];
    assert_eq!((first.status, first.backend_used.map(<&str>::from)), (Status::Ok, Some("webgpu")));
    assert!(
        first.fallback_reason.contains("webnn: ") && first.fallback_reason.contains("wasm: "),
        "{}",
        first.fallback_reason
    );
    assert_eq!((told.reports[1].status, told.reports[1].fallback_reason.as_str()), (Status::Ok, ""));

    let script = Script::new().job("chrome/axpy/webgpu", [Act::Unsupported("no adapter".into())]);
    let told = run(&plan(&text.replace("['webnn', 'webgpu']", "'webgpu'")), &script).await;
    let only = &told.reports[0];
    assert_eq!((only.status, only.backend_used), (Status::Unsupported, None));
    assert!(only.reason.starts_with("webgpu: no adapter; wasm: "), "{}", only.reason);
    assert_eq!(told.outcome.unwrap().failed, 0);
}

#[tokio::test]
async fn what_can_run_nowhere_opens_no_browser() {
    let text = TWO_BROWSERS.replace("[measure]", "backend = 'wasm'\n[measure]");
    let script = Script::new();
    let told = run(&plan(&text), &script).await;
    assert!(told.reports.iter().all(|report| report.status == Status::Unsupported && !report.reason.is_empty()));
    assert!(script.calls().is_empty(), "{:?}", script.calls());
}

/// The steady samples of one job, by round.
async fn samples(samples: &str, rounds: u32, times: &[f64]) -> Vec<usize> {
    let text = format!(
        "[matrix]\nbrowser = 'chrome'\nmodel = 'axpy'\n[measure]\nwarmup = 0\nsamples = {samples}\nrounds = {rounds}\n"
    );
    let script = Script::new().job("chrome", [Act::Runs(times.to_vec())]);
    let told = run(&plan(&text), &script).await;
    let measurement = told.reports[0].measurement.as_ref().unwrap();
    let steady = measurement.samples.iter().filter(|sample| sample.kind == SampleKind::Steady);
    let mut counts = vec![0; rounds as usize];
    for sample in steady {
        // What is taken beyond the rounds of the manifest goes on in rounds of its own.
        counts.resize(counts.len().max(sample.round as usize + 1), 0);
        counts[sample.round as usize] += 1;
    }
    counts
}

#[tokio::test]
async fn a_job_is_warmed_up_until_it_is_steady_and_at_least_as_long_as_asked_for() {
    let warmups = async |warmup: u32, times: &[f64]| {
        let text = TWO_BROWSERS.replace("warmup = 0", &format!("warmup = {warmup}"));
        let script = Script::new().job("chrome/axpy/webgpu/64", [Act::Runs(times.to_vec())]);
        let told = run(&plan(&text), &script).await;
        told.reports[0].measurement.as_ref().map(|measurement| (measurement.warmups(), measurement.settled)).unwrap()
    };
    // The pilot's one inference counts; two windows of four show the steady state.
    assert_eq!(warmups(0, &[1.0]).await, (1, None));
    assert_eq!(warmups(1, &[1.0]).await, (9, Some(true)));
    assert_eq!(warmups(20, &[1.0]).await, (20, Some(true)));
}

#[tokio::test]
async fn time_that_runs_out_ends_the_samples_and_not_the_job() {
    let text = TWO_BROWSERS
        .replace("samples = 2\n", "samples = { min = 2, max = 100000, precision = '0.01%' }\ntimeout = '400ms'\n");
    let script =
        Script::new().job("chrome/axpy/webgpu/64", [Act::Slow(std::time::Duration::from_millis(20), vec![1.0, 9.0])]);
    let told = run(&plan(&text), &script).await;
    let report = &told.reports[0];
    assert_eq!(report.status, Status::Ok, "{}", report.reason);
    let taken = report.measurement.as_ref().unwrap().wall_ms().len();
    assert!((2..100).contains(&taken), "{taken}");
}

#[tokio::test]
async fn time_that_runs_out_in_the_rounds_that_were_planned_keeps_what_there_is() {
    let text = TWO_BROWSERS
        .replace("samples = 2\nrounds = 1\n", "samples = 400\nrounds = 400\ninstances = 1\ntimeout = '400ms'\n");
    let slow = Act::Slow(std::time::Duration::from_millis(20), vec![1.0, 9.0]);
    let script = Script::new().job("chrome/axpy/webgpu/64", [slow]);
    let told = run(&plan(&text), &script).await;
    let report = &told.reports[0];
    assert_eq!((report.status, report.circumstances.cut_short), (Status::Ok, true), "{}", report.reason);
    let taken = report.measurement.as_ref().unwrap().wall_ms().len();
    assert!((1..100).contains(&taken), "{taken}");
    // Jobs that take turns stay in pairs.
    assert!(told.reports.iter().all(|report| report.status == Status::Ok && report.circumstances.cut_short));
}

#[tokio::test]
async fn a_plain_number_of_samples_is_exactly_that_many_in_any_number_of_rounds() {
    assert_eq!(samples("5", 3, &[1.0, 9.0]).await.iter().sum::<usize>(), 5);
    assert_eq!(samples("9", 3, &[1.0]).await, [3, 3, 3]);
    assert_eq!(samples("2", 5, &[1.0]).await.iter().sum::<usize>(), 2);
    assert_eq!(samples("1", 1, &[1.0]).await, [1]);
}

#[tokio::test]
async fn samples_stop_once_precise_and_never_go_beyond_the_most() {
    let range = "{ min = 10, max = 12, precision = '2%' }";
    assert_eq!(samples(range, 3, &[1.0]).await.iter().sum::<usize>(), 10);
    assert_eq!(samples(range, 3, &[1.0, 5.0]).await.iter().sum::<usize>(), 12);
}

#[tokio::test]
async fn a_number_of_inferences_that_is_given_is_taken_by_every_sample_without_a_pilot() {
    // Jobs that a pilot would give 40, and so unlike that each would keep its own number.
    let acts =
        [("firefox/", Act::Needs { iterations: 40, ms: 1.0 }), ("chrome/", Act::Needs { iterations: 40, ms: 90.0 })];
    let script = acts.into_iter().fold(Script::new(), |script, (job, act)| script.job(job, [act]));
    let text = TWO_BROWSERS.replace("warmup = 0", "warmup = 1\nlatency = true\niterations = 20");
    let text = text.replace("workgroup_size = [[64, 1, 1], [1, 1, 1]]\n", "");
    let told = run(&plan(&text), &script).await;
    assert!(!script.calls().iter().any(|call| call.starts_with("pilot")), "{:?}", script.calls());
    assert_eq!(told.reports.len(), 2);
    for report in &told.reports {
        let measurement = report.measurement.as_ref().unwrap();
        let counts = |kind: SampleKind| -> Vec<u32> {
            measurement.samples.iter().filter(|sample| sample.kind == kind).map(|sample| sample.iterations).collect()
        };
        assert_eq!(counts(SampleKind::Steady), [20, 20]);
        assert_eq!(counts(SampleKind::Latency), [1, 1]);
        assert!(counts(SampleKind::Warmup).iter().all(|count| *count == 20));
        assert!(!report.circumstances.uneven);
    }
}
