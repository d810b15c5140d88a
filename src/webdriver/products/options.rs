//! What the capabilities of a product depend on beside its settings, and what several products put into them.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{BrowserSettings, PrefValue};
use crate::webdriver::gpu::Gpu;
use crate::webdriver::os::Os;

/// What the launch flags depend on beside the settings.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each says one thing of the launch")]
pub struct Options {
    /// The adapter asked for, settled: `Auto` here means hardware.
    pub gpu: Gpu,
    /// Whether the browser's GPU caches are off.
    pub cold: bool,
    /// The system that the browser runs on.
    pub os: Os,
    /// Whether a driver on this machine starts it.
    pub local: bool,
    /// What a Grid calls the session.
    pub label: Option<String>,
    /// Whether the browser runs as root, whom Chromium's sandbox refuses.
    pub root: bool,
    /// The browser's program; the driver looks for one when absent.
    pub binary: Option<PathBuf>,
    /// The limit of a navigation and of a script.
    pub timeout: Duration,
    /// Whether certificates are accepted that the browser does not know.
    pub accept_insecure_certs: bool,
}

/// Adds the browser's program, where it is known.
pub(super) fn put_binary(target: &mut Map<String, Value>, options: &Options) {
    if let Some(binary) = &options.binary {
        target.insert("binary".to_owned(), json!(binary.to_string_lossy()));
    }
}

/// Our preferences with the user's put over them.
pub(super) fn prefs(ours: &[(&str, PrefValue)], settings: &BrowserSettings) -> Map<String, Value> {
    let ours = ours.iter().map(|(name, value)| (*name, value));
    let all = ours.chain(settings.prefs.iter().map(|(name, value)| (name.as_str(), value)));
    all.map(|(name, value)| (name.to_owned(), json!(value))).collect()
}
