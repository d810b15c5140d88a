//! The body of `POST /session`: what is asked of a driver.
//!
//! Pure functions from settings to JSON; what is special to a product comes from `products`. `session` sends what they
//! give. We write it ourselves because fantoccini's `connect` adds `goog:chromeOptions` for every browser, and behind
//! Selenium Grid 3 Firefox then loses its own options.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::gpu::Gpu;
use super::os::Os;
use super::products::{BrowserSettings, PrefValue};

/// What the launch flags depend on beside the settings.
#[derive(Debug, Clone)]
pub struct Options {
    /// The adapter asked for, settled: `Auto` here means hardware.
    pub gpu: Gpu,
    /// Whether the browser's GPU caches are off.
    pub cold: bool,
    /// The system that the browser runs on.
    pub os: Os,
    /// Whether the browser runs as root, whom Chromium's sandbox refuses.
    pub root: bool,
    /// The browser's program; the driver looks for one when absent.
    pub binary: Option<PathBuf>,
    /// The limit of a navigation and of a script.
    pub timeout: Duration,
}

/// The body of `POST /session`.
#[must_use]
pub(super) fn new_session(settings: &BrowserSettings, options: &Options) -> Value {
    let product = settings.kind.product();
    let millis = u64::try_from(options.timeout.as_millis()).unwrap_or(u64::MAX);
    let mut asked = Map::from_iter([("browserName".to_owned(), json!(product.browser_name))]);
    asked.extend((product.capabilities)(settings, options));
    asked.insert("timeouts".to_owned(), json!({ "script": millis, "pageLoad": millis }));
    asked.insert("unhandledPromptBehavior".to_owned(), json!("dismiss"));
    json!({ "capabilities": { "alwaysMatch": asked } })
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
