//! Browsers behind a Grid, played by a fake: its nodes work side by side, each on one job at a time.

use std::time::Duration;

use gpujobs::harness::executor::OpenError;
use gpujobs::harness::fake::{Act, Script};
use gpujobs::run::{Nodes, Status};

use crate::support::dispatched::{plan, run_on};

const GRID: &str = "[browser.chrome]\nwebdriver = 'http://grid:4444'\n[browser.firefox]\nwebdriver = 'http://grid:4444'\n\
    [measure]\nsamples = 2\nrounds = 1\nwarmup = 0\nfallback = []\n";

/// Four jobs a browser; each takes a moment, in which others may begin.
fn manifest(browsers: &str) -> String {
    let shapes = "[[64, 1, 1], [32, 1, 1], [16, 1, 1], [8, 1, 1]]";
    format!("[matrix]\nbrowser = [{browsers}]\nmodel = 'axpy'\nworkgroup_size = {shapes}\n{GRID}")
}

fn slow() -> Script {
    Script::new().job("axpy", vec![Act::Slow(Duration::from_millis(2), vec![1.0]); 20])
}

fn nodes(nodes: &[(&str, usize)]) -> Nodes {
    nodes.iter().map(|(browser, count)| ((*browser).to_owned(), *count)).collect()
}

/// Plays four jobs of each browser, all of which end well; gives what was asked of the executors.
async fn played(script: Script, browsers: &str, counts: &[(&str, usize)]) -> Vec<String> {
    let plan = plan(&manifest(browsers));
    let told = run_on(&plan, &script, &nodes(counts)).await;
    assert_eq!(told.reports.len(), plan.jobs.len());
    assert!(told.reports.iter().all(|report| report.status == Status::Ok), "{:?}", told.events);
    script.calls()
}

fn count(calls: &[String], call: &str) -> usize {
    calls.iter().filter(|other| *other == call).count()
}

/// Where a call is for the time `nth`, from 0 on.
fn at(calls: &[String], begin: &str, nth: usize) -> usize {
    calls.iter().enumerate().filter(|(_, call)| call.starts_with(begin)).nth(nth).unwrap().0
}

#[tokio::test]
async fn two_nodes_work_side_by_side() {
    let calls = played(slow().on_nodes(["a", "b"]), "'chrome'", &[("chrome", 2)]).await;
    assert_eq!(count(&calls, "open chrome"), 2, "{calls:#?}");
    // The second one opens while the first one's samples are taken.
    assert!(at(&calls, "open", 1) < at(&calls, "prepare", 2), "{calls:#?}");
}

#[tokio::test]
async fn two_sessions_on_one_node_take_turns() {
    let calls = played(slow().on_nodes(["a", "a"]), "'chrome'", &[("chrome", 2)]).await;
    assert_eq!(count(&calls, "open chrome"), 2, "{calls:#?}");
    let mut ready = 0;
    for call in &calls {
        match call.split(' ').collect::<Vec<_>>()[..] {
            ["prepare", _] => ready += 1,
            ["pilot", number] | ["measure", _, "of", number] => assert_eq!(number, ready.to_string(), "{calls:#?}"),
            _ => {}
        }
    }
    assert_eq!(ready, 4);
}

#[tokio::test]
async fn a_browser_that_one_node_has_is_opened_by_one_lane_after_the_other_has_let_go() {
    let counts = [("chrome", 2), ("firefox", 1)];
    let calls = played(slow().on_nodes(["a", "b", "a"]), "'chrome', 'firefox'", &counts).await;
    assert_eq!((count(&calls, "open chrome"), count(&calls, "open firefox")), (2, 1), "{calls:#?}");
    assert!(at(&calls, "close chrome", 0) < at(&calls, "open firefox", 0), "{calls:#?}");
}

