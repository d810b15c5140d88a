//! What each known op asks of its tensors, and how much arithmetic it does.
//!
//! A rule is a function from a stage's shapes to its FLOPs or a [`Complaint`]; an op without one is the user's own.

#![expect(clippy::many_single_char_names, reason = "extents and tensors have their names of the literature")]

use super::{GraphError, Param, Stage, Tensor, TensorId};
use crate::units::Flops;

/// The ops with a rule, a shader and a reference.
pub const KNOWN_OPS: [&str; 12] = [
    "attention",
    "axpy",
    "conv1d",
    "copy",
    "layer_norm",
    "linear",
    "log_mel_scale",
    "matmul",
    "max",
    "mel_log",
    "softmax",
    "stft_power",
];

/// Why a stage does not fit its op.
enum Complaint {
    Shape { tensor: String, found: Vec<usize>, expected: String },
    Other(String),
}

type Checked<T = u64> = Result<T, Complaint>;

/// The FLOPs of `stage`, `None` for an op of the user's own; an error when its tensors do not fit its op.
pub(super) fn check(model: &str, stage: &Stage, tensors: &[Tensor]) -> Result<Option<Flops>, GraphError> {
    let rule: fn(&View<'_>) -> Checked = match stage.op.as_str() {
        "attention" => attention,
        "axpy" => axpy,
        "conv1d" => conv1d,
        "copy" => |v| v.same(1).map(|_| 0),
        "layer_norm" => layer_norm,
        "linear" => linear,
        "log_mel_scale" => log_mel_scale,
        "matmul" => matmul,
        "max" => max,
        "mel_log" => mel_log,
        // Per element: maximum, subtraction, exponential, sum, division.
        "softmax" => |v| v.same(1).map(|n| 5 * n),
        "stft_power" => stft_power,
        _ => return Ok(None),
    };
    rule(&View { stage, tensors }).map(|flops| Some(Flops(flops))).map_err(|complaint| match complaint {
        Complaint::Shape { tensor, found, expected } => GraphError::Shape {
            model: model.into(),
            stage: stage.name.as_str().into(),
            op: stage.op.as_str().into(),
            tensor: tensor.into(),
            found: format!("{found:?}").into(),
            expected: expected.into(),
        },
        Complaint::Other(message) => {
            let message = format!("{message} (op `{}`)", stage.op);
            GraphError::Stage { model: model.to_owned(), stage: stage.name.clone(), message }
        }
    })
}

/// A stage with its tensors' shapes at hand.
struct View<'a> {
    stage: &'a Stage,
    tensors: &'a [Tensor],
}

