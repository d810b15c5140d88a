//! The tables of a run's folder: `jobs.csv`, and below lines that begin with `--- ` `samples.csv` and `parts.csv`. They are read,
//! compared with themselves, exported, and cleaned as `--resume` does.

use std::path::Path;
use std::sync::LazyLock;

use super::super::{parts, path, write};
use gpujobs::analyse::compare::{self, RunAxis};
use gpujobs::analyse::comparison::Rules;
use gpujobs::manifest::Manifest;
use gpujobs::record::run_toml::RunToml;
use gpujobs::record::{read, resume, typed};
use gpujobs::report::comparison;
use gpujobs::report::export::benchmarks::Benchmarks;
use gpujobs::report::export::json::RunDocument;
use gpujobs::report::export::{bencher, github_action, parquet, xlsx};

const MANIFEST: &str = "[matrix]\nbrowser = 'chrome'\nmodel = 'axpy'\n";

static FUZZED: LazyLock<Manifest> = LazyLock::new(|| {
    let run = format!(
        "format = 1\nrun_id = 'r'\nstarted_at = ''\ngpujobs_version = ''\ncommand = []\nmanifest_path = ''\n\
         manifest = \"\"\"\n{MANIFEST}\"\"\"\n[host]\nos = ''\ncpu = ''\n"
    );
    write("run.toml", run.as_bytes());
    Manifest::parse(Path::new("m.toml"), MANIFEST.to_owned(), &[]).expect("a manifest without faults")
});

/// Reads the input as the program does, and panics where what must hold does not.
pub fn check(text: &str) {
    let manifest = &*FUZZED;
    let [jobs, samples, side] = parts(text);
    write("jobs.csv", jobs.as_bytes());
    write("samples.csv", samples.as_bytes());
    let folder = path("");
    if side.is_empty() {
        let _ = std::fs::remove_file(path("parts.csv"));
    } else {
        write("parts.csv", side.as_bytes());
    }
    let facts = RunToml::read(&folder).expect("the file of this process");
    if let Ok(tables) = typed::tables(&folder) {
        drop(xlsx::workbook(&tables));
        for table in &tables {
            parquet::file(table).expect("every table of a run can be written");
        }
        RunDocument::of(facts.clone(), &tables).text().expect("every run can be written");
    }
    if let Ok(run) = read::run(&folder) {
        compared(&run);
        if let Ok(benchmarks) = Benchmarks::of(&run, true) {
            drop((bencher::document(&benchmarks.counted), github_action::entries(&benchmarks.counted, &facts)));
        }
    }
    if let Ok(first) = resume::open(&folder, manifest) {
        let done = first.done.clone();
        drop(first);
        let again = resume::open(&folder, manifest).expect("a folder that was cleaned can be taken up");
        assert_eq!(again.done, done, "what is done changed");
        if !done.is_empty() {
            let tables = read::tables(&folder).expect("a folder that was cleaned can be read");
            let id = tables[0].header.iter().position(|column| column == "job_id").expect("rows have ids");
            assert_eq!(tables[0].rows.len(), done.len());
            let original = |id: &String| gpujobs::record::csv::original(id).to_owned();
            assert!(tables[0].rows.iter().all(|row| done.iter().map(original).any(|known| known == row[id])));
        }
    }
}

fn compared(run: &read::Run) {
    let rules = Rules { unverified: true, across_machines: true, different_shaders: true, ..Rules::default() };
    let mut all = compare::runs(run, run, &rules);
    for axis in RunAxis::all(run) {
        all.extend(compare::along(run, &axis, &rules));
    }
    for found in &all {
        let _ = (
            comparison::in_words(found, &rules),
            comparison::brief(found, &rules),
            comparison::object(found).to_string(),
        );
    }
    let _ = compare::regressions(&all, 0.05).count();
}
