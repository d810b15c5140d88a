//! What a rule sees of its stage, and the checks that rules share.

use super::complaint::{About, Checked, Complaint};
use super::parameters;
use crate::graph::{Stage, Tensor, TensorId};

/// A stage with its tensors' shapes at hand.
pub(super) struct StageShapes<'a> {
    pub(super) stage: &'a Stage,
    pub(super) tensors: &'a [Tensor],
}

impl<'a> StageShapes<'a> {
    pub(super) fn shape(&self, id: TensorId) -> &'a [usize] {
        &self.tensors[id].shape
    }

    pub(super) fn input(&self, position: usize) -> &'a [usize] {
        self.shape(self.stage.inputs[position])
    }

    /// The number of inputs and of outputs (one), and the keys of the weights.
    pub(super) fn counts(
        &self,
        inputs: std::ops::RangeInclusive<usize>,
        needed: &[&str],
        optional: &[&str],
    ) -> Checked<()> {
        let found = self.stage.inputs.len();
        if !inputs.contains(&found) {
            let expected = if inputs.start() == inputs.end() {
                inputs.start().to_string()
            } else {
                format!("{} to {}", inputs.start(), inputs.end())
            };
            let message = format!("it reads {found} tensors, expected {expected}");
            return Err(Complaint::new(About::Op, message, format!("expected {expected} in `in`")));
        }
        if self.stage.outputs.len() != 1 {
            let message = format!("it writes {} tensors, expected 1", self.stage.outputs.len());
            return Err(Complaint::new(About::Output, message, "expected 1 in `out`"));
        }
        if let Some(missing) = needed.iter().find(|key| !self.stage.weights.contains_key(**key)) {
            let message = format!("it needs a weight `{missing}`");
            let help = format!("add it with its shape: weights = {{ {missing} = […] }}");
            return Err(Complaint::new(About::Op, message, "without it").help(help));
        }
        let known = |key: &str| needed.contains(&key) || optional.contains(&key);
        if let Some(unknown) = self.stage.weights.keys().find(|key| !known(key)) {
            let known: Vec<&str> = needed.iter().chain(optional).copied().collect();
            return Err(Complaint::unknown(About::Weight(unknown.clone()), "weight", unknown, &known));
        }
        Ok(())
    }

    /// A parameter that is a whole number, which was checked.
    pub(super) fn whole(&self, key: &str) -> usize {
        parameters::whole(self.stage, key)
    }

    /// A whole number of either sign.
    pub(super) fn signed(&self, key: &str) -> i64 {
        parameters::signed(self.stage, key)
    }

    /// A parameter that is `true` or `false`.
    pub(super) fn switch(&self, key: &str) -> bool {
        parameters::switch(self.stage, key)
    }

    /// How many heads share `channels`, and how wide each is.
    pub(super) fn heads(&self, channels: usize) -> Checked<(usize, usize)> {
        let heads = self.whole("heads");
        if !channels.is_multiple_of(heads) {
            let message = format!("{heads} heads do not divide {channels} channels");
            return Err(Complaint::new(About::Value("heads".to_owned()), message, "does not divide them"));
        }
        Ok((heads, channels / heads))
    }

    pub(super) fn input_is(&self, position: usize, expected: &[usize]) -> Checked<()> {
        let id = self.stage.inputs[position];
        self.is(About::Input(position), &format!("input `{}`", self.tensors[id].name), self.shape(id), expected)
    }

    pub(super) fn output_is(&self, expected: &[usize]) -> Checked<()> {
        let id = self.stage.outputs[0];
        self.is(About::Output, &format!("output `{}`", self.tensors[id].name), self.shape(id), expected)
    }

    /// Checks a weight that is there; one that is absent is fine.
    pub(super) fn weight_is(&self, key: &str, expected: &[usize]) -> Checked<()> {
        match self.stage.weights.get(key) {
            Some(id) => self.is(About::Weight(key.to_owned()), &format!("weight `{key}`"), self.shape(*id), expected),
            None => Ok(()),
        }
    }

    #[expect(clippy::unused_self, reason = "reads as the three above")]
    fn is(&self, about: About, what: &str, found: &[usize], expected: &[usize]) -> Checked<()> {
        if found == expected {
            return Ok(());
        }
        Err(Complaint::shape(about, what, found, &format!("{expected:?}")))
    }

    pub(super) fn rank(&self, position: usize, least: usize) -> Checked<&'a [usize]> {
        let shape = self.input(position);
        if shape.len() >= least {
            return Ok(shape);
        }
        let tensor = format!("input `{}`", self.tensors[self.stage.inputs[position]].name);
        Err(Complaint::shape(About::Input(position), &tensor, shape, &format!("at least {least} dimensions")))
    }

    pub(super) fn weight_rank(&self, key: &str, rank: usize) -> Checked<&'a [usize]> {
        let shape = self.stage.weights.get(key).map_or(&[][..], |id| self.shape(*id));
        if shape.len() == rank {
            return Ok(shape);
        }
        let (about, expected) = (About::Weight(key.to_owned()), format!("{rank} dimensions"));
        Err(Complaint::shape(about, &format!("weight `{key}`"), shape, &expected))
    }

    /// All `inputs` and the output have one shape; returns its length.
    pub(super) fn same(&self, inputs: usize) -> Checked {
        self.counts(inputs..=inputs, &[], &[])?;
        for position in 1..inputs {
            self.input_is(position, self.input(0))?;
        }
        self.output_is(self.input(0))?;
        Ok(count(self.input(0)))
    }
}

pub(super) fn count(shape: &[usize]) -> u64 {
    shape.iter().map(|extent| *extent as u64).product()
}

/// `shape` with its last extents replaced.
pub(super) fn ending(shape: &[usize], dropped: usize, end: &[usize]) -> Vec<usize> {
    [&shape[..shape.len() - dropped], end].concat()
}

/// Checks that a tensor has one element for each run of as many elements of the first input.
pub(super) fn divides(v: &StageShapes<'_>, about: About, id: TensorId) -> Checked<()> {
    let (n, tensor) = (count(v.input(0)), &v.tensors[id]);
    if n % count(&tensor.shape) == 0 {
        return Ok(());
    }
    let expected = format!("a number of elements that divides {n}");
    Err(Complaint::shape(about, &format!("`{}`", tensor.name), &tensor.shape, &expected))
}
