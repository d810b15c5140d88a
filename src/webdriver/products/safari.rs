//! Safari, which its driver knows: no program is looked for.

use serde_json::{Map, json};

use super::{Compiler, DriverPort, Executable, Manager, Package, PackageSource, Product};
use crate::webdriver::os::Os;

const ALLOW: &str = "Safari is part of macOS; allow its driver once: sudo safaridriver --enable";

pub(super) const PRODUCT: Product = Product {
    title: "Safari",
    compiler: Compiler::Webkit,
    browser: None,
    driver: Executable {
        title: "driver (safaridriver)",
        variable: "SAFARIDRIVER",
        names: &["safaridriver"],
        linux: &["usr/bin/safaridriver"],
        macos: &["usr/bin/safaridriver"],
        ..Executable::ON_PATH
    },
    port: DriverPort::Given,
    driver_arguments: |port, _| vec!["--port".to_owned(), port.to_string()],
    root_environment: &[],
    folder_variables: &[],
    runs_sandboxed_as_root: true,
    browser_name: "safari",
    // With these off no inspector window opens, which would slow the page. safaridriver takes no arguments.
    capabilities: |_, _| {
        Map::from_iter([
            ("safari:automaticInspection".to_owned(), json!(false)),
            ("safari:automaticProfiling".to_owned(), json!(false)),
        ])
    },
    driver_version: None,
    is_headless: None,
    version_mismatch: |_| None,
    // The two come together.
    one_major_version: false,
    // safaridriver is of Safari's own version.
    prints_version: false,
    needs_display: false,
    needs_software_vulkan: false,
    without_webgpu: None,
    systems: &[Os::Macos],
    usual_on: &[Os::Macos],
    packages: &[Package::new(Manager::Brew, &[PackageSource::ByHand(ALLOW)], &[PackageSource::ByHand(ALLOW)])],
    by_hand: "Safari runs on macOS only; name a Mac's endpoint with `webdriver` under [browser.safari]",
    // Taken to be like Firefox; not measured.
    session_ms: 3 + 3105 + 316,
    page_ms: 202,
};
