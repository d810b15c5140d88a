//! Everything that drives gpujobs from outside, in one binary.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg_attr(target_os = "linux", expect(clippy::print_stdout, reason = "shown for a test that fails"))]

#[cfg(target_os = "linux")]
mod caches;
#[cfg(target_os = "linux")]
mod cli;
mod closing_table;
mod compare;
mod dispatcher;
mod documentation;
mod drivers;
#[cfg(target_os = "linux")]
mod end_to_end;
#[cfg(target_os = "linux")]
mod endless;
#[cfg(target_os = "linux")]
mod export;
#[cfg(target_os = "linux")]
mod faults;
#[cfg(target_os = "linux")]
mod fetching;
mod forms;
mod fuzzers;
#[cfg(target_os = "linux")]
mod gallery;
#[cfg(target_os = "linux")]
mod generation;
#[cfg(target_os = "linux")]
mod gpu_memory;
#[cfg(target_os = "linux")]
mod half;
mod history;
#[cfg(target_os = "linux")]
mod history_panel;
#[cfg(target_os = "linux")]
mod host_memory;
#[cfg(target_os = "linux")]
mod html_report;
mod https;
#[cfg(target_os = "linux")]
mod interleaving;
#[cfg(target_os = "linux")]
mod javascript;
#[cfg(target_os = "linux")]
mod kernels;
#[cfg(target_os = "linux")]
mod kernels_toml;
#[cfg(target_os = "linux")]
mod killed;
#[cfg(target_os = "linux")]
mod lan;
mod lanes;
#[cfg(target_os = "linux")]
mod loading;
mod machines;
mod manifest_errors;
mod matrix;
#[cfg(target_os = "linux")]
mod merging;
#[cfg(target_os = "linux")]
mod model_errors;
mod models;
#[cfg(target_os = "linux")]
mod modules;
#[cfg(target_os = "linux")]
mod neighbours;
#[cfg(target_os = "linux")]
mod odd_sizes;
#[cfg(target_os = "linux")]
mod onnx;
#[cfg(target_os = "linux")]
mod onnx_faults;
#[cfg(target_os = "linux")]
mod onnx_values;
mod ops;
mod order;
#[cfg(target_os = "linux")]
mod own_shaders;
#[cfg(target_os = "linux")]
mod planning;
#[cfg(target_os = "linux")]
mod processes;
#[cfg(target_os = "linux")]
mod readme;
#[cfg(target_os = "linux")]
mod real_models;
#[cfg(target_os = "linux")]
mod recording;
#[cfg(target_os = "linux")]
mod records;
#[cfg(target_os = "linux")]
mod remote;
#[cfg(target_os = "linux")]
mod repeats;
#[cfg(target_os = "linux")]
mod report_page;
#[cfg(target_os = "linux")]
mod rerun;
#[cfg(target_os = "linux")]
mod runtimes;
mod server;
#[cfg(target_os = "linux")]
mod sessions;
mod setup;
#[cfg(target_os = "linux")]
mod sharded_runs;
mod shards;
#[cfg(target_os = "linux")]
mod source_maps;
mod store;
mod store_faults;
mod support;
#[cfg(target_os = "linux")]
mod terminals;
#[cfg(target_os = "linux")]
mod texels;
#[cfg(target_os = "linux")]
mod textures;
#[cfg(target_os = "linux")]
mod too_large;
#[cfg(target_os = "linux")]
mod trust;
#[cfg(target_os = "linux")]
mod tuning;
#[cfg(target_os = "linux")]
mod tuning_spaces;
#[cfg(target_os = "linux")]
mod tunnels;
#[cfg(target_os = "linux")]
mod users_ci;
#[cfg(target_os = "linux")]
mod webnn;
