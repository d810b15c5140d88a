//! Brave, driven by the chromedriver of the Chromium that it is built from: in `Brave Browser 141.1.83.109` the first number
//! is Chromium's.

use super::{Executable, Manager, Package, PackageSource, Product, chromium};

pub(super) const PRODUCT: Product = Product {
    title: "Brave",
    browser: Some(Executable {
        title: "Brave",
        variable: "BRAVE_BIN",
        names: &["brave-browser", "brave", "brave-browser-stable"],
        linux: &["opt/brave.com/brave/brave", "snap/bin/brave"],
        macos: &["Applications/Brave Browser.app/Contents/MacOS/Brave Browser"],
        windows: &[r"BraveSoftware\Brave-Browser\Application\brave.exe"],
        ..Executable::ON_PATH
    }),
    packages: &[
        Package::new(Manager::Brew, &[PackageSource::Cask("brave-browser")], &[PackageSource::Cask("chromedriver")]),
        Package::new(
            Manager::Winget,
            &[PackageSource::Package("Brave.Brave")],
            &[PackageSource::Package("Chromium.ChromeDriver")],
        ),
    ],
    by_hand: "Brave for Linux comes from its maker: https://brave.com/linux; its driver is the chromedriver of the same major version",
    ..chromium::FAMILY
};
