//! Google Chrome and Chromium.

use super::{Compiler, Manager, Package, Product, Program, Source, chromium};
use crate::webdriver::os::Os;

pub(super) const PRODUCT: Product = Product {
    title: "Chrome",
    compiler: Compiler::Tint,
    browser: Some(Program {
        title: "Chrome or Chromium",
        variable: "CHROME_BIN",
        names: &[
            "google-chrome",
            "google-chrome-stable",
            "chromium",
            "chromium-browser",
            "chrome",
            "chromium-headless-shell",
        ],
        linux: &["opt/google/chrome/chrome", "usr/lib/chromium/chromium", "snap/bin/chromium"],
        macos: &[
            "Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
            "Applications/Chromium.app/Contents/MacOS/Chromium",
        ],
        windows: &[r"Google\Chrome\Application\chrome.exe", r"Chromium\Application\chrome.exe"],
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
    one_major_version: true,
    prints_version: true,
    needs_display: false,
    needs_software_vulkan: false,
    without_webgpu: None,
    systems: &[Os::Linux, Os::Macos, Os::Windows],
    usual_on: &[Os::Linux, Os::Macos, Os::Windows],
    packages: &[
        Package {
            manager: Manager::Apt,
            // Ubuntu has Chromium, with its driver, as a snap only.
            browser: &[Source::Package("chromium"), Source::Snap("chromium")],
            driver: &[Source::Package("chromium-driver"), Source::Snap("chromium")],
        },
        Package {
            manager: Manager::Dnf,
            browser: &[Source::Package("chromium")],
            driver: &[Source::Package("chromedriver")],
        },
        Package {
            manager: Manager::Pacman,
            // Arch's chromium holds chromedriver too.
            browser: &[Source::Package("chromium")],
            driver: &[Source::Package("chromium")],
        },
        Package {
            manager: Manager::Brew,
            browser: &[Source::Cask("google-chrome")],
            driver: &[Source::Cask("chromedriver")],
        },
        Package {
            manager: Manager::Winget,
            browser: &[Source::Package("Google.Chrome")],
            driver: &[Source::Package("Chromium.ChromeDriver")],
        },
    ],
    by_hand: "install it from its maker",
    session_ms: 20 + 596 + 242,
    page_ms: 108,
};
