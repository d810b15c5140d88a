//! From tokens to vectors and from the vectors of many tokens to one.

use rayon::prelude::*;

use super::tolerance::{LAMBDA, U};
use super::{Args, Expected};

/// `weight[id] + position[place] + segment[0]`.
pub(super) fn embedding(args: &Args<'_>) -> Expected {
    let (ids, weight) = (args.inputs[0], args.needed("weight"));
    let (t, d) = (ids.extent(1), weight.extent(1));
    let position = args.weight("position").map(|view| view.values);
    let segment = args.weight("segment").map(|view| &view.values[..d]);
    let vocabulary = weight.values.len() / d;
    let mut expected = Expected::zeros(args.output_len());
    let rows = expected.value.par_chunks_mut(d).zip(expected.tolerance.par_chunks_mut(d));
    rows.zip(ids.values).enumerate().for_each(|(row, ((values, tolerances), id))| {
        // No vector is that of an id which is no whole number or beyond the vocabulary: NaN is nothing's right value.
        let Some(id) = whole(*id).filter(|id| *id < vocabulary) else { return values.fill(f64::NAN) };
        let rows = [Some(&weight.values[id * d..][..d]), position.map(|all| &all[row % t * d..][..d]), segment];
        let summed = rows.iter().flatten().count() > 1;
        for (column, (value, tolerance)) in values.iter_mut().zip(tolerances).enumerate() {
            let terms = || rows.iter().flatten().map(|row| f64::from(row[column]));
            *value = terms().sum();
            if summed {
                *tolerance = LAMBDA * U * terms().map(f64::abs).sum::<f64>();
            }
        }
    });
    expected
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be a small whole number")]
fn whole(id: f32) -> Option<usize> {
    (id >= 0.0 && id.fract() == 0.0 && id <= 16_777_216.0).then_some(id as usize)
}

/// The mean over tokens, divided by its length where that is asked for.
pub(super) fn mean_pool(args: &Args<'_>) -> Expected {
    let x = args.inputs[0];
    let (t, d) = (x.extent(2), x.extent(1));
    let normalize = args.switch("normalize");
    let n = t as f64;
    let mut expected = Expected::zeros(args.output_len());
    let rows = expected.value.par_chunks_mut(d).zip(expected.tolerance.par_chunks_mut(d));
    rows.zip(x.values.par_chunks(t * d)).for_each(|((values, tolerances), x)| {
        for x in x.chunks_exact(d) {
            for ((value, tolerance), x) in values.iter_mut().zip(tolerances.iter_mut()).zip(x) {
                *value += f64::from(*x) / n;
                *tolerance += f64::from(x.abs()) / n;
            }
        }
        for (value, tolerance) in values.iter().zip(tolerances.iter_mut()) {
            *tolerance = LAMBDA * U * (n.sqrt() * *tolerance + value.abs());
        }
        if normalize {
            let length = values.iter().map(|value| value * value).sum::<f64>().sqrt().max(1e-12);
            // The length is off by at most the length of the errors (the triangle inequality), besides its own rounding.
            let error = tolerances.iter().map(|error| error * error).sum::<f64>().sqrt() / length
                + LAMBDA * U * (0.5 * (d as f64).sqrt() + 3.0);
            for (value, tolerance) in values.iter_mut().zip(tolerances) {
                *value /= length;
                *tolerance = *tolerance / length + value.abs() * error;
            }
        }
    });
    expected
}

/// One token's vector: exact.
pub(super) fn select_row(args: &Args<'_>) -> Expected {
    let x = args.inputs[0];
    let (t, d) = (x.extent(2), x.extent(1));
    // The rule has checked that it is in -t..t.
    let row = args.signed("row", 0);
    let row = if row < 0 { t - usize::try_from(-row).unwrap_or(t) } else { usize::try_from(row).unwrap_or(0) };
    let element = |at: usize| (f64::from(x.values[(at / d * t + row) * d + at % d]), 0.0);
    Expected::from_elements((0..args.output_len()).into_par_iter().map(element))
}
