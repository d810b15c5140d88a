//! Ops that make one value of each run of consecutive elements.

use rayon::prelude::*;

use super::tolerance::{LAMBDA, U};
use super::{Args, Expected};

/// The largest of each run of consecutive elements: exact.
pub(super) fn max(args: &Args<'_>) -> Expected {
    let run = args.inputs[0].values.len() / args.output_len();
    let runs = args.inputs[0].values.par_chunks(run);
    Expected::from_elements(runs.map(|run| (f64::from(run.iter().copied().fold(f32::NEG_INFINITY, f32::max)), 0.0)))
}

/// The sum of each run of consecutive elements.
pub(super) fn sum(args: &Args<'_>) -> Expected {
    let run = args.inputs[0].values.len() / args.output_len();
    Expected::from_elements(args.inputs[0].values.par_chunks(run).map(|run| {
        let sum: f64 = run.iter().map(|x| f64::from(*x)).sum();
        let sizes: f64 = run.iter().map(|x| f64::from(x.abs())).sum();
        (sum, LAMBDA * U * (run.len() as f64).sqrt() * sizes)
    }))
}
