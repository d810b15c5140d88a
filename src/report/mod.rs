//! Reports are views of what happened: progress while a run or a download goes on, its closing table, the tables of a
//! comparison and of a history, and a whole run as a page. They only read.

pub mod comparison;
pub mod export;
pub mod fetching;
pub mod format;
pub mod html;
pub mod history;
mod layout;
pub mod live;
pub mod reference;
pub mod table;
mod tone;
pub mod tuning;
