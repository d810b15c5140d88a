//! Ops that treat each element alone.

use super::view::{Checked, View};

/// out = a·x + y.
pub(super) fn axpy(v: &View<'_>) -> Checked {
    v.params(&["a"])?;
    v.same(2).map(|n| 2 * n)
}

/// out = gelu(x), or another function that `activation` names.
pub(super) fn gelu(v: &View<'_>) -> Checked {
    v.params(&["activation"])?;
    v.activation()?;
    // A polynomial of five terms, an exponential, a division and the products around them.
    v.same(1).map(|n| 16 * n)
}
