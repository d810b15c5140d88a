//! A space is what a kernel can be for one size: the configurations that hold its rules, that its template takes, and
//! that differ in what runs.
//!
//! Made from a graph and the kernels' declarations; `tune` searches it.

use std::collections::HashSet;

use indexmap::IndexSet;
use rayon::prelude::*;

use super::kernels::{Configuration, Kernel};
use super::target::Target;
use super::wgsl::{StageContext, job_context};
use super::{RenderError, Templates};
use crate::graph::{Graph, JobVars};
use crate::manifest::AxisValue;
use crate::manifest::axes::DEFAULT_SHAPE;
use crate::manifest::compiler::Values;
use crate::manifest::problem::{listed, nearest, with_near};
use crate::manifest::tune::Tune;

/// The configurations of a kernel for one size.
#[derive(Debug, Clone, PartialEq)]
pub struct Space {
    /// The kernel.
    pub kernel: String,
    /// What it calls its size; empty where it tells none.
    pub size: Vec<u64>,
    /// The first stage that has it.
    pub stage: String,
    /// Distinct in what runs. What the job has without any search is the first, if it [has any](Self::has_default).
    pub points: Vec<Configuration>,
    /// Whether the job has a configuration without any search; its template may refuse the default.
    pub has_default: bool,
    /// What tells their workgroups apart, for each point as many.
    pub traits: Vec<Vec<f64>>,
    /// Names of the workgroup and of the parameters, each with the values that are searched, in the order of a
    /// point's coordinates.
    pub axes: Vec<Vec<AxisValue>>,
}

impl Space {
    /// The places of a point's workgroup and parameters on their axes; a value of the default that is not searched lies
    /// beyond the last.
    #[must_use]
    pub fn coordinates(&self, point: usize) -> Vec<usize> {
        let Configuration { workgroup, values } = &self.points[point];
        let workgroup = AxisValue::Shape(*workgroup);
        let values = std::iter::once(&workgroup).chain(values.values());
        let place = |(axis, value): (&Vec<AxisValue>, &AxisValue)| {
            axis.iter().position(|known| known == value).unwrap_or(axis.len())
        };
        self.axes.iter().zip(values).map(place).collect()
    }
}

/// The spaces of a graph's kernels, one for each size, in the order of the stages.
pub fn spaces(
    templates: &Templates,
    graph: &Graph,
    vars: &JobVars,
    target: &Target<'_>,
    wanted: &Tune,
) -> Result<Vec<Space>, RenderError> {
    let job = job_context(templates, vars, target);
    let mut found: Vec<Space> = Vec::new();
    for stage in &graph.stages {
        let Some((name, kernel)) = templates.kernels().behind(&stage.shader) else { continue };
        if wanted.kernel.as_deref().is_some_and(|only| only != name) {
            continue;
        }
        let stage = StageContext { templates, graph, stage, job: &job };
        let size = stage.size(kernel)?;
        if found.iter().any(|known| known.kernel == name && known.size == size) {
            continue;
        }
        let mut fixed = Values::new();
        target.fix(&mut fixed, (name, kernel), vars)?;
        let axes = axes(kernel, &fixed, wanted);
        let defaults = target.configurations(templates.kernels(), (name, kernel), vars, &size)?;
        found.push(space(stage, (name, kernel), size, defaults, (axes, fixed))?);
    }
    Ok(found)
}

