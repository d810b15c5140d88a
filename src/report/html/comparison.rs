//! The comparison: each ratio with its interval, of runs with the first one, or of a run's browsers.

use std::collections::HashMap;

use indexmap::IndexMap;

use crate::analyse::compare::{RunAxis, along, runs};
use crate::analyse::comparison::{Comparison, Rules};
use crate::record::read::JobRecord;
use crate::units::significant;

use super::panel::{Panel, PanelCell, PanelTable, explained, numbers, software, words};
use super::source::{RunSource, id};

/// What is compared, in the words of its panel.
struct Compared {
    title: String,
    comparisons: Vec<Comparison>,
    /// How rows are called, by run and job.
    names: HashMap<(String, String), String>,
    software: IndexMap<String, String>,
}

/// A panel for each run after the first, or one of the browsers of a single run.
pub(super) fn panels(sources: &[RunSource]) -> Vec<Panel> {
    let rules = Rules::default();
    let compared: Vec<Compared> = match sources {
        [] => Vec::new(),
        [one] => {
            let browser = RunAxis::all(&one.run).into_iter().find(|axis| axis.name() == "browser");
            let comparisons = browser.map(|axis| along(&one.run, &axis, &rules)).unwrap_or_default();
            let (names, software) = (names(&one.run.jobs), software(&one.run.jobs));
            vec![Compared { title: "Browsers compared".to_owned(), comparisons, names, software }]
        }
        [base, others @ ..] => {
            let compared = |new: &RunSource| Compared {
                title: format!("{} compared with {}", new.name, base.name),
                comparisons: runs(&base.run, &new.run, &rules),
                names: names(&new.run.jobs),
                software: software(base.run.jobs.iter().chain(&new.run.jobs)),
            };
            others.iter().map(compared).collect()
        }
    };
    compared.into_iter().filter(|one| !one.comparisons.is_empty()).map(|one| panel(one, &rules)).collect()
}

fn names(jobs: &[JobRecord]) -> HashMap<(String, String), String> {
    let key = |job: &JobRecord| (job.cell("run_id").to_owned(), job.cell("job_id").to_owned());
    jobs.iter().map(|job| (key(job), id(job).to_owned())).collect()
}

fn panel(compared: Compared, rules: &Rules) -> Panel {
    let Compared { title, comparisons, names, software } = compared;
    let columns = vec![
        words("job_id"),
        words("base"),
        words("new"),
        explained(numbers("ratio"), "New time by base time."),
        explained(numbers("ratio_low"), "The 95 % interval of the ratio, its lower end."),
        explained(numbers("ratio_high"), "Its upper end."),
        explained(numbers("p_adjusted"), "The p-value after Holm's correction for all pairs of the table."),
        words("verdict"),
        words("reason"),
        words("circumstances"),
    ];
    let row = |comparison: Comparison| -> Vec<PanelCell> {
        let ratio = comparison.ratio;
        vec![
            names.get(&(comparison.new_run, comparison.new_id)).map_or("", String::as_str).into(),
            comparison.base.into(),
            comparison.new.into(),
            ratio.map(|ratio| ratio.ratio).into(),
            ratio.map(|ratio| ratio.low).into(),
            ratio.map(|ratio| ratio.high).into(),
            comparison.p_adjusted.into(),
            comparison.verdict.to_string().into(),
            comparison.reason.into(),
            comparison.circumstances.into(),
        ]
    };
    Panel {
        title,
        note: format!(
            "New time of an inference by base time, with the 95 % interval: left of 1 the new one is faster. The band is \
             what counts as the same, {} %. Pairs that must not be compared have no dot; the table says why.",
            significant(100.0 * rules.same_within, 2)
        ),
        charts: vec!["forest"],
        software,
        same_within: Some(rules.same_within),
        table: PanelTable::new(columns, comparisons.into_iter().map(row).collect()),
        ..Panel::default()
    }
}
