//! `gpujobs run`: the whole path from a manifest to a run folder.

use std::collections::HashSet;
use std::io::{self, Write};
use std::sync::Arc;

use jiff::Timestamp;
use rayon::prelude::*;
use tokio::sync::watch;
use url::Url;

use super::logs::{Logs, Verbosity};
use super::models;
use crate::cli::{Folders, RunArgs, Selection, TableFormat};
use crate::error::{Error, Exit};
use crate::harness::context::{LOOPBACK, RunContext};
use crate::harness::live::LiveBrowser;
use crate::harness::payload::Payloads;
use crate::harness::references::References;
use crate::manifest::Manifest;
use crate::plan::{Job, Plan};
use crate::record::row::Row;
use crate::record::run_toml::RunToml;
use crate::record::{Recorder, read, resume};
use crate::render::page::{Page, PageError};
use crate::render::settings::Purpose;
use crate::render::target::AdapterHint;
use crate::render::{RenderError, Templates, settings};
use crate::report::live::Live;
use crate::report::table::{self, Baseline};
use crate::run::{Browsers, Dispatcher, Outcome, RunEvent};
use crate::serve::{Libraries, Network, Server};
use crate::setup::install::{Components, install};
use crate::webdriver::Watchdog;
use crate::webdriver::{BrowserKind, BrowserSettings};

