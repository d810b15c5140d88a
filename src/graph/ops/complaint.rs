//! Why a stage does not fit its op.

/// Why a stage does not fit its op.
pub(super) enum Complaint {
    Shape { tensor: String, found: Vec<usize>, expected: String },
    Other(String),
}

pub(super) type Checked<T = u64> = Result<T, Complaint>;
