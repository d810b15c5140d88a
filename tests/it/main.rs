//! Everything that drives gpujobs from outside, in one binary.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "shown for a test that fails")]

mod dispatcher;
mod drivers;
#[cfg(target_os = "linux")]
mod end_to_end;
mod manifest_errors;
mod matrix;
mod models;
#[cfg(target_os = "linux")]
mod processes;
mod setup;
mod support;
