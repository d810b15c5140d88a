//! `[tune]`: what is searched, as far as it can be judged without the kernels' own declarations.

use std::ops::Range;

use indexmap::IndexMap;

use super::{Checker, LONGEST_TIMEOUT};
use crate::manifest::AxisValue;
use crate::manifest::axes::{Kind, value_of, written};
use crate::manifest::problem::Problem;
use crate::manifest::tune::{ParametersFile, Tune, TuneFile};
use crate::manifest::values::{At, Value};

/// More than this is no search.
const MOST_EVALUATIONS: u32 = 100_000;

impl Checker<'_> {
    /// Whether the kernel, its parameters and their values exist is known when they are rendered.
    pub(super) fn tune(&mut self, file: &TuneFile) -> Tune {
        if let Some(evaluations) = &file.evaluations
            && !(2..=MOST_EVALUATIONS).contains(evaluations.get())
        {
            let label = format!("expected 2 to {MOST_EVALUATIONS}");
            let message = format!("`evaluations` can't be {}", evaluations.get());
            self.note(Problem::at(evaluations.span(), message, label).help(
                "the default configuration is one of them; leave the key out to have 15 % of them, or give --exhaustive to try all",
            ));
        }
        if let Some(budget) = &file.budget
            && (budget.get().0.is_zero() || budget.get().0 > LONGEST_TIMEOUT)
        {
            self.note(
                Problem::at(budget.span(), "impossible `budget`", "expected more than 0s, at most 24h")
                    .help("leave the key out to have no limit but `evaluations`"),
            );
        }
        Tune {
            kernel: file.kernel.as_ref().map(|kernel| kernel.get().clone()),
            parameters: file.parameters.as_ref().map(|parameters| self.searched(parameters)),
            workgroups: file.workgroups.as_ref().map(|shapes| self.workgroups(shapes)).unwrap_or_default(),
            budget: file.budget.as_ref().map(|budget| budget.get().0),
            evaluations: file.evaluations.as_ref().map(|evaluations| *evaluations.get()),
            seed: file.seed.map_or(0, u64::from),
        }
    }

    fn searched(&mut self, file: &At<ParametersFile>) -> IndexMap<String, Vec<AxisValue>> {
        let mut searched = IndexMap::new();
        let written: Vec<(&At<String>, Option<&At<Value>>)> = match file.get() {
            ParametersFile::Names(names) => names.iter().map(|name| (name, None)).collect(),
            ParametersFile::Values(values) => values.iter().map(|(name, value)| (name, Some(value))).collect(),
        };
        if written.is_empty() {
            let problem = Problem::at(file.span(), "`parameters` is empty", "expected at least one");
            self.note(problem.help("leave the key out to search all parameters"));
        }
        for (name, values) in written {
            let values = values.map(|values| self.several(name.get(), Kind::Custom, values)).unwrap_or_default();
            if searched.insert(name.get().clone(), values).is_some() {
                let message = format!("the parameter `{}` is listed twice", name.get());
                self.note(Problem::at(name.span(), message, "the second time").help("leave one of them out"));
            }
        }
        searched
    }

    fn workgroups(&mut self, shapes: &At<Value>) -> Vec<[u32; 3]> {
        let values = self.several("workgroups", Kind::Shape, shapes);
        let shape = |value| match value {
            AxisValue::Shape(shape) => Some(shape),
            _ => None,
        };
        let found: Vec<[u32; 3]> = values.iter().cloned().filter_map(shape).collect();
        if found.len() < values.len() {
            let problem = Problem::at(shapes.span(), "\"tuned\" can't be searched", "expected shapes [x, y, z]");
            self.note(problem.help("a search finds what \"tuned\" then stands for"));
        }
        found
    }

    /// One value or a list of distinct ones.
    fn several(&mut self, name: &str, kind: Kind, list: &At<Value>) -> Vec<AxisValue> {
        let mut found: Vec<AxisValue> = Vec::new();
        let values: Vec<(&Value, Range<usize>)> = written(kind, list);
        if values.is_empty() {
            let problem = Problem::at(list.span(), format!("`{name}` has no value"), "expected at least one");
            self.note(problem.help("leave the key out to search all values"));
        }
        for (value, span) in values {
            match value_of(name, kind, value, &span) {
                Ok(value) if found.contains(&value) => {
                    let message = format!("{value} is listed twice in `{name}`");
                    self.note(Problem::at(span, message, "the second time").help("leave one of them out"));
                }
                Ok(value) => found.push(value),
                Err(problem) => self.note(problem),
            }
        }
        found
    }
}
