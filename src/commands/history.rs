//! `gpujobs history`: what changed when, over several runs.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::analyse::compare::RunAxis;
use crate::analyse::history::{self, History, PastRun};
use crate::cli::HistoryArgs;
use crate::error::{Error, Exit};
use crate::plan::Filter;
use crate::record::csv::original;
use crate::record::read::{self, JobRecord};
use crate::record::run_toml::{PartToml, RunToml};
use crate::record::{RecordError, read::Run};
use crate::report;
use crate::terminal;

/// Writes the table; fails where a job's last change made it slower than `--fail-above` allows.
pub fn run(args: &HistoryArgs, out: &mut dyn Write) -> Result<Exit, Error> {
    let rules = args.judgement.rules();
    let mut runs = read_all(&folders(&args.runs)?)?;
    retain(&mut runs, args.filter.as_deref())?;
    let past: Vec<PastRun> = runs.iter().map(|(facts, run)| PastRun { facts, run }).collect();
    let history = history::of(&past, &rules);
    if history.series.is_empty() {
        let (message, help) = match &args.filter {
            Some(_) => {
                ("no job of these runs matches the filter", "leave --filter out, or see `job_id` in their jobs.csv")
            }
            None => ("these runs have no rows", "name runs of which a job has ended"),
        };
        return Err(Error::Usage { message: message.to_owned(), help: help.to_owned() });
    }
    say_what_is_apart(&history);
    report::history::write(&history, args.format, out)?;
    let Some(above) = args.judgement.fail_above else { return Ok(Exit::Success) };
    let worse: Vec<_> = history::regressions(&history, above).collect();
    for (series, change) in &worse {
        let told = format!("{} fails: {}", series.job, report::history::in_words(&history, change));
        anstream::eprintln!("{}", terminal::line(&told));
    }
    Ok(if worse.is_empty() { Exit::Success } else { Exit::Failure })
}

/// The folders of runs that these arguments name: runs, folders of runs, or patterns of either; each once, and no part of a run
/// that was merged beside it: it would count twice.
pub(super) fn folders(arguments: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let mut all = BTreeSet::new();
    for argument in arguments {
        let text = argument.to_string_lossy();
        let found: Vec<PathBuf> = if is_pattern(argument) {
            let paths = glob::glob(&text).map_err(|error| Error::Usage {
                message: format!("`{text}` is no pattern: {error}"),
                help: "`*` stands for any text, `?` for a character, `[ab]` for one of these".to_owned(),
            })?;
            paths.filter_map(Result::ok).filter(|path| path.is_dir()).flat_map(|path| runs_in(&path)).collect()
        } else {
            fs::read_dir(argument).map_err(RecordError::io("read", argument))?;
            runs_in(argument)
        };
        if found.is_empty() {
            return Err(RecordError::NotTheRun {
                path: argument.clone(),
                reason: "names no run: there are no run.toml and jobs.csv in it, nor in a folder right inside"
                    .to_owned(),
                help: "name run folders, a folder that holds them, or a pattern like 'results/audio-*'".to_owned(),
            }
            .into());
        }
        for folder in found {
            all.insert(folder.canonicalize().map_err(RecordError::io("read", &folder))?);
        }
    }
    Ok(without_parts(all.into_iter().collect()))
}

/// Leaves out the parts of merged runs that are named as well, and says so on stderr.
fn without_parts(folders: Vec<PathBuf>) -> Vec<PathBuf> {
    // What is not readable is said by who reads it.
    let tomls: Vec<Option<RunToml>> = folders.iter().map(|folder| RunToml::read(folder).ok()).collect();
    let merged: Vec<&PartToml> =
        tomls.iter().flatten().filter_map(|toml| toml.merged.as_ref()).flat_map(|merged| &merged.part).collect();
    let is_part = |toml: &RunToml| merged.iter().any(|part| part.is_of(toml));
    let parts = tomls.iter().flatten().filter(|toml| is_part(toml)).count();
    if parts > 0 {
        let runs = if parts == 1 { "1 run is".to_owned() } else { format!("{parts} runs are") };
        anstream::eprintln!("left out: {runs} part of a merged run that is named as well");
    }
    let kept = |toml: &Option<RunToml>| !toml.as_ref().is_some_and(is_part);
    folders.into_iter().zip(&tomls).filter(|(_, toml)| kept(toml)).map(|(folder, _)| folder).collect()
}

/// Whether an argument is to be expanded; what is there under that very name is not.
pub(super) fn is_pattern(argument: &Path) -> bool {
    !argument.exists() && argument.to_string_lossy().contains(['*', '?', '['])
}

/// The folder itself where it is a run, else the runs right inside it.
fn runs_in(folder: &Path) -> Vec<PathBuf> {
    let is_run = |folder: &Path| folder.join("run.toml").is_file() && folder.join("jobs.csv").is_file();
    if is_run(folder) {
        return vec![folder.to_owned()];
    }
    let inside = fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    inside.filter(|path| is_run(path)).collect()
}

fn read_all(folders: &[PathBuf]) -> Result<Vec<(RunToml, Run)>, Error> {
    let one = |folder: &PathBuf| -> Result<_, RecordError> { Ok((RunToml::read(folder)?, read::run(folder)?)) };
    Ok(folders.iter().map(one).collect::<Result<_, _>>()?)
}

/// Keeps the jobs that the filter matches.
fn retain(runs: &mut [(RunToml, Run)], filter: Option<&str>) -> Result<(), Error> {
    let custom: BTreeSet<String> = runs.iter().flat_map(|(_, run)| custom_axes(run)).collect();
    let filter = Filter::parse(filter.unwrap_or_default(), custom.iter().map(String::as_str))?;
    for (_, run) in runs {
        run.jobs.retain(|job| filter.matches_values(|key| value(job, key)));
    }
    Ok(())
}

fn custom_axes(run: &Run) -> Vec<String> {
    run.jobs.iter().flat_map(JobRecord::custom_axes).map(|(name, _)| name.to_owned()).collect()
}

fn value<'job>(job: &'job JobRecord, key: &str) -> Option<Cow<'job, str>> {
    if key == "id" {
        return Some(original(job.cell("job_id")).into());
    }
    Some(RunAxis::named(key).value(job)).filter(|value| !value.is_empty()).map(Cow::from)
}

/// Says on stderr that what ran on unlike adapters is not mixed.
fn say_what_is_apart(history: &History) {
    let mut series: HashMap<&str, usize> = HashMap::new();
    for one in &history.series {
        *series.entry(&one.job).or_default() += 1;
    }
    let apart = series.values().filter(|count| **count > 1).count();
    if apart > 0 {
        anstream::eprintln!(
            "{} ran on unlike adapters or processors: each has a series of its own (--across-machines makes one of them)",
            if apart == 1 { "1 job".to_owned() } else { format!("{apart} jobs") }
        );
    }
}
