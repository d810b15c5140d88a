//! Reports are views of what happened: progress while a run goes on, and its closing table. They only read.

pub mod live;
pub mod table;
