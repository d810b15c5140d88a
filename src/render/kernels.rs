//! What kernels declare of themselves in `shaders/kernels.toml`: the parameters of their templates with the values that
//! they take, what must hold between them, and what each compiler likes.
//!
//! Made with the templates; `target` chooses a configuration from it, `tune` searches it.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use indexmap::IndexMap;
use minijinja::{Environment, Expression, Value};
use rayon::prelude::*;
use serde::Deserialize;

use super::RenderError;
use crate::manifest::compiler::{Values, Winner, winners};
use crate::manifest::problem::{listed, nearest};
use crate::manifest::{AxisValue, ManifestErrors};
use crate::webdriver::Compiler;

const KERNELS: &str = "shaders/kernels.toml";
/// Combinations that are gone through at most.
const LARGEST_SPACE: usize = 500_000;
const TUNED: &str = "shaders/tuned.toml";

/// All kernels with their parameters.
#[derive(Debug, Default)]
pub struct Kernels {
    /// By name, in the order of the file.
    pub kernels: IndexMap<String, Kernel>,
    /// What templates see as `compiler`.
    pub compilers: BTreeMap<Compiler, Values>,
    /// Winners that come with gpujobs.
    pub winners: Vec<Winner>,
}

/// A kernel that is written once and rendered in many forms.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kernel {
    /// The templates that it is behind.
    pub templates: Vec<String>,
    /// Workgroups that a search tries.
    pub workgroups: Vec<[u32; 3]>,
    /// What must hold, over the parameters and `wg`; WGSL's limits and the template's own rules come on top.
    #[serde(default)]
    pub constraints: Vec<String>,
    /// What a search tells workgroups apart by, positive numbers over the parameters and `wg`; their extents where
    /// nothing is said.
    #[serde(default)]
    pub traits: Vec<String>,
    /// By name.
    pub parameters: IndexMap<String, Parameter>,
}

/// A parameter of a kernel.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// The values that it takes.
    pub values: Vec<AxisValue>,
    /// Its value where nothing says otherwise.
    pub default: AxisValue,
    /// Its value in a search, where it is not searched.
    #[serde(default)]
    pub tuned: Option<AxisValue>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    compiler: BTreeMap<Compiler, Values>,
    kernel: IndexMap<String, Kernel>,
}

/// A kernel's workgroup and the values of all its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Configuration {
    /// x, y, z.
    pub workgroup: [u32; 3],
    /// Complete, in the order in which they are declared.
    pub values: Values,
}

/// A configuration that the stages of one kernel and size have, whatever else the job says; `tune` makes them.
#[derive(Debug, Clone, PartialEq)]
pub struct KernelOverride {
    /// The kernel, a key of `shaders/kernels.toml`.
    pub kernel: String,
    /// What it calls its size.
    pub size: Vec<u64>,
    /// Its workgroup and all its parameters.
    pub configuration: Configuration,
}

impl Kernels {
    /// From the texts of all template files by their names.
    pub(super) fn read(sources: &BTreeMap<String, String>) -> Result<Self, RenderError> {
        let Some(text) = sources.get(KERNELS) else { return Ok(Self::default()) };
        let bad = |message: String| RenderError::Parameter { place: KERNELS.to_owned(), message, help: None };
        let File { compiler, kernel } = toml::from_str(text).map_err(|error| bad(error.to_string()))?;
        let winners = match sources.get(TUNED) {
            Some(text) => winners(TUNED.as_ref(), text).map_err(|error| RenderError::Parameter {
                place: TUNED.to_owned(),
                message: ManifestErrors(vec![error])
                    .0
                    .iter()
                    .flat_map(|file| &file.problems)
                    .map(ToString::to_string)
                    .collect(),
                help: None,
            })?,
            None => Vec::new(),
        };
        for (name, kernel) in &kernel {
            for (parameter, declared) in &kernel.parameters {
                for value in std::iter::once(&declared.default).chain(&declared.tuned) {
                    if !declared.values.contains(value) {
                        return Err(bad(format!("the default {value} of {name}.{parameter} is none of its values")));
                    }
                }
            }
        }
        Ok(Self { kernels: kernel, compilers: compiler, winners })
    }

    /// The kernel behind a template.
    #[must_use]
    pub fn behind(&self, template: &str) -> Option<(&str, &Kernel)> {
        let found = self.kernels.iter().find(|(_, kernel)| kernel.templates.iter().any(|name| name == template));
        found.map(|(name, kernel)| (name.as_str(), kernel))
    }
}

impl Kernel {
    /// All parameters at their defaults.
    #[must_use]
    pub fn defaults(&self) -> Values {
        self.parameters.iter().map(|(name, parameter)| (name.clone(), parameter.default.clone())).collect()
    }

    /// Sets a parameter; `place` is where the value was found.
    pub fn set(&self, values: &mut Values, name: &str, value: &AxisValue, place: &str) -> Result<(), RenderError> {
        let bad = |message, help| RenderError::Parameter { place: place.to_owned(), message, help: Some(help) };
        let Some(parameter) = self.parameters.get(name) else {
            let names: Vec<&str> = self.parameters.keys().map(String::as_str).collect();
            let help = match nearest(name, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("its parameters are {}", listed(&names)),
            };
            return Err(bad(format!("this kernel has no parameter `{name}`"), help));
        };
        if !parameter.values.contains(value) {
            let known: Vec<String> = parameter.values.iter().map(ToString::to_string).collect();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            return Err(bad(format!("{value} is not a value of `{name}`"), format!("one of {}", listed(&known))));
        }
        values.insert(name.to_owned(), value.clone());
        Ok(())
    }

