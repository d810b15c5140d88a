//! Analysis turns rows into verdicts: pure functions that read no clock, no disk and no network.
//!
//! `ranks` is the statistics of shifts, `ratio` that of two sets of samples, `pair` takes both for two jobs, `refusal` says
//! which two must not be compared, `best` which of several is the fastest, `work` which of a run's jobs compete for that, `compare`
//! which belong together (of two runs with `matching`) and, as a `comparison`, what may be said of them. `times` picks the times that a metric is about,
//! `job_time` makes one figure of those of a job, `machine` names what computed it, `change_points` says where a series of runs
//! changes, `history` what
//! changed when. Made from `record`'s runs; shown by `report`.

pub mod best;
mod change_points;
pub mod compare;
pub mod comparison;
pub mod history;
pub mod job_time;
pub mod machine;
mod matching;
mod pair;
pub mod ranks;
pub mod ratio;
mod refusal;
#[cfg(test)]
mod simulated;
pub mod times;
pub mod work;
