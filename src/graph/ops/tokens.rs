//! From tokens to vectors and from the vectors of many tokens to one.

use rayon::prelude::*;

use super::Op;
use super::complaint::{About, Checked, Complaint};
use super::operands::{Expected, Operands};
use super::parameters::{Kind, Parameter};
use super::shapes::{StageShapes, count, ending};
use super::tolerance::{LAMBDA, U};

/// The ops of the family.
pub(super) const OPS: &[Op] = &[
    Op {
        name: "embedding",
        doc: "weight[id] + position[place] + segment[0]: ids [.., t], weight [vocabulary, d]; optional are position [p, d] for p of at least t, and segment [types, d] -> [.., t, d].",
        parameters: &[],
        shape: embedding_shape,
        reference: embedding,
    },
    Op {
        name: "mean_pool",
        doc: "The mean over tokens: [.., t, d] -> [.., d]; `normalize`: divided by its length.",
        parameters: &[Parameter::new("normalize", Kind::Switch)],
        shape: mean_pool_shape,
        reference: mean_pool,
    },
    Op {
        name: "select_row",
        doc: "One token's vector: [.., t, d] -> [.., d]; `row` counts from 0, or from the end where it is negative.",
        parameters: &[Parameter::new("row", Kind::Signed)],
        shape: select_row_shape,
        reference: select_row,
    },
];

/// `weight[id] + position[place] + segment[0]`: ids [.., t] -> [.., t, d], with weight [vocab, d], position [p, d] for p of
/// at least t, and segment [types, d].
fn embedding_shape(v: &StageShapes<'_>) -> Checked {
    v.counts(1..=1, &["weight"], &["position", "segment"])?;
    let ids = v.rank(0, 1)?;
    let d = v.weight_rank("weight", 2)?[1];
    let t = ids[ids.len() - 1];
    for key in ["position", "segment"] {
        if v.stage.weights.contains_key(key) {
            let rows = v.weight_rank(key, 2)?[0];
            v.weight_is(key, &[rows, d])?;
            if key == "position" && rows < t {
                let message = format!("{t} tokens are more than the {rows} positions that are known");
                return Err(Complaint::new(
                    About::Weight(key.to_owned()),
                    message,
                    format!("expected at least {t} rows"),
                ));
            }
        }
    }
    let out = ending(ids, 0, &[d]);
    v.output_is(&out)?;
    Ok((v.stage.weights.len() as u64 - 1) * count(&out))
}

/// The mean over tokens: [.., t, d] -> [.., d]; with `normalize`, divided by its length.
fn mean_pool_shape(v: &StageShapes<'_>) -> Checked {
    v.counts(1..=1, &[], &[])?;
    let x = v.rank(0, 2)?;
    let out = ending(x, 2, &x[x.len() - 1..]);
    v.output_is(&out)?;
    let normalize = if v.switch("normalize") { 3 * count(&out) } else { 0 };
    Ok(count(x) + count(&out) + normalize)
}

/// One token's vector: [.., t, d] -> [.., d]; `row` counts from 0, or from the end where it is negative.
fn select_row_shape(v: &StageShapes<'_>) -> Checked {
    v.counts(1..=1, &[], &[])?;
    let x = v.rank(0, 2)?;
    let t = i64::try_from(x[x.len() - 2]).unwrap_or(i64::MAX);
    let row = v.signed("row");
    if !(-t..t).contains(&row) {
        let expected = format!("expected {} to {}", -t, t - 1);
        return Err(Complaint::value("row", &format!("is {row}"), &expected));
    }
    v.output_is(&ending(x, 2, &x[x.len() - 1..]))?;
    Ok(0)
}

/// `weight[id] + position[place] + segment[0]`.
fn embedding(args: &Operands<'_>) -> Expected {
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
fn mean_pool(args: &Operands<'_>) -> Expected {
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
fn select_row(args: &Operands<'_>) -> Expected {
    let x = args.inputs[0];
    let (t, d) = (x.extent(2), x.extent(1));
    // The rule has checked that it is in -t..t.
    let row = args.signed("row");
    let row = if row < 0 { t - usize::try_from(-row).unwrap_or(t) } else { usize::try_from(row).unwrap_or(0) };
    let element = |at: usize| (f64::from(x.values[(at / d * t + row) * d + at % d]), 0.0);
    Expected::from_elements((0..args.output_len()).into_par_iter().map(element))
}
