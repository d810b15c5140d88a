//! `gpujobs run`: the whole path from a manifest to a run folder.

use std::collections::HashSet;
use std::io::{self, Write};

use jiff::Timestamp;

use super::shared::models;
use super::shared::prepare::{Overrides, Prepared, prepare, set_up};
use super::shared::session::{LiveSession, Logs, RunRequest, SessionOptions, in_turn};
use crate::cli::RunArgs;
use crate::error::{Error, Exit};
use crate::plan::{Job, Plan};
use crate::record::csv::harmless;
use crate::record::inputs::Inputs;
use crate::record::row::Row;
use crate::record::run_toml::{RunToml, ShardToml};
use crate::record::{Recorder, read, resume};
use crate::report::live::Live;
use crate::report::table::{self, Baseline, ClosingTable};

/// Runs each manifest in turn; the exit is that of the worst.
pub fn run(args: &RunArgs, out: &mut dyn Write) -> Result<Exit, Error> {
    if args.resume.is_some() && args.selection.manifests.len() > 1 {
        return Err(Error::Usage {
            message: "--resume resumes one run, but several manifests are named".to_owned(),
            help: "name the one manifest of that run".to_owned(),
        });
    }
    let resumed = args.resume.as_deref().map(RunToml::read).transpose()?;
    let mut overrides = Overrides::from(args);
    if let Some((folder, run)) = args.resume.as_deref().zip(resumed.as_ref()) {
        overrides.shard = resume::shard(folder, run, overrides.shard)?;
        let named = Some(run.host.machine.as_str()).filter(|name| !name.is_empty());
        overrides.machine = overrides.machine.or(named);
    }
    let mut all = prepare(&args.selection, &args.folders, overrides)?;
    if args.allow_download {
        all.iter().try_for_each(|one| models::download(&one.plan, args.quiet))?;
    }
    all.iter_mut().try_for_each(Prepared::check_pages)?;
    if args.setup {
        set_up(&all.iter().map(|one| &one.plan).collect::<Vec<_>>(), false, &mut io::stderr())?;
    }
    all.iter().try_for_each(|one| models::need_libraries(&one.plan))?;
    in_turn(all, async |prepared| one(prepared, args, out).await)
}

/// Runs one plan and writes its closing table.
async fn one(prepared: Prepared, args: &RunArgs, out: &mut dyn Write) -> Result<Exit, Error> {
    let (mut recorder, done) = recorder(args, &prepared)?;
    let Prepared { plan, templates, repeat, .. } = prepared;
    let is_left = |job: &Job| !done.contains(&harmless(&job.id.0));
    let live = Live::new(plan.jobs.iter().filter(|job| is_left(job)).count(), args.quiet);
    let logs = Logs::in_folder(recorder.folder(), args.verbose, &live);
    let options = SessionOptions { live: live.clone(), logs, keep_outputs: repeat.save_outputs };
    let mut rows: Vec<(Job, Row)> = Vec::new();
    let mut unrecorded = None;
    let outcome = LiveSession::with(&plan.manifest, templates, options, async |session| {
        let request = RunRequest { includes: &is_left, ..RunRequest::new(&plan) };
        let ran = session.run(request, |report| {
            let row = recorder.add(&report).map_err(|error| {
                let message = error.to_string();
                unrecorded = Some(error);
                io::Error::other(message)
            })?;
            live.finished(&report.job, &row);
            rows.push((report.job, row));
            Ok(())
        });
        let ran = ran.await;
        // With its remedy, which an error of the session does not have.
        unrecorded.map_or_else(|| Ok(ran?), |error| Err(error.into()))
    })
    .await?;
    recorder.check()?;
    table::sort(&plan, &mut rows);
    let (baseline, logs) = (baseline(&recorder, &plan), recorder.folder().join("logs"));
    let table = ClosingTable { plan: &plan, rows: &rows, baseline: &baseline, logs: Some(&logs) };
    writeln!(out, "{}", table.text(args.format))?;
    if !args.quiet {
        let folder = recorder.folder().display();
        let rest = if outcome.interrupted { format!("; resume it with --resume {folder}") } else { String::new() };
        anstream::eprintln!("{folder}{rest}");
    }
    Ok(outcome.into())
}

/// The run folder, a new one or one that is resumed, and the ids of the jobs that it has.
fn recorder(args: &RunArgs, prepared: &Prepared) -> Result<(Recorder, HashSet<String>), Error> {
    let Prepared { plan, templates, files, repeat, part } = prepared;
    let shard = part.as_ref().map(ShardToml::from);
    if let Some(folder) = &args.resume {
        resume::same_division(folder, &RunToml::read(folder)?, &plan.manifest, shard.as_ref())?;
        let resumable = resume::open(folder, &plan.manifest)?;
        let done = resumable.done.clone();
        return Ok((Recorder::append(folder, plan, resumable)?, done));
    }
    let started = Timestamp::now();
    let run = RunToml { shard, ..RunToml::of(&plan.manifest, started) };
    let mut recorder = Recorder::create(&args.out, plan, run, started)?;
    recorder.keep(&Inputs { manifest: &plan.manifest, templates, files }, repeat)?;
    Ok((recorder, HashSet::new()))
}

/// What the rows are compared with. They are on disk whatever becomes of their comparison.
fn baseline(recorder: &Recorder, plan: &Plan) -> Baseline {
    match read::run(recorder.folder()) {
        Ok(run) => Baseline::of(plan, run),
        Err(error) => {
            anstream::eprintln!("nothing is compared: {error}");
            Baseline::default()
        }
    }
}
