//! Microsoft Edge.

use super::{Executable, Manager, Package, PackageSource, Product, chromium};
use crate::webdriver::os::Os;

pub(super) const PRODUCT: Product = Product {
    title: "Edge",
    browser: Some(Executable {
        title: "Edge",
        variable: "EDGE_BIN",
        names: &["microsoft-edge", "microsoft-edge-stable", "msedge"],
        linux: &["opt/microsoft/msedge/msedge"],
        macos: &["Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge"],
        windows: &[r"Microsoft\Edge\Application\msedge.exe"],
        ..Executable::ON_PATH
    }),
    driver: Executable {
        title: "driver (msedgedriver)",
        variable: "MSEDGEDRIVER",
        names: &["msedgedriver"],
        ..Executable::ON_PATH
    },
    browser_name: "MicrosoftEdge",
    capabilities: |settings, options| chromium::capabilities("ms", "edgeOptions", settings, options),
    driver_version: Some("/msedge/msedgedriverVersion"),
    usual_on: &[Os::Windows],
    packages: &[
        Package::new(
            Manager::Brew,
            &[PackageSource::Cask("microsoft-edge")],
            &[PackageSource::ByHand(
                "msedgedriver of Edge's very version: https://developer.microsoft.com/microsoft-edge/tools/webdriver",
            )],
        ),
        Package::new(
            Manager::Winget,
            &[PackageSource::Package("Microsoft.Edge")],
            &[PackageSource::Package("Microsoft.EdgeDriver")],
        ),
    ],
    by_hand: "Edge for Linux and its driver come from Microsoft: https://www.microsoft.com/edge and https://developer.microsoft.com/microsoft-edge/tools/webdriver",
    ..chromium::FAMILY
};
