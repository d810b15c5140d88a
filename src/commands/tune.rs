//! `gpujobs tune`: finds the fastest configurations of a manifest's kernels and writes them down.

use std::io::{self, Write};
use std::sync::Arc;

use jiff::Timestamp;

use super::logs::{Logs, Verbosity};
use super::run::{context, dispatch_in, load_plans, overrule, templates_of, worse};
use crate::cli::{TableFormat, TuneArgs};
use crate::error::{Error, Exit};
use crate::harness::context::RunContext;
use crate::harness::live::LiveBrowser;
use crate::manifest::Measure;
use crate::plan::{KernelOverride, Plan};
use crate::record::fresh_folder;
use crate::record::run_toml::RunToml;
use crate::render::Templates;
use crate::render::settings::{self, Purpose};
use crate::render::space::check;
use crate::report::live::Live;
use crate::report::tuning;
use crate::run::{Browsers, JobReport, Outcome, RunEvent, Status};
use crate::tune::drive::{Batch, Evaluation, TaskResult, drive};
use crate::tune::files::{ReplaysFile, TUNED, TriedFile, winner, write_winners};
use crate::tune::tasks::{Task, tasks};
use crate::units::significant;

/// Tunes each manifest in turn; the exit is that of the worst.
pub fn run(args: &TuneArgs, out: &mut dyn Write) -> Result<Exit, Error> {
    let mut plans = load_plans(&args.selection)?;
    let mut prepared: Vec<(Plan, Templates, Vec<Task>)> = Vec::new();
    for mut plan in plans.drain(..) {
        overrule(&mut plan.manifest, args.webdriver.as_deref(), args.headed, args.require_hardware)?;
        let templates = templates_of(&plan.manifest, &args.folders)?;
        check(&templates, &plan.manifest.tune)?;
        settings::check(&templates, &plan.manifest, Purpose::Tune)?;
        let tasks = tasks(&plan, &templates).map_err(|(job, source)| Error::of_page(&job, source))?;
        if tasks.is_empty() {
            return Err(nothing(&plan));
        }
        prepared.push((plan, templates, tasks));
    }
    let runtime = tokio::runtime::Runtime::new()?;
    let mut worst = Exit::Success;
    for (plan, templates, tasks) in prepared {
        let exit = runtime.block_on(one(&plan, templates, tasks, args, out))?;
        if exit == Exit::Interrupted {
            return Ok(exit);
        }
        worst = worse(worst, exit);
    }
    Ok(worst)
}

fn nothing(plan: &Plan) -> Error {
    let kernel = plan.manifest.tune.kernel.as_ref().map(|kernel| format!(" of the kernel `{kernel}`"));
    Error::Usage {
        message: format!("{}: no job has a stage{} to tune", plan.manifest.path.display(), kernel.unwrap_or_default()),
        help: "name models of the engine `wgsl` on webgpu whose templates shaders/kernels.toml lists, such as \
               manifests/models/matmul.toml"
            .to_owned(),
    }
}

/// Tunes one plan and writes its closing table.
async fn one(
    plan: &Plan,
    templates: Templates,
    tasks: Vec<Task>,
    args: &TuneArgs,
    out: &mut dyn Write,
) -> Result<Exit, Error> {
    let stop = super::signals::stop()?;
    let started = Timestamp::now();
    let folder = fresh_folder(&args.out, &format!("{}-tune", plan.manifest.name), started)?;
    let mut run = RunToml::of(&plan.manifest, started);
    run.run_id = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    run.write(&folder)?;
    let file = TriedFile::create(&folder, &tasks)?;
    let mut replays = args.exhaustive.then(|| ReplaysFile::create(&folder)).transpose()?;
    let live = Live::new(tasks.iter().map(|task| expected(task, plan, args.exhaustive)).sum(), args.quiet);
    let logs = Logs::new(Some(&folder.join("logs")), Verbosity::of(args.verbose), live.clone());
    let context = context(&plan.manifest, templates).await?;
    let mut floor =
        TuneSession { plan, context, logs, stop, live: live.clone(), browsers: Browsers::default(), run, file };
    let (mut findings, mut winners): (Vec<(Task, TaskResult)>, Vec<_>) = (Vec::new(), Vec::new());
    let mut settled: Vec<KernelOverride> = Vec::new();
    for task in tasks {
        // What was found for a job's other kernels holds for the rest of its search.
        if findings.last().is_none_or(|(last, _)| last.base.id != task.base.id) {
            settled.clear();
        }
        let finding = Box::pin(floor.tune(&task, &settled, args.exhaustive)).await;
        let finding = match finding {
            Ok(finding) => finding,
            Err(error) => {
                floor.browsers.close().await;
                return Err(error.into());
            }
        };
        settled.extend(finding.winner.as_ref().map(|winner| task.chosen(winner.point)));
        winners.extend(winner(&task, &finding));
        if let Some(replays) = &mut replays {
            replays.add(&task, &finding)?;
        }
        write_winners(&folder, &plan.manifest, started, &winners)?;
        floor.run.write(&folder)?;
        let interrupted = finding.outcome.interrupted;
        findings.push((task, finding));
        if interrupted {
            break;
        }
    }
    floor.browsers.close().await;
    live.end();
    match args.format {
        TableFormat::Table => writeln!(out, "{}", tuning::table(&findings, false))?,
        TableFormat::Markdown => writeln!(out, "{}", tuning::table(&findings, true))?,
        TableFormat::Json => writeln!(out, "{:#}", tuning::json(&findings))?,
    }
    if !args.quiet && !winners.is_empty() {
        let path = folder.join(TUNED);
        anstream::eprintln!(
            "to use it:\n\n    [matrix]\n    workgroup_size = \"tuned\"\n\n    [compiler]\n    tuned = {:?}\n",
            path.display().to_string()
        );
    }
    if !args.quiet {
        anstream::eprintln!("{}", folder.display());
    }
    Ok(exit_of(&findings))
}

