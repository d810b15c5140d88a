//! Brave, driven by the chromedriver of the Chromium that it is built from.

use super::{Compiler, Manager, Package, Product, Program, Source, chromium};
use crate::webdriver::os::Os;

pub(super) const PRODUCT: Product = Product {
    title: "Brave",
    compiler: Compiler::Tint,
    browser: Some(Program {
        title: "Brave",
        variable: "BRAVE_BIN",
        names: &["brave-browser", "brave", "brave-browser-stable"],
        linux: &["opt/brave.com/brave/brave", "snap/bin/brave"],
        macos: &["Applications/Brave Browser.app/Contents/MacOS/Brave Browser"],
        windows: &[r"BraveSoftware\Brave-Browser\Application\brave.exe"],
        home: &[],
    }),
    driver: chromium::CHROMEDRIVER,
    port: chromium::PORT,
    driver_arguments: chromium::driver_arguments,
    root_environment: &[],
    browser_name: "chrome",
    capabilities: |settings, options| chromium::capabilities("goog", "chromeOptions", settings, options),
    driver_version: Some("/chrome/chromedriverVersion"),
    is_headless: None,
    version_mismatch: chromium::version_mismatch,
    // `Brave Browser 141.1.83.109`: its first number is Chromium's.
    one_major_version: true,
    prints_version: true,
    needs_display: false,
    needs_software_vulkan: false,
    without_webgpu: None,
    systems: &[Os::Linux, Os::Macos, Os::Windows],
    usual_on: &[],
    packages: &[
        Package {
            manager: Manager::Brew,
            browser: &[Source::Cask("brave-browser")],
            driver: &[Source::Cask("chromedriver")],
        },
        Package {
            manager: Manager::Winget,
            browser: &[Source::Package("Brave.Brave")],
            driver: &[Source::Package("Chromium.ChromeDriver")],
        },
    ],
    by_hand: "Brave for Linux comes from its maker: https://brave.com/linux; its driver is the chromedriver of the same major version",
    // Taken to be like Chrome; not measured.
    session_ms: 20 + 596 + 242,
    page_ms: 108,
};
