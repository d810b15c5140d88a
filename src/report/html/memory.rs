//! Memory and generated text: figures that only some rows have.

use crate::record::read::JobRecord;

use super::panel::{Panel, PanelCell, PanelTable, numbers, software, words};
use super::source::{RunSource, id, number, text};

const MEMORY: [&str; 5] =
    ["gpu_memory_bytes", "gpu_memory_peak_bytes", "js_heap_peak_bytes", "wasm_memory_bytes", "browser_rss_peak_bytes"];
const TOKENS: [&str; 6] = [
    "decode_tokens_per_s",
    "decode_low_tokens_per_s",
    "decode_high_tokens_per_s",
    "ttft_ms",
    "ttft_low_ms",
    "ttft_high_ms",
];

/// A panel of memory, and one of generated text, where rows have any.
pub(super) fn panels(source: &RunSource) -> Vec<Panel> {
    let memory = "What each job held at most, where that was counted: once in a run, so without an interval.";
    let tokens = "Tokens a second while a text is generated, with the 95 % interval; the table has the time to the first \
                  token as well.";
    let panels = [
        panel(source, ["Memory", memory], "memory", [&MEMORY, &MEMORY]),
        panel(source, ["Generated text", tokens], "tokens", [&TOKENS, &TOKENS[..1]]),
    ];
    panels.into_iter().flatten().collect()
}

/// `None` where no row has one of the figures that are `needed`.
fn panel(
    source: &RunSource,
    [title, note]: [&str; 2],
    chart: &'static str,
    [figures, needed]: [&[&str]; 2],
) -> Option<Panel> {
    let has = |job: &&JobRecord| needed.iter().any(|column| number(job, column).is_some_and(|number| number > 0.0));
    let cells = |job: &JobRecord| -> Vec<PanelCell> {
        let names = [id(job), text(job, "browser")].map(PanelCell::from).into_iter();
        names.chain(figures.iter().map(|column| number(job, column).into())).collect()
    };
    let rows: Vec<Vec<PanelCell>> = source.run.jobs.iter().filter(has).map(cells).collect();
    let columns = ["job_id", "browser"].map(words).into_iter().chain(figures.iter().map(|name| numbers(name)));
    (!rows.is_empty()).then(|| Panel {
        run: source.name.clone(),
        title: title.to_owned(),
        note: note.to_owned(),
        charts: vec![chart],
        software: software(&source.run.jobs),
        table: PanelTable::new(columns.collect(), rows),
        ..Panel::default()
    })
}
