//! The body of `POST /session`: what is asked of a driver, product by product.
//!
//! Pure functions from settings to JSON. `session` sends what they give. We write it ourselves because fantoccini's
//! `connect` adds `goog:chromeOptions` for every browser, and behind Selenium Grid 3 Firefox then loses its own options.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::gpu::Gpu;
use crate::manifest::{BrowserKind, BrowserSettings, PrefValue};

/// An operating system, as far as launch flags and install places differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Os {
    /// Linux, and every Unix that is not macOS.
    Linux,
    /// macOS.
    Macos,
    /// Windows.
    Windows,
}

impl Os {
    /// The one that gpujobs was compiled for.
    #[must_use]
    pub const fn current() -> Self {
        if cfg!(target_os = "macos") {
            Self::Macos
        } else if cfg!(windows) {
            Self::Windows
        } else {
            Self::Linux
        }
    }
}

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
pub fn new_session(settings: &BrowserSettings, options: &Options) -> Value {
    let millis = u64::try_from(options.timeout.as_millis()).unwrap_or(u64::MAX);
    let mut wanted = Map::new();
    let mut put = |key: &str, value: Value| drop(wanted.insert(key.to_owned(), value));
    put("browserName", json!(browser_name(settings.kind)));
    match settings.kind {
        BrowserKind::Chrome => {
            put("goog:chromeOptions", chromium(settings, options));
            put("goog:loggingPrefs", json!({ "browser": "ALL" }));
        }
        BrowserKind::Edge => {
            put("ms:edgeOptions", chromium(settings, options));
            put("ms:loggingPrefs", json!({ "browser": "ALL" }));
        }
        BrowserKind::Firefox => put("moz:firefoxOptions", firefox(settings, options)),
        BrowserKind::Webkitgtk => put("webkitgtk:browserOptions", webkitgtk(settings, options)),
        // With these off no inspector window opens, which would slow the page. safaridriver takes no arguments.
        BrowserKind::Safari => {
            put("safari:automaticInspection", json!(false));
            put("safari:automaticProfiling", json!(false));
        }
    }
    put("timeouts", json!({ "script": millis, "pageLoad": millis }));
    put("unhandledPromptBehavior", json!("dismiss"));
    json!({ "capabilities": { "alwaysMatch": wanted } })
}

/// The `browserName` that a product's driver knows.
fn browser_name(kind: BrowserKind) -> &'static str {
    match kind {
        BrowserKind::Chrome => "chrome",
        BrowserKind::Edge => "MicrosoftEdge",
        BrowserKind::Firefox => "firefox",
        BrowserKind::Safari => "safari",
        BrowserKind::Webkitgtk => "MiniBrowser",
    }
}

/// `goog:chromeOptions` and `ms:edgeOptions`.
fn chromium(settings: &BrowserSettings, options: &Options) -> Value {
    let mut flags: Vec<&str> = vec![
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        // A measured page must not be slowed because no human looks at it.
        "--disable-background-timer-throttling",
        "--disable-backgrounding-occluded-windows",
        "--disable-renderer-backgrounding",
        "--enable-unsafe-webgpu",
        // Ends the masking of timestamps to 65,536 ns and fills in the adapter's names.
        "--enable-webgpu-developer-features",
    ];
    // `navigator.ml` is behind a feature; without support for the machine it says so when asked for a context.
    let mut features = vec!["WebMachineLearningNeuralNetwork"];
    let mut no_features = Vec::new();
    if settings.headless {
        flags.insert(0, "--headless=new");
    }
    if options.root {
        flags.push("--no-sandbox");
    }
    match (options.gpu, options.os) {
        (Gpu::Software, _) => flags.push("--use-webgpu-adapter=swiftshader"),
        (_, Os::Linux) => {
            flags.extend(["--use-angle=vulkan", "--disable-vulkan-surface", "--ignore-gpu-blocklist"]);
            features.insert(0, "Vulkan");
        }
        (_, Os::Macos | Os::Windows) => {}
    }
    if options.cold {
        // The profile is fresh anyway; these keep caches from filling between two pages of one session.
        flags.extend(["--disable-gpu-shader-disk-cache", "--enable-dawn-features=disable_blob_cache"]);
        no_features.push("WebGPUBlobCache");
    }
    let mut args: Vec<String> = flags.into_iter().map(str::to_owned).collect();
    let mut own = settings.args.clone();
    // Chromium takes the last of two equal switches, so the user's lists are joined to ours instead of ending them.
    args.extend(joined("--enable-features", &features, &mut own));
    args.extend(joined("--disable-features", &no_features, &mut own));
    args.extend(own);

    let mut chrome = Map::new();
    put_binary(&mut chrome, options);
    chrome.insert("args".to_owned(), json!(args));
    if !settings.prefs.is_empty() {
        chrome.insert("prefs".to_owned(), Value::Object(prefs(&[], settings)));
    }
    Value::Object(chrome)
}

/// One switch with our values and those of the user's own switches of that name, which leave `own`.
fn joined(switch: &str, values: &[&str], own: &mut Vec<String>) -> Option<String> {
    let mut values: Vec<String> = values.iter().map(|&value| value.to_owned()).collect();
    own.retain(|argument| match argument.strip_prefix(switch).and_then(|rest| rest.strip_prefix('=')) {
        Some(list) => {
            values.extend(list.split(',').map(str::to_owned));
            false
        }
        None => true,
    });
    (!values.is_empty()).then(|| format!("{switch}={}", values.join(",")))
}

