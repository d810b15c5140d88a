//! Google Chrome and Chromium.

use super::{Executable, Manager, Package, PackageSource, Product, chromium};
use crate::webdriver::os::Os;

pub(super) const PRODUCT: Product = Product {
    title: "Chrome",
    browser: Some(Executable {
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
        ..Executable::ON_PATH
    }),
    usual_on: &[Os::Linux, Os::Macos, Os::Windows],
    packages: &[
        // Ubuntu has Chromium, with its driver, as a snap only.
        Package::new(
            Manager::Apt,
            &[PackageSource::Package("chromium"), PackageSource::Snap("chromium")],
            &[PackageSource::Package("chromium-driver"), PackageSource::Snap("chromium")],
        ),
        Package::new(Manager::Dnf, &[PackageSource::Package("chromium")], &[PackageSource::Package("chromedriver")]),
        // Arch's chromium holds chromedriver too.
        Package::new(Manager::Pacman, &[PackageSource::Package("chromium")], &[PackageSource::Package("chromium")]),
        Package::new(Manager::Brew, &[PackageSource::Cask("google-chrome")], &[PackageSource::Cask("chromedriver")]),
        Package::new(
            Manager::Winget,
            &[PackageSource::Package("Google.Chrome")],
            &[PackageSource::Package("Chromium.ChromeDriver")],
        ),
    ],
    by_hand: "install it from its maker",
    ..chromium::FAMILY
};
