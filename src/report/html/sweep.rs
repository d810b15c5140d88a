//! The sweep: the time of an inference of each job with its interval, a panel for each model and mode.

use indexmap::IndexMap;

use crate::record::read::JobRecord;

use super::panel::{Panel, PanelCell, PanelTable, explained, numbers, words};
use super::source::{RunSource, adapter, deciding, label, text};

/// A panel for each model and mode that has times.
pub(super) fn panels(source: &RunSource) -> Vec<Panel> {
    let mut groups: IndexMap<(&str, &str), Vec<Vec<PanelCell>>> = IndexMap::new();
    for job in &source.run.jobs {
        if let Some(cells) = cells(job) {
            groups.entry((text(job, "model"), mode(job))).or_default().push(cells);
        }
    }
    groups.into_iter().map(|((model, mode), rows)| panel(source, model, mode, rows)).collect()
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
    let (time, clock) = deciding(job).filter(|_| text(job, "status") == "ok")?;
    let mode = if text(job, "shader_precompilation") == "false" { "lazy" } else { "precompiled" };
    let id_without_mode = label(job, &["browser", "model"]);
    let parts: Vec<&str> = id_without_mode.split('/').filter(|part| *part != mode).collect();
    Some(vec![
        text(job, "job_id").into(),
        text(job, "browser").into(),
        parts.join("/").into(),
        Some(time.median).into(),
        time.interval.map(|(low, _)| low).into(),
        time.interval.map(|(_, high)| high).into(),
        clock.into(),
        text(job, "verified").into(),
        adapter(job).into(),
    ])
}

fn panel(source: &RunSource, model: &str, mode: &str, rows: Vec<Vec<PanelCell>>) -> Panel {
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
        explained(words("adapter"), "What computed it; what is no hardware says so."),
    ];
    Panel {
        run: source.name.clone(),
        title: if mode.is_empty() { format!("Times of {model}") } else { format!("Times of {model}, {mode}") },
        note: "Each dot is the median time of an inference, its bar the 95 % interval. Hollow dots were timed by the wall's \
               clock, crosses computed in software."
            .to_owned(),
        charts: vec!["sweep"],
        table: PanelTable::new(columns, rows),
        ..Panel::default()
    }
}
