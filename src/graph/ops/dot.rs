//! The product that linear layers, convolutions and transforms share: rows gathered one by one times a weight matrix.

#![expect(clippy::many_single_char_names, reason = "extents and tensors have their names of the literature")]

use rayon::prelude::*;

use super::{Expected, tolerance};

/// Rows computed together: each weight that is loaded and widened serves as many sums.
const ROWS: usize = 4;
/// Columns computed together: `ROWS` × `COLUMNS` f64 sums stay in the first-level cache.
const COLUMNS: usize = 512;

/// `rows × k` times `w` (`k × n`, row-major), in f64, with the tolerance of an f32 sum.
///
/// `fetch(row, buffer)` writes a row's k values; `finish(row, values, tolerances)` applies what follows the sum.
pub(super) fn product(
    (rows, k, n): (usize, usize, usize),
    w: &[f32],
    fetch: impl Fn(usize, &mut [f32]) + Sync,
    finish: impl Fn(usize, &mut [f64], &mut [f64]) + Sync,
) -> Expected {
    let mut expected = Expected::zeros(rows * n);
    let columns = column_norms(w, n);
    let groups = expected.value.par_chunks_mut(ROWS * n).zip(expected.tolerance.par_chunks_mut(ROWS * n));
    groups.enumerate().for_each(|(group, (values, tolerances))| {
        let first = group * ROWS;
        let mut x = vec![0.0_f32; ROWS * k];
        for (offset, row) in x.chunks_exact_mut(k).take(values.len() / n).enumerate() {
            fetch(first + offset, row);
        }
        accumulate(&x, w, k, n, values);
        for (offset, (values, tolerances)) in values.chunks_mut(n).zip(tolerances.chunks_mut(n)).enumerate() {
            let row_norm = norm(&x[offset * k..][..k]);
            for ((tolerance, value), column) in tolerances.iter_mut().zip(values.iter()).zip(&columns) {
                *tolerance = tolerance::dot(k, row_norm * column, *value);
            }
            finish(first + offset, values, tolerances);
        }
    });
    expected
}

/// Adds up to `ROWS` rows of `x` times `w` to `values`; rows beyond `values` are ignored.
fn accumulate(x: &[f32], w: &[f32], k: usize, n: usize, values: &mut [f64]) {
    let rows = values.len() / n;
    for start in (0..n).step_by(COLUMNS) {
        let width = COLUMNS.min(n - start);
        let mut sums = [[0.0_f64; COLUMNS]; ROWS];
        let [s0, s1, s2, s3] = &mut sums;
        for (i, line) in w.chunks_exact(n).enumerate() {
            let [a0, a1, a2, a3] = [0, 1, 2, 3].map(|row| f64::from(x[row * k + i]));
            let line = &line[start..start + width];
            let sums = s0.iter_mut().zip(s1.iter_mut()).zip(s2.iter_mut().zip(s3.iter_mut()));
            for (((s0, s1), (s2, s3)), b) in sums.zip(line) {
                let b = f64::from(*b);
                *s0 += a0 * b;
                *s1 += a1 * b;
                *s2 += a2 * b;
                *s3 += a3 * b;
            }
        }
        for (row, sums) in sums.iter().enumerate().take(rows) {
            values[row * n + start..][..width].copy_from_slice(&sums[..width]);
        }
    }
}

fn column_norms(w: &[f32], n: usize) -> Vec<f64> {
    let mut squares = vec![0.0_f64; n];
    for line in w.chunks_exact(n) {
        for (square, value) in squares.iter_mut().zip(line) {
            *square += f64::from(*value) * f64::from(*value);
        }
    }
    squares.into_iter().map(f64::sqrt).collect()
}

/// The Euclidean norm.
pub(super) fn norm(x: &[f32]) -> f64 {
    x.iter().map(|value| f64::from(*value) * f64::from(*value)).sum::<f64>().sqrt()
}