#[tokio::test]
async fn without_nodes_one_job_runs_at_a_time() {
    for counts in [&[][..], &[("chrome", 1), ("firefox", 1)]] {
        let calls = played(slow(), "'chrome', 'firefox'", counts).await;
        assert_eq!((count(&calls, "open chrome"), count(&calls, "open firefox")), (1, 1), "{calls:#?}");
        assert!(at(&calls, "prepare firefox", 0) > at(&calls, "measure 0+2 of 4", 0), "{calls:#?}");
    }
}

/// Two nodes of one host have one GPU, and so have two drivers of one host.
#[tokio::test]
async fn one_host_runs_one_job_at_a_time() {
    let on_one_host = |calls: &[String]| {
        let mut ready = 0;
        for call in calls {
            match call.split(' ').collect::<Vec<_>>()[..] {
                ["prepare", _] => ready += 1,
                ["pilot", number] | ["measure", _, "of", number] => assert_eq!(number, ready.to_string(), "{calls:#?}"),
                _ => {}
            }
        }
    };
    let script = slow().on_nodes(["http://10.0.0.7:5555", "http://10.0.0.7:5556"]);
    on_one_host(&played(script, "'chrome'", &[("chrome", 2)]).await);
    for (one, other) in [("http://far:9515", "https://far:4444"), ("http://localhost:9515", "http://127.0.0.1:4444")] {
        let text = manifest("'chrome', 'firefox', 'edge'")
            .replacen("'http://grid:4444'", &format!("'{one}'"), 1)
            .replacen("'http://grid:4444'", &format!("'{other}'"), 1)
            + if one.contains("far") { "[browser.edge]\nwebdriver = 'http://far:1'\n" } else { "" };
        let script = slow();
        let told = run_on(&plan(&text), &script, &Nodes::new()).await;
        assert_eq!(told.reports.len(), 12);
        on_one_host(&script.calls());
    }
}

#[tokio::test]
async fn a_broken_node_leaves_its_jobs_to_the_others() {
    let error = || OpenError { message: "no display".to_owned(), missing: false };
    // The second opening and its second try.
    let script = slow().on_nodes(["a", "b"]).opening("chrome", [None, Some(error()), Some(error())]);
    let plan = plan(&manifest("'chrome'"));
    let told = run_on(&plan, &script, &nodes(&[("chrome", 2)])).await;
    let failed = told.reports.iter().filter(|report| report.status == Status::Failed).count();
    let well = told.reports.iter().filter(|report| report.status == Status::Ok).count();
    assert_eq!((failed, well), (1, 3), "{:?}", told.events);

    // Where no node has it, all are told so, and none is lost.
    let broken = slow().on_nodes(["a", "b"]).opening("chrome", vec![Some(error()); 20]);
    let told = run_on(&plan, &broken, &nodes(&[("chrome", 2)])).await;
    assert_eq!(told.reports.len(), 4, "{:?}", told.events);
    assert!(told.reports.iter().all(|report| report.status != Status::Ok), "{:?}", told.events);
}

/// This machine, a driver elsewhere and a Grid with two nodes: all at once.
#[tokio::test]
async fn each_endpoint_has_lanes_of_its_own() {
    let text = manifest("'chrome', 'firefox', 'edge'")
        .replace("[browser.firefox]\nwebdriver = 'http://grid:4444'\n", "")
        + "[browser.edge]\nwebdriver = 'http://other:9515'\n";
    let plan = plan(&text);
    let script = slow().on_nodes(["a", "b", "c", "d"]);
    let told = run_on(&plan, &script, &nodes(&[("chrome", 2)])).await;
    assert!(told.reports.iter().all(|report| report.status == Status::Ok), "{:?}", told.events);
    let calls = script.calls();
    let last_open = calls.iter().rposition(|call| call.starts_with("open")).unwrap();
    assert_eq!(calls.iter().filter(|call| call.starts_with("open")).count(), 4, "{calls:#?}");
    assert!(last_open < at(&calls, "prepare", 4), "{calls:#?}");
}
