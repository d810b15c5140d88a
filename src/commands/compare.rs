//! `gpujobs compare`: two runs, or the values of one axis inside one run.

use std::io::Write;

use crate::analyse::compare::{Rules, axes_of, axis, regressions, runs};
use crate::cli::{CompareArgs, CompareFormat};
use crate::error::{Error, Exit};
use crate::record::read;
use crate::report::comparison;

/// Writes the table; fails where a job is slower than `--fail-above` allows.
pub fn run(args: &CompareArgs, out: &mut dyn Write) -> Result<Exit, Error> {
    let rules = Rules {
        same_within: args.same_within,
        across_machines: args.across_machines,
        unverified: args.unverified,
        different_shaders: args.different_shaders,
    };
    let base = read::run(&args.base)?;
    let comparisons = match (&args.new, &args.by) {
        (Some(new), _) => runs(&base, &read::run(new)?, &rules),
        (None, by) => {
            let by = by.as_deref().unwrap_or_default();
            let axes = axes_of(&base);
            let known = axes.iter().find(|axis| *axis == by || axis.strip_prefix("axis_") == Some(by));
            let known = known.ok_or_else(|| Error::Usage {
                message: format!("`{by}` is no axis of {} that takes several values", args.base.display()),
                help: format!("its axes are {}", axes.join(", ")),
            })?;
            axis(&base, known, &rules)
        }
    };
    if comparisons.is_empty() {
        return Err(Error::Usage {
            message: "there is no pair of equal jobs to compare".to_owned(),
            help: "the two runs have no job id in common; `job_id` in their jobs.csv lists them".to_owned(),
        });
    }
    match args.format {
        CompareFormat::Table => writeln!(out, "{}", comparison::table(&comparisons, &rules, false))?,
        CompareFormat::Markdown => writeln!(out, "{}", comparison::table(&comparisons, &rules, true))?,
        CompareFormat::Json => writeln!(out, "{:#}", comparison::json(&comparisons))?,
        CompareFormat::Csv => out.write_all(&comparison::csv(&comparisons)?)?,
    }
    let worse = args.fail_above.map_or(0, |above| regressions(&comparisons, above));
    Ok(if worse > 0 { Exit::Failure } else { Exit::Success })
}
