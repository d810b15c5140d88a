//! A baseline is what the jobs of a run are compared with: those of an axis's first value.

use std::collections::HashMap;

use serde_json::Value;

use super::axes::{differ, varying};
use crate::analyse::compare::{RunAxis, along};
use crate::analyse::comparison::{Comparison, ComparisonVerdict, Rules};
use crate::plan::select::value;
use crate::plan::{Job, Plan};
use crate::record::csv::harmless;
use crate::record::read::Run;
use crate::report::comparison::{brief, object};
use crate::report::layout::Cell;
use crate::report::tone::Tone;

/// How the jobs of a run compare with those of an axis's first value.
#[derive(Debug, Clone, Default)]
pub struct Baseline {
    /// That value; empty where there is nothing to compare.
    base: String,
    rules: Rules,
    /// By the id of the job that is compared with its base.
    comparisons: HashMap<String, Comparison>,
}

impl Baseline {
    /// The jobs of a plan as its run folder has them, compared along the browser or, where there is but one, along the
    /// first axis with several values; along the model, whose values do different work, only where nothing else varies.
    #[must_use]
    pub fn of(plan: &Plan, mut run: Run) -> Self {
        let several = varying(plan).into_iter().filter(|axis| differ(plan, axis));
        let rank = |axis: &String| match axis.as_str() {
            "browser" => 0,
            "model" => 2,
            _ => 1,
        };
        let Some(axis) = several.min_by_key(rank) else { return Self::default() };
        // The plan says which value is first; rows stand in the order in which jobs ended.
        let places: HashMap<String, usize> =
            plan.jobs.iter().enumerate().map(|(place, job)| (harmless(&job.id.0), place)).collect();
        run.jobs.retain(|job| places.contains_key(job.cell("job_id")));
        run.jobs.sort_by_key(|job| places.get(job.cell("job_id")));
        let rules = Rules::default();
        let comparisons = along(&run, &RunAxis::named(&axis), &rules);
        let base = plan.jobs.first().and_then(|job| value(job, &axis)).unwrap_or_default().into_owned();
        let by_id = comparisons.into_iter().map(|comparison| (comparison.new_id.clone(), comparison));
        Self { base, rules, comparisons: by_id.collect() }
    }

    /// The title of the column; `None` where nothing is compared.
    pub(super) fn title(&self) -> Option<String> {
        (!self.comparisons.is_empty()).then(|| format!("vs {}", self.base))
    }

    fn comparison(&self, job: &Job) -> Option<&Comparison> {
        self.comparisons.get(&harmless(&job.id.0))
    }

    /// Empty for a base, for what is refused, and for a job whose base lacks the value that the title names.
    pub(super) fn cell(&self, job: &Job) -> Cell {
        let comparison = self.comparison(job).filter(|comparison| comparison.base == harmless(&self.base));
        let Some(comparison) = comparison else { return Cell::default() };
        let tone = match comparison.verdict {
            ComparisonVerdict::Faster => Tone::Good,
            ComparisonVerdict::Slower => Tone::Bad,
            ComparisonVerdict::Undecided => Tone::Doubtful,
            ComparisonVerdict::Same | ComparisonVerdict::Refused => Tone::Plain,
        };
        Cell { text: brief(comparison, &self.rules), tone }
    }

    /// Null for a base.
    pub(super) fn json(&self, job: &Job) -> Value {
        self.comparison(job).map_or(Value::Null, object)
    }
}
