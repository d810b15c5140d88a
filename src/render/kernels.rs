//! What kernels declare of themselves in `shaders/kernels.toml`: the parameters of their templates with the values that
//! they take, what must hold between them, and what each compiler likes.
//!
//! Made with the templates by `file`, which checks it; `rules` judges configurations. `target` chooses a configuration,
//! `tune` searches them.

mod file;
mod rules;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;
use rayon::prelude::*;

use super::RenderError;
use crate::manifest::AxisValue;
use crate::manifest::compiler::{Values, Winner};
use crate::manifest::problem::{listed, nearest};
use crate::webdriver::Compiler;
use rules::{Rule, names};

pub(super) use file::read;

/// The parameter that says which of a kernel's forms runs.
pub const FORM: &str = "form";
/// Combinations that are gone through at most.
const LARGEST_SPACE: usize = 500_000;

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

/// A kernel that is written once and rendered in many ways.
#[derive(Debug)]
pub struct Kernel {
    /// The templates that it is behind.
    pub templates: Vec<String>,
    /// Workgroups that a search tries.
    pub workgroups: Vec<[u32; 3]>,
    /// By name; `form` is the first where the kernel has forms.
    pub parameters: IndexMap<String, Parameter>,
    /// What must hold, over the parameters and `wg`; WGSL's limits and the template's own rules come on top.
    constraints: Vec<Rule>,
    /// What a search tells workgroups apart by, positive numbers over the parameters and `wg`: as many in each form.
    traits: Vec<Rule>,
    file: Arc<Declaration>,
}

/// The file that declares kernels, for errors.
#[derive(Debug)]
struct Declaration {
    path: PathBuf,
    text: String,
}

/// A parameter of a kernel.
#[derive(Debug)]
pub struct Parameter {
    /// The values that it takes.
    pub values: Vec<AxisValue>,
    /// Its value where nothing says otherwise, and in forms that lack it.
    pub default: AxisValue,
    /// Its value in a search, where it is not searched.
    pub tuned: Option<AxisValue>,
    /// The forms that have it; empty where all do.
    pub forms: Vec<String>,
    /// What it is, in a sentence; empty where the file does not say.
    pub doc: String,
}

/// A kernel's workgroup and the values of all its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Configuration {
    /// x, y, z.
    pub workgroup: [u32; 3],
    /// Complete, in the order in which they are declared; a parameter that its form lacks has its default.
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
    /// The kernel behind a template.
    #[must_use]
    pub fn behind(&self, template: &str) -> Option<(&str, &Kernel)> {
        let found = self.kernels.iter().find(|(_, kernel)| kernel.templates.iter().any(|name| name == template));
        found.map(|(name, kernel)| (name.as_str(), kernel))
    }
}

impl Configuration {
    /// The value of `form`, where the kernel has forms.
    #[must_use]
    pub fn form(&self) -> Option<&str> {
        match self.values.get(FORM) {
            Some(AxisValue::Text(form)) => Some(form),
            _ => None,
        }
    }
}

impl Parameter {
    /// Whether a form has it.
    #[must_use]
    pub fn is_of(&self, form: Option<&str>) -> bool {
        self.forms.is_empty() || form.is_some_and(|form| self.forms.iter().any(|one| one == form))
    }

    /// The forms that have it, in words.
    pub(super) fn of_which(&self) -> String {
        let forms: Vec<&str> = self.forms.iter().map(String::as_str).collect();
        which_forms(&forms)
    }
}

