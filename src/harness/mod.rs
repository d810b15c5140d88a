//! The harness is our side of a page: it gives a browser its page and jobs, receives its events, and checks what the
//! page computed.
//!
//! `executor` is what the dispatcher sees of it: [`Executor`](executor::Executor), played by a real browser in `live` and
//! by a script in `fake`. Its events are in `protocol`; `check`, `onnx_check`, `generation`, `recording`, `calls` and `references` compare what it
//! computed with what must come out, `repeats` with what its other inferences computed, `agreement` with what other jobs did. `leftovers` says when a browser has too little memory left to go on. Used by `run`, `measure` and `record`.

pub mod agreement;
pub mod calls;
pub mod check;
mod connect;
pub mod context;
pub mod executor;
pub mod fake;
mod generation;
mod leftovers;
pub mod live;
mod module_check;
mod onnx_check;
mod open_page;
pub mod payload;
mod plausible;
mod publish;
pub mod recording;
pub mod references;
mod repeats;
mod shader_texts;

pub use open_page::PAGE_MARK;
