//! The comparison: each ratio with its interval, of runs with the first one, or of a run's browsers.

use crate::analyse::compare::{RunAxis, along, runs};
use crate::analyse::comparison::{Comparison, Rules};

use super::panel::{Panel, PanelCell, PanelTable, explained, numbers, words};
use super::source::RunSource;

/// A panel for each run after the first, or one of the browsers of a single run.
pub(super) fn panels(sources: &[RunSource]) -> Vec<Panel> {
    let rules = Rules::default();
    let compared: Vec<(String, Vec<Comparison>)> = match sources {
        [] => Vec::new(),
        [one] => {
            let browser = RunAxis::all(&one.run).into_iter().find(|axis| axis.name() == "browser");
            let comparisons = browser.map(|axis| along(&one.run, &axis, &rules)).unwrap_or_default();
            vec![("Browsers compared".to_owned(), comparisons)]
        }
        [base, others @ ..] => {
            let title = |new: &RunSource| format!("{} compared with {}", new.name, base.name);
            others.iter().map(|new| (title(new), runs(&base.run, &new.run, &rules))).collect()
        }
    };
    compared.into_iter().filter(|(_, comparisons)| !comparisons.is_empty()).map(panel).collect()
}

fn panel((title, comparisons): (String, Vec<Comparison>)) -> Panel {
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
            comparison.new_id.into(),
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
        note:
            "Time of an inference by that of the base, with the 95 % interval; left of 1 is faster. The band is what \
               counts as the same, 1 %."
                .to_owned(),
        charts: vec!["forest"],
        table: PanelTable::new(columns, comparisons.into_iter().map(row).collect()),
        ..Panel::default()
    }
}