impl<'a> View<'a> {
    fn shape(&self, id: TensorId) -> &'a [usize] {
        &self.tensors[id].shape
    }

    fn input(&self, position: usize) -> &'a [usize] {
        self.shape(self.stage.inputs[position])
    }

    /// The number of inputs and of outputs (one), and the keys of the weights.
    fn counts(&self, inputs: std::ops::RangeInclusive<usize>, needed: &[&str], optional: &[&str]) -> Checked<()> {
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

    fn params(&self, known: &[&str]) -> Checked<()> {
        match self.stage.params.keys().find(|key| !known.contains(&key.as_str())) {
            Some(unknown) => {
                let known = known.join("`, `");
                Err(Complaint::Other(format!("it has no parameter `{unknown}` (it has `{known}`)")))
            }
            None => Ok(()),
        }
    }

    fn int(&self, key: &str, default: Option<i64>, least: i64) -> Checked<usize> {
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

    fn activation(&self) -> Checked<()> {
        match self.stage.params.get("activation") {
            None => Ok(()),
            Some(Param::Text(name)) if name == "gelu" || name == "none" => Ok(()),
            Some(other) => {
                Err(Complaint::Other(format!("parameter `activation` is {other:?}, expected \"gelu\" or \"none\"")))
            }
        }
    }

    fn input_is(&self, position: usize, expected: &[usize]) -> Checked<()> {
        let id = self.stage.inputs[position];
        self.is(format!("input `{}`", self.tensors[id].name), self.shape(id), expected)
    }

    fn output_is(&self, expected: &[usize]) -> Checked<()> {
        let id = self.stage.outputs[0];
        self.is(format!("output `{}`", self.tensors[id].name), self.shape(id), expected)
    }

    /// Checks a weight that is there; one that is absent is fine.
    fn weight_is(&self, key: &str, expected: &[usize]) -> Checked<()> {
        match self.stage.weights.get(key) {
            Some(id) => self.is(format!("weight `{key}`"), self.shape(*id), expected),
            None => Ok(()),
        }
    }

    #[expect(clippy::unused_self, reason = "reads as the three above")]
    fn is(&self, tensor: String, found: &[usize], expected: &[usize]) -> Checked<()> {
        if found == expected {
            return Ok(());
        }
        Err(Complaint::Shape { tensor, found: found.to_vec(), expected: format!("{expected:?}") })
    }

    fn rank(&self, position: usize, least: usize) -> Checked<&'a [usize]> {
        let shape = self.input(position);
        if shape.len() >= least {
            return Ok(shape);
        }
        let tensor = format!("input `{}`", self.tensors[self.stage.inputs[position]].name);
        Err(Complaint::Shape { tensor, found: shape.to_vec(), expected: format!("at least {least} dimensions") })
    }

    fn weight_rank(&self, key: &str, rank: usize) -> Checked<&'a [usize]> {
        let shape = self.stage.weights.get(key).map_or(&[][..], |id| self.shape(*id));
        if shape.len() == rank {
            return Ok(shape);
        }
        let tensor = format!("weight `{key}`");
        Err(Complaint::Shape { tensor, found: shape.to_vec(), expected: format!("{rank} dimensions") })
    }

    /// All `inputs` and the output have one shape; returns its length.
    fn same(&self, inputs: usize) -> Checked {
        self.counts(inputs..=inputs, &[], &[])?;
        for position in 1..inputs {
            self.input_is(position, self.input(0))?;
        }
        self.output_is(self.input(0))?;
        Ok(count(self.input(0)))
    }
}

fn count(shape: &[usize]) -> u64 {
    shape.iter().map(|extent| *extent as u64).product()
}

/// `shape` with its last extents replaced.
fn ending(shape: &[usize], dropped: usize, end: &[usize]) -> Vec<usize> {
    [&shape[..shape.len() - dropped], end].concat()
}

/// out = a·x + y.
fn axpy(v: &View<'_>) -> Checked {
    v.params(&["a"])?;
    v.same(2).map(|n| 2 * n)
}

/// [.., m, k] × [k, n] -> [.., m, n].
fn matmul(v: &View<'_>) -> Checked {
    v.counts(2..=2, &[], &[])?;
    let (a, b) = (v.rank(0, 2)?, v.rank(1, 2)?);
    let (k, n) = (a[a.len() - 1], b[b.len() - 1]);
    v.input_is(1, &[k, n])?;
    v.output_is(&ending(a, 1, &[n]))?;
    Ok(2 * count(a) * n as u64)
}

/// out = activation(x · weight + bias) + residual, with x [.., k] and weight [k, n].
fn linear(v: &View<'_>) -> Checked {
    v.counts(1..=2, &["weight"], &["bias"])?;
    v.params(&["activation"])?;
    v.activation()?;
    let x = v.rank(0, 1)?;
    let n = v.weight_rank("weight", 2)?[1];
    v.weight_is("weight", &[x[x.len() - 1], n])?;
    v.weight_is("bias", &[n])?;
    let out = ending(x, 1, &[n]);
    v.output_is(&out)?;
    if v.stage.inputs.len() == 2 {
        v.input_is(1, &out)?;
    }
    Ok(2 * count(x) * n as u64)
}

/// out = activation(conv(x) + bias) + position, with x [.., t, c] and weight [taps, c, n].
fn conv1d(v: &View<'_>) -> Checked {
    v.counts(1..=1, &["weight"], &["bias", "position"])?;
    v.params(&["activation", "padding", "stride"])?;
    v.activation()?;
    let (stride, padding) = (v.int("stride", Some(1), 1)?, v.int("padding", Some(0), 0)?);
    let x = v.rank(0, 2)?;
    let (t, c) = (x[x.len() - 2], x[x.len() - 1]);
    let weight = v.weight_rank("weight", 3)?;
    let (taps, n) = (weight[0], weight[2]);
    v.weight_is("weight", &[taps, c, n])?;
    v.weight_is("bias", &[n])?;
    let Some(room) = (t + 2 * padding).checked_sub(taps) else {
        return Err(Complaint::Other(format!("{taps} taps do not fit {t} steps padded by {padding} on each side")));
    };
    let t_out = room / stride + 1;
    v.weight_is("position", &[t_out, n])?;
    let out = ending(x, 2, &[t_out, n]);
    v.output_is(&out)?;
    Ok(2 * count(&out) * (taps * c) as u64)
}

