//! What the jobs of a run make of each other: where nothing says what a stage of the user's own must compute, the outputs of
//! the same job in other browsers and configurations are held against each other.
//!
//! Filled and asked by `live`.

use std::sync::{Mutex, PoisonError};

use super::executor::{Check, PostedOutput};
use crate::graph::{Element, Tensor, Values};
use crate::manifest::AxisValue;
use crate::plan::{Job, JobId};
use crate::reference::agrees;
use crate::units::significant;

/// Bytes of outputs that are held, as numbers; the oldest give way.
const HELD: usize = 256 << 20;

/// Outputs that nothing verified.
#[derive(Debug, Default)]
pub struct Agreement(Mutex<Vec<Known>>);

#[derive(Debug)]
struct Known {
    /// The number of the job's page.
    number: u64,
    id: JobId,
    computation: Computation,
    outputs: Vec<PostedOutput>,
}

/// What two jobs have in common that should have the same outputs.
#[derive(Debug, PartialEq)]
struct Computation {
    model: String,
    dtype: String,
    batch: u32,
    custom: Vec<(String, AxisValue)>,
    /// Inputs and weights.
    given: Vec<Tensor>,
}

impl Computation {
    fn of(job: &Job, given: &[Tensor]) -> Self {
        let axes = &job.axes;
        Self {
            model: axes.model.clone(),
            dtype: axes.dtype.clone(),
            batch: axes.batch,
            custom: axes.custom.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
            given: given.to_vec(),
        }
    }

    fn halves(&self) -> bool {
        self.dtype == "fp16" || self.given.iter().any(|tensor| tensor.element == Element::F16)
    }
}

impl Agreement {
    /// Takes the outputs of an unverified job, with what it was given as far as that does not follow from its axes.
    pub(super) fn add(&self, number: u64, job: &Job, given: &[Tensor], check: &Check) {
        let outputs = check.outputs.clone();
        let known = Known { number, id: job.id.clone(), computation: Computation::of(job, given), outputs };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A job that is made ready anew, or tried again, has the outputs that it had last.
        all.retain(|other| other.id != known.id);
        let mut held: usize = all.iter().chain([&known]).map(Known::bytes).sum();
        while held > HELD && !all.is_empty() {
            held -= all.remove(0).bytes();
        }
        if held <= HELD {
            all.push(known);
        }
    }

    /// What the others say of a job's outputs, in words; `None` where there are no others, or it was verified.
    pub(super) fn about(&self, number: u64) -> Option<String> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = all.iter().find(|known| known.number == number)?;
        let others: Vec<&Known> =
            all.iter().filter(|other| other.id != own.id && other.computation == own.computation).collect();
        let agrees = agrees(own.computation.halves());
        let apart = |a: &Known, b: &Known| distance(&a.outputs, &b.outputs);
        let (like, unlike): (Vec<&Known>, Vec<&Known>) = others.iter().partition(|other| apart(own, other) <= agrees);
        let furthest = |of: &[&Known]| of.iter().map(|other| apart(own, other)).fold(0.0, f64::max);
        let by = |of: &[&Known]| share(furthest(of));
        Some(match (like.as_slice(), unlike.as_slice()) {
            ([], []) => return None,
            (like, []) => format!("{} within {}", agree(like), by(like)),
            ([], [one]) => format!("{} differs from it by {}, and nothing says which is right", one.id, by(&unlike)),
            ([], several) if several.windows(2).all(|pair| apart(pair[0], pair[1]) <= agrees) => {
                let (named, by) = (named(several), by(several));
                format!("it is the outlier: {named} agree with each other, and differ from it by up to {by}")
            }
            ([], several) => {
                format!("{} differ from it, and from each other, by up to {}", named(several), by(several))
            }
            (like, [one]) => format!("{} within {}, {} differs by {}", agree(like), by(like), one.id, by(&unlike)),
            (like, several) => {
                format!("{} within {}, {} differ by up to {}", agree(like), by(like), named(several), by(several))
            }
        })
    }
}

