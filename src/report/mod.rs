//! Reports are views of what happened: progress while a run or a download goes on, its closing table, the table of a
//! comparison. They only read.

pub mod comparison;
pub mod fetching;
pub mod format;
mod layout;
pub mod live;
pub mod reference;
pub mod spreadsheet;
pub mod table;
mod tone;
pub mod tuning;
