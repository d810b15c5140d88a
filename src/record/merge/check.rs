//! What must not be merged: runs of unlike manifests, versions or divisions, one thing twice, and less than all.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::MergeOptions;
use super::part::Part;
use crate::plan::Shard;
use crate::record::RecordError;
use crate::record::csv::original;
use crate::record::inputs::InputToml;
use crate::record::read::{ADAPTER, HOST};
use crate::record::run_toml::ShardToml;
use crate::render::page::short_digest;

/// Shards that a message names.
const MOST_NAMED: usize = 10;

fn refused(message: String, help: impl Into<String>) -> RecordError {
    RecordError::Merge { message, help: help.into() }
}

/// An error where the new run would lie in one that it is made of.
pub(super) fn place(out: &Path, part: &Part) -> Result<(), RecordError> {
    if out.starts_with(&part.real) {
        let message = format!("{} lies inside {}, which is to be merged", out.display(), part.shown());
        return Err(refused(message, "name a folder beside the runs"));
    }
    Ok(())
}

/// An error where a run is named again.
pub(super) fn not_twice(parts: &[Part], part: &Part) -> Result<(), RecordError> {
    let Some(other) = parts.iter().find(|other| other.real == part.real) else { return Ok(()) };
    let message = format!("{} is named twice, the first time as {}", part.shown(), other.shown());
    Err(refused(message, "name each run once"))
}

/// An error where a run is not of the manifest, version and division of the first.
pub(super) fn alike(parts: &[Part]) -> Result<(), RecordError> {
    let Some((first, others)) = parts.split_first() else { return Ok(()) };
    others.iter().try_for_each(|part| like(first, part))?;
    let mut shards = parts.iter().filter_map(|part| Some((part, part.toml.shard.as_ref()?)));
    let Some((first, expected)) = shards.next() else { return Ok(()) };
    shards.try_for_each(|(part, found)| of_one_division((first, expected), (part, found)))
}

fn like(first: &Part, part: &Part) -> Result<(), RecordError> {
    let (found, expected) = (&part.toml.gpujobs_version, &first.toml.gpujobs_version);
    if found != expected {
        return Err(refused(
            format!("{} is of gpujobs {found}, expected {expected} as {}", part.shown(), first.shown()),
            format!("run its jobs again with gpujobs {expected}; `gpujobs history` takes runs of several versions"),
        ));
    }
    let digest = |part: &Part| short_digest(Sha256::new_with_prefix(&part.toml.manifest));
    let (found, expected) = (digest(part), digest(first));
    if found != expected {
        return Err(refused(
            format!(
                "{} is of another manifest: {} with the SHA-256 {found}…, expected {expected}… as {}",
                part.shown(),
                part.toml.manifest_path,
                first.shown()
            ),
            "merge runs of one manifest with the same --set; `diff` of their run.toml shows what differs",
        ));
    }
    for input in &part.toml.input {
        let same = |other: &&InputToml| other.place.is_some() && other.place == input.place;
        let other = first.toml.input.iter().find(same);
        if let Some((found, expected)) = input.sha256.as_ref().zip(other.and_then(|other| other.sha256.as_ref()))
            && found != expected
        {
            return Err(refused(
                format!(
                    "{} was made of another {}: its SHA-256 is {found}, expected {expected} as {}",
                    part.shown(),
                    input.path,
                    first.shown()
                ),
                "run its jobs again with the same files",
            ));
        }
    }
    if part.jobs.header != first.jobs.header {
        let pairs = part.jobs.header.iter().zip(&first.jobs.header);
        let what = match pairs.clone().find(|(found, expected)| found != expected) {
            Some((found, expected)) => format!("the column {found} in its jobs.csv, expected {expected}"),
            None => format!("{} columns in its jobs.csv, expected {}", part.jobs.header.len(), first.jobs.header.len()),
        };
        return Err(refused(
            format!("{} has {what} as {}", part.shown(), first.shown()),
            "was one changed by hand or by a spreadsheet? Bring back the file that gpujobs wrote",
        ));
    }
    Ok(())
}

fn of_one_division(
    (first, expected): (&Part, &ShardToml),
    (part, found): (&Part, &ShardToml),
) -> Result<(), RecordError> {
    let filter = |part: &Part| part.toml.repeat.as_ref().and_then(|repeat| repeat.filter.clone());
    if found.of != expected.of {
        return Err(refused(
            format!(
                "{} is shard {}, expected one of {} as {}, which is {}",
                part.shown(),
                found.shard(),
                expected.of,
                first.shown(),
                expected.shard()
            ),
            format!("run it again with --shard N/{}, or leave it out", expected.of),
        ));
    }
    if (&found.division, found.jobs) != (&expected.division, expected.jobs) {
        let with = |part: &Part| {
            filter(part).map_or("without --filter".to_owned(), |terms| format!("with --filter '{terms}'"))
        };
        return Err(refused(
            format!(
                "{} is shard {} of {} jobs ({}), expected one of {} jobs ({}) as {}: they were divided otherwise",
                part.shown(),
                found.shard(),
                found.jobs,
                with(part),
                expected.jobs,
                with(first),
                first.shown()
            ),
            "run it again with the filter of the others",
        ));
    }
    Ok(())
}

