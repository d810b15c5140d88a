//! Attention: softmax(q kᵀ / sqrt(d / heads)) v, a head at a time, fused and in its parts.

#![expect(clippy::many_single_char_names, reason = "extents and tensors have their names of the literature")]

use rayon::prelude::*;

use super::Op;
use super::complaint::{About, Checked, Complaint};
use super::dot::norm;
use super::operands::{Expected, Operands};
use super::parameters::{CAUSAL, HEADS};
use super::shapes::{StageShapes, count, ending};
use super::tolerance::{self, LAMBDA, U};

/// The ops of the family.
pub(super) const OPS: &[Op] = &[
    Op {
        name: "attention",
        doc: "softmax(q kᵀ / √(d / heads)) v, a head at a time: q [.., t, d], k and v [.., s, d], or one input [.., t, 3·d] with the three side by side -> [.., t, d]; `causal`: query i sees keys 0 to i.",
        parameters: &[HEADS, CAUSAL],
        shape: attention_shape,
        reference: attention,
    },
    Op {
        name: "attention_context",
        doc: "p v, a head at a time, the heads side by side: p [.., heads, t, s], v [.., s, d] -> [.., t, d].",
        parameters: &[HEADS],
        shape: attention_context_shape,
        reference: attention_context,
    },
    Op {
        name: "attention_scores",
        doc: "q kᵀ / √(d / heads), a head at a time: q [.., t, d], k [.., s, d] -> [.., heads, t, s].",
        parameters: &[HEADS],
        shape: attention_scores_shape,
        reference: attention_scores,
    },
];

/// softmax(q kᵀ / sqrt(d / heads)) v, a head at a time: q [.., t, d] and k, v [.., s, d], or one input [.., t, 3·d]
/// with q, k and v side by side. With `causal`, query i sees keys 0 to i.
fn attention_shape(v: &StageShapes<'_>) -> Checked {
    if v.stage.inputs.len() == 2 {
        let message = "it reads 2 tensors, expected 3 (q, k, v) or 1 (the three side by side)";
        return Err(Complaint::new(About::Op, message, "expected 3 or 1 in `in`"));
    }
    v.counts(1..=3, &[], &[])?;
    let q = v.rank(0, 2)?;
    let (t, d, s) = if v.stage.inputs.len() == 1 {
        let (t, packed) = (q[q.len() - 2], q[q.len() - 1]);
        if packed % 3 != 0 {
            let message =
                format!("q, k and v side by side are 3 times as wide as one, which {packed} channels are not");
            return Err(Complaint::new(About::Input(0), message, "not three times as wide"));
        }
        (t, packed / 3, t)
    } else {
        let k = v.rank(1, 2)?;
        let (d, s) = (q[q.len() - 1], k[k.len() - 2]);
        let keys = ending(q, 2, &[s, d]);
        v.input_is(1, &keys)?;
        v.input_is(2, &keys)?;
        (q[q.len() - 2], d, s)
    };
    let (heads, _) = v.heads(d)?;
    if v.switch("causal") && t != s {
        return Err(Complaint::not_square(s, t));
    }
    let out = ending(q, 1, &[d]);
    v.output_is(&out)?;
    let queries = count(&out) / d as u64;
    // The work that is left: a causal mask leaves query i the first i + 1 keys.
    let pairs = if v.switch("causal") { queries * (s as u64 + 1) / 2 } else { queries * s as u64 };
    Ok(pairs * (4 * d as u64 + 5 * heads as u64))
}

/// q kᵀ / sqrt(d / heads), a head at a time: q [.., t, d], k [.., s, d] -> [.., heads, t, s].
fn attention_scores_shape(v: &StageShapes<'_>) -> Checked {
    v.counts(2..=2, &[], &[])?;
    let (q, k) = (v.rank(0, 2)?, v.rank(1, 2)?);
    let (t, d, s) = (q[q.len() - 2], q[q.len() - 1], k[k.len() - 2]);
    let (heads, width) = v.heads(d)?;
    v.input_is(1, &ending(q, 2, &[s, d]))?;
    let out = ending(q, 2, &[heads, t, s]);
    v.output_is(&out)?;
    Ok(count(&out) * (2 * width as u64 + 1))
}

/// p v, a head at a time, the heads side by side: p [.., heads, t, s], v [.., s, d] -> [.., t, d].
fn attention_context_shape(v: &StageShapes<'_>) -> Checked {
    v.counts(2..=2, &[], &[])?;
    let (p, values) = (v.rank(0, 3)?, v.rank(1, 2)?);
    let (t, s, d) = (p[p.len() - 2], p[p.len() - 1], values[values.len() - 1]);
    let (heads, _) = v.heads(d)?;
    v.input_is(0, &ending(values, 2, &[heads, t, s]))?;
    v.input_is(1, &ending(p, 3, &[s, d]))?;
    let out = ending(p, 3, &[t, d]);
    v.output_is(&out)?;
    Ok(2 * count(&out) * s as u64)
}

/// One of q, k and v: rows of all heads side by side, which may lie in wider rows.
#[derive(Clone, Copy)]
struct Rows<'a> {
    values: &'a [f32],
    /// Where the first row begins, and how far apart rows are.
    first: usize,
    apart: usize,
}

