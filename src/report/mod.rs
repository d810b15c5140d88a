//! Reports are views of what happened: progress while a run or a download goes on, its closing table, the table of a
//! comparison, and a whole run as a page. They only read.

pub mod comparison;
pub mod fetching;
pub mod format;
pub mod html;
mod layout;
pub mod live;
pub mod reference;
pub mod spreadsheet;
pub mod table;
mod tone;
pub mod tuning;
