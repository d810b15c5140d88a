//! The sweep: the time of an inference of each job with its interval, a panel for each model and mode.

use indexmap::IndexMap;

use crate::record::read::JobRecord;

use super::panel::{Panel, PanelCell, PanelTable, explained, numbers, software, words};
use super::source::{RunSource, adapter, deciding, elsewhere, id, label, text};

/// A panel for each model and mode that has times.
pub(super) fn panels(source: &RunSource) -> Vec<Panel> {
    let mut groups: IndexMap<(&str, &str), Vec<&JobRecord>> = IndexMap::new();
    for job in &source.run.jobs {
        if deciding(job).is_some() && text(job, "status") == "ok" {
            groups.entry((text(job, "model"), mode(job))).or_default().push(job);
        }
    }
    groups.into_iter().map(|((model, mode), jobs)| panel(source, model, mode, &jobs)).collect()
}

/// How shaders were precompiled, in words.
fn mode(job: &JobRecord) -> &'static str {
    match text(job, "shader_precompilation") {
        "true" => "shaders precompiled",
        "false" => "shaders compiled when first used",
        _ => "",
    }
}

fn cells(job: &JobRecord) -> Option<Vec<PanelCell>> {
    let (time, clock) = deciding(job)?;
    let mode = if text(job, "shader_precompilation") == "false" { "lazy" } else { "precompiled" };
    let id_without_mode = label(job, &["browser", "model"]);
    let parts: Vec<&str> = id_without_mode.split('/').filter(|part| *part != mode).collect();
    Some(vec![
        id(job).into(),
        text(job, "browser").into(),
        parts.join("/").into(),
        Some(time.median).into(),
        time.interval.map(|(low, _)| low).into(),
        time.interval.map(|(_, high)| high).into(),
        clock.into(),
        text(job, "verified").into(),
        elsewhere(job).into(),
        adapter(job).into(),
    ])
}

fn panel(source: &RunSource, model: &str, mode: &str, jobs: &[&JobRecord]) -> Panel {
    let columns = vec![
        words("job_id"),
        words("browser"),
        explained(words("label"), "What tells the job apart from others of this panel and browser."),
        explained(
            numbers("median_ms"),
            "Time of an inference: by the GPU's clock where there is one, else by the wall's.",
        ),
        explained(
            numbers("low_ms"),
            "The 95 % interval of the median, its lower end; empty where there are too few samples.",
        ),
        explained(numbers("high_ms"), "Its upper end."),
        explained(words("clock"), "Which clock that is."),
        words("verified"),
        explained(words("elsewhere"), "Where it ran, if not on the backend that was asked for."),
        explained(words("adapter"), "What computed it, with its kind."),
    ];
    Panel {
        run: source.name.clone(),
        title: if mode.is_empty() { format!("Times of {model}") } else { format!("Times of {model}, {mode}") },
        note: "Each dot is the median time of an inference, its bar the 95 % interval. Hollow dots were timed by the wall's \
               clock, the others by the GPU's; a cross was computed in software, ↪ on another backend than was asked for."
            .to_owned(),
        charts: vec!["sweep"],
        software: software(jobs.iter().copied()),
        table: PanelTable::new(columns, jobs.iter().filter_map(|job| cells(job)).collect()),
        ..Panel::default()
    }
}
