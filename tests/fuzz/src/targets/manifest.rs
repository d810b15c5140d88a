//! A manifest's text: read, checked, expanded into jobs, and their models evaluated.

use std::collections::HashSet;
use std::path::Path;

use super::super::{check_errors, draw};
use gpujobs::graph;
use gpujobs::manifest::{Manifest, ManifestErrors, product};
use gpujobs::plan::{Filter, Plan};

/// More jobs are not made here: a plan of a million takes seconds, as it may.
const MOST_JOBS: u64 = 2000;

/// Comments that begin so are given as `--set`.
const SET: &str = "#--set ";

/// Reads the input as the program does, and panics where what must hold does not.
pub fn check(text: &str) {
    let sets: Vec<String> = text.lines().filter_map(|line| line.strip_prefix(SET)).map(str::to_owned).collect();
    let path = Path::new("fuzzed/manifest.toml");
    match Manifest::parse(path, text.to_owned(), &sets) {
        Ok(manifest) => expand(manifest),
        Err(errors) => {
            if sets.is_empty() {
                check_errors(&errors.0, path, text.strip_prefix('\u{feff}').unwrap_or(text));
            }
            draw(&errors);
        }
    }
}

fn expand(manifest: Manifest) {
    let size = product::size(&manifest.axes).expect("a checked manifest has a countable product");
    assert!(size <= product::MOST_JOBS, "{size} jobs");
    if size > MOST_JOBS {
        return;
    }
    let again = Manifest::parse(&manifest.path, manifest.source.clone(), &[]);
    let again = Plan::of(again.expect("what was checked is checked again"));
    let most = size + manifest.include.len() as u64;
    let plan = Plan::of(manifest);
    assert_eq!(plan.jobs, again.jobs, "the text that is kept makes other jobs");
    assert!(!plan.jobs.is_empty() && plan.jobs.len() as u64 <= most);
    let ids: HashSet<&str> = plan.jobs.iter().map(|job| job.id.0.as_str()).collect();
    assert_eq!(ids.len(), plan.jobs.len(), "two jobs have one id");
    let _ = plan.estimate().to_string();
    // A job is found by each of its values.
    let custom: Vec<&str> =
        plan.manifest.axes.iter().filter(|axis| axis.custom).map(|axis| axis.name.as_str()).collect();
    let first = &plan.jobs[0];
    if !first.id.0.contains(|c: char| c.is_whitespace() || ",*?".contains(c)) {
        let filter = Filter::parse(&format!("id={}", first.id), custom).expect("an id is a filter");
        assert!(filter.matches(first));
    }
    let faulty = graph::check(&plan);
    if !faulty.is_empty() {
        for model in plan.manifest.models.values() {
            check_errors(&faulty, &model.path, &model.source);
        }
        draw(&ManifestErrors(faulty));
    }
}
