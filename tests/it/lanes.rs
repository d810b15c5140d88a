//! Browsers behind a Grid, played by a fake: its nodes work side by side, each on one job at a time.

use std::time::Duration;

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