    /// The first constraint that a configuration breaks.
    #[must_use]
    pub fn broken(&self, configuration: &Configuration) -> Option<&str> {
        let environment = Environment::new();
        let compiled = self.constraints.iter().map(|rule| (rule.as_str(), environment.compile_expression(rule).ok()));
        Self::first_broken(compiled, configuration)
    }

    /// Each combination of a workgroup with a value of each parameter that holds all constraints; `axes` are those values,
    /// the workgroups first. `None` where there are too many to go through.
    ///
    /// A constraint is judged as soon as all that it names has a value, so that what it forbids is not multiplied further.
    #[must_use]
    pub fn lawful(&self, axes: &[Vec<AxisValue>]) -> Option<Vec<Configuration>> {
        let environment = Environment::new();
        let mut rules = Vec::new();
        for constraint in &self.constraints {
            let rule = environment.compile_expression(constraint).ok();
            let names = rule.as_ref().map(|rule| rule.undeclared_variables(false)).unwrap_or_default();
            rules.push((rule, names));
        }
        let (workgroups, parameters) = axes.split_first()?;
        let shapes = workgroups.iter().filter_map(|shape| match shape {
            AxisValue::Shape(shape) => Some(*shape),
            _ => None,
        });
        let mut found: Vec<Configuration> =
            shapes.map(|workgroup| Configuration { workgroup, values: Values::new() }).collect();
        for (place, (name, values)) in self.parameters.keys().zip(parameters).enumerate() {
            let later: Vec<&String> = self.parameters.keys().skip(place + 1).collect();
            let due: Vec<_>;
            (due, rules) = rules.into_iter().partition(|(_, names)| !names.iter().any(|name| later.contains(&name)));
            let with = |(point, value): (&Configuration, &AxisValue)| {
                let mut point = point.clone();
                point.values.insert(name.clone(), value.clone());
                let rules = due.iter().map(|(rule, _)| ("", rule.as_ref()));
                Self::first_broken(rules, &point).is_none().then_some(point)
            };
            let pairs: Vec<_> = found.iter().flat_map(|point| values.iter().map(move |value| (point, value))).collect();
            if pairs.len() > LARGEST_SPACE {
                return None;
            }
            found = pairs.into_par_iter().filter_map(with).collect();
        }
        // What is left names nothing that is declared, or the workgroup alone.
        found.retain(|point| Self::first_broken(rules.iter().map(|(rule, _)| ("", rule.as_ref())), point).is_none());
        Some(found)
    }

    /// The traits of configurations, as binary logarithms: what is twice as large is one step away.
    pub fn traits_of(&self, points: &[Configuration]) -> Result<Vec<Vec<f64>>, RenderError> {
        if self.traits.is_empty() {
            let extents = |point: &Configuration| point.workgroup.map(|extent| f64::from(extent).log2()).to_vec();
            return Ok(points.iter().map(extents).collect());
        }
        let environment = Environment::new();
        let bad = |text: &str, what: String| RenderError::Parameter {
            place: KERNELS.to_owned(),
            message: format!("the trait `{text}` {what}"),
            help: Some("a trait is a positive number over the parameters and `wg`, such as \"wg[0] * tn\"".to_owned()),
        };
        let mut compiled = Vec::new();
        for text in &self.traits {
            let expression = environment.compile_expression(text).map_err(|error| bad(text, error.to_string()))?;
            compiled.push((text, expression));
        }
        let each = |point: &Configuration| {
            let context = context(point);
            let found =
                compiled.iter().map(|(text, expression)| match expression.eval(&context).and_then(f64::try_from) {
                    Ok(value) if value > 0.0 => Ok(value.log2()),
                    Ok(value) => Err(bad(text, format!("is {value} of {point:?}"))),
                    Err(error) => Err(bad(text, error.to_string())),
                });
            found.collect()
        };
        points.par_iter().map(each).collect()
    }

    /// A rule that can't be evaluated is broken.
    fn first_broken<'a, 'r>(
        rules: impl Iterator<Item = (&'a str, Option<impl Borrow<Expression<'r, 'r>>>)>,
        configuration: &Configuration,
    ) -> Option<&'a str> {
        let context = context(configuration);
        let holds = |rule: Option<&Expression<'r, 'r>>| {
            rule.and_then(|rule| rule.eval(&context).ok()).is_some_and(|value| value.is_true())
        };
        let mut rules = rules.filter(|(_, rule)| !holds(rule.as_ref().map(Borrow::borrow)));
        rules.next().map(|(name, _)| name)
    }
}

/// What constraints and traits are about.
fn context(configuration: &Configuration) -> Value {
    let values = configuration.values.iter().map(|(name, value)| (name.as_str(), super::axis(value)));
    let workgroup = Value::from(configuration.workgroup.to_vec());
    Value::from(values.chain([("wg", workgroup)]).collect::<BTreeMap<&str, Value>>())
}
