//! A report is a run, or several, as one HTML file that needs nothing else.
//!
//! [`Report::of`] makes plain data of run folders: what was run, a grid, and panels, each a table with the charts that are
//! drawn of it. `page` puts them into the templates of `templates/report/`. Written by `commands::report`.

mod comparison;
mod facts;
mod findings;
mod grid;
mod history;
mod kernels;
mod memory;
mod page;
mod panel;
mod parts;
mod roofline;
mod samples;
mod source;
mod start_up;
mod sweep;
mod tuning;

use std::path::Path;

use serde::Serialize;

use crate::analyse::work::WorkRule;
use crate::record::RecordError;

use self::facts::RunFacts;
use self::findings::{Refusal, WarningGroup, Winner};
use self::grid::Grid;
use self::panel::Panel;
use self::source::RunSource;

pub use self::page::ReportError;

/// What a report shows.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Its heading: the names of its runs.
    title: String,
    runs: Vec<RunFacts>,
    grids: Vec<Grid>,
    winners: Vec<Winner>,
    warnings: Vec<WarningGroup>,
    refusals: Vec<Refusal>,
    #[serde(skip)]
    panels: Vec<Panel>,
}

impl Report {
    /// Of run folders or of folders of tunings, in the order in which they are shown.
    pub fn of(folders: &[impl AsRef<Path>]) -> Result<Self, RecordError> {
        let rule = WorkRule::built_in();
        let sources: Vec<RunSource> =
            folders.iter().map(|folder| RunSource::read(folder.as_ref(), &rule)).collect::<Result<_, _>>()?;
        let mut panels = Vec::new();
        // What several runs say together stands before what each says; a page that is cut keeps its first panels.
        panels.extend(history::panel(&sources));
        panels.extend(comparison::panels(&sources));
        for source in &sources {
            panels.extend(sweep::panels(source));
            panels.extend(start_up::panel(source));
            panels.extend(parts::panel(source));
            panels.extend(samples::panel(source));
            panels.extend(kernels::panel(source));
            panels.extend(roofline::panel(source));
            panels.extend(memory::panels(source));
            panels.extend(tuning::panel(source));
        }
        for (place, panel) in panels.iter_mut().enumerate() {
            panel.id = format!("panel-{}", place + 1);
            if sources.len() > 1 && !panel.run.is_empty() {
                panel.title = format!("{} — {}", panel.title, panel.run);
            }
        }
        Ok(Self {
            title: sources.iter().map(|source| source.name.as_str()).collect::<Vec<_>>().join(", "),
            runs: sources.iter().map(RunFacts::of).collect(),
            grids: sources.iter().filter_map(Grid::of).collect(),
            winners: sources.iter().flat_map(findings::winners).collect(),
            warnings: sources.iter().flat_map(findings::warnings).collect(),
            refusals: sources.iter().flat_map(findings::refusals).collect(),
            panels,
        })
    }
}
