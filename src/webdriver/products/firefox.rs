//! Firefox.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::options::{Options, prefs, put_binary};
use super::{BrowserSettings, Compiler, DriverPort, Executable, Manager, Package, PackageSource, PrefValue, Product};
use crate::webdriver::os::Os;

pub(super) const PRODUCT: Product = Product {
    title: "Firefox",
    compiler: Compiler::Naga,
    browser: Some(Executable {
        title: "Firefox",
        variable: "FIREFOX_BIN",
        names: &["firefox", "firefox-esr"],
        linux: &["usr/lib/firefox/firefox", "usr/lib/firefox-esr/firefox-esr", "opt/firefox/firefox"],
        macos: &["Applications/Firefox.app/Contents/MacOS/firefox"],
        windows: &[r"Mozilla Firefox\firefox.exe"],
        ..Executable::ON_PATH
    }),
    driver: Executable {
        title: "driver (geckodriver)",
        variable: "GECKODRIVER",
        names: &["geckodriver"],
        linux: &["snap/bin/geckodriver"],
        // `cargo install geckodriver` puts it here, which need not be on PATH.
        home: &[".cargo/bin/geckodriver"],
        ..Executable::ON_PATH
    },
    port: DriverPort::Printed(|line| Some(line.split_once("Listening on ")?.1.rsplit_once(':')?.1)),
    driver_arguments,
    root_environment: &[],
    folder_variables: &[],
    runs_sandboxed_as_root: true,
    browser_name: "firefox",
    capabilities,
    driver_version: Some("/moz:geckodriverVersion"),
    is_headless: Some("/moz:headless"),
    version_mismatch: |_| None,
    // geckodriver's numbers are its own, and any recent one drives any supported Firefox.
    one_major_version: false,
    prints_version: true,
    needs_display: false,
    needs_software_vulkan: true,
    without_webgpu: None,
    systems: &[Os::Linux, Os::Macos, Os::Windows],
    usual_on: &[Os::Linux, Os::Macos, Os::Windows],
    packages: &[
        Package::new(
            Manager::Apt,
            &[PackageSource::Package("firefox-esr"), PackageSource::Package("firefox")],
            &[PackageSource::SomeReleases("geckodriver"), PackageSource::Cargo("geckodriver")],
        ),
        Package::new(Manager::Dnf, &[PackageSource::Package("firefox")], &[PackageSource::Cargo("geckodriver")]),
        Package::new(Manager::Pacman, &[PackageSource::Package("firefox")], &[PackageSource::Package("geckodriver")]),
        Package::new(Manager::Brew, &[PackageSource::Cask("firefox")], &[PackageSource::Package("geckodriver")]),
        Package::new(
            Manager::Winget,
            &[PackageSource::Package("Mozilla.Firefox")],
            &[PackageSource::Package("Mozilla.GeckoDriver")],
        ),
    ],
    by_hand: "install it from its maker",
    session_ms: 3 + 3105 + 316,
    page_ms: 202,
};

/// Without a WebSocket port of its own, a second geckodriver fails on the fixed default.
fn driver_arguments(port: u16, folder: &Path) -> Vec<String> {
    let (port, root) = (port.to_string(), folder.to_string_lossy().into_owned());
    let own = ["--port", &port, "--websocket-port", "0", "--profile-root", &root];
    // gpujobs names the address; a page in some other browser that makes a name of its own mean it does not.
    own.into_iter().chain(["--allow-hosts", "127.0.0.1"]).map(str::to_owned).collect()
}

fn capabilities(settings: &BrowserSettings, options: &Options) -> Map<String, Value> {
    let ours = [
        ("dom.webgpu.enabled", PrefValue::Bool(true)),
        ("gfx.webgpu.ignore-blocklist", PrefValue::Bool(true)),
        // A steady step of 0.02 ms in isolated pages, without jitter.
        ("privacy.reduceTimerPrecision", PrefValue::Bool(false)),
        // A measured page must not be slowed because no human looks at it.
        ("dom.min_background_timeout_value", PrefValue::Int(4)),
        ("dom.timeout.enable_budget_timer_throttling", PrefValue::Bool(false)),
        ("widget.windows.window_occlusion_tracking.enabled", PrefValue::Bool(false)),
        // Processes and pages that are made ready for tabs nobody will open: a fifth of what a start computes, some of it
        // while the first job is measured.
        ("dom.ipc.processPrelaunch.enabled", PrefValue::Bool(false)),
        ("browser.newtab.preload", PrefValue::Bool(false)),
        ("browser.newtabpage.enabled", PrefValue::Bool(false)),
        ("browser.startup.page", PrefValue::Int(0)),
        // Extensions that come with Firefox are for its user: a seventh of what a start computes.
        ("extensions.enabledScopes", PrefValue::Int(0)),
    ];
    let mut firefox = Map::new();
    put_binary(&mut firefox, options);
    let headless = settings.headless.then(|| "-headless".to_owned());
    let args: Vec<String> = headless.into_iter().chain(settings.args.iter().cloned()).collect();
    firefox.insert("args".to_owned(), json!(args));
    firefox.insert("prefs".to_owned(), Value::Object(prefs(&ours, settings)));
    Map::from_iter([("moz:firefoxOptions".to_owned(), Value::Object(firefox))])
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::BrowserKind;
    use super::*;
    use crate::webdriver::gpu::Gpu;

    #[test]
    fn the_users_preferences_win() {
        let mut settings = BrowserSettings::of(BrowserKind::Firefox);
        settings.prefs.insert("dom.webgpu.enabled".into(), PrefValue::Bool(false));
        settings.prefs.insert("x.y".into(), PrefValue::Text("z".into()));
        let timeout = Duration::from_mins(1);
        let options = Options {
            gpu: Gpu::Hardware,
            cold: false,
            os: Os::Linux,
            local: true,
            label: None,
            root: false,
            binary: None,
            timeout,
            accept_insecure_certs: false,
        };
        let own = capabilities(&settings, &options);
        let prefs = &own["moz:firefoxOptions"]["prefs"];
        assert_eq!((&prefs["dom.webgpu.enabled"], &prefs["x.y"]), (&json!(false), &json!("z")));
    }
}
