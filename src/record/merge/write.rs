//! The folder of a merged run: written beside its place, and moved there once it is whole.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Component, Path};

use indexmap::{IndexMap, IndexSet};
use jiff::Timestamp;

use super::Place;
use super::part::{Part, RawTable};
use crate::record::csv::CsvTable;
use crate::record::inputs::InputToml;
use crate::record::run_toml::{HostToml, MergedToml, PartToml, RunToml};
use crate::record::{RecordError, SIDE_TABLES};
use crate::user_file;

/// Folders in each other that are copied; gpujobs makes fewer.
const DEEPEST: usize = 32;

/// Makes the folder and says how many rows of jobs it has.
pub(super) fn run(parts: &[Part], place: &Place, missing: &[String]) -> Result<usize, RecordError> {
    let Place { parent, name, .. } = place;
    fs::create_dir_all(parent).map_err(RecordError::io("create", parent))?;
    // What is being written lies one folder deeper than runs do, so that nothing that looks for runs finds it.
    let beside = tempfile::Builder::new().prefix(".gpujobs-merge-").tempdir_in(parent);
    let beside = beside.map_err(RecordError::io("write into", parent))?;
    let folder = beside.path().join("run");
    fs::create_dir(&folder).map_err(RecordError::io("create", &folder))?;
    let jobs = jobs(parts, &folder)?;
    for name in ["samples.csv"].into_iter().chain(SIDE_TABLES.iter().map(|side| side.name)) {
        side_table(parts, &folder, name)?;
    }
    for part in parts {
        for inside in ["logs", "outputs"] {
            copy_folder(&part.folder.join(inside), &folder.join(inside).join(&part.run_id), DEEPEST)?;
        }
    }
    let input = inputs(parts, &folder)?;
    let run_id = name.to_string_lossy().into_owned();
    run_toml(parts, run_id, input, missing).write(&folder)?;
    let out = parent.join(name);
    fs::rename(&folder, &out).map_err(RecordError::io("create", &out))?;
    Ok(jobs)
}

/// The rows of all parts, in the order of the jobs in the manifest; those of one job in the order of the parts.
fn jobs(parts: &[Part], folder: &Path) -> Result<usize, RecordError> {
    let mut rows: Vec<(usize, Vec<String>)> = Vec::new();
    for part in parts {
        let number = |row: &[String]| part.jobs.cell(row, "job_number").parse().unwrap_or(usize::MAX);
        let of_part = renamed(&part.jobs, part);
        rows.extend(of_part.map(|row| (number(&row), row)));
    }
    rows.sort_by_key(|(number, _)| *number);
    let rows: Vec<Vec<String>> = rows.into_iter().map(|(_, row)| row).collect();
    let header = parts.first().map(|part| part.jobs.header.clone()).unwrap_or_default();
    CsvTable::create(&folder.join("jobs.csv"), &header)?.add(&rows)?;
    Ok(rows.len())
}

/// The rows of a table with the id that the part has in the merged run.
fn renamed<'part>(table: &'part RawTable, part: &'part Part) -> impl Iterator<Item = Vec<String>> + 'part {
    let place = table.column("run_id");
    table.rows.iter().map(move |row| {
        let mut row = row.clone();
        if let Some(cell) = place.and_then(|place| row.get_mut(place)) {
            cell.clone_from(&part.run_id);
        }
        row
    })
}

/// The rows of another table, part by part.
fn side_table(parts: &[Part], folder: &Path, name: &str) -> Result<(), RecordError> {
    let mut merged: Option<(CsvTable, Vec<String>)> = None;
    for part in parts {
        let path = part.folder.join(name);
        let Some(table) = RawTable::read(&path)? else { continue };
        let (merged, header) = match &mut merged {
            Some(merged) => merged,
            none => none.insert((CsvTable::create(&folder.join(name), &table.header)?, table.header.clone())),
        };
        if *header != table.header {
            return Err(RecordError::NotTheRun {
                path,
                reason: "has other columns than those of the runs before it".to_owned(),
                help: "was it changed by hand or by a spreadsheet? Bring back the file that gpujobs wrote".to_owned(),
            });
        }
        merged.add(&renamed(&table, part).collect::<Vec<_>>())?;
    }
    Ok(())
}

/// Copies what gpujobs made in a folder of a run, if there is one. Links lead anywhere: there are none in what it makes.
fn copy_folder(from: &Path, to: &Path, depth: usize) -> Result<(), RecordError> {
    let strange = |path: &Path, what: &str| RecordError::NotTheRun {
        path: path.to_owned(),
        reason: format!("is {what}, which no run has"),
        help: "remove it from the run's folder".to_owned(),
    };
    let Ok(found) = fs::symlink_metadata(from) else { return Ok(()) };
    if !found.is_dir() {
        return Err(strange(from, "no folder"));
    }
    if depth == 0 {
        return Err(strange(from, "too deep in other folders"));
    }
    fs::create_dir_all(to).map_err(RecordError::io("create", to))?;
    for entry in fs::read_dir(from).map_err(RecordError::io("read", from))? {
        let entry = entry.map_err(RecordError::io("read", from))?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(RecordError::io("read", from))?);
        let target = to.join(entry.file_name());
        if kind.is_dir() {
            copy_folder(&path, &target, depth - 1)?;
        } else if kind.is_file() {
            copy_file(&path, &target)?;
        } else {
            return Err(strange(&path, "neither a file nor a folder"));
        }
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path) -> Result<(), RecordError> {
    let mut source = user_file::open(from).map_err(RecordError::io("read", from))?;
    let mut target = fs::File::create_new(to).map_err(RecordError::io("create", to))?;
    std::io::copy(&mut source, &mut target).map_err(RecordError::io("write", to))?;
    Ok(())
}

