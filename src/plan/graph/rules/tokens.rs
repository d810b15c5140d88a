//! From tokens to vectors and from the vectors of many tokens to one.

use super::view::{Checked, Complaint, View, count, ending};
use crate::plan::graph::Param;

/// `weight[id] + position[place] + segment[0]`: ids [.., t] -> [.., t, d], with weight [vocab, d], position [p, d] for p of
/// at least t, and segment [types, d].
pub(super) fn embedding(v: &View<'_>) -> Checked {
    v.counts(1..=1, &["weight"], &["position", "segment"])?;
    v.params(&[])?;
    let ids = v.rank(0, 1)?;
    let d = v.weight_rank("weight", 2)?[1];
    let t = ids[ids.len() - 1];
    for key in ["position", "segment"] {
        if v.stage.weights.contains_key(key) {
            let rows = v.weight_rank(key, 2)?[0];
            v.weight_is(key, &[rows, d])?;
            if key == "position" && rows < t {
                return Err(Complaint::Other(format!("{t} tokens are more than the {rows} positions that are known")));
            }
        }
    }
    let out = ending(ids, 0, &[d]);
    v.output_is(&out)?;
    Ok((v.stage.weights.len() as u64 - 1) * count(&out))
}

/// The mean over tokens: [.., t, d] -> [.., d]; with `normalize`, divided by its length.
pub(super) fn mean_pool(v: &View<'_>) -> Checked {
    v.counts(1..=1, &[], &[])?;
    v.params(&["normalize"])?;
    let x = v.rank(0, 2)?;
    let out = ending(x, 2, &x[x.len() - 1..]);
    v.output_is(&out)?;
    let normalize = if v.switch("normalize")? { 3 * count(&out) } else { 0 };
    Ok(count(x) + count(&out) + normalize)
}

/// One token's vector: [.., t, d] -> [.., d]; `row` counts from 0, or from the end where it is negative.
pub(super) fn select_row(v: &View<'_>) -> Checked {
    v.counts(1..=1, &[], &[])?;
    v.params(&["row"])?;
    let x = v.rank(0, 2)?;
    let t = i64::try_from(x[x.len() - 2]).unwrap_or(i64::MAX);
    match v.stage.params.get("row") {
        Some(Param::Int(row)) if (-t..t).contains(row) => {}
        Some(Param::Int(row)) => {
            return Err(Complaint::Other(format!("parameter `row` is {row}, expected {} to {}", -t, t - 1)));
        }
        Some(_) => return Err(Complaint::Other("parameter `row` must be a whole number".to_owned())),
        None => return Err(Complaint::Other("it needs a parameter `row`".to_owned())),
    }
    v.output_is(&ending(x, 2, &x[x.len() - 1..]))?;
    Ok(0)
}
