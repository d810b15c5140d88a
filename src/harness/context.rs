//! What all browsers of a run share.
//!
//! Made by `commands`, used by `live`.

use std::sync::Arc;

use super::agreement::Agreement;
use super::payload::Payloads;
use super::references::References;
use crate::render::Templates;
use crate::serve::Server;
use crate::webdriver::{Tunnels, Watchdog};

/// What all live browsers of a run share.
#[derive(Debug)]
pub struct RunContext {
    /// Where pages load from.
    pub server: Server,
    /// What pages are made of.
    pub templates: Templates,
    /// Cleans up when gpujobs is killed.
    pub watchdog: Watchdog,
    /// What leads from browsers elsewhere to the server.
    pub tunnels: Tunnels,
    /// Inputs and weights, made once.
    pub payloads: Payloads,
    /// Held while data is made or an output is checked. A job that ran out of time leaves that unfinished, and no other job is
    /// to be measured beside it, nor charged for it.
    pub making: Arc<tokio::sync::Mutex<()>>,
    /// What ONNX models must give, computed once.
    pub references: Arc<References>,
    /// What jobs of which nothing verified the outputs make of each other.
    pub agreement: Agreement,
    /// Whether checks are to hold the outputs, which are saved then.
    pub keep_outputs: bool,
}
