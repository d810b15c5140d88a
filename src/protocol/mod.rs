//! What page and runner say to each other: jobs and commands to the page, events from it.
//!
//! Made by `render` and `harness`; the page's side is `templates/harness/`. Its types, `protocol.d.ts`, are written from
//! these by a test, which fails where they differ.

pub mod adapter;
pub mod command;
pub mod event;
pub mod generation;
pub mod job;
pub mod memory;
pub mod module;
mod numbers;
pub mod on_cpu;
pub mod ports;
pub mod session;

#[cfg(test)]
mod typescript;
pub mod webnn;
