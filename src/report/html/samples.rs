//! The samples: each of a job in its order, its rounds told apart.

use super::panel::{Panel, of_table};
use super::source::RunSource;

/// `None` where there are no samples.
pub(super) fn panel(source: &RunSource) -> Option<Panel> {
    let samples = source.samples.as_ref().filter(|samples| !samples.rows.is_empty())?;
    let columns = ["job_id", "round", "sample", "kind", "wall_ms", "gpu_ms", "at_ms"];
    let table = of_table(samples, &columns, &["round", "sample", "wall_ms", "gpu_ms", "at_ms"]);
    Some(Panel {
        run: source.name.clone(),
        title: "Samples".to_owned(),
        note: "Each sample of a job in its order; rounds have colours and symbols of their own.".to_owned(),
        charts: vec!["samples"],
        table,
        ..Panel::default()
    })
}
