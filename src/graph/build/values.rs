//! Where the values of inputs and weights come from.

use super::Builder;
use crate::graph::fills::{Use, fill};
use crate::graph::names::fnv1a;
use crate::graph::{Fill, GraphError, Stored};
use crate::manifest::model::Expr;
use crate::manifest::model::stages::{FillKind, Input, InputValues, WeightSpec};
use crate::manifest::problem::Problem;

impl Builder<'_> {
    pub(super) fn given(&self, input: &Input, shape: &[usize]) -> Result<Fill, GraphError> {
        let name = &input.name;
        match &input.values {
            InputValues::Filled(spec) => Ok(fill(spec, name, "", shape, use_of(input))),
            InputValues::Tokens { below, seed } => {
                let below = self.extent(below, || format!("`below` of `{name}`"))?;
                Ok(Fill::Tokens { seed: seed.unwrap_or_else(|| fnv1a(name)), below })
            }
            InputValues::File(file) if file.header.fits(shape) => Ok(Fill::File(file.clone())),
            InputValues::File(file) => {
                let says = file.header.says();
                let message = format!("{} holds {says}, and `{name}` is {shape:?}", file.path.display());
                let span = input.shape.first().map(Expr::span).unwrap_or_default();
                let problem = Problem::at(span, message, "of another length");
                Err(GraphError::of_model(self.model, problem.help("write as many values as it has elements")))
            }
            InputValues::Given(values) if shape.iter().product::<usize>().is_multiple_of(values.len()) => {
                Ok(Fill::Given(values.clone()))
            }
            InputValues::Given(values) => {
                let count = values.len();
                let message = format!("`{name}` {shape:?} can't be filled with {count} values, again and again");
                let span = input.shape.first().map(Expr::span).unwrap_or_default();
                let label = format!("no multiple of {count} elements");
                let problem = Problem::at(span, message, label);
                Err(GraphError::of_model(self.model, problem.help("give values whose number divides the elements")))
            }
        }
    }

    /// From the model's file of weights, if it has one. There only a table may be made all the same: a seeded weight
    /// among real ones would make the model's output meaningless.
    pub(super) fn weight(&self, spec: &WeightSpec, tensor: &str, key: &str, shape: &[usize]) -> Result<Fill, String> {
        let (Some(file), false) = (self.weights, matches!(spec.fill.kind, FillKind::Named(_))) else {
            return Ok(fill(&spec.fill, tensor, key, shape, Use::Weight));
        };
        let Some(stored) = &spec.stored else {
            return Err(format!(
                "the model's weights come from {}, and weight `{key}` names no `tensor` there",
                file.display()
            ));
        };
        let tensors = stored.tensors.iter().map(|name| self.text(name)).collect();
        Ok(Fill::Stored(Stored { file: file.to_owned(), tensors, permute: stored.permute.clone() }))
    }
}

/// What the values of an input are for.
fn use_of(input: &Input) -> Use {
    let low = input.texture.map(|format| format.channel().range().0);
    // A fraction of 1 is not negative.
    if low == Some(0.0) { Use::Colour } else { Use::Input }
}
