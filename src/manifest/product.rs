//! The product of a manifest's axes, walked without being built.
//!
//! Used by `check` to judge its size and find duplicates, and by `plan` to make its jobs.

use indexmap::IndexMap;

use super::axes::default_value;
use super::{Axis, AxisValue};

/// More jobs than this are a slip: at a second each they would run for twelve days.
pub const MOST_JOBS: u64 = 1_000_000;

/// How many combinations there are before excludes; `None` when the number is above 64 bits.
#[must_use]
pub fn size(axes: &[Axis]) -> Option<u64> {
    axes.iter().try_fold(1_u64, |size, axis| size.checked_mul(u64::try_from(axis.values.len()).ok()?))
}

/// The combinations that no exclude drops, as positions into each axis's values: the first axis varies slowest.
#[must_use]
pub fn combinations(axes: &[Axis], exclude: &[IndexMap<String, AxisValue>]) -> Combinations {
    let dropped = exclude.iter().filter_map(|pairs| positions(axes, pairs)).collect();
    let lengths: Vec<usize> = axes.iter().map(|axis| axis.values.len()).collect();
    let next = (!axes.is_empty() && !lengths.contains(&0)).then(|| vec![0; lengths.len()]);
    Combinations { lengths, dropped, next }
}

/// See [`combinations`].
pub struct Combinations {
    lengths: Vec<usize>,
    /// Each exclude as (axis, position) pairs.
    dropped: Vec<Vec<(usize, usize)>>,
    next: Option<Vec<usize>>,
}

impl Iterator for Combinations {
    type Item = Vec<usize>;

    fn next(&mut self) -> Option<Vec<usize>> {
        loop {
            let current = self.next.take()?;
            self.next = self.after(&current);
            let drops = |pairs: &Vec<(usize, usize)>| pairs.iter().all(|&(axis, at)| current[axis] == at);
            if !self.dropped.iter().any(drops) {
                return Some(current);
            }
        }
    }
}

impl Combinations {
    /// Counts up like an odometer; the last axis is its last wheel.
    fn after(&self, current: &[usize]) -> Option<Vec<usize>> {
        let mut next = current.to_vec();
        for axis in (0..next.len()).rev() {
            next[axis] += 1;
            if next[axis] < self.lengths[axis] {
                return Some(next);
            }
            next[axis] = 0;
        }
        None
    }
}

/// An exclude as positions; `None` when it names a value that no axis has, which drops nothing.
fn positions(axes: &[Axis], pairs: &IndexMap<String, AxisValue>) -> Option<Vec<(usize, usize)>> {
    pairs
        .iter()
        .map(|(name, value)| {
            let place = axes.iter().position(|axis| axis.name == *name)?;
            Some((place, axes[place].values.iter().position(|known| known == value)?))
        })
        .collect()
}

/// Whether the product, less its excludes, has the job that `complete` describes: a value for every axis that has one.
#[must_use]
pub fn contains(
    axes: &[Axis],
    exclude: &[IndexMap<String, AxisValue>],
    complete: &IndexMap<String, AxisValue>,
) -> bool {
    let on_axes = axes.iter().all(|axis| complete.get(&axis.name).is_some_and(|value| axis.values.contains(value)));
    let else_default = complete
        .iter()
        .all(|(name, value)| axes.iter().any(|axis| axis.name == *name) || default_value(name).as_ref() == Some(value));
    let dropped = exclude
        .iter()
        .any(|pairs| !pairs.is_empty() && pairs.iter().all(|(name, value)| complete.get(name) == Some(value)));
    !axes.is_empty() && on_axes && else_default && !dropped
}
