//! The tuning: what was tried, and the best that was known after each trial.

use super::panel::{Panel, of_table};
use super::source::RunSource;

/// `None` where nothing was tuned.
pub(super) fn panel(source: &RunSource) -> Option<Panel> {
    let tried = source.tried.as_ref().filter(|tried| !tried.rows.is_empty())?;
    let ours = |name: &&str| name.starts_with("param_");
    let parameters = tried.header.iter().map(String::as_str).filter(ours);
    let before = ["browser", "model", "kernel", "size", "phase", "adapter_kind", "adapter", "workgroup"];
    let after = ["status", "verified", "samples", "median_ms", "low_ms", "high_ms", "reason"];
    let columns: Vec<&str> = before.into_iter().chain(parameters).chain(after).collect();
    Some(Panel {
        run: source.name.clone(),
        title: "Tuning".to_owned(),
        note: "Each dot is a configuration that was right, in the order of trials, its bar the 95 % interval; the line is the best \
               so far. Below, each line is a configuration over all parameters, and each cell the best time with two of them."
            .to_owned(),
        charts: vec!["best_so_far", "parallel", "heat_map"],
        table: of_table(tried, &columns, &["samples", "median_ms", "low_ms", "high_ms"]),
        ..Panel::default()
    })
}
