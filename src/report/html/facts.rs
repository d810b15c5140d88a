//! What a run was: its manifest, its browsers with their adapters, its machine and its time.

use serde::Serialize;

use crate::protocol::adapter::{AdapterFacts, AdapterKind};
use crate::record::run_toml::{HostToml, PartToml};

use super::source::{RunSource, text};

/// A run, in the words of its `run.toml`.
#[derive(Debug, Serialize)]
pub(super) struct RunFacts {
    name: String,
    manifest_path: String,
    /// The manifest as it was read.
    manifest: String,
    started_at: String,
    gpujobs_version: String,
    command: String,
    os: String,
    cpu: String,
    browsers: Vec<BrowserFacts>,
    /// `12 jobs: 10 ok, 2 unsupported`.
    ended: String,
    /// Why it is not whole; empty where it is.
    unfinished: String,
}

#[derive(Debug, Serialize)]
struct BrowserFacts {
    name: String,
    version: String,
    driver_version: String,
    headless: bool,
    adapter: String,
    /// Whether it is anything but hardware.
    software: bool,
}

impl RunFacts {
    pub(super) fn of(source: &RunSource) -> Self {
        let toml = &source.toml;
        // A run that was merged has the browsers of its parts.
        let parts = toml.merged.iter().flat_map(|merged| &merged.part);
        let of_parts = parts.flat_map(|part| {
            let called = |name: &String| format!("{name} [{}]", part_name(part));
            part.browser.iter().map(move |(name, browser)| (called(name), browser))
        });
        let own = toml.browser.iter().map(|(name, browser)| (name.clone(), browser));
        let browsers = own.chain(of_parts).map(|(name, browser)| BrowserFacts {
            name,
            version: browser.browser_version.clone(),
            driver_version: browser.driver_version.clone(),
            headless: browser.headless,
            adapter: browser.adapter.as_ref().map(named).unwrap_or_default(),
            software: browser.adapter.as_ref().is_some_and(|adapter| adapter.kind != AdapterKind::Hardware),
        });
        Self {
            name: source.name.clone(),
            manifest_path: toml.manifest_path.clone(),
            manifest: toml.manifest.clone(),
            started_at: toml.started_at.clone(),
            gpujobs_version: toml.gpujobs_version.clone(),
            command: toml.command.join(" "),
            os: machine_of(&toml.host),
            cpu: toml.host.cpu.clone(),
            browsers: browsers.collect(),
            ended: ended(source),
            unfinished: unfinished(source),
        }
    }
}

/// Its system, with its name where it has one.
fn machine_of(host: &HostToml) -> String {
    if host.machine.is_empty() { host.os.clone() } else { format!("{}: {}", host.machine, host.os) }
}

/// A part by its machine, where it is named, and its run.
fn part_name(part: &PartToml) -> String {
    let named = Some(part.host.machine.as_str()).filter(|name| !name.is_empty());
    named.map_or_else(|| part.run_id.clone(), |machine| format!("{machine}, {}", part.run_id))
}

fn named(adapter: &AdapterFacts) -> String {
    let names = [&adapter.description, &adapter.device, &adapter.architecture, &adapter.vendor];
    let name = names.into_iter().find(|name| !name.is_empty());
    name.map_or_else(|| adapter.kind.to_string(), |name| format!("{}: {name}", adapter.kind))
}

fn ended(source: &RunSource) -> String {
    if let Some(tried) = &source.tried {
        return format!("a tuning of {} evaluations", tried.rows.len());
    }
    let jobs = &source.run.jobs;
    let mut counts = indexmap::IndexMap::<String, usize>::new();
    for job in jobs {
        *counts.entry(text(job, "status").replace('_', " ")).or_default() += 1;
    }
    let verified = jobs.iter().filter(|job| text(job, "verified") == "true").count();
    let counts: Vec<String> = counts.into_iter().map(|(status, count)| format!("{count} {status}")).collect();
    let plural = if jobs.len() == 1 { "job" } else { "jobs" };
    format!("{} {plural}: {}; {verified} verified", jobs.len(), counts.join(", "))
}

/// What was planned is known where `run.toml` says it: to count it again, the manifest's files would have to be here.
fn unfinished(source: &RunSource) -> String {
    let skipped = source.run.jobs.iter().filter(|job| text(job, "status") == "skipped").count();
    let ended = source.run.jobs.len();
    match source.toml.planned_jobs {
        Some(planned) if planned > ended => format!("unfinished: {ended} of {planned} jobs have ended"),
        _ if skipped == 1 => "interrupted: 1 job was skipped".to_owned(),
        _ if skipped > 0 => format!("interrupted: {skipped} jobs were skipped"),
        _ if source.tried.is_none() && ended == 0 => "unfinished: no job has ended".to_owned(),
        _ => String::new(),
    }
}
