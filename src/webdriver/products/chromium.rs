//! What the products that are built from Chromium have in common.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::options::{Options, prefs, put_binary};
use super::{BrowserSettings, Compiler, DriverPort, Executable, Product};
use crate::webdriver::gpu::Gpu;
use crate::webdriver::os::Os;

/// What a product of the family has unless its file says otherwise. Its title, its program, its packages and its advice are
/// always its own.
pub(super) const FAMILY: Product = Product {
    title: "",
    compiler: Compiler::Tint,
    browser: None,
    driver: Executable {
        title: "driver (chromedriver)",
        variable: "CHROMEDRIVER",
        names: &["chromedriver", "chromium.chromedriver"],
        linux: &[
            "usr/lib/chromium/chromedriver",
            "usr/lib/chromium-browser/chromedriver",
            "snap/bin/chromium.chromedriver",
        ],
        ..Executable::ON_PATH
    },
    // chromedriver first prints `Starting ChromeDriver … on port 0` and then the line that counts.
    port: DriverPort::Printed(|line| Some(line.split_once("started successfully on port ")?.1.trim_end_matches('.'))),
    driver_arguments,
    root_environment: &[],
    // Its crash reports would lie in the user's home, where they outlive the run.
    folder_variables: &["BREAKPAD_DUMP_LOCATION"],
    runs_sandboxed_as_root: false,
    browser_name: "chrome",
    capabilities: |settings, options| capabilities("goog", "chromeOptions", settings, options),
    driver_version: Some("/chrome/chromedriverVersion"),
    is_headless: None,
    version_mismatch,
    one_major_version: true,
    prints_version: true,
    needs_display: false,
    needs_software_vulkan: false,
    without_webgpu: None,
    systems: &[Os::Linux, Os::Macos, Os::Windows],
    usual_on: &[],
    packages: &[],
    by_hand: "",
    // Measured with Chrome.
    session_ms: 20 + 596 + 242,
    page_ms: 108,
};

pub(super) fn driver_arguments(port: u16, _: &Path) -> Vec<String> {
    vec![format!("--port={port}")]
}

/// The capabilities under a vendor's prefix, `goog` for instance, whose options have this name.
pub(super) fn capabilities(
    vendor: &str,
    options_name: &str,
    settings: &BrowserSettings,
    options: &Options,
) -> Map<String, Value> {
    let mut own = Map::new();
    own.insert(format!("{vendor}:{options_name}"), chromium_options(settings, options));
    // The page's console comes over its own WebSocket; a driver would keep it in its memory, without end.
    own.insert(format!("{vendor}:loggingPrefs"), json!({ "browser": "OFF" }));
    own
}

/// `goog:chromeOptions`, as every product of the family has them under its own name.
fn chromium_options(settings: &BrowserSettings, options: &Options) -> Value {
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
    // The other one lets a page take stock of its heap at once instead of within half a minute.
    let mut features = vec!["WebMachineLearningNeuralNetwork", "ForceEagerMeasureMemory"];
    let mut no_features = Vec::new();
    if settings.headless {
        // A window without tabs and a toolbar, which are pages themselves: a third of what a start computes.
        flags.splice(0..0, ["--headless=new", "--app=data:,"]);
    }
    if options.root {
        flags.push("--no-sandbox");
    }
    // Without a port of its own for DevTools, by which any user of the machine could steer it; and it ends with its driver.
    // Whoever asks for the port has it.
    // chromedriver takes arguments without their dashes as well.
    let name = |argument: &str| argument.trim_start_matches('-').split('=').next() == Some("remote-debugging-port");
    let asks_for_port = settings.args.iter().any(|argument| name(argument));
    if options.local && options.os != Os::Windows && !asks_for_port {
        flags.push("--remote-debugging-pipe");
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

    let mut chromium = Map::new();
    put_binary(&mut chromium, options);
    chromium.insert("args".to_owned(), json!(args));
    if !settings.prefs.is_empty() {
        chromium.insert("prefs".to_owned(), Value::Object(prefs(&[], settings)));
    }
    Value::Object(chromium)
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

/// The versions in `… only supports Chrome version 114\nCurrent browser version is 156.0.8078.79 with binary path …`.
fn version_mismatch(message: &str) -> Option<(String, String)> {
    let word = |text: &str| text.split_whitespace().next().map(|word| word.trim_end_matches('.').to_owned());
    let (_, supported) = message.split_once(" only supports ")?;
    let (_, driver) = supported.split_once(" version ")?;
    let found = message.split_once("Current browser version is ").and_then(|(_, found)| word(found));
    Some((word(driver)?, found.unwrap_or_else(|| "another one".to_owned())))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::BrowserKind;
    use super::*;

    fn options(gpu: Gpu, os: Os) -> Options {
        Options {
            gpu,
            cold: false,
            os,
            local: false,
            label: None,
            root: false,
            binary: None,
            timeout: Duration::from_mins(1),
            accept_insecure_certs: false,
        }
    }

    fn flags(settings: &BrowserSettings, options: &Options) -> Vec<String> {
        let own = (settings.kind.product().capabilities)(settings, options);
        serde_json::from_value(own["goog:chromeOptions"]["args"].clone()).unwrap()
    }

    #[test]
    fn features_stand_in_one_flag_whoever_asked_for_them() {
        let mut settings = BrowserSettings::of(BrowserKind::Chrome);
        settings.args = vec!["--enable-features=A,B".into(), "--mute-audio".into(), "--enable-features=C".into()];
        let flags = flags(&settings, &options(Gpu::Hardware, Os::Linux));
        let features: Vec<_> = flags.iter().filter(|flag| flag.starts_with("--enable-features")).collect();
        assert_eq!(
            features,
            ["--enable-features=Vulkan,WebMachineLearningNeuralNetwork,ForceEagerMeasureMemory,A,B,C"]
        );
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
    fn the_port_of_devtools_is_closed_unless_somebody_asks_for_it() {
        let mut settings = BrowserSettings::of(BrowserKind::Chrome);
        let has = |settings: &BrowserSettings, local: bool, os: Os| {
            let options = Options { local, ..options(Gpu::Software, os) };
            flags(settings, &options).iter().any(|flag| flag == "--remote-debugging-pipe")
        };
        assert!(has(&settings, true, Os::Linux) && has(&settings, true, Os::Macos));
        assert!(!has(&settings, true, Os::Windows) && !has(&settings, false, Os::Linux));
        for (argument, asks) in [
            ("--remote-debugging-port=9222", true),
            ("remote-debugging-port=9222", true),
            ("--remote-debugging-port", true),
            ("--remote-debugging-address=127.0.0.1", false),
            ("--remote-debugging-pipe", false),
        ] {
            settings.args = vec![argument.into()];
            assert_eq!(has(&settings, true, Os::Linux), !asks, "{argument}");
        }
    }

    #[test]
    fn both_versions_are_read_from_the_drivers_complaint() {
        let chrome = "session not created: This version of ChromeDriver only supports Chrome version 114\n\
                      Current browser version is 156.0.8078.79 with binary path /usr/bin/chromium";
        assert_eq!(version_mismatch(chrome), Some(("114".into(), "156.0.8078.79".into())));
        let edge = "This version of Microsoft Edge WebDriver only supports Microsoft Edge version 120\n\
                    Current browser version is 156.0.1.2";
        assert_eq!(version_mismatch(edge), Some(("120".into(), "156.0.1.2".into())));
        assert_eq!(version_mismatch("no chrome binary at /nonexistent"), None);
    }
}
