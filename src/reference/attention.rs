//! Attention: softmax(q kᵀ / sqrt(d / heads)) v, a head at a time.

#![expect(clippy::many_single_char_names, reason = "extents and tensors have their names of the literature")]

use rayon::prelude::*;

use super::dot::norm;
use super::tolerance::{self, LAMBDA, U};
use super::{Args, Expected};

/// q [.., t, d], k and v [.., s, d]; the heads are side by side in d.
pub(super) fn attention(args: &Args<'_>) -> Expected {
    let (q, k, v) = (args.inputs[0], args.inputs[1].values, args.inputs[2].values);
    let (t, d, s) = (q.extent(2), q.extent(1), args.inputs[1].extent(2));
    let heads = args.int("heads", 1);
    let width = d / heads;
    let scale = 1.0 / (width as f64).sqrt();
    let key_norms: Vec<f64> = k.par_chunks(width).map(norm).collect();
    let mut expected = Expected::zeros(q.values.len());
    // One chunk is a query's head: position `row · heads + head`.
    let chunks = expected.value.par_chunks_mut(width).zip(expected.tolerance.par_chunks_mut(width));
    chunks.zip(q.values.par_chunks(width)).enumerate().for_each_init(Vec::new, |scores, (chunk, ((out, tol), q))| {
        let (row, head) = (chunk / heads, chunk % heads);
        let first_key = row / t * s;
        let at = |key: usize| (first_key + key) * heads + head;
        let query_norm = norm(q);
        scores.clear();
        scores.extend((0..s).map(|key| dot(q, &k[at(key) * width..][..width]) * scale));
        let peak = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut sum = 0.0;
        let mut sum_error = 0.0;
        for (key, score) in scores.iter().enumerate() {
            let p = (score - peak).exp();
            let score_error = tolerance::dot(width, query_norm * key_norms[at(key)] * scale, *score);
            // The error of a score and of exp reach the output as relative errors of p; a running maximum rescales
            // what came before by another exp.
            let error = p * (score_error + 2.0 * tolerance::exp(score - peak));
            sum += p;
            sum_error += error;
            for ((out, tol), v) in out.iter_mut().zip(tol.iter_mut()).zip(&v[at(key) * width..][..width]) {
                let v = f64::from(*v);
                *out += p * v;
                // Summed apart by key, as the weights' errors are independent; the sums' own rounding rides along.
                *tol += (error + p * LAMBDA * U * (s as f64).sqrt()) * v.abs();
            }
        }
        let shared = sum_error / sum + LAMBDA * U * ((s as f64).sqrt() + 2.5);
        for (out, tol) in out.iter_mut().zip(tol) {
            *out /= sum;
            *tol = *tol / sum + out.abs() * shared;
        }
    });
    expected
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}