/// "the form `tiled`", "the forms `tiled` and `matrix`".
pub(super) fn which_forms(forms: &[&str]) -> String {
    format!("the form{} {}", if forms.len() == 1 { "" } else { "s" }, listed(forms))
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

    /// What is wrong with a configuration, `None` where it is lawful: the first constraint that it breaks, or a parameter
    /// that is set and that its form lacks. An error where a constraint can't be evaluated.
    pub fn broken(&self, configuration: &Configuration) -> Result<Option<String>, RenderError> {
        let form = configuration.form();
        let foreign = |(name, value): &(&String, &AxisValue)| {
            self.parameters.get(*name).is_some_and(|known| !known.is_of(form) && known.default != **value)
        };
        if let Some((name, value)) = configuration.values.iter().find(foreign) {
            let of_which = self.parameters[name].of_which();
            return Ok(Some(format!("sets `{name}` to {value}, a parameter of {of_which} alone")));
        }
        let rule = self.first_broken(&self.constraints, configuration)?;
        Ok(rule.map(|rule| format!("breaks the rule `{}`", rule.text())))
    }

    /// Each combination of a workgroup with a value of each parameter that holds all constraints; `axes` are those values,
    /// the workgroups first. A parameter that a form lacks has its default there, whatever its axis says. `None` where there
    /// are too many to go through; an error where a constraint can't be evaluated.
    ///
    /// A constraint is judged as soon as all that it names has a value, so that what it forbids is not multiplied further.
    pub fn lawful(&self, axes: &[Vec<AxisValue>]) -> Result<Option<Vec<Configuration>>, RenderError> {
        let Some((workgroups, parameters)) = axes.split_first() else { return Ok(None) };
        let shapes = workgroups.iter().filter_map(|shape| match shape {
            AxisValue::Shape(shape) => Some(*shape),
            _ => None,
        });
        let mut found: Vec<Configuration> =
            shapes.map(|workgroup| Configuration { workgroup, values: Values::new() }).collect();
        let mut rules: Vec<&Rule> = self.constraints.iter().collect();
        for (place, ((name, parameter), values)) in self.parameters.iter().zip(parameters).enumerate() {
            let later = |rule: &&Rule| self.parameters.keys().skip(place + 1).any(|name| rule.names(name));
            let waiting: Vec<&Rule> = rules.extract_if(.., |rule| later(rule)).collect();
            let due = std::mem::replace(&mut rules, waiting);
            let mut pairs: Vec<(&Configuration, &AxisValue)> = Vec::new();
            for point in &found {
                // `form` comes first, so that a point has its form from then on.
                let fixed = std::slice::from_ref(&parameter.default);
                let values = if parameter.is_of(point.form()) { values.as_slice() } else { fixed };
                pairs.extend(values.iter().map(|value| (point, value)));
            }
            if pairs.len() > LARGEST_SPACE {
                return Ok(None);
            }
            let with = |(point, value): (&Configuration, &AxisValue)| {
                let mut point = point.clone();
                point.values.insert(name.clone(), value.clone());
                let broken = self.first_broken(due.iter().copied(), &point);
                broken.map(|broken| broken.is_none().then_some(point))
            };
            let judged: Vec<Option<Configuration>> = pairs.into_par_iter().map(with).collect::<Result<_, _>>()?;
            found = judged.into_iter().flatten().collect();
        }
        if self.parameters.is_empty() {
            // The rules name the workgroup alone.
            let mut lawful = Vec::new();
            for point in found {
                if self.first_broken(&self.constraints, &point)?.is_none() {
                    lawful.push(point);
                }
            }
            return Ok(Some(lawful));
        }
        Ok(Some(found))
    }

    /// The traits of configurations, as binary logarithms: what is twice as large is one step away. Those of the workgroup's
    /// extents where nothing is declared.
    pub fn traits_of(&self, points: &[Configuration]) -> Result<Vec<Vec<f64>>, RenderError> {
        if self.traits.is_empty() {
            let extents = |point: &Configuration| point.workgroup.map(|extent| f64::from(extent).log2()).to_vec();
            return Ok(points.iter().map(extents).collect());
        }
        let each = |point: &Configuration| {
            let names = names(point);
            let own = self.traits.iter().filter(|rule| rule.is_of(point.form()));
            own.map(|rule| rule.size(&names).map_err(|what| self.faulty(rule, &what, point))).collect()
        };
        points.par_iter().map(each).collect()
    }

    fn first_broken<'a>(
        &self,
        rules: impl IntoIterator<Item = &'a Rule>,
        configuration: &Configuration,
    ) -> Result<Option<&'a Rule>, RenderError> {
        let (names, form) = (names(configuration), configuration.form());
        for rule in rules.into_iter().filter(|rule| rule.is_of(form)) {
            match rule.holds(&names) {
                Ok(true) => {}
                Ok(false) => return Ok(Some(rule)),
                Err(what) => return Err(self.faulty(rule, &what, configuration)),
            }
        }
        Ok(None)
    }

    /// A rule that a configuration makes no sense of.
    fn faulty(&self, rule: &Rule, what: &str, configuration: &Configuration) -> RenderError {
        let problem = rule.problem(what, configuration);
        self.file.error(vec![problem])
    }
}
