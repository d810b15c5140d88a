//! Analysis turns rows into verdicts: pure functions that read no clock, no disk and no network.
//!
//! `ranks` is the statistics of shifts, `ratio` that of two sets of samples, `compare` decides which jobs belong together
//! and what may be said of them. Made from `record`'s runs; shown by `report`.

pub mod compare;
pub mod ranks;
pub mod ratio;
#[cfg(test)]
mod simulated;
