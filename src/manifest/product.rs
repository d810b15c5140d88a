//! The product of a manifest's axes, walked without being built.
//!
//! Used by `check` to judge its size and find duplicates, and by `plan` to make its jobs.

use std::collections::HashSet;

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
    let mut dropped: IndexMap<Vec<usize>, HashSet<Vec<usize>>> = IndexMap::new();
    for mut pairs in exclude.iter().filter_map(|pairs| positions(axes, pairs)) {
        pairs.sort_unstable();
        let (axes, at) = pairs.into_iter().unzip();
        dropped.entry(axes).or_default().insert(at);
    }
    let lengths: Vec<usize> = axes.iter().map(|axis| axis.values.len()).collect();
    let next = (!axes.is_empty() && !lengths.contains(&0)).then(|| vec![0; lengths.len()]);
    Combinations { lengths, dropped, next }
}

/// See [`combinations`].
pub struct Combinations {
    lengths: Vec<usize>,
    /// The excludes: axes, and what positions on all of them are dropped. A generated manifest may have thousands of the same
    /// axes, and each is asked for each combination.
    dropped: IndexMap<Vec<usize>, HashSet<Vec<usize>>>,
    next: Option<Vec<usize>>,
}

impl Iterator for Combinations {
    type Item = Vec<usize>;

    fn next(&mut self) -> Option<Vec<usize>> {
        loop {
            let current = self.next.take()?;
            self.next = self.after(&current);
            let at = |axes: &[usize]| axes.iter().map(|axis| current[*axis]).collect::<Vec<_>>();
            if !self.dropped.iter().any(|(axes, dropped)| dropped.contains(&at(axes))) {
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
