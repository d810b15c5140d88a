//! Groups: jobs that take turns in rounds, and what becomes of them when one loses its browser.

use gpujobs::harness::executor::OpenError;
use gpujobs::harness::fake::{Act, Script};
use gpujobs::protocol::event::SampleKind;
use gpujobs::run::{JobReport, Status};

use crate::support::dispatched::{plan, run};

/// Three jobs in each of two browsers, six samples each.
const SIX: &str = "[matrix]\nbrowser = ['chrome', 'firefox']\nmodel = 'axpy'\nworkgroup_size = [[64, 1, 1], [8, 1, 1], [1, 1, 1]]\n\
    [measure]\nwarmup = 1\nsamples = 6\nrounds = 3\ninstances = 1\nretries = 1\nfallback = []\n";

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
async fn jobs_that_differ_in_the_last_axis_are_neighbours_in_either_order() {
    let text = "[matrix]\nbrowser = ['chrome', 'firefox']\nmodel = 'axpy'\n[axes]\nu = [1, 2]\ntwin = ['a', 'b']\n\
        [measure]\nwarmup = 0\nsamples = 20\nrounds = 20\nfallback = []\n";
    let script = Script::new();
    run(&plan(text), &script).await;
    let jobs: Vec<(String, String)> = calls(&script, "prepare ")
        .iter()
        .map(|job| job.rsplit_once("/twin=").map(|(rest, twin)| (rest.to_owned(), twin.to_owned())).unwrap())
        .collect();
    let turns: Vec<&(String, String)> =
        calls(&script, "measure 0+1 of ").iter().map(|number| &jobs[number.parse::<usize>().unwrap() - 1]).collect();
    assert_eq!(turns.len(), 160);
    assert!(turns.chunks(2).all(|pair| pair[0].0 == pair[1].0), "{turns:?}");
    let ahead = turns.chunks(2).filter(|pair| pair[0].1 == "a").count();
    assert!((20..=60).contains(&ahead), "{ahead} of 80");
    let browsers: std::collections::HashSet<&str> =
        turns.chunks(8).map(|round| round[0].0.split('/').next().unwrap()).collect();
    assert_eq!(browsers.len(), 2, "either browser begins some rounds");
}

