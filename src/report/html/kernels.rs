//! The kernels of a profile, the longest first.

use super::panel::{Panel, of_table, software};
use super::source::RunSource;

/// `None` where the run was not profiled.
pub(super) fn panel(source: &RunSource) -> Option<Panel> {
    let kernels = source.kernels.as_ref().filter(|kernels| !kernels.rows.is_empty())?;
    let columns = ["job_id", "kernel", "op", "dispatches", "gpu_ms", "share_percent"];
    let table = of_table(kernels, &columns, &columns[3..]);
    Some(Panel {
        run: source.name.clone(),
        title: "Kernels".to_owned(),
        note: "GPU time of each kernel in an inference, and the share of all up to it. A profile is taken once and has no \
               interval."
            .to_owned(),
        charts: vec!["kernels"],
        software: software(&source.run.jobs),
        table,
        ..Panel::default()
    })
}
