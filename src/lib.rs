//! gpujobs expands a TOML manifest into jobs, runs each in a real browser and writes what it measured as CSV.
//!
//! Data flows one way; each room owns its types, makes them from those of the rooms before, and names only rooms above it in
//! the list below. Inside a room no two files name each other. `tests/it/order.rs` holds both.
//!
//! ```text
//! TOML -> Manifest -> Plan{Job} -> Graph -> Page{html, js, wgsl} -> Measurement -> JobReport -> Row -> Comparison
//!         manifest/   plan/        graph/   render/                harness/       run/         record/ analyse/
//!                                                                  measure/
//! ```
//!
//! Beside the line stand `webdriver/`, which finds, starts and drives browsers, `store/`, from which models come that are not
//! made by gpujobs, `reference/`, which says what must come out, and `serve/`, which hands pages to browsers. `tune/` searches
//! by running plan after plan; `report/` shows what there is. A subcommand in `commands/` calls the stages in this order;
//! `commands/shared/` holds the steps that several take: preparing plans, and the session in which they run.

pub mod units;
pub mod memory;
pub mod user_file;
pub mod registry;
pub mod arrays;
pub mod terminal;
pub mod certificate;
pub mod protocol;
pub mod webdriver;

pub mod manifest;
pub mod plan;
pub mod graph;
pub mod store;
pub mod reference;
pub mod render;
pub mod serve;
pub mod harness;
pub mod measure;
pub mod run;
pub mod record;
pub mod analyse;
pub mod tune;
pub mod report;

pub mod setup;
pub mod commands;
pub mod cli;
pub mod error;
