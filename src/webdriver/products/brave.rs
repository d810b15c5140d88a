//! Brave, driven by the chromedriver of the Chromium that it is built from: in `Brave Browser 141.1.83.109` the first number
//! is Chromium's.

use super::{Manager, Package, Product, Program, Source, chromium};

pub(super) const PRODUCT: Product = Product {
    title: "Brave",
    browser: Some(Program {
        title: "Brave",
        variable: "BRAVE_BIN",
        names: &["brave-browser", "brave", "brave-browser-stable"],
        linux: &["opt/brave.com/brave/brave", "snap/bin/brave"],
        macos: &["Applications/Brave Browser.app/Contents/MacOS/Brave Browser"],
        windows: &[r"BraveSoftware\Brave-Browser\Application\brave.exe"],
        ..Program::ON_PATH
    }),
    packages: &[
        Package::new(Manager::Brew, &[Source::Cask("brave-browser")], &[Source::Cask("chromedriver")]),
        Package::new(Manager::Winget, &[Source::Package("Brave.Brave")], &[Source::Package("Chromium.ChromeDriver")]),
    ],
    by_hand: "Brave for Linux comes from its maker: https://brave.com/linux; its driver is the chromedriver of the same major version",
    ..chromium::FAMILY
};