/// Runs each manifest in turn; the exit is that of the worst.
pub fn run(args: &RunArgs, out: &mut dyn Write) -> Result<Exit, Error> {
    if args.resume.is_some() && args.selection.manifests.len() > 1 {
        return Err(Error::Usage {
            message: "--resume takes up one run, and several manifests are named".to_owned(),
            help: "name the one manifest of that run".to_owned(),
        });
    }
    let mut plans = load_plans(&args.selection)?;
    for plan in &mut plans {
        overrule(&mut plan.manifest, args.webdriver.as_deref(), args.headed, args.require_hardware)?;
        plan.manifest.measure.profile |= args.verbose > 0;
        plan.manifest.measure.save_outputs |= args.save_outputs;
    }
    let prepared: Vec<(Plan, Templates)> = plans
        .into_iter()
        .map(|plan| {
            let templates = templates_of(&plan.manifest, &args.folders)?;
            if args.allow_download {
                models::download(&plan, args.quiet)?;
            }
            check_pages(&plan, &templates)?;
            Ok((plan, templates))
        })
        .collect::<Result<_, Error>>()?;
    if args.setup {
        let local = |browser: &&BrowserSettings| browser.webdriver.is_none();
        let browsers = prepared.iter().flat_map(|(plan, _)| plan.manifest.browsers.values()).filter(local);
        let mut kinds: Vec<BrowserKind> = browsers.map(|browser| browser.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let libraries = prepared.iter().any(|(plan, _)| models::any(plan));
        install(&Components { browsers: kinds, libraries }, false, &mut io::stderr())?;
    }
    for (plan, _) in &prepared {
        models::need_libraries(plan)?;
    }
    let runtime = tokio::runtime::Runtime::new()?;
    let mut worst = Exit::Success;
    for (plan, templates) in prepared {
        let exit = runtime.block_on(one(plan, templates, args, out))?;
        if exit == Exit::Interrupted {
            return Ok(exit);
        }
        worst = worse(worst, exit);
    }
    Ok(worst)
}

/// The worse of two exits: a failure of the jobs says more than a missing browser.
pub(super) fn worse(one: Exit, other: Exit) -> Exit {
    match (one, other) {
        (Exit::Failure, _) | (_, Exit::Failure) => Exit::Failure,
        (Exit::Success, exit) => exit,
        (worst, _) => worst,
    }
}

/// The plans of the selected manifests, filtered.
pub(super) fn load_plans(selection: &Selection) -> Result<Vec<Plan>, Error> {
    let plans = super::plan::plans(&selection.manifests, &selection.sets, selection.filter.as_deref())?;
    if plans.iter().all(|plan| plan.jobs.is_empty()) {
        return Err(Error::Usage {
            message: "no job matches the filter".to_owned(),
            help: "`gpujobs plan` without --filter lists the jobs".to_owned(),
        });
    }
    Ok(plans)
}

/// The templates of a manifest: the folders of the command line, else those of the manifest, before the built-in ones.
pub(super) fn templates_of(manifest: &Manifest, folders: &Folders) -> Result<Templates, RenderError> {
    let templates = folders.templates.as_deref().or(manifest.templates.as_deref());
    let shaders = folders.shaders.as_deref().or(manifest.shaders.as_deref());
    Templates::new(templates, shaders)
}

/// What the command line says goes before what the manifest says.
pub(super) fn overrule(
    manifest: &mut Manifest,
    webdriver: Option<&str>,
    headed: bool,
    require_hardware: bool,
) -> Result<(), Error> {
    let remote = webdriver.map(Url::parse).transpose().map_err(|error| Error::Usage {
        message: format!("--webdriver is not a URL: {error}"),
        help: "write it like http://host:4444/wd/hub".to_owned(),
    })?;
    for browser in manifest.browsers.values_mut() {
        if browser.webdriver.is_none() {
            browser.webdriver.clone_from(&remote);
        }
        browser.headless &= !headed;
    }
    manifest.measure.require_hardware |= require_hardware;
    Ok(())
}

/// Renders every job once, in parallel, so that a faulty template is known before a browser opens.
fn check_pages(plan: &Plan, templates: &Templates) -> Result<(), Error> {
    settings::check(templates, &plan.manifest, Purpose::Run)?;
    plan.jobs.par_iter().filter(|job| job.unsupported_reason.is_none()).try_for_each(|job| {
        match Page::render(templates, &plan.manifest, job, 0, job.axes.backend, &AdapterHint::default()) {
            Ok(_) | Err(PageError::Render(RenderError::Unsupported { .. })) => Ok(()),
            Err(error) => Err(Error::of_page(&job.id, error)),
        }
    })
}

/// Runs one plan and writes its closing table.
async fn one(plan: Plan, templates: Templates, args: &RunArgs, out: &mut dyn Write) -> Result<Exit, Error> {
    let stop = super::signals::stop()?;
    let started = Timestamp::now();
    let (mut recorder, done) = match &args.resume {
        None => (Recorder::create(&args.out, &plan, RunToml::of(&plan.manifest, started), started)?, HashSet::new()),
        Some(folder) => {
            let resumable = resume::open(folder, &plan.manifest)?;
            (Recorder::append(folder, &plan, resumable.run)?, resumable.done)
        }
    };
    let wanted = |job: &Job| !done.contains(&crate::record::csv::harmless(&job.id.0));
    let live = Live::new(plan.jobs.iter().filter(|job| wanted(job)).count(), args.quiet);
    let logs = Logs::new(Some(&recorder.folder().join("logs")), Verbosity::of(args.verbose), live.clone());
    let context = context(&plan.manifest, templates).await?;
    let mut rows: Vec<(Job, Row)> = Vec::new();
    let outcome = dispatch(&plan, &context, &logs, stop, wanted, &mut |event| {
        match event {
            RunEvent::JobStarted { job, .. } => live.started(job),
            RunEvent::Retrying { job, reason } => live.line(&format!("{}: trying again: {reason}", job.id)),
            RunEvent::JobFinished(report) => {
                let row = recorder.add(&report).map_err(io::Error::other)?;
                live.finished(&report.job, &row);
                rows.push((report.job, row));
            }
        }
        Ok(())
    })
    .await?;
    live.end();
    table::sort(&plan, &mut rows);
    // The rows are on disk whatever becomes of their comparison.
    let against = match read::run(recorder.folder()) {
        Ok(run) => Baseline::of(&plan, run),
        Err(error) => {
            anstream::eprintln!("nothing is compared: {error}");
            Baseline::default()
        }
    };
    match args.format {
        TableFormat::Table => writeln!(out, "{}", table::table(&plan, &rows, &against, false))?,
        TableFormat::Markdown => writeln!(out, "{}", table::table(&plan, &rows, &against, true))?,
        TableFormat::Json => writeln!(out, "{:#}", table::json(&rows, &against))?,
    }
    if !args.quiet {
        let folder = recorder.folder().display();
        let rest = if outcome.interrupted { format!("; take it up with --resume {folder}") } else { String::new() };
        anstream::eprintln!("{folder}{rest}");
    }
    Ok(exit_of(outcome))
}

/// Runs a plan's jobs in live browsers.
pub(super) async fn dispatch<'run>(
    plan: &'run Plan,
    context: &Arc<RunContext>,
    logs: &Logs,
    stop: watch::Receiver<bool>,
    wanted: impl FnMut(&Job) -> bool,
    tell: &mut dyn FnMut(RunEvent<'run>) -> io::Result<()>,
) -> io::Result<Outcome> {
    let mut browsers = Browsers::default();
    let ended = dispatch_in(&mut browsers, plan, context, logs, stop, wanted, tell).await;
    browsers.close().await;
    ended
}

/// As [`dispatch`], in browsers that stay open.
pub(super) async fn dispatch_in<'run>(
    browsers: &mut Browsers<LiveBrowser>,
    plan: &'run Plan,
    context: &Arc<RunContext>,
    logs: &Logs,
    stop: watch::Receiver<bool>,
    wanted: impl FnMut(&Job) -> bool,
    tell: &mut dyn FnMut(RunEvent<'run>) -> io::Result<()>,
) -> io::Result<Outcome> {
    let dispatcher = Dispatcher {
        plan,
        executor: |settings| LiveBrowser::new(context.clone(), settings.clone(), logs.of(&settings.name)),
        render: |job, number, backend, site: &AdapterHint| {
            Page::render(&context.templates, &plan.manifest, job, number, backend, site)
        },
        stop,
    };
    dispatcher.run_in(browsers, wanted, tell).await
}

/// What the live browsers of a run share: the server with its rendered modules, the watchdog, the models' data.
pub(super) async fn context(manifest: &Manifest, templates: Templates) -> Result<Arc<RunContext>, Error> {
    let modules = templates.harness()?.into_iter().map(|(name, text)| (name, text.into())).collect();
    let network = Network { latency: manifest.serve.latency, bandwidth: manifest.serve.bytes_per_second };
    let libraries = Libraries::find();
    let references = Arc::new(References::new(libraries.as_ref().and_then(Libraries::onnxruntime)));
    let server = Server::start(LOOPBACK, modules, libraries, network).await.map_err(|error| Error::Environment {
        message: format!("the page server could not bind {LOOPBACK}: {error}"),
        help: "is the loopback interface up?".to_owned(),
    })?;
    let watchdog = Watchdog::start()?;
    let keep_outputs = manifest.measure.save_outputs;
    let payloads = Payloads::default();
    Ok(Arc::new(RunContext { server, templates, watchdog, payloads, references, keep_outputs }))
}

fn exit_of(outcome: Outcome) -> Exit {
    if outcome.interrupted {
        Exit::Interrupted
    } else if outcome.failed > 0 {
        Exit::Failure
    } else if outcome.skipped > 0 {
        Exit::Environment
    } else {
        Exit::Success
    }
}
