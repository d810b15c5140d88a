//! Analysis turns rows into verdicts: pure functions that read no clock, no disk and no network.
//!
//! `ranks` is the statistics of shifts, `ratio` that of two sets of samples, `pair` takes both for two jobs, `refusal` says
//! which two must not be compared, `best` which of several is the fastest, `compare` which belong together and, as a `comparison`, what may be said of them. Made
//! from `record`'s runs; shown by `report`.

pub mod best;
pub mod compare;
pub mod comparison;
mod pair;
pub mod ranks;
pub mod ratio;
mod refusal;
#[cfg(test)]
mod simulated;