/// About how many jobs a task is.
fn expected(task: &Task, plan: &Plan, exhaustive: bool) -> usize {
    let points = task.space.points.len();
    let searched = if exhaustive { points } else { plan.manifest.tune.limit(points) };
    searched + 5.min(points)
}

/// A winner for each is a success, wrong candidates or not: those are told and never win.
fn exit_of(findings: &[(Task, TaskResult)]) -> Exit {
    let mut worst = Exit::Success;
    for (_, finding) in findings {
        let outcome = finding.outcome;
        worst = match finding.winner {
            _ if outcome.interrupted => return Exit::Interrupted,
            Some(_) => worst,
            None if outcome.ended == 0 && outcome.skipped > 0 => worse(worst, Exit::Environment),
            None => worse(worst, Exit::Failure),
        };
    }
    worst
}

/// What all tasks of a tuning share.
struct TuneSession<'a> {
    plan: &'a Plan,
    context: Arc<RunContext>,
    logs: Logs,
    stop: tokio::sync::watch::Receiver<bool>,
    live: Live,
    browsers: Browsers<LiveBrowser>,
    run: RunToml,
    file: TriedFile,
}

impl TuneSession<'_> {
    async fn tune(&mut self, task: &Task, settled: &[KernelOverride], exhaustive: bool) -> io::Result<TaskResult> {
        let manifest = &self.plan.manifest;
        let run = async |batch| Box::pin(self.batch(task, batch)).await;
        Box::pin(drive(task, &manifest.tune, &manifest.measure, settled, exhaustive, run)).await
    }

    /// Runs a batch in the browsers that are open, and keeps what came of it.
    async fn batch(&mut self, task: &Task, batch: Batch) -> io::Result<(Vec<Evaluation>, Outcome)> {
        let mut manifest = self.plan.manifest.clone();
        // Another backend would have no configuration.
        manifest.measure = Measure { fallback: Vec::new(), ..batch.measure.clone() };
        let plan = Plan { manifest, jobs: batch.jobs.clone() };
        let (live, run) = (&self.live, &mut self.run);
        let mut reports = Vec::new();
        let mut tell = |event: RunEvent<'_>| {
            match event {
                RunEvent::JobStarted { job, .. } => live.started(job),
                RunEvent::Retrying { job, reason } => live.line(&format!("{}: trying again: {reason}", job.id)),
                RunEvent::JobFinished(report) => {
                    live.ended(&report.job, report.status, &told(&report));
                    if let Some(session) = &report.session {
                        run.note_browser(&report.job.axes.browser, session, report.measurement.as_ref());
                    }
                    reports.push(*report);
                }
            }
            Ok(())
        };
        let stop = self.stop.clone();
        let outcome =
            dispatch_in(&mut self.browsers, &plan, &self.context, &self.logs, stop, |_| true, &mut tell).await?;
        let tried = batch.tried(&reports);
        self.file.add(task, &tried).map_err(io::Error::other)?;
        Ok((tried, outcome))
    }
}

/// What became of a configuration, on one line.
fn told(report: &JobReport) -> String {
    let status = report.status.name();
    let times = report.measurement.as_ref().map(crate::measure::Measurement::deciding_ms).unwrap_or_default();
    match (report.status, crate::measure::Summary::of(&times)) {
        (Status::Ok, Some(time)) => format!("{status} {} ms", significant(time.median, 3)),
        _ => format!("{status}: {}", report.reason),
    }
}