impl<'a> Rows<'a> {
    fn head(&self, row: usize, head: usize, width: usize) -> &'a [f32] {
        &self.values[self.first + row * self.apart + head * width..][..width]
    }
}

/// q [.., t, d], k and v [.., s, d], or one input [.., t, 3·d]; the heads are side by side in d. With `causal`, query i
/// sees keys 0 to i.
fn attention(args: &Operands<'_>) -> Expected {
    let (t, d) = (args.inputs[0].extent(2), args.output[args.output.len() - 1]);
    let packed = args.inputs.len() == 1;
    let [q, k, v] = [0, 1, 2].map(|which| {
        let (values, first, apart) =
            if packed { (args.inputs[0].values, which * d, 3 * d) } else { (args.inputs[which].values, 0, d) };
        Rows { values, first, apart }
    });
    let s = if packed { t } else { args.inputs[1].extent(2) };
    let causal = args.switch("causal");
    let heads = args.whole("heads");
    let width = d / heads;
    let scale = 1.0 / (width as f64).sqrt();
    let keys = args.output_len() / (t * d) * s;
    let key_norm = |at: usize| norm(k.head(at / heads, at % heads, width));
    let key_norms: Vec<f64> = (0..keys * heads).into_par_iter().map(key_norm).collect();
    let mut expected = Expected::zeros(args.output_len());
    // One chunk is a query's head: position `row · heads + head`.
    let chunks = expected.value.par_chunks_mut(width).zip(expected.tolerance.par_chunks_mut(width));
    chunks.enumerate().for_each_init(Vec::new, |scores, (chunk, (out, tol))| {
        let (row, head) = (chunk / heads, chunk % heads);
        let first_key = row / t * s;
        let seen = if causal { row % t + 1 } else { s };
        let q = q.head(row, head, width);
        let query_norm = norm(q);
        scores.clear();
        scores.extend((0..seen).map(|key| dot(q, k.head(first_key + key, head, width)) * scale));
        let peak = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut sum = 0.0;
        let mut sum_error = 0.0;
        for (key, score) in scores.iter().enumerate() {
            let p = (score - peak).exp();
            let score_error =
                tolerance::dot(width, query_norm * key_norms[(first_key + key) * heads + head] * scale, *score);
            // The error of a score and of exp reach the output as relative errors of p; a running maximum rescales
            // what came before by another exp.
            let error = p * (score_error + 2.0 * tolerance::exp(score - peak));
            sum += p;
            sum_error += error;
            for ((out, tol), v) in out.iter_mut().zip(tol.iter_mut()).zip(v.head(first_key + key, head, width)) {
                let v = f64::from(*v);
                *out += p * v;
                // Summed apart by key, as the weights' errors are independent; the sums' own rounding rides along.
                *tol += (error + p * LAMBDA * U * (seen as f64).sqrt()) * v.abs();
            }
        }
        let shared = sum_error / sum + LAMBDA * U * ((seen as f64).sqrt() + 2.5);
        for (out, tol) in out.iter_mut().zip(tol) {
            *out /= sum;
            *tol = *tol / sum + out.abs() * shared;
        }
    });
    expected
}

/// q kᵀ / sqrt(d / heads): q [.., t, d], k [.., s, d] -> [.., heads, t, s].
fn attention_scores(args: &Operands<'_>) -> Expected {
    let (q, k) = (args.inputs[0], args.inputs[1]);
    let (t, d, s, heads) = (q.extent(2), q.extent(1), k.extent(2), args.whole("heads"));
    let width = d / heads;
    let scale = 1.0 / (width as f64).sqrt();
    let of = |values, row: usize, head| Rows { values, first: 0, apart: d }.head(row, head, width);
    Expected::from_elements((0..args.output_len()).into_par_iter().map(|at| {
        let (key, query, head, batch) = (at % s, at / s % t, at / (s * t) % heads, at / (s * t * heads));
        let (q, k) = (of(q.values, batch * t + query, head), of(k.values, batch * s + key, head));
        let score = dot(q, k) * scale;
        (score, tolerance::dot(width, norm(q) * norm(k) * scale, score))
    }))
}

/// p v, the heads side by side: p [.., heads, t, s], v [.., s, d] -> [.., t, d].
fn attention_context(args: &Operands<'_>) -> Expected {
    let (p, v) = (args.inputs[0], args.inputs[1]);
    let (t, s, d, heads) = (p.extent(2), p.extent(1), v.extent(1), args.whole("heads"));
    let width = d / heads;
    Expected::from_elements((0..args.output_len()).into_par_iter().map(|at| {
        let (channel, query, batch) = (at % d, at / d % t, at / (d * t));
        let weights = &p.values[((batch * heads + channel / width) * t + query) * s..][..s];
        let (mut sum, mut sizes) = (0.0, 0.0);
        for (key, p) in weights.iter().enumerate() {
            let term = f64::from(*p) * f64::from(v.values[(batch * s + key) * d + channel]);
            sum += term;
            sizes += term.abs();
        }
        (sum, LAMBDA * U * ((s as f64).sqrt() * sizes + sum.abs()))
    }))
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}
