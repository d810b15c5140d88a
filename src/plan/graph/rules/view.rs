//! What a rule sees of its stage, and the checks that rules share.

use crate::plan::graph::{Activation, Param, Stage, Tensor, TensorId};

/// Why a stage does not fit its op.
pub(super) enum Complaint {
    Shape { tensor: String, found: Vec<usize>, expected: String },
    Other(String),
}

pub(super) type Checked<T = u64> = Result<T, Complaint>;

/// A stage with its tensors' shapes at hand.
pub(super) struct View<'a> {
    pub(super) stage: &'a Stage,
    pub(super) tensors: &'a [Tensor],
}

impl<'a> View<'a> {
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
            return Err(Complaint::Other(format!("it reads {found} tensors, expected {expected}")));
        }
        if self.stage.outputs.len() != 1 {
            let message = format!("it writes {} tensors, expected 1", self.stage.outputs.len());
            return Err(Complaint::Other(message));
        }
        if let Some(missing) = needed.iter().find(|key| !self.stage.weights.contains_key(**key)) {
            return Err(Complaint::Other(format!("it needs a weight `{missing}`")));
        }
        let known = |key: &str| needed.contains(&key) || optional.contains(&key);
        if let Some(unknown) = self.stage.weights.keys().find(|key| !known(key)) {
            return Err(Complaint::Other(format!("it has no weight `{unknown}`")));
        }
        Ok(())
    }

    pub(super) fn params(&self, known: &[&str]) -> Checked<()> {
        match self.stage.params.keys().find(|key| !known.contains(&key.as_str())) {
            Some(unknown) => {
                let known = known.join("`, `");
                Err(Complaint::Other(format!("it has no parameter `{unknown}` (it has `{known}`)")))
            }
            None => Ok(()),
        }
    }

    pub(super) fn int(&self, key: &str, default: Option<i64>, least: i64) -> Checked<usize> {
        let value = match (self.stage.params.get(key), default) {
            (Some(Param::Int(value)), _) => *value,
            (None, Some(value)) => value,
            (None, None) => return Err(Complaint::Other(format!("it needs a parameter `{key}`"))),
            (Some(_), _) => return Err(Complaint::Other(format!("parameter `{key}` must be a whole number"))),
        };
        match usize::try_from(value) {
            Ok(size) if value >= least && value <= i64::from(u32::MAX) => Ok(size),
            _ => Err(Complaint::Other(format!("parameter `{key}` is {value}, expected at least {least}"))),
        }
    }

    pub(super) fn activation(&self) -> Checked<()> {
        let found = match self.stage.params.get("activation") {
            None => return Ok(()),
            Some(Param::Text(name)) if Activation::named(name).is_some() => return Ok(()),
            Some(Param::Text(name)) => format!("{name:?}"),
            Some(Param::Bool(value)) => value.to_string(),
            Some(Param::Int(value)) => value.to_string(),
            Some(Param::Float(value)) => value.to_string(),
        };
        let known = Activation::ALL.map(|one| format!("{:?}", one.name())).join(", ");
        Err(Complaint::Other(format!("parameter `activation` is {found}, expected one of {known}")))
    }

    /// A parameter that is `true` or `false`, and `false` where it is absent.
    pub(super) fn switch(&self, key: &str) -> Checked<bool> {
        match self.stage.params.get(key) {
            None => Ok(false),
            Some(Param::Bool(value)) => Ok(*value),
            Some(_) => Err(Complaint::Other(format!("parameter `{key}` must be true or false"))),
        }
    }

    /// How many heads share `channels`, and how wide each is.
    pub(super) fn heads(&self, channels: usize) -> Checked<(usize, usize)> {
        let heads = self.int("heads", None, 1)?;
        if !channels.is_multiple_of(heads) {
            return Err(Complaint::Other(format!("{heads} heads do not divide {channels} channels")));
        }
        Ok((heads, channels / heads))
    }

    pub(super) fn input_is(&self, position: usize, expected: &[usize]) -> Checked<()> {
        let id = self.stage.inputs[position];
        self.is(format!("input `{}`", self.tensors[id].name), self.shape(id), expected)
    }

    pub(super) fn output_is(&self, expected: &[usize]) -> Checked<()> {
        let id = self.stage.outputs[0];
        self.is(format!("output `{}`", self.tensors[id].name), self.shape(id), expected)
    }

    /// Checks a weight that is there; one that is absent is fine.
    pub(super) fn weight_is(&self, key: &str, expected: &[usize]) -> Checked<()> {
        match self.stage.weights.get(key) {
            Some(id) => self.is(format!("weight `{key}`"), self.shape(*id), expected),
            None => Ok(()),
        }
    }

    #[expect(clippy::unused_self, reason = "reads as the three above")]
    pub(super) fn is(&self, tensor: String, found: &[usize], expected: &[usize]) -> Checked<()> {
        if found == expected {
            return Ok(());
        }
        Err(Complaint::Shape { tensor, found: found.to_vec(), expected: format!("{expected:?}") })
    }

    pub(super) fn rank(&self, position: usize, least: usize) -> Checked<&'a [usize]> {
        let shape = self.input(position);
        if shape.len() >= least {
            return Ok(shape);
        }
        let tensor = format!("input `{}`", self.tensors[self.stage.inputs[position]].name);
        Err(Complaint::Shape { tensor, found: shape.to_vec(), expected: format!("at least {least} dimensions") })
    }

    pub(super) fn weight_rank(&self, key: &str, rank: usize) -> Checked<&'a [usize]> {
        let shape = self.stage.weights.get(key).map_or(&[][..], |id| self.shape(*id));
        if shape.len() == rank {
            return Ok(shape);
        }
        let tensor = format!("weight `{key}`");
        Err(Complaint::Shape { tensor, found: shape.to_vec(), expected: format!("{rank} dimensions") })
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
pub(super) fn divides(v: &View<'_>, id: TensorId) -> Checked<()> {
    let (n, tensor) = (count(v.input(0)), &v.tensors[id]);
    if n % count(&tensor.shape) == 0 {
        return Ok(());
    }
    let expected = format!("a number of elements that divides {n}");
    Err(Complaint::Shape { tensor: format!("`{}`", tensor.name), found: tensor.shape.clone(), expected })
}
