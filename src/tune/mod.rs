//! Tuning searches the configurations of a kernel for the fastest one that is right, in each browser and for each size.
//!
//! `tasks` says what is searched and makes the jobs of configurations, `search` decides which of them to try (with the
//! guesses of `gaussian_process`), `drive` tries them by way of `run` and holds the finals, `replay` tells how near a search
//! comes, `files` writes what was tried and the winners, into the `folder` of the tuning. Used by `gpujobs tune`; `render` reads the winners.

pub mod drive;
pub mod files;
pub mod folder;
mod gaussian_process;
pub mod replay;
pub mod search;
pub mod tasks;
