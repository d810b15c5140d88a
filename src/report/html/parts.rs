//! The parts of models: when each was fetched and made ready, on the clock of its job, so that what overlapped is seen to.

use super::panel::{Panel, of_table, software};
use super::source::RunSource;

/// `None` where no model has parts.
pub(super) fn panel(source: &RunSource) -> Option<Panel> {
    let parts = source.parts.as_ref().filter(|parts| !parts.rows.is_empty())?;
    let columns =
        ["job_id", "part", "bytes", "fetch_began_ms", "fetch_ms", "create_ms", "compile_ms", "first_inference_ms"];
    Some(Panel {
        run: source.name.clone(),
        title: "Parts of the models".to_owned(),
        note: "From the job's start: when each part was asked for and until it was there, then what making it ready took. \
               Fetches stand where they were; making ready is drawn right behind its fetch, though it may have waited. Each \
               was measured once and has no interval."
            .to_owned(),
        charts: vec!["parts"],
        software: software(&source.run.jobs),
        table: of_table(parts, &columns, &columns[2..]),
        ..Panel::default()
    })
}
