//! The names that a model's expressions see in one job: its parameters, its dims, `batch` and the user's custom axes.

use std::cell::OnceCell;
use std::collections::HashMap;

use minijinja::Value;

use super::{GraphError, JobVars};
use crate::manifest::model::Model;
use crate::manifest::model::expr::{Expr, Scope};
use crate::manifest::problem::{listed, nearest, with_near};
use crate::manifest::{AxisValue, Problem};

/// The names with their values; the map is shared with minijinja until the next one is added.
pub(super) struct Names<'a> {
    model: &'a Model,
    map: HashMap<String, Value>,
    shared: OnceCell<Value>,
}

impl<'a> Names<'a> {
    /// The names of a model in a job, its dims evaluated in their order.
    pub(super) fn of(model: &'a Model, vars: &JobVars) -> Result<Self, GraphError> {
        let mut map: HashMap<String, Value> =
            model.params.iter().map(|(name, value)| (name.clone(), number(*value))).collect();
        map.insert("batch".to_owned(), Value::from(vars.batch));
        for (name, value) in &vars.custom {
            match value {
                AxisValue::Bool(value) => map.insert(name.clone(), Value::from(*value)),
                AxisValue::Int(value) => map.insert(name.clone(), Value::from(*value)),
                AxisValue::Float(value) => map.insert(name.clone(), number(*value)),
                AxisValue::Text(_) | AxisValue::Shape(_) => None,
            };
        }
        let mut names = Self { model, map, shared: OnceCell::new() };
        for (name, expr) in &model.dims {
            let extent = names.extent_from(0, expr, || format!("dim `{name}`"))?;
            names.set(name, Value::from(extent));
        }
        Ok(names)
    }

    /// The numbers among them.
    pub(super) fn numbers(&self) -> impl Iterator<Item = (&str, f64)> {
        self.map.iter().filter_map(|(name, value)| Some((name.as_str(), f64::try_from(value.clone()).ok()?)))
    }

    pub(super) fn set(&mut self, name: &str, value: Value) {
        self.map.insert(name.to_owned(), value);
        self.shared.take();
    }

    /// The value of an expression that is an extent of at least 1; `what` names it in the error.
    pub(super) fn extent(&self, expr: &Expr, what: impl FnOnce() -> String) -> Result<usize, GraphError> {
        self.extent_from(1, expr, what)
    }

    /// The same of one that is at least `least`.
    pub(super) fn extent_from(
        &self,
        least: u32,
        expr: &Expr,
        what: impl FnOnce() -> String,
    ) -> Result<usize, GraphError> {
        expr.extent(self, least).map_err(|message| self.error(&what(), expr, &message))
    }

    pub(super) fn error(&self, what: &str, expr: &Expr, message: &str) -> GraphError {
        let problem = Problem::at(expr.span(), format!("{what} = `{}`: {message}", expr.text()), message);
        GraphError::of_model(self.model, problem.help(self.help(expr)))
    }

    /// The values that an expression was made of, and what may have been meant by a name that has none.
    pub(super) fn help(&self, expr: &Expr) -> String {
        let mut names: Vec<String> = expr.names().into_iter().collect();
        names.sort_unstable();
        if let Some(unknown) = names.iter().find(|name| !self.map.contains_key(*name)) {
            let mut known: Vec<&str> = self.map.keys().map(String::as_str).collect();
            known.sort_unstable();
            return with_near(
                nearest(unknown, known.iter().copied()),
                &format!("the names here are {}", listed(&known)),
            );
        }
        let values = names.iter().filter_map(|name| Some(format!("`{name}` = {}", self.map.get(name)?)));
        let values = values.collect::<Vec<_>>().join(", ");
        if values.is_empty() { "write another value".to_owned() } else { format!("in this job {values}") }
    }
}

impl Scope for Names<'_> {
    fn get(&self, name: &str) -> Option<&Value> {
        self.map.get(name)
    }

    fn all(&self) -> Value {
        self.shared.get_or_init(|| Value::from(self.map.clone())).clone()
    }
}

/// A whole number as an integer, so that `//` and comparisons stay exact.
fn number(value: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
    if value.fract() == 0.0 && value.abs() < 9e15 { Value::from(value as i64) } else { Value::from(value) }
}

/// FNV-1a, 32 bits: the default seed of a tensor or an input.
pub(super) fn fnv1a(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