impl Known {
    fn bytes(&self) -> usize {
        self.outputs.iter().map(|output| 8 * output.values.len()).sum()
    }
}

/// That they agree.
fn agree(of: &[&Known]) -> String {
    format!("{} {} with it", named(of), if of.len() == 1 { "agrees" } else { "agree" })
}

/// Up to three of them by name.
fn named(of: &[&Known]) -> String {
    let names: Vec<&str> = of.iter().take(3).map(|known| known.id.0.as_str()).collect();
    match of.len().saturating_sub(3) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

fn share(distance: f64) -> String {
    if distance.is_finite() {
        format!("{} of the largest element", significant(distance, 2))
    } else {
        "a whole number, a NaN or an infinity".to_owned()
    }
}

/// The largest difference of two jobs' outputs, as a share of their largest element; infinite where they are unlike in form, a
/// whole number differs, or one has a NaN or an infinity where the other has not.
fn distance(a: &[PostedOutput], b: &[PostedOutput]) -> f64 {
    if a.len() != b.len() {
        return f64::INFINITY;
    }
    a.iter().zip(b).map(|(a, b)| apart(&a.values, &b.values)).fold(0.0, f64::max)
}

fn apart(a: &Values, b: &Values) -> f64 {
    match (a, b) {
        (Values::Whole(a), Values::Whole(b)) if a == b => 0.0,
        (Values::Floats(a), Values::Floats(b)) if a.len() == b.len() => {
            let (mut largest, mut furthest) = (0.0_f64, 0.0_f64);
            for (a, b) in a.iter().zip(b).map(|(a, b)| (f64::from(*a), f64::from(*b))) {
                if a.is_finite() && b.is_finite() {
                    largest = largest.max(a.abs()).max(b.abs());
                    furthest = furthest.max((a - b).abs());
                } else if a.to_bits() != b.to_bits() && !(a.is_nan() && b.is_nan()) {
                    return f64::INFINITY;
                }
            }
            if furthest == 0.0 { 0.0 } else { furthest / largest }
        }
        _ => f64::INFINITY,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn known(number: u64, values: &[f32]) -> Known {
        let values = Arc::new(Values::Floats(values.to_vec()));
        let outputs = vec![PostedOutput { name: "y".to_owned(), element: Element::F32, values }];
        Known {
            number,
            id: JobId(format!("job{number}")),
            computation: Computation {
                model: "m".to_owned(),
                dtype: "fp32".to_owned(),
                batch: 1,
                custom: Vec::new(),
                given: Vec::new(),
            },
            outputs,
        }
    }

    fn about(number: u64, all: &[&[f32]]) -> Option<String> {
        let known = (1..).zip(all).map(|(number, values)| known(number, values)).collect();
        Agreement(Mutex::new(known)).about(number)
    }

    #[test]
    fn the_outlier_is_named_whichever_came_first() {
        let (right, near, wrong) = ([1.0, 2.0, f32::NAN], [1.0, 2.000_2, f32::NAN], [1.0, 2.5, f32::NAN]);
        assert_eq!(about(1, &[&right]), None);
        assert_eq!(about(1, &[&right, &near]).unwrap(), "job2 agrees with it within 0.00010 of the largest element");
        let two = about(1, &[&right, &wrong]).unwrap();
        assert_eq!(two, "job2 differs from it by 0.20 of the largest element, and nothing says which is right");
        for outlier in 1..=3 {
            let mut all: Vec<&[f32]> = vec![&right, &near];
            all.insert(usize::try_from(outlier - 1).unwrap(), &wrong);
            for number in 1..=3 {
                let said = about(number, &all).unwrap();
                assert_eq!(said.starts_with("it is the outlier"), number == outlier, "{outlier} {number}: {said}");
                let names = said.contains(&format!("job{outlier} differs by 0.20"));
                assert_eq!(names, number != outlier, "{outlier} {number}: {said}");
            }
        }
        let nan = about(1, &[&right, &[1.0, 2.0, 3.0]]).unwrap();
        assert!(nan.contains("by a whole number, a NaN or an infinity"), "{nan}");
    }
}