/// The space of a stage's kernel; `defaults` are what the stage may have without a search, the best first.
fn space(
    stage: StageContext<'_>,
    (name, kernel): (&str, &Kernel),
    size: Vec<u64>,
    defaults: Vec<Configuration>,
    (axes, fixed): (Vec<Vec<AxisValue>>, Values),
) -> Result<Space, RenderError> {
    let Some(mut candidates) = kernel.lawful(&axes)? else {
        return Err(RenderError::Parameter {
            place: "[tune]".to_owned(),
            message: format!("{name} has too many combinations of values to go through"),
            help: Some("restrict some: parameters = { form = \"tiled\", bk = [8, 16] }".to_owned()),
        });
    };
    // A form that lacks what the manifest sets is not what the manifest wants.
    candidates.retain(|one| fixed.iter().all(|(name, value)| one.values.get(name) == Some(value)));
    // Two configurations with the same text and grid are the same.
    let text = |one: &Configuration| stage.render(one).map(|(code, dispatch, _)| (code, dispatch.grid));
    // What runs without a search comes first, so that it stays among its equals.
    let mut lawful = Vec::new();
    for one in defaults {
        if kernel.broken(&one)?.is_none() {
            lawful.push(one);
        }
    }
    let without = lawful.into_iter().map(|one| (text(&one), one)).find(|(text, _)| text.is_ok());
    let has_default = without.is_some();
    let texts: Vec<_> = candidates.into_par_iter().map(|one| (text(&one), one)).collect();
    let (mut seen, mut points) = (HashSet::new(), Vec::new());
    for (text, point) in without.into_iter().chain(texts) {
        match text {
            Ok(text) => {
                if seen.insert(text) {
                    points.push(point);
                }
            }
            Err(RenderError::Unsupported { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let traits = kernel.traits_of(&points)?;
    let stage = stage.stage.name.clone();
    Ok(Space { kernel: name.to_owned(), size, stage, points, has_default, traits, axes })
}

/// The workgroups and the values of each parameter that are searched; `fixed` are not.
fn axes(kernel: &Kernel, fixed: &Values, wanted: &Tune) -> Vec<Vec<AxisValue>> {
    let mut workgroups =
        if wanted.workgroups.is_empty() { kernel.workgroups.clone() } else { wanted.workgroups.clone() };
    if workgroups.is_empty() {
        workgroups.push(DEFAULT_SHAPE);
    }
    let mut axes = vec![workgroups.into_iter().map(AxisValue::Shape).collect()];
    for (parameter, declared) in &kernel.parameters {
        let default = declared.tuned.as_ref().unwrap_or(&declared.default);
        axes.push(match (fixed.get(parameter), &wanted.parameters) {
            (Some(value), _) => vec![value.clone()],
            (None, None) => declared.values.clone(),
            (None, Some(chosen)) => match chosen.get(parameter) {
                Some(values) if values.is_empty() => declared.values.clone(),
                Some(values) => values.clone(),
                None => vec![default.clone()],
            },
        });
    }
    axes
}

/// Whether `[tune]` names what kernels declare: its kernel, its parameters and their values.
pub fn check(templates: &Templates, wanted: &Tune) -> Result<(), RenderError> {
    let kernels = &templates.kernels().kernels;
    let bad = |message: String, help: String| {
        Err(RenderError::Parameter { place: "[tune]".to_owned(), message, help: Some(help) })
    };
    let names: Vec<&str> = kernels.keys().map(String::as_str).collect();
    let among: Vec<&Kernel> = match wanted.kernel.as_deref().map(|name| (name, kernels.get(name))) {
        None => kernels.values().collect(),
        Some((_, Some(kernel))) => vec![kernel],
        Some((name, None)) => {
            let near = nearest(name, names.iter().copied());
            let rest = format!("the kernels are {}", listed(&names));
            return bad(format!("there is no kernel `{name}`"), with_near(near, &rest));
        }
    };
    for (parameter, values) in wanted.parameters.iter().flatten() {
        let declared: Vec<_> = among.iter().filter_map(|kernel| kernel.parameters.get(parameter)).collect();
        if declared.is_empty() {
            let known: IndexSet<&str> =
                among.iter().flat_map(|kernel| kernel.parameters.keys()).map(String::as_str).collect();
            let known: Vec<&str> = known.into_iter().collect();
            let rest = format!("the parameters are {}", listed(&known));
            let message = match &wanted.kernel {
                Some(name) => format!("the kernel `{name}` has no parameter `{parameter}`"),
                None => format!("no kernel has a parameter `{parameter}`"),
            };
            return bad(message, with_near(nearest(parameter, known.iter().copied()), &rest));
        }
        for value in values {
            if !declared.iter().any(|declared| declared.values.contains(value)) {
                let known: Vec<String> =
                    declared.iter().flat_map(|declared| &declared.values).map(ToString::to_string).collect();
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                return bad(format!("{value} is not a value of `{parameter}`"), format!("one of {}", listed(&known)));
            }
        }
    }
    Ok(())
}
