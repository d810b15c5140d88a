//! A failure says where and how an output is wrong.

/// Output buffers hold this before each sample: a NaN that no arithmetic yields, so what was not written is seen.
pub const SENTINEL_BITS: u32 = 0x7fc0_5e17;

/// Where and how an output is wrong: the element furthest beyond its tolerance.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error(
    "stage `{stage}`: `{tensor}` {reason} ({wrong} of {of} elements); at {index:?} it is {got}, expected {expected} ± {tolerance:e}"
)]
pub struct Failure {
    /// The stage.
    pub stage: String,
    /// The tensor that it wrote.
    pub tensor: String,
    /// For instance `differs from its reference`.
    pub reason: String,
    /// Position of the worst element, an index a dimension.
    pub index: Vec<usize>,
    /// Its value; NaN where there is none.
    pub got: f64,
    /// What it should be; NaN where that is not known.
    pub expected: f64,
    /// How far it could have been off.
    pub tolerance: f64,
    /// How many elements are wrong.
    pub wrong: usize,
    /// Of how many.
    pub of: usize,
    /// Whether it was compared: not where what it should be can't be read, which says nothing about the output.
    pub compared: bool,
}

impl Failure {
    /// Why it could not be compared; `None` where it was.
    #[must_use]
    pub fn not_compared(&self) -> Option<String> {
        (!self.compared).then(|| format!("stage `{}`: `{}` {}", self.stage, self.tensor, self.reason))
    }
}