/// What the runs were made of, each file once: those of one place are the same.
fn inputs(parts: &[Part], folder: &Path) -> Result<Vec<InputToml>, RecordError> {
    let (mut all, mut places) = (Vec::new(), HashSet::new());
    for part in parts {
        make_folders(&part.folder.join("inputs"), &folder.join("inputs"), DEEPEST)?;
        for input in &part.toml.input {
            let place = input.place.as_ref().unwrap_or(&input.path);
            if !places.insert(place.clone()) {
                continue;
            }
            all.push(input.clone());
            if !input.kept {
                continue;
            }
            let below = Path::new(place).components().all(|part| matches!(part, Component::Normal(_)));
            let (from, to) = (part.folder.join(place), folder.join(place));
            if !below || fs::symlink_metadata(&from).is_ok_and(|found| !found.is_file()) || leads_out(part, &from) {
                return Err(RecordError::NotTheRun {
                    path: part.folder.join("run.toml"),
                    reason: format!("names the input {place:?}, which is no file in the run's folder"),
                    help: "merge runs that `gpujobs run` wrote".to_owned(),
                });
            }
            if let Some(above) = to.parent() {
                fs::create_dir_all(above).map_err(RecordError::io("create", above))?;
            }
            copy_file(&from, &to)?;
        }
    }
    Ok(all)
}

/// Makes the folders that there are: a manifest wants those that it names, also where nothing is in them.
fn make_folders(from: &Path, to: &Path, depth: usize) -> Result<(), RecordError> {
    let is_folder = fs::symlink_metadata(from).is_ok_and(|found| found.is_dir());
    if !is_folder || depth == 0 {
        return Ok(());
    }
    fs::create_dir_all(to).map_err(RecordError::io("create", to))?;
    for entry in fs::read_dir(from).map_err(RecordError::io("read", from))? {
        let entry = entry.map_err(RecordError::io("read", from))?;
        make_folders(&entry.path(), &to.join(entry.file_name()), depth - 1)?;
    }
    Ok(())
}

/// Whether a folder on the way to a file is a link that leads out of the run.
fn leads_out(part: &Part, file: &Path) -> bool {
    let above = file.parent().and_then(|above| above.canonicalize().ok());
    above.is_none_or(|above| !above.starts_with(&part.real))
}

fn run_toml(parts: &[Part], run_id: String, input: Vec<InputToml>, missing: &[String]) -> RunToml {
    let first = &parts[0].toml;
    let repeat =
        first.repeat.clone().filter(|repeat| parts.iter().all(|part| part.toml.repeat.as_ref() == Some(repeat)));
    let started = parts.iter().min_by_key(|part| part.toml.started_at.parse::<Timestamp>().ok());
    RunToml {
        run_id,
        started_at: started.unwrap_or(&parts[0]).toml.started_at.clone(),
        command: std::env::args().collect(),
        planned_jobs: Some(planned(parts)),
        shard: None,
        host: host(parts),
        repeat,
        input,
        browser: IndexMap::new(),
        merged: Some(MergedToml {
            merged_at: Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            missing: missing.to_vec(),
            part: parts.iter().map(part_toml).collect(),
        }),
        ..first.clone()
    }
}

/// The jobs that there are when nothing is missing.
fn planned(parts: &[Part]) -> usize {
    let mut counts = HashMap::new();
    let (mut whole, mut sharded) = (0, 0);
    for part in parts {
        match &part.toml.shard {
            Some(shard) => {
                *counts.entry(shard.number).or_insert(0_usize) += 1;
                sharded = shard.jobs;
            }
            None => whole = part.toml.planned_jobs.unwrap_or(part.jobs.rows.len()).saturating_add(whole),
        }
    }
    // A run.toml may say anything.
    sharded.saturating_mul(counts.values().max().copied().unwrap_or(0)).saturating_add(whole)
}

/// What the machines were, each text once.
fn host(parts: &[Part]) -> HostToml {
    let joined = |of: fn(&HostToml) -> &String| {
        let all: IndexSet<&str> =
            parts.iter().map(|part| of(&part.toml.host).as_str()).filter(|text| !text.is_empty()).collect();
        all.into_iter().collect::<Vec<_>>().join("; ")
    };
    HostToml { machine: joined(|host| &host.machine), os: joined(|host| &host.os), cpu: joined(|host| &host.cpu) }
}

fn part_toml(part: &Part) -> PartToml {
    let toml = &part.toml;
    PartToml {
        run_id: part.run_id.clone(),
        was: (part.run_id != toml.run_id).then(|| toml.run_id.clone()),
        folder: part.shown(),
        started_at: toml.started_at.clone(),
        gpujobs_version: toml.gpujobs_version.clone(),
        command: toml.command.clone(),
        manifest_path: toml.manifest_path.clone(),
        planned_jobs: toml.planned_jobs,
        jobs: part.jobs.rows.len(),
        shard: toml.shard.clone(),
        host: toml.host.clone(),
        browser: toml.browser.clone(),
    }
}
