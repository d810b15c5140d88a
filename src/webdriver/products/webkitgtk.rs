//! WebKitGTK's MiniBrowser.

use serde_json::{Map, Value, json};

use super::options::{Options, put_binary};
use super::{BrowserSettings, Compiler, DriverPort, Executable, Manager, Package, PackageSource, Product, chromium};
use crate::webdriver::os::Os;

pub(super) const PRODUCT: Product = Product {
    title: "WebKitGTK",
    compiler: Compiler::Webkit,
    browser: Some(Executable {
        title: "WebKitGTK's MiniBrowser",
        variable: "MINIBROWSER_BIN",
        names: &["MiniBrowser"],
        // `*`: Debian's folder of the architecture, `x86_64-linux-gnu`.
        linux: &[
            "usr/lib/*/webkit2gtk-4.1/MiniBrowser",
            "usr/libexec/webkit2gtk-4.1/MiniBrowser",
            "usr/lib/webkit2gtk-4.1/MiniBrowser",
        ],
        ..Executable::ON_PATH
    }),
    driver: Executable {
        title: "driver (WebKitWebDriver)",
        variable: "WEBKITWEBDRIVER",
        names: &["WebKitWebDriver"],
        linux: &["usr/libexec/WebKitWebDriver", "usr/lib/webkit2gtk-4.1/WebKitWebDriver"],
        ..Executable::ON_PATH
    },
    port: DriverPort::Given,
    driver_arguments: chromium::driver_arguments,
    // Its sandbox refuses root, as Chromium's does.
    root_environment: &[("WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS", "1")],
    folder_variables: &[],
    runs_sandboxed_as_root: false,
    browser_name: "MiniBrowser",
    capabilities,
    driver_version: None,
    is_headless: None,
    version_mismatch: |_| None,
    // The two come together.
    one_major_version: false,
    // MiniBrowser opens a window before it reads `--version`.
    prints_version: false,
    needs_display: true,
    needs_software_vulkan: false,
    without_webgpu: Some("WebKitGTK has no WebGPU: use it for the wasm backend"),
    systems: &[Os::Linux],
    usual_on: &[Os::Linux],
    packages: &[
        Package::new(
            Manager::Apt,
            &[PackageSource::Package("webkit2gtk-driver")],
            &[PackageSource::Package("webkit2gtk-driver")],
        ),
        Package::new(
            Manager::Pacman,
            &[PackageSource::Package("webkit2gtk-4.1")],
            &[PackageSource::Package("webkit2gtk-4.1")],
        ),
    ],
    by_hand: "MiniBrowser and WebKitWebDriver of WebKitGTK: not packaged for this system as far as gpujobs knows",
    session_ms: 181 + 2166 + 2877,
    page_ms: 67,
};

fn capabilities(settings: &BrowserSettings, options: &Options) -> Map<String, Value> {
    let mut webkit = Map::new();
    put_binary(&mut webkit, options);
    let args: Vec<&str> = std::iter::once("--automation").chain(settings.args.iter().map(String::as_str)).collect();
    webkit.insert("args".to_owned(), json!(args));
    Map::from_iter([("webkitgtk:browserOptions".to_owned(), Value::Object(webkit))])
}