/// Over the last dimension; out = (x - mean) / sqrt(variance + eps) · weight + bias.
fn layer_norm(v: &View<'_>) -> Checked {
    v.counts(1..=1, &["weight", "bias"], &[])?;
    v.params(&["eps"])?;
    let x = v.rank(0, 1)?;
    v.weight_is("weight", &x[x.len() - 1..])?;
    v.weight_is("bias", &x[x.len() - 1..])?;
    v.output_is(x)?;
    // Per element: two sums, a square, and four to normalise.
    Ok(8 * count(x))
}

/// softmax(q kᵀ / sqrt(d / heads)) v, a head at a time, with q [.., t, d] and k, v [.., s, d].
fn attention(v: &View<'_>) -> Checked {
    v.counts(3..=3, &[], &[])?;
    v.params(&["heads"])?;
    let heads = v.int("heads", None, 1)?;
    let (q, k) = (v.rank(0, 2)?, v.rank(1, 2)?);
    let (d, s) = (q[q.len() - 1], k[k.len() - 2]);
    if d % heads != 0 {
        return Err(Complaint::Other(format!("{heads} heads do not divide {d} channels")));
    }
    let keys = ending(q, 2, &[s, d]);
    v.input_is(1, &keys)?;
    v.input_is(2, &keys)?;
    v.output_is(q)?;
    Ok(count(q) * s as u64 * 4 + count(q) / (d / heads) as u64 * s as u64 * 5)
}

/// |DFT|² of windowed frames: audio [.., samples], tables [`n_fft`, bins] -> [.., samples / hop, bins].
fn stft_power(v: &View<'_>) -> Checked {
    v.counts(1..=1, &["dft_cos", "dft_sin"], &[])?;
    v.params(&["hop"])?;
    let hop = v.int("hop", None, 1)?;
    let audio = v.rank(0, 1)?;
    let table = v.weight_rank("dft_cos", 2)?;
    v.weight_is("dft_sin", table)?;
    let (n_fft, bins) = (table[0], table[1]);
    let samples = audio[audio.len() - 1];
    if samples <= n_fft / 2 || samples < hop {
        let message = format!("{samples} samples are too few for frames of {n_fft} with reflected ends");
        return Err(Complaint::Other(message));
    }
    let out = ending(audio, 1, &[samples / hop, bins]);
    v.output_is(&out)?;
    Ok(count(&out) * (4 * n_fft as u64 + 3))
}

/// log10(max(power · filters, 1e-10)): power [.., bins], filters [bins, mels].
fn mel_log(v: &View<'_>) -> Checked {
    v.counts(1..=1, &["filters"], &[])?;
    v.params(&[])?;
    let power = v.rank(0, 1)?;
    let mels = v.weight_rank("filters", 2)?[1];
    v.weight_is("filters", &[power[power.len() - 1], mels])?;
    v.output_is(&ending(power, 1, &[mels]))?;
    Ok(2 * count(power) * mels as u64)
}

/// The largest of each run of consecutive elements; the output's length divides the input's.
fn max(v: &View<'_>) -> Checked {
    v.counts(1..=1, &[], &[])?;
    v.params(&[])?;
    divides(v, v.stage.outputs[0])?;
    Ok(count(v.input(0)))
}

/// (max(x, peak - 8) + 4) / 4, with one peak for each run of consecutive elements.
fn log_mel_scale(v: &View<'_>) -> Checked {
    v.counts(2..=2, &[], &[])?;
    v.params(&[])?;
    v.output_is(v.input(0))?;
    divides(v, v.stage.inputs[1])?;
    Ok(4 * count(v.input(0)))
}

fn divides(v: &View<'_>, id: TensorId) -> Checked<()> {
    let (n, tensor) = (count(v.input(0)), &v.tensors[id]);
    if n % count(&tensor.shape) == 0 {
        return Ok(());
    }
    let expected = format!("a number of elements that divides {n}");
    Err(Complaint::Shape { tensor: format!("`{}`", tensor.name), found: tensor.shape.clone(), expected })
}
