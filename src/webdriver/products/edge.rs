//! Microsoft Edge.

use super::{Manager, Package, Product, Program, Source, chromium};
use crate::webdriver::os::Os;

pub(super) const PRODUCT: Product = Product {
    title: "Edge",
    browser: Some(Program {
        title: "Edge",
        variable: "EDGE_BIN",
        names: &["microsoft-edge", "microsoft-edge-stable", "msedge"],
        linux: &["opt/microsoft/msedge/msedge"],
        macos: &["Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge"],
        windows: &[r"Microsoft\Edge\Application\msedge.exe"],
        ..Program::ON_PATH
    }),
    driver: Program {
        title: "driver (msedgedriver)",
        variable: "MSEDGEDRIVER",
        names: &["msedgedriver"],
        ..Program::ON_PATH
    },
    browser_name: "MicrosoftEdge",
    capabilities: |settings, options| chromium::capabilities("ms", "edgeOptions", settings, options),
    driver_version: Some("/msedge/msedgedriverVersion"),
    usual_on: &[Os::Windows],
    packages: &[
        Package::new(
            Manager::Brew,
            &[Source::Cask("microsoft-edge")],
            &[Source::ByHand(
                "msedgedriver of Edge's very version: https://developer.microsoft.com/microsoft-edge/tools/webdriver",
            )],
        ),
        Package::new(Manager::Winget, &[Source::Package("Microsoft.Edge")], &[Source::Package("Microsoft.EdgeDriver")]),
    ],
    by_hand: "Edge for Linux and its driver come from Microsoft: https://www.microsoft.com/edge and https://developer.microsoft.com/microsoft-edge/tools/webdriver",
    ..chromium::FAMILY
};
