//! Reports are views of what happened: progress while a run goes on, its closing table, the table of a comparison.
//! They only read.

pub mod comparison;
pub mod live;
pub mod table;