/// `moz:firefoxOptions`.
fn firefox(settings: &BrowserSettings, options: &Options) -> Value {
    let ours = [
        ("dom.webgpu.enabled", PrefValue::Bool(true)),
        ("gfx.webgpu.ignore-blocklist", PrefValue::Bool(true)),
        // A steady step of 0.02 ms in isolated pages, without jitter.
        ("privacy.reduceTimerPrecision", PrefValue::Bool(false)),
        // A measured page must not be slowed because no human looks at it.
        ("dom.min_background_timeout_value", PrefValue::Int(4)),
        ("dom.timeout.enable_budget_timer_throttling", PrefValue::Bool(false)),
        ("widget.windows.window_occlusion_tracking.enabled", PrefValue::Bool(false)),
    ];
    let mut firefox = Map::new();
    put_binary(&mut firefox, options);
    let headless = settings.headless.then(|| "-headless".to_owned());
    let args: Vec<String> = headless.into_iter().chain(settings.args.iter().cloned()).collect();
    firefox.insert("args".to_owned(), json!(args));
    firefox.insert("prefs".to_owned(), Value::Object(prefs(&ours, settings)));
    Value::Object(firefox)
}

/// `webkitgtk:browserOptions`.
fn webkitgtk(settings: &BrowserSettings, options: &Options) -> Value {
    let mut webkit = Map::new();
    put_binary(&mut webkit, options);
    let args: Vec<&str> = std::iter::once("--automation").chain(settings.args.iter().map(String::as_str)).collect();
    webkit.insert("args".to_owned(), json!(args));
    Value::Object(webkit)
}

fn put_binary(target: &mut Map<String, Value>, options: &Options) {
    if let Some(binary) = &options.binary {
        target.insert("binary".to_owned(), json!(binary.to_string_lossy()));
    }
}

/// Our preferences with the user's put over them.
fn prefs(ours: &[(&str, PrefValue)], settings: &BrowserSettings) -> Map<String, Value> {
    let ours = ours.iter().map(|(name, value)| (*name, value));
    let all = ours.chain(settings.prefs.iter().map(|(name, value)| (name.as_str(), value)));
    all.map(|(name, value)| (name.to_owned(), pref(value))).collect()
}

fn pref(value: &PrefValue) -> Value {
    match value {
        PrefValue::Bool(value) => json!(value),
        PrefValue::Int(value) => json!(value),
        PrefValue::Text(value) => json!(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(gpu: Gpu, os: Os) -> Options {
        Options { gpu, cold: false, os, root: false, binary: None, timeout: Duration::from_mins(1) }
    }

    fn flags(settings: &BrowserSettings, options: &Options) -> Vec<String> {
        let body = new_session(settings, options);
        let list = &body["capabilities"]["alwaysMatch"]["goog:chromeOptions"]["args"];
        serde_json::from_value(list.clone()).unwrap()
    }

    #[test]
    fn features_stand_in_one_flag_whoever_asked_for_them() {
        let mut settings = BrowserSettings::of(BrowserKind::Chrome);
        settings.args = vec!["--enable-features=A,B".into(), "--mute-audio".into(), "--enable-features=C".into()];
        let flags = flags(&settings, &options(Gpu::Hardware, Os::Linux));
        let features: Vec<_> = flags.iter().filter(|flag| flag.starts_with("--enable-features")).collect();
        assert_eq!(features, ["--enable-features=Vulkan,WebMachineLearningNeuralNetwork,A,B,C"]);
        assert_eq!(flags.last().map(String::as_str), Some("--mute-audio"));
    }

    #[test]
    fn each_system_gets_the_flags_of_its_adapter() {
        let settings = BrowserSettings::of(BrowserKind::Chrome);
        let has = |options: Options, flag: &str| flags(&settings, &options).iter().any(|other| other == flag);
        assert!(has(options(Gpu::Hardware, Os::Linux), "--use-angle=vulkan"));
        assert!(!has(options(Gpu::Hardware, Os::Macos), "--use-angle=vulkan"));
        assert!(has(options(Gpu::Software, Os::Windows), "--use-webgpu-adapter=swiftshader"));
        assert!(!has(options(Gpu::Hardware, Os::Linux), "--no-sandbox"));
        assert!(has(Options { root: true, ..options(Gpu::Software, Os::Linux) }, "--no-sandbox"));
        assert!(has(Options { cold: true, ..options(Gpu::Software, Os::Linux) }, "--disable-gpu-shader-disk-cache"));
    }

    #[test]
    fn the_users_preferences_win() {
        let mut settings = BrowserSettings::of(BrowserKind::Firefox);
        settings.prefs.insert("dom.webgpu.enabled".into(), PrefValue::Bool(false));
        settings.prefs.insert("x.y".into(), PrefValue::Text("z".into()));
        let body = new_session(&settings, &options(Gpu::Hardware, Os::Linux));
        let prefs = &body["capabilities"]["alwaysMatch"]["moz:firefoxOptions"]["prefs"];
        assert_eq!((&prefs["dom.webgpu.enabled"], &prefs["x.y"]), (&json!(false), &json!("z")));
    }
}
