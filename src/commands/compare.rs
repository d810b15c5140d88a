//! `gpujobs compare`: two runs, or the values of one axis inside one run.

use std::collections::HashSet;
use std::io::Write;
use std::path::Path;

use crate::analyse::compare::{RunAxis, along, regressions, runs};
use crate::analyse::comparison::{Comparison, Metric, Rules};
use crate::cli::CompareArgs;
use crate::error::{Error, Exit};
use crate::record::read::{self, CUSTOM_AXIS, Run};
use crate::report::comparison;
use crate::terminal;

/// Writes the table; fails where a job is slower than `--fail-above` allows.
pub fn run(args: &CompareArgs, out: &mut dyn Write) -> Result<Exit, Error> {
    let judgement = &args.judgement;
    let rules = Rules { different_shaders: args.different_shaders, ..judgement.rules() };
    let base = read(&args.base, judgement.metric)?;
    let comparisons = match &args.new {
        Some(new) => with_run(&base, &read(new, judgement.metric)?, &rules),
        None => along_axis(&base, args, &rules)?,
    };
    if comparisons.is_empty() {
        return Err(Error::Usage {
            message: "there is no pair of equal jobs to compare".to_owned(),
            help: match args.by {
                None => "the two runs have no job id in common; `job_id` in their jobs.csv lists them",
                Some(_) => "no two jobs of the run differ in this axis alone; `job_id` in its jobs.csv lists them",
            }
            .to_owned(),
        });
    }
    comparison::write(&comparisons, &rules, args.format, out)?;
    let Some(above) = judgement.fail_above else { return Ok(Exit::Success) };
    let worse: Vec<&Comparison> = regressions(&comparisons, above).collect();
    for comparison in worse.iter().filter(|comparison| !comparison.circumstances.is_empty()) {
        let (job, circumstances) = (terminal::line(&comparison.job), &comparison.circumstances);
        anstream::eprintln!("{job} fails, but {circumstances}");
    }
    Ok(if worse.is_empty() { Exit::Success } else { Exit::Failure })
}

/// The equal jobs of two runs; says on stderr how many there are in one of them only.
fn with_run(base: &Run, new: &Run, rules: &Rules) -> Vec<Comparison> {
    let comparisons = runs(base, new, rules);
    let only_base = left_out(base, comparisons.iter().map(base_row));
    let only_new = left_out(new, comparisons.iter().map(new_row));
    if only_base + only_new > 0 && !comparisons.is_empty() {
        anstream::eprintln!("left out: {} only in BASE, {} only in NEW", jobs(only_base), jobs(only_new));
    }
    comparisons
}

/// The jobs of a run that differ on the axis of `--by` alone; says on stderr how many have no counterpart.
fn along_axis(base: &Run, args: &CompareArgs, rules: &Rules) -> Result<Vec<Comparison>, Error> {
    let by = args.by.as_deref().unwrap_or_default();
    let axes = RunAxis::all(base);
    // Its column in jobs.csv names a custom axis as well.
    let named = |axis: &&RunAxis| axis.name() == by || by.strip_prefix(CUSTOM_AXIS) == Some(axis.name());
    let known = axes.iter().find(named).ok_or_else(|| Error::Usage {
        message: format!("`{by}` is no axis of {} that takes several values", args.base.display()),
        help: format!("its axes are {}", axes.iter().map(RunAxis::name).collect::<Vec<_>>().join(", ")),
    })?;
    let comparisons = along(base, known, rules);
    let compared = comparisons.iter().flat_map(|comparison| [base_row(comparison), new_row(comparison)]);
    let alone = left_out(base, compared);
    if alone > 0 && !comparisons.is_empty() {
        anstream::eprintln!("left out: {} without a counterpart on {by}", jobs(alone));
    }
    Ok(comparisons)
}

/// Reads a run that has what is to be compared.
fn read(folder: &Path, metric: Metric) -> Result<Run, Error> {
    let run = read::run(folder)?;
    if metric == Metric::FirstResult && !run.has_first_results {
        return Err(Error::Usage {
            message: format!("samples.csv in {} has no column {}", folder.display(), read::FIRST_RESULT),
            help:
                "an older gpujobs wrote it: run its manifest again, with `rounds = 10, instances = 10` under [measure]"
                    .to_owned(),
        });
    }
    Ok(run)
}

/// What names a row: its run and its job.
type RowKey<'a> = (&'a str, &'a str);

fn base_row(comparison: &Comparison) -> RowKey<'_> {
    (&comparison.base_run, &comparison.base_id)
}

fn new_row(comparison: &Comparison) -> RowKey<'_> {
    (&comparison.new_run, &comparison.new_id)
}

/// How many jobs of a run are not among those that were compared.
fn left_out<'a>(run: &Run, compared: impl Iterator<Item = RowKey<'a>>) -> usize {
    let compared: HashSet<RowKey<'_>> = compared.collect();
    run.jobs.iter().filter(|job| !compared.contains(&(job.cell("run_id"), job.cell("job_id")))).count()
}

fn jobs(count: usize) -> String {
    if count == 1 { "1 job".to_owned() } else { format!("{count} jobs") }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use crate::analyse::comparison::SAME_WITHIN;
    use crate::cli::{Cli, Command};

    #[test]
    fn the_margin_is_that_of_the_closing_table() {
        let cli = Cli::parse_from(["gpujobs", "compare", "a", "b"]);
        let Command::Compare(args) = cli.command else { panic!("{cli:?}") };
        assert!((args.judgement.same_within - SAME_WITHIN).abs() < 1e-12);
    }
}
