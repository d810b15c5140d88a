//! `gpujobs tune`: finds the fastest configurations of a manifest's kernels and writes them down.

use std::io::Write;

use super::shared::prepare::{Overrides, Prepared, prepare};
use super::shared::session::{LiveSession, Logs, RunRequest, SessionOptions, in_turn};
use crate::cli::TuneArgs;
use crate::error::{Error, Exit};
use crate::manifest::{Manifest, Measure};
use crate::measure::{Measurement, Summary};
use crate::plan::Plan;
use crate::render::kernels::KernelOverride;
use crate::render::settings::{self, Purpose};
use crate::render::space::check;
use crate::report::live::Live;
use crate::report::tuning;
use crate::run::{JobReport, Outcome, Status};
use crate::tune::drive::{Batch, Evaluation, TaskResult, TuneRequest, drive};
use crate::tune::files::TUNED_FILE;
use crate::tune::folder::TuneFolder;
use crate::tune::tasks::{TuneTask, tasks};
use crate::units::significant;

/// Tunes each manifest in turn; the exit is that of the worst.
pub fn run(args: &TuneArgs, out: &mut dyn Write) -> Result<Exit, Error> {
    let all = prepare(&args.selection, &args.folders, Overrides::from(args))?;
    let all: Result<Vec<_>, Error> = all.into_iter().map(|prepared| Ok((tasks_of(&prepared)?, prepared))).collect();
    in_turn(all?, async |(tasks, prepared)| one(prepared, tasks, args, out).await)
}

/// What is to be tuned; an error where there is nothing.
fn tasks_of(Prepared { plan, templates, .. }: &Prepared) -> Result<Vec<TuneTask>, Error> {
    check(templates, &plan.manifest.tune)?;
    settings::check(templates, &plan.manifest, Purpose::Tune)?;
    let tasks = tasks(plan, templates).map_err(|(job, source)| Error::of_page(&job, source))?;
    if !tasks.is_empty() {
        return Ok(tasks);
    }
    let kernel = plan.manifest.tune.kernel.as_ref().map(|kernel| format!(" of the kernel `{kernel}`"));
    Err(Error::Usage {
        message: format!("{}: no job has a stage{} to tune", plan.manifest.path.display(), kernel.unwrap_or_default()),
        help: "name models of the engine `wgsl` on webgpu whose templates shaders/kernels.toml lists, such as \
               manifests/models/matmul.toml"
            .to_owned(),
    })
}

/// Tunes one plan and writes its closing table.
async fn one(prepared: Prepared, tasks: Vec<TuneTask>, args: &TuneArgs, out: &mut dyn Write) -> Result<Exit, Error> {
    let Prepared { plan: Plan { manifest, .. }, templates, .. } = prepared;
    let mut folder = TuneFolder::create(&args.out, &manifest, &tasks, args.exhaustive)?;
    let expected = tasks.iter().map(|task| expected(task, &manifest, args.exhaustive)).sum();
    let live = Live::new(expected, args.quiet);
    let logs = Logs::in_folder(folder.path(), args.verbose, &live);
    let options = SessionOptions { live: live.clone(), logs, keep_outputs: false };
    let results = LiveSession::with(&manifest, templates, options, async |session| {
        let exhaustive = args.exhaustive;
        session.on_one_node();
        Tuning { manifest: &manifest, session, folder: &mut folder, live, exhaustive }.all(tasks).await
    })
    .await?;
    writeln!(out, "{}", tuning::text(&results, args.format))?;
    if !args.quiet {
        say_where(&folder);
    }
    Ok(exit_of(&results))
}

/// About how many jobs a task is.
fn expected(task: &TuneTask, manifest: &Manifest, exhaustive: bool) -> usize {
    let points = task.space.points.len();
    let searched = if exhaustive { points } else { manifest.tune.limit(points) };
    searched + 5.min(points)
}

