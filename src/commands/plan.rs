//! `gpujobs plan`: the jobs that would run, those that can't with the reason, and about how long it takes.

use std::io::{self, Write};

use comfy_table::{Table, presets};
use serde_json::{Map, Value, json};

use super::shared::endpoints;
use super::shared::prepare::{Overrides, checked};
use crate::cli::{PlanArgs, PlanFormat as Format};
use crate::error::Error;
use crate::manifest::Manifest;
use crate::manifest::axes::{self, AXES};
use crate::plan::{Job, Plan, ShardPart, select};

/// Reads each manifest and writes the selected jobs, whose pages are made as for a run. Opens no browser; a remote endpoint is asked
/// what it has.
pub fn run(args: &PlanArgs, out: &mut dyn Write) -> Result<(), Error> {
    let mut plans = checked(&args.selection, &args.folders, args.shard)?;
    let overrides = Overrides { webdriver: args.webdriver.as_deref(), ..Overrides::default() };
    for (plan, _) in &mut plans {
        overrides.apply(&mut plan.manifest)?;
        endpoints::check(plan)?;
    }
    match args.format {
        Format::Table => tables(&plans, out)?,
        Format::Json => {
            let jobs: Vec<Value> =
                plans.iter().flat_map(|(plan, _)| plan.jobs.iter().map(|job| object(plan, job))).collect();
            serde_json::to_writer_pretty(&mut *out, &jobs).map_err(io::Error::from)?;
            writeln!(out)?;
        }
    }
    Ok(())
}

fn tables(plans: &[(Plan, Option<ShardPart>)], out: &mut dyn Write) -> io::Result<()> {
    for (place, (plan, part)) in plans.iter().enumerate() {
        if place > 0 {
            writeln!(out)?;
        }
        writeln!(out, "{}", heading(&plan.manifest))?;
        if let Some(ShardPart { shard, jobs, .. }) = part {
            writeln!(out, "shard {shard} of {}", counted(*jobs, "job"))?;
        }
        if !plan.jobs.is_empty() {
            writeln!(out, "{}", table(plan))?;
        }
        let impossible = plan.jobs.iter().filter(|job| job.unsupported_reason.is_some()).count();
        let runnable = plan.jobs.len() - impossible;
        write!(out, "{}", counted(runnable, "job"))?;
        if impossible > 0 {
            write!(out, ", and {impossible} that can't run")?;
        }
        let estimate = plan.estimate();
        match runnable {
            0 => writeln!(out)?,
            _ => writeln!(
                out,
                "; {estimate} in {} (an estimate: inferences are taken to last {} ms)",
                counted(estimate.sessions, "browser session"),
                crate::plan::estimate::ASSUMED_INFERENCE.as_millis()
            )?,
        }
    }
    Ok(())
}

fn heading(manifest: &Manifest) -> String {
    let path = manifest.path.display();
    match manifest.description.as_str() {
        "" => format!("{} ({path})", manifest.name),
        description => format!("{} ({path}): {description}", manifest.name),
    }
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// A row a job: its id, the axes that differ between the jobs, and the reason where it can't run.
fn table(plan: &Plan) -> Table {
    let custom = plan.manifest.axes.iter().filter(|axis| axis.custom).map(|axis| axis.name.as_str());
    let names: Vec<&str> = axes::names().into_iter().chain(custom).filter(|name| varies(&plan.jobs, name)).collect();
    let reasons = plan.jobs.iter().any(|job| job.unsupported_reason.is_some());
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let reason = reasons.then_some("can't run because");
    table.set_header(["id"].into_iter().chain(names.iter().copied()).chain(reason));
    for job in &plan.jobs {
        let axes = names.iter().map(|name| select::value(job, name).unwrap_or_default().into_owned());
        let reason = reasons.then(|| job.unsupported_reason.clone().unwrap_or_default());
        table.add_row(std::iter::once(job.id.to_string()).chain(axes).chain(reason));
    }
    table
}

fn varies(jobs: &[Job], name: &str) -> bool {
    jobs.first().is_some_and(|first| jobs.iter().any(|job| select::value(job, name) != select::value(first, name)))
}

/// A job as JSON; each key is there in every job.
fn object(plan: &Plan, job: &Job) -> Value {
    let custom: Map<String, Value> = job.axes.custom.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let mut object = Map::new();
    object.insert("manifest".to_owned(), json!(plan.manifest.name));
    object.insert("id".to_owned(), json!(job.id.0));
    for axis in AXES {
        object.insert(axis.name.to_owned(), json!((axis.get)(&job.axes)));
    }
    object.insert("axes".to_owned(), Value::Object(custom));
    object.insert("impossible".to_owned(), json!(job.unsupported_reason));
    Value::Object(object)
}