#[tokio::test]
async fn one_round_cold_jobs_and_other_models_are_not_interleaved() {
    for text in [
        SIX.replace("rounds = 3", "rounds = 1"),
        SIX.replace("model = 'axpy'", "model = 'axpy'\ncache = 'cold'"),
        SIX.replace("browser = ['chrome', 'firefox']", "browser = 'chrome'")
            .replace("model = 'axpy'", "model = ['axpy', 'copy']")
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

/// The jobs of each group, in the order in which they are made ready.
async fn groups(text: &str) -> Vec<Vec<String>> {
    let script = Script::new();
    run(&plan(text), &script).await;
    let mut groups = vec![Vec::new()];
    for call in script.calls() {
        if let Some(job) = call.strip_prefix("prepare ") {
            groups
                .last_mut()
                .unwrap()
                .push(job.split('/').take(2).collect::<Vec<_>>().join("/") + job.rsplit('/').next().unwrap());
        } else if call.starts_with("measure") && !groups.last().unwrap().is_empty() {
            groups.push(Vec::new());
        }
    }
    groups.retain(|group| !group.is_empty());
    groups
}

#[tokio::test]
async fn the_same_job_in_every_browser_is_in_one_group_wherever_it_stands_in_the_plan() {
    let text = "[matrix]\nbrowser = ['chrome', 'firefox']\nmodel = ['axpy', 'copy']\n[axes]\nu = [1, 2, 3, 4, 5, 6, 7]\n\
        [model.copy]\nparams = { n = 64 }\n[measure]\nwarmup = 0\nsamples = 2\nrounds = 2\nfallback = []\n";
    let groups = groups(text).await;
    let sizes: Vec<usize> = groups.iter().map(Vec::len).collect();
    assert_eq!(sizes, [12, 2, 12, 2]);
    for group in groups {
        let in_one = |browser: &str| group.iter().filter_map(|job| job.strip_prefix(browser)).collect::<Vec<_>>();
        assert_eq!(in_one("chrome"), in_one("firefox"), "{group:?}");
    }
}

#[tokio::test]
async fn jobs_that_weigh_too_much_together_are_not_ready_together() {
    // Two tensors of 512 MiB each.
    let text = "[matrix]\nbrowser = ['chrome', 'firefox']\nmodel = 'copy'\n[axes]\nu = [1, 2]\n\
        [model.copy]\nparams = { n = 134217728 }\n[measure]\nwarmup = 0\nsamples = 2\nrounds = 2\nfallback = []\n";
    assert_eq!(groups(text).await.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
}

#[tokio::test]
async fn all_jobs_of_a_group_have_as_many_inferences_in_a_sample_unless_they_are_too_unlike() {
    let iterations = async |needs: [(u32, f64); 2]| {
        let text = "[matrix]\nbrowser = 'chrome'\nmodel = 'axpy'\nworkgroup_size = [[64, 1, 1], [8, 1, 1]]\n\
            [measure]\nwarmup = 0\nsamples = 2\nrounds = 2\n";
        let act = |(iterations, ms): (u32, f64)| Act::Needs { iterations, ms };
        let script = Script::new().job("/64x", [act(needs[0])]).job("/8x", [act(needs[1])]);
        let told = run(&plan(text), &script).await;
        let reports = told.reports.iter();
        let found: Vec<_> = reports
            .map(|report| (report.measurement.as_ref().unwrap().iterations().unwrap(), report.circumstances.uneven))
            .collect();
        found
    };
    assert_eq!(iterations([(40, 0.03), (3, 0.4)]).await, [(40, false), (40, false)]);
    assert_eq!(iterations([(1, 900.0), (1, 500.0)]).await, [(1, false), (1, false)]);
    assert_eq!(iterations([(1000, 0.001), (1, 300.0)]).await, [(1000, true), (1, true)]);
}

#[tokio::test]
async fn what_one_job_needs_to_be_precise_all_jobs_of_its_group_get() {
    let text = SIX.replace("samples = 6", "samples = { min = 6, max = 24, precision = '1%' }");
    let noisy = (0..24).map(|at| 1.0 + 0.1 * f64::from(at % 5)).collect();
    let script = Script::new().job("chrome/axpy/webgpu/8x", [Act::Runs(noisy)]);
    let told = run(&plan(&text), &script).await;
    for report in &told.reports {
        let measurement = report.measurement.as_ref().unwrap();
        assert_eq!(measurement.wall_ms().len(), 24, "{}", report.job.id);
        assert_eq!(report.circumstances.group, Some(1));
    }
}

#[tokio::test]
async fn single_inferences_are_timed_where_they_are_asked_for_and_samples_hold_several() {
    for (latency, needs, expected) in [(true, 40, 6), (false, 40, 0), (true, 1, 0)] {
        let text = SIX.replace("rounds = 3", &format!("rounds = 3\nlatency = {latency}"));
        let script = Script::new().job("/axpy", vec![Act::Needs { iterations: needs, ms: 0.1 }; 6]);
        let told = run(&plan(&text), &script).await;
        for report in &told.reports {
            let measurement = report.measurement.as_ref().unwrap();
            let taken = measurement.samples.iter().filter(|sample| sample.kind == SampleKind::Latency);
            assert_eq!(taken.clone().count(), expected);
            assert!(taken.clone().all(|sample| sample.iterations == 1));
            assert_eq!(measurement.wall_ms().len(), 6);
            assert_eq!(measurement.latency_ms().is_empty(), !latency);
            // A bare wait stays in its own column, however many inferences a sample holds.
            assert_eq!(measurement.latency_raw_ms().len(), if latency { 6 } else { 0 });
        }
    }
}

/// The rounds in which a job was made ready, each with the time to its first result.
fn firsts(report: &JobReport) -> Vec<u32> {
    let samples = report.measurement.as_ref().unwrap().samples.iter();
    let timed = samples.filter(|sample| sample.time_to_first_result.is_some());
    timed.map(|sample| (sample.kind == SampleKind::First).then_some(sample.round).unwrap()).collect()
}

#[tokio::test]
async fn each_round_can_have_its_own_first_result() {
    let all: Vec<u32> = (0..10).collect();
    for (samples, instances, expected) in
        [("30", 10, all.clone()), ("2", 10, all), ("10", 7, vec![0, 2, 3, 5, 6, 8, 9]), ("10", 1, vec![0])]
    {
        let measure = format!("samples = {samples}\nrounds = 10\ninstances = {instances}");
        let told = run(&plan(&SIX.replace("samples = 6\nrounds = 3\ninstances = 1", &measure)), &Script::new()).await;
        assert_eq!(told.reports.len(), 6);
        for report in &told.reports {
            assert_eq!(firsts(report), expected, "{measure}");
            assert_eq!(report.measurement.as_ref().unwrap().wall_ms().len().to_string(), samples);
        }
    }
    // Nothing is cold in a browser that has seen the job.
    let text = SIX
        .replace("model = 'axpy'", "model = 'axpy'\ncache = 'cold'")
        .replace("samples = 6\nrounds = 3\ninstances = 1", "samples = 4\nrounds = 4\ninstances = 4");
    let script = Script::new();
    let told = run(&plan(&text), &script).await;
    assert!(told.reports.iter().all(|report| firsts(report) == [0, 1, 2, 3]));
    assert_eq!(script.calls().iter().filter(|call| call.starts_with("open ") && call.ends_with(" cold")).count(), 24);
}

#[tokio::test]
async fn jobs_are_made_ready_as_often_as_is_cheap_where_nobody_says_how_often() {
    let made = async |measure: &str, cache: &str, act: Act| {
        let text = SIX
            .replace("samples = 6\nrounds = 3\ninstances = 1", measure)
            .replace("'axpy'\n", &format!("'axpy'\n{cache}\n"));
        let told = run(&plan(&text), &Script::new().job("chrome/axpy/webgpu/8x", [act])).await;
        told.reports.iter().map(|report| firsts(report).len()).collect::<Vec<_>>()
    };
    assert_eq!(made("samples = 8\nrounds = 8", "", Act::Runs(vec![1.0])).await, [8; 6]);
    assert_eq!(made("samples = 6\nrounds = 8", "", Act::Runs(vec![1.0])).await, [6; 6], "each has a sample");
    // One that takes 400 ms to its first result leaves time for seven; one that takes longer for too few to learn from.
    assert_eq!(made("samples = 8\nrounds = 8", "", Act::Starts(400.0)).await, [7; 6]);
    assert_eq!(made("samples = 8\nrounds = 8", "", Act::Starts(600.0)).await, [1; 6]);
    assert_eq!(made("samples = 8\nrounds = 8", "cache = 'cold'", Act::Runs(vec![1.0])).await, [1; 6]);
}

#[tokio::test]
async fn jobs_are_made_ready_anew_as_often_as_asked_for_each_time_with_a_first_run() {
    let text = SIX.replace("samples = 6\nrounds = 3\ninstances = 1", "samples = 7\nrounds = 7\ninstances = 3");
    let script = Script::new();
    let told = run(&plan(&text), &script).await;
    // Rounds 0 to 2, 3 and 4, 5 and 6.
    assert_eq!(calls(&script, "prepare ").len(), 3 * 6);
    for report in &told.reports {
        let samples = &report.measurement.as_ref().unwrap().samples;
        let count = |kind: SampleKind| samples.iter().filter(|sample| sample.kind == kind).count();
        assert_eq!((report.status, count(SampleKind::First), count(SampleKind::Steady)), (Status::Ok, 3, 7));
        assert_eq!(firsts(report), [0, 3, 5]);
    }
    // One that comes out wrong when made again is wrong, and the others go on.
    let acts = [Act::Runs(vec![1.0]), Act::Incorrect("wrong".into())];
    let told = run(&plan(&text), &Script::new().job("chrome/axpy/webgpu/8x", acts)).await;
    let statuses: Vec<Status> = told.reports.iter().map(|report| report.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == Status::Ok).count(), 5, "{statuses:?}");
    assert!(statuses.contains(&Status::Incorrect));
}

#[tokio::test]
async fn a_failed_start_in_a_group_is_a_try() {
    let error = || OpenError { message: "it did not start".to_owned(), missing: false };
    let script = Script::new().opening("firefox", [error()]);
    let told = run(&plan(SIX), &script).await;
    assert!(told.reports.iter().all(|report| report.status == Status::Ok), "{:?}", told.events);
    let attempts: Vec<(&str, u32)> =
        told.reports.iter().map(|report| (report.job.axes.browser.as_str(), report.attempts)).collect();
    assert_eq!(attempts.iter().filter(|attempt| **attempt == ("firefox", 2)).count(), 1, "{attempts:?}");

    let script = Script::new().opening("firefox", (0..9).map(|_| error()));
    let told = run(&plan(&SIX.replace("retries = 1", "retries = 0")), &script).await;
    assert_eq!(calls(&script, "open firefox").len(), 1, "one try, and the others are not made to wait for more");
    assert_eq!(told.reports.iter().filter(|report| report.status == Status::Ok).count(), 3);
    let outcome = told.outcome.unwrap();
    assert_eq!((outcome.skipped, outcome.failed), (3, 0), "a browser that never started is no failure of a job");
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
