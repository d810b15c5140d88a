//! What tests are written with.

pub(crate) mod certificate;
pub(crate) mod dispatched;
#[cfg(target_os = "linux")]
pub(crate) mod fake_browser;
pub(crate) mod fake_driver;
pub(crate) mod hub;
pub(crate) mod made_runs;
#[cfg(target_os = "linux")]
pub(crate) mod network;
#[cfg(target_os = "linux")]
pub(crate) mod traces;
#[cfg(target_os = "linux")]
mod turn;
#[cfg(target_os = "linux")]
pub(crate) mod workshop;

#[cfg(target_os = "linux")]
pub(crate) use turn::browser_turn;
