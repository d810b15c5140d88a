//! A live session is what plans run in: a page server, a watchdog, logs, the user's signal to stop, and browsers that open as
//! jobs need them and stay open until the session ends.
//!
//! [`LiveSession::with`] opens one, has it used, and closes its browsers on every way out. Used by `run`, `tune` and
//! `verify`.

use std::collections::HashMap;
use std::io;
use std::ops::ControlFlow;
use std::sync::{Arc, Once};

use tokio::sync::watch;

use super::{endpoints, models, server, signals};
use crate::error::{Error, Exit};
use crate::harness::agreement::Agreement;
use crate::harness::context::RunContext;
use crate::harness::live::LiveBrowser;
use crate::harness::payload::Payloads;
use crate::harness::references::References;
use crate::manifest::Manifest;
use crate::plan::{Job, JobId, Plan};
use crate::render::Templates;
use crate::render::kernels::KernelOverride;
use crate::render::page::{Page, PageRequest};
use crate::report::live::Live;
use crate::run::{Browsers, Dispatcher, GiveUp, JobReport, Nodes, Outcome, RunEvent};
use crate::serve::Libraries;
use crate::webdriver::{BrowserSettings, Tunnels, Watchdog, risks};

pub(in crate::commands) use super::logs::Logs;

/// Of what the machine is like: one warning for the whole program, whose plans may have several sessions.
static WARNED: Once = Once::new();

/// Says what the user should know before browsers open here, unless it was said.
pub(in crate::commands) fn warn(manifest: &Manifest, say: impl Fn(&str)) {
    WARNED.call_once(|| risks(manifest.browsers.values()).iter().for_each(|risk| say(&format!("warning: {risk}"))));
}

/// What a session is opened with.
pub(in crate::commands) struct SessionOptions {
    /// Shows which job runs.
    pub(in crate::commands) live: Live,
    /// Gets what pages and drivers say.
    pub(in crate::commands) logs: Logs,
    /// Whether reports hold what models computed.
    pub(in crate::commands) keep_outputs: bool,
}

/// Open browsers, and what they share.
pub(in crate::commands) struct LiveSession {
    context: Arc<RunContext>,
    logs: Logs,
    live: Live,
    /// Becomes true when the user wants to stop.
    stop: watch::Receiver<bool>,
    browsers: Browsers<LiveBrowser>,
    /// How many machines behind an endpoint have each browser.
    nodes: Nodes,
}

/// Jobs to run, and how.
pub(in crate::commands) struct RunRequest<'a> {
    /// Their plan; the browsers of all plans of a session have the same settings.
    pub(in crate::commands) plan: &'a Plan,
    /// Which of the plan's jobs run.
    pub(in crate::commands) includes: &'a dyn Fn(&Job) -> bool,
    /// When a job is not measured any further.
    pub(in crate::commands) give_up: Option<GiveUp>,
    /// Configurations of kernels that go before all else, by the job's id.
    pub(in crate::commands) overrides: HashMap<JobId, Vec<KernelOverride>>,
}

impl<'a> RunRequest<'a> {
    /// All jobs of a plan, each measured to its end.
    pub(in crate::commands) fn new(plan: &'a Plan) -> Self {
        Self { plan, includes: &|_| true, give_up: None, overrides: HashMap::new() }
    }
}

impl LiveSession {
    /// Opens a session, does the work in it, and closes its browsers whatever came of the work.
    pub(in crate::commands) async fn with<T>(
        manifest: &Manifest,
        templates: Templates,
        options: SessionOptions,
        work: impl AsyncFnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let SessionOptions { live, logs, keep_outputs } = options;
        let stop = signals::stop()?;
        warn(manifest, |line| live.line(line));
        let context = Arc::new(context(manifest, templates, keep_outputs, |line| live.loud(line)).await?);
        let nodes = endpoints::nodes(manifest).await;
        let mut session = Self { context, logs, live, stop, browsers: Browsers::default(), nodes };
        let ended = work(&mut session).await;
        session.browsers.close().await;
        session.live.end();
        ended
    }

    /// From now on all jobs run on one node of each Grid: what is compared must not come from unlike machines.
    pub(in crate::commands) fn on_one_node(&mut self) {
        self.nodes.clear();
    }

    /// Runs jobs in the session's browsers and hands over the report of each as it ends; an error of `on_report` ends the
    /// run.
    pub(in crate::commands) async fn run(
        &mut self,
        request: RunRequest<'_>,
        mut on_report: impl FnMut(JobReport) -> io::Result<()>,
    ) -> io::Result<Outcome> {
        let RunRequest { plan, includes, give_up, overrides } = request;
        let Self { context, logs, live, stop, browsers, nodes } = self;
        let executor = |settings: &BrowserSettings| {
            LiveBrowser::new(context.clone(), settings.clone(), logs.of_browser(&settings.name))
        };
        let render = |request: &PageRequest<'_>| {
            let overrides = overrides.get(&request.job.id).map(Vec::as_slice).unwrap_or_default();
            Page::render(&context.templates, &PageRequest { overrides, ..*request })
        };
        let mut on_event = |event: RunEvent<'_>| {
            match event {
                RunEvent::JobStarted { job, .. } => live.started(job),
                RunEvent::Retrying { job, reason } => live.line(&format!("{}: trying again: {reason}", job.id)),
                RunEvent::JobFinished(report) => on_report(*report)?,
            }
            Ok(())
        };
        let dispatcher = Dispatcher { plan, executor, render, give_up, nodes, stop: stop.clone() };
        // A large future, in the middle of several others.
        Box::pin(dispatcher.run_in(browsers, includes, &mut on_event)).await
    }
}

/// The server with its rendered modules, the watchdog, the models' data.
async fn context(
    manifest: &Manifest,
    templates: Templates,
    keep_outputs: bool,
    say: impl Fn(&str),
) -> Result<RunContext, Error> {
    let modules = templates.harness()?.into_iter().map(|(name, text)| (name, text.into())).collect();
    // Native onnxruntime is that of the default, whatever runs in the pages.
    let references = Arc::new(References::new(Libraries::find().as_ref().and_then(Libraries::onnxruntime)));
    let libraries = models::libraries(manifest).map(|(name, libraries)| (name.to_owned(), libraries)).collect();
    let server = server::start(&manifest.serve, modules, libraries, say).await?;
    let watchdog = Watchdog::start()?;
    let (payloads, tunnels) = (Payloads::default(), Tunnels::default());
    let (agreement, making) = (Agreement::default(), Arc::default());
    Ok(RunContext { server, templates, watchdog, tunnels, payloads, making, references, agreement, keep_outputs })
}

/// Carries out several prepared runs in turn; the exit is that of the worst, and one that is interrupted ends them all.
pub(in crate::commands) fn in_turn<T>(
    all: Vec<T>,
    mut one: impl AsyncFnMut(T) -> Result<Exit, Error>,
) -> Result<Exit, Error> {
    let runtime = tokio::runtime::Runtime::new()?;
    let ended = all.into_iter().try_fold(Exit::Success, |worst, prepared| match runtime.block_on(one(prepared)) {
        Ok(Exit::Interrupted) => ControlFlow::Break(Ok(Exit::Interrupted)),
        Ok(exit) => ControlFlow::Continue(worst.worse(exit)),
        Err(error) => ControlFlow::Break(Err(error)),
    });
    // What still computes, or waits for a disk, is not waited for: nobody wants its result any more.
    runtime.shutdown_background();
    match ended {
        ControlFlow::Continue(worst) => Ok(worst),
        ControlFlow::Break(ended) => ended,
    }
}