/// An error where a job has two rows of one machine, or a machine ran one shard twice.
pub(super) fn no_doubles(parts: &[Part]) -> Result<(), RecordError> {
    let help = "these are two measurements of the same: merge one of them, and see both with `gpujobs compare` or `history`. \
                Where they are of two machines that nothing tells apart, run each with a name: --machine NAME";
    let mut shards: HashMap<_, &Part> = HashMap::new();
    for part in parts {
        let Some(shard) = part.toml.shard.as_ref().map(ShardToml::shard) else { continue };
        let host = &part.toml.host;
        if let Some(other) = shards.insert((shard, &host.machine, &host.os, &host.cpu), part) {
            let message = format!(
                "shard {shard} is there twice from one machine: {} and {}, expected once",
                other.shown(),
                part.shown()
            );
            return Err(refused(message, help));
        }
    }
    let mut seen: HashMap<&str, Vec<(&Part, &Vec<String>)>> = HashMap::new();
    for part in parts {
        for row in &part.jobs.rows {
            let id = part.jobs.cell(row, "job_id");
            let others = seen.entry(id).or_default();
            if let Some((other, _)) = others.iter().find(|(other, earlier)| same_machine((other, earlier), (part, row)))
            {
                let have = if other.real == part.real {
                    format!("{} has", part.shown())
                } else {
                    format!("{} and {} together have", other.shown(), part.shown())
                };
                let machine = named(part.jobs.cell(row, "machine"));
                let message = format!("{have} the job {} twice of one machine{machine}, expected once", original(id));
                return Err(refused(message, help));
            }
            others.push((part, row));
        }
    }
    Ok(())
}

fn named(machine: &str) -> String {
    if machine.is_empty() { String::new() } else { format!(" ({})", original(machine)) }
}

/// Whether nothing in two rows says that they are of unlike machines or adapters. A job that no GPU computed has no adapter.
fn same_machine((one, row): (&Part, &[String]), (other, earlier): (&Part, &[String])) -> bool {
    let same = |column: &&str| one.jobs.cell(row, column) == other.jobs.cell(earlier, column);
    let has_adapter = |part: &Part, row: &[String]| !part.jobs.cell(row, ADAPTER[0]).is_empty();
    let adapters = has_adapter(one, row) && has_adapter(other, earlier);
    same(&"machine") && HOST.iter().all(same) && (!adapters || ADAPTER.iter().all(same))
}

/// What is not there, in words; an error unless that is allowed.
pub(super) fn missing(parts: &[Part], options: MergeOptions) -> Result<Vec<String>, RecordError> {
    let mut missing = Vec::new();
    let absent = absent_shards(parts);
    let manifest = parts.first().map_or("MANIFEST", |part| part.toml.manifest_path.as_str());
    if let Some(first) = absent.first().filter(|_| !options.allow_missing) {
        return Err(refused(
            absent_in_words(parts, &absent),
            format!("`gpujobs run {manifest} --shard {first}` makes it; --allow-missing merges what is there"),
        ));
    }
    missing.extend(absent.iter().map(|shard| format!("shard {shard}")));
    for part in parts {
        let (planned, there) = (part.toml.planned_jobs.unwrap_or(0), part.jobs.rows.len());
        if there >= planned {
            continue;
        }
        if !options.allow_missing {
            return Err(refused(
                format!("{} is unfinished: found {there} of its {planned} jobs, expected all", part.shown()),
                format!(
                    "`gpujobs run {manifest} --resume {}` finishes it; --allow-missing merges what is there",
                    part.shown()
                ),
            ));
        }
        missing.push(format!("{} of {planned} jobs of {}", planned - there, part.toml.run_id));
    }
    Ok(missing)
}

/// The shards that are there less often than others, each as often as it is missing.
fn absent_shards(parts: &[Part]) -> Vec<Shard> {
    let mut counts: BTreeMap<Shard, usize> = BTreeMap::new();
    for shard in parts.iter().filter_map(|part| part.toml.shard.as_ref()) {
        *counts.entry(shard.shard()).or_default() += 1;
    }
    let Some((of, most)) = counts.keys().next().map(|shard| shard.of).zip(counts.values().max().copied()) else {
        return Vec::new();
    };
    let absent = |number: u32| {
        let shard = Shard { number, of };
        std::iter::repeat_n(shard, most - counts.get(&shard).copied().unwrap_or(0))
    };
    (1..=of).flat_map(absent).collect()
}

/// Which shards are missing, and which are there: `1/4 (FOLDER)`.
fn absent_in_words(parts: &[Part], absent: &[Shard]) -> String {
    let shard = |part: &Part| part.toml.shard.as_ref().map(ShardToml::shard);
    let there: Vec<String> =
        parts.iter().filter_map(|part| Some(format!("{} ({})", shard(part)?, part.shown()))).collect();
    let there = listed(there.into_iter());
    let (shards, are) = if absent.len() == 1 { ("shard", "is") } else { ("shards", "are") };
    let names = listed(absent.iter().map(ToString::to_string));
    let once = absent.iter().all(|absent| parts.iter().any(|part| shard(part) == Some(*absent)));
    let of = absent.first().map_or(0, |shard| shard.of);
    if once {
        format!("{shards} {names} {are} there less often than others: found {there}, expected each equally often")
    } else {
        format!("{shards} {names} {are} missing: found {there}, expected 1/{of} to {of}/{of}")
    }
}

fn listed(all: impl ExactSizeIterator<Item = String>) -> String {
    let more = all.len().saturating_sub(MOST_NAMED);
    let named = all.take(MOST_NAMED).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{named} and {more} more") } else { named }
}