/// Says on stderr where the results are, and how to use them.
fn say_where(folder: &TuneFolder) {
    if folder.has_winners() {
        let path = folder.path().join(TUNED_FILE);
        anstream::eprintln!(
            "to use it:\n\n    [matrix]\n    workgroup_size = \"tuned\"\n\n    [compiler]\n    tuned = {:?}\n",
            path.display().to_string()
        );
    }
    anstream::eprintln!("{}", folder.path().display());
}

/// A winner for each is a success, wrong candidates or not: those are reported and never win.
fn exit_of(results: &[(TuneTask, TaskResult)]) -> Exit {
    let mut worst = Exit::Success;
    for (_, result) in results {
        let outcome = result.outcome;
        worst = match result.winner {
            _ if outcome.interrupted => return Exit::Interrupted,
            Some(_) => worst,
            None if outcome.ended == 0 && outcome.skipped > 0 => worst.worse(Exit::Environment),
            None => worst.worse(Exit::Failure),
        };
    }
    worst
}

/// What all tasks of a tuning share.
struct Tuning<'a> {
    manifest: &'a Manifest,
    session: &'a mut LiveSession,
    folder: &'a mut TuneFolder,
    live: Live,
    exhaustive: bool,
}

impl Tuning<'_> {
    /// Carries out tasks until one is interrupted, and keeps the result of each.
    async fn all(&mut self, tasks: Vec<TuneTask>) -> Result<Vec<(TuneTask, TaskResult)>, Error> {
        let mut results: Vec<(TuneTask, TaskResult)> = Vec::new();
        let mut settled: Vec<KernelOverride> = Vec::new();
        for task in tasks {
            // What was found for a job's other kernels holds for the rest of its search.
            if results.last().is_none_or(|(last, _)| last.base.id != task.base.id) {
                settled.clear();
            }
            let result = self.one(&task, &settled).await?;
            settled.extend(result.winner.as_ref().map(|winner| task.kernel_override(winner.point)));
            self.folder.add_result(&task, &result)?;
            let interrupted = result.outcome.interrupted;
            results.push((task, result));
            if interrupted {
                break;
            }
        }
        Ok(results)
    }

    async fn one(&mut self, task: &TuneTask, settled: &[KernelOverride]) -> Result<TaskResult, Error> {
        let Manifest { tune, measure, .. } = self.manifest;
        let request = TuneRequest { task, tune, measure, settled, exhaustive: self.exhaustive };
        drive(request, async |batch| self.batch(task, batch).await).await
    }

    /// Runs a batch in the browsers that are open, and keeps what came of it.
    async fn batch(&mut self, task: &TuneTask, mut batch: Batch) -> Result<(Vec<Evaluation>, Outcome), Error> {
        // Another backend would have no configuration.
        let measure = Measure { fallback: Vec::new(), ..batch.measure.clone() };
        let plan = Plan { manifest: Manifest { measure, ..self.manifest.clone() }, jobs: batch.jobs.clone() };
        let overrides = std::mem::take(&mut batch.overrides);
        let request = RunRequest { give_up: batch.give_up, overrides, ..RunRequest::new(&plan) };
        let Self { session, folder, live, .. } = self;
        let mut reports = Vec::new();
        let ran = session.run(request, |report| {
            live.ended(&report.job, report.status, &status_line(&report));
            folder.note_browser(&report);
            reports.push(report);
            Ok(())
        });
        let outcome = ran.await?;
        let tried = batch.tried(&reports);
        folder.add_batch(task, &tried)?;
        Ok((tried, outcome))
    }
}

/// What became of a configuration, on one line.
fn status_line(report: &JobReport) -> String {
    let status = report.status;
    let times = report.measurement.as_ref().map(Measurement::deciding_ms).unwrap_or_default();
    match (report.status, Summary::of(&times)) {
        (Status::Ok, Some(time)) => format!("{status} {} ms", significant(time.median, 3)),
        _ => format!("{status}: {}", report.reason),
    }
}
