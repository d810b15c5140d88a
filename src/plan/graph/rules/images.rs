//! Convolutions of images, whose channels are the last dimension.

#![expect(clippy::many_single_char_names, reason = "extents and tensors have their names of the literature")]

use super::view::{Checked, Complaint, View, count, ending};

/// out = activation(conv(x) + bias), with x [.., h, w, c] and weight [rows, columns, c, n] -> [.., h', w', n].
pub(super) fn conv2d(v: &View<'_>) -> Checked {
    v.counts(1..=1, &["weight"], &["bias"])?;
    v.params(&["activation", "padding", "stride"])?;
    v.activation()?;
    let (stride, padding) = (v.int("stride", Some(1), 1)?, v.int("padding", Some(0), 0)?);
    let x = v.rank(0, 3)?;
    let weight = v.weight_rank("weight", 4)?;
    let (c, n) = (x[x.len() - 1], weight[3]);
    v.weight_is("weight", &[weight[0], weight[1], c, n])?;
    v.weight_is("bias", &[n])?;
    let steps = |extent: usize, taps: usize| match (extent + 2 * padding).checked_sub(taps) {
        Some(room) => Ok(room / stride + 1),
        None => {
            Err(Complaint::Other(format!("{taps} taps do not fit {extent} pixels padded by {padding} on each side")))
        }
    };
    let (h, w) = (steps(x[x.len() - 3], weight[0])?, steps(x[x.len() - 2], weight[1])?);
    let out = ending(x, 3, &[h, w, n]);
    v.output_is(&out)?;
    Ok(2 * count(&out) * (weight[0] * weight[1] * c) as u64)
}

/// Patches of `patch` x `patch` pixels as tokens: image [.., h, w, c] and weight [patch·patch·c, n] -> [.., tokens, n],
/// row by row from the top left, after `class` of n values where there is one; plus bias of n values and position `[tokens, n]`.
pub(super) fn patch_embed(v: &View<'_>) -> Checked {
    v.counts(1..=1, &["weight"], &["bias", "class", "position"])?;
    v.params(&["patch"])?;
    let patch = v.int("patch", None, 1)?;
    let image = v.rank(0, 3)?;
    let (h, w, c) = (image[image.len() - 3], image[image.len() - 2], image[image.len() - 1]);
    if h % patch != 0 || w % patch != 0 {
        let message = format!("patches of {patch} x {patch} pixels do not divide an image of {h} x {w}");
        return Err(Complaint::Other(message));
    }
    let n = v.weight_rank("weight", 2)?[1];
    v.weight_is("weight", &[patch * patch * c, n])?;
    v.weight_is("bias", &[n])?;
    v.weight_is("class", &[n])?;
    let patches = (h / patch) * (w / patch);
    let tokens = patches + usize::from(v.stage.weights.contains_key("class"));
    v.weight_is("position", &[tokens, n])?;
    v.output_is(&ending(image, 3, &[tokens, n]))?;
    Ok(2 * count(image) * n as u64)
}
