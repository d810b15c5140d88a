//! Google Chrome and Chromium.

use super::{Manager, Package, Product, Program, Source, chromium};
use crate::webdriver::os::Os;

pub(super) const PRODUCT: Product = Product {
    title: "Chrome",
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
        ..Program::ON_PATH
    }),
    usual_on: &[Os::Linux, Os::Macos, Os::Windows],
    packages: &[
        // Ubuntu has Chromium, with its driver, as a snap only.
        Package::new(
            Manager::Apt,
            &[Source::Package("chromium"), Source::Snap("chromium")],
            &[Source::Package("chromium-driver"), Source::Snap("chromium")],
        ),
        Package::new(Manager::Dnf, &[Source::Package("chromium")], &[Source::Package("chromedriver")]),
        // Arch's chromium holds chromedriver too.
        Package::new(Manager::Pacman, &[Source::Package("chromium")], &[Source::Package("chromium")]),
        Package::new(Manager::Brew, &[Source::Cask("google-chrome")], &[Source::Cask("chromedriver")]),
        Package::new(Manager::Winget, &[Source::Package("Google.Chrome")], &[Source::Package("Chromium.ChromeDriver")]),
    ],
    by_hand: "install it from its maker",
    ..chromium::FAMILY
};
