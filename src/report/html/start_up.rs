//! The start-up: what passes before a job's first result.

use super::panel::{Panel, PanelCell, PanelTable, numbers, software, words};
use super::source::{RunSource, id, number, text};

const PHASES: [&str; 5] =
    ["device_ready_ms", "model_load_ms", "shader_compile_ms", "first_inference_ms", "time_to_first_result_ms"];

/// `None` where no job has a first result.
pub(super) fn panel(source: &RunSource) -> Option<Panel> {
    let jobs = source.run.jobs.iter().filter(|job| number(job, "time_to_first_result_ms").is_some());
    let rows: Vec<_> = jobs
        .map(|job| {
            let names = [id(job), text(job, "browser"), text(job, "shader_precompilation")].map(PanelCell::from);
            names.into_iter().chain(PHASES.map(|column| number(job, column).into())).collect()
        })
        .collect();
    let names = ["job_id", "browser", "shader_precompilation"].map(words).into_iter();
    let columns = names.chain(PHASES.map(numbers)).collect();
    (!rows.is_empty()).then(|| Panel {
        run: source.name.clone(),
        title: "Start-up".to_owned(),
        note: "From the job's start. With precompilation shaders are compiled while the model loads; without it, inside the \
               first inference. Each was measured once and has no interval."
            .to_owned(),
        charts: vec!["start_up"],
        software: software(&source.run.jobs),
        table: PanelTable::new(columns, rows),
        ..Panel::default()
    })
}
