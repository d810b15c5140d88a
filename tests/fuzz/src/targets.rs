//! What each fuzzer does with an input. `tests/it/fuzzers.rs` compiles these into the project's tests and feeds each its seeds.

pub mod expression;
pub mod hub;
pub mod input_file;
pub mod manifest;
pub mod model;
pub mod onnx;
pub mod page_message;
pub mod posted_calls;
pub mod posted_outputs;
pub mod posted_stages;
pub mod run_tables;
pub mod run_toml;
pub mod safetensors;
