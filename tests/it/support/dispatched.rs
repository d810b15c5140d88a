//! Plans that a fake plays: what the dispatcher told, and what came of each job.

use std::io;

use gpujobs::harness::fake::Script;
use gpujobs::manifest::Manifest;
use gpujobs::plan::Plan;
use gpujobs::render::Templates;
use gpujobs::render::page::{Page, PageRequest};
use gpujobs::run::{Dispatcher, JobReport, Nodes, Outcome, RunEvent};
use tokio::sync::watch;

/// What came of a run of a fake.
pub(crate) struct Told {
    pub(crate) events: Vec<String>,
    pub(crate) reports: Vec<JobReport>,
    pub(crate) outcome: io::Result<Outcome>,
}

pub(crate) fn plan(text: &str) -> Plan {
    let manifest = Manifest::parse("manifests/x.toml".as_ref(), text.to_owned(), &[]);
    Plan::of(manifest.unwrap_or_else(|error| panic!("{:?}", miette::Report::new(error))))
}

/// Runs a plan; `each` sees every event, may stop the run, and its error ends it.
pub(crate) async fn run_with(
    plan: &Plan,
    script: &Script,
    each: impl FnMut(&RunEvent<'_>, &watch::Sender<bool>) -> io::Result<()>,
) -> Told {
    run_among(plan, script, &Nodes::new(), each).await
}

async fn run_among(
    plan: &Plan,
    script: &Script,
    nodes: &Nodes,
    mut each: impl FnMut(&RunEvent<'_>, &watch::Sender<bool>) -> io::Result<()>,
) -> Told {
    let templates = Templates::new(None, None).unwrap();
    let (sender, stop) = watch::channel(false);
    let dispatcher = Dispatcher {
        plan,
        executor: |settings| script.executor(&settings.name),
        render: |request: &PageRequest<'_>| Page::render(&templates, request),
        give_up: None,
        nodes,
        stop,
    };
    let (mut events, mut reports) = (Vec::new(), Vec::new());
    let outcome = dispatcher
        .run(|_| true, &mut |event| {
            let result = each(&event, &sender);
            match event {
                RunEvent::JobStarted { job, index } => events.push(format!("{index} started {}", job.axes.browser)),
                RunEvent::Retrying { job, reason } => events.push(format!("retrying {}: {reason}", job.axes.browser)),
                RunEvent::JobFinished(report) => {
                    let JobReport { status, attempts, reason, .. } = &*report;
                    let rest = if reason.is_empty() { String::new() } else { format!(": {reason}") };
                    events.push(format!("{status} after {attempts}{rest}"));
                    reports.push(*report);
                }
            }
            result
        })
        .await;
    Told { events, reports, outcome }
}

pub(crate) async fn run(plan: &Plan, script: &Script) -> Told {
    run_with(plan, script, |_, _| Ok(())).await
}

/// With so many nodes for each browser.
pub(crate) async fn run_on(plan: &Plan, script: &Script, nodes: &Nodes) -> Told {
    run_among(plan, script, nodes, |_, _| Ok(())).await
}
