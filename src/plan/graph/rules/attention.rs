//! Attention, fused and in its parts.

#![expect(clippy::many_single_char_names, reason = "extents and tensors have their names of the literature")]

use super::view::{Checked, Complaint, View, count, ending};

/// softmax(q kᵀ / sqrt(d / heads)) v, a head at a time: q [.., t, d] and k, v [.., s, d], or one input [.., t, 3·d]
/// with q, k and v side by side. With `causal`, query i sees keys 0 to i.
pub(super) fn attention(v: &View<'_>) -> Checked {
    if v.stage.inputs.len() == 2 {
        let message = "it reads 2 tensors, expected 3 (q, k, v) or 1 (the three side by side)";
        return Err(Complaint::Other(message.to_owned()));
    }
    v.counts(1..=3, &[], &[])?;
    v.params(&["heads", "causal"])?;
    let q = v.rank(0, 2)?;
    let (t, d, s) = if v.stage.inputs.len() == 1 {
        let (t, packed) = (q[q.len() - 2], q[q.len() - 1]);
        if packed % 3 != 0 {
            let message =
                format!("q, k and v side by side are 3 times as wide as one, which {packed} channels are not");
            return Err(Complaint::Other(message));
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
    if v.switch("causal")? && t != s {
        return Err(Complaint::Other(format!("`causal` needs as many keys as queries, not {s} and {t}")));
    }
    let out = ending(q, 1, &[d]);
    v.output_is(&out)?;
    let queries = count(&out) / d as u64;
    // The work that is left: a causal mask leaves query i the first i + 1 keys.
    let pairs = if v.switch("causal")? { queries * (s as u64 + 1) / 2 } else { queries * s as u64 };
    Ok(pairs * (4 * d as u64 + 5 * heads as u64))
}

/// q kᵀ / sqrt(d / heads), a head at a time: q [.., t, d], k [.., s, d] -> [.., heads, t, s].
pub(super) fn attention_scores(v: &View<'_>) -> Checked {
    v.counts(2..=2, &[], &[])?;
    v.params(&["heads"])?;
    let (q, k) = (v.rank(0, 2)?, v.rank(1, 2)?);
    let (t, d, s) = (q[q.len() - 2], q[q.len() - 1], k[k.len() - 2]);
    let (heads, width) = v.heads(d)?;
    v.input_is(1, &ending(q, 2, &[s, d]))?;
    let out = ending(q, 2, &[heads, t, s]);
    v.output_is(&out)?;
    Ok(count(&out) * (2 * width as u64 + 1))
}

/// p v, a head at a time, the heads side by side: p [.., heads, t, s], v [.., s, d] -> [.., t, d].
pub(super) fn attention_context(v: &View<'_>) -> Checked {
    v.counts(2..=2, &[], &[])?;
    v.params(&["heads"])?;
    let (p, values) = (v.rank(0, 3)?, v.rank(1, 2)?);
    let (t, s, d) = (p[p.len() - 2], p[p.len() - 1], values[values.len() - 1]);
    let (heads, _) = v.heads(d)?;
    v.input_is(0, &ending(values, 2, &[heads, t, s]))?;
    v.input_is(1, &ending(p, 3, &[s, d]))?;
    let out = ending(p, 3, &[t, d]);
    v.output_is(&out)?;
    Ok(2 * count(&out) * s as u64)
}
