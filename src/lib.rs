//! gpujobs expands a TOML manifest into jobs, runs each in a real browser and writes what it measured as CSV.
//!
//! Data flows one way; each stage owns its type, is built from the stage before, and names only stages to its left:
//!
//! ```text
//! ManifestFile -> Manifest -> Plan{Job} -> Page{html, js, wgsl} -> RawMeasurement -> Measurement -> Row -> Summary -> Comparison
//!   manifest/      manifest/    plan/         render/                harness/ run/      measure/    record/ analyse/   analyse/
//! ```
//!
//! Beside the line stand `webdriver/`, which starts and drives browsers, and `store/`, from which models come that are not
//! made by gpujobs.

pub mod units;
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
