//! Microsoft Edge.

use super::{Compiler, Manager, Package, Product, Program, Source, chromium};
use crate::webdriver::os::Os;

pub(super) const PRODUCT: Product = Product {
    title: "Edge",
    compiler: Compiler::Tint,
    browser: Some(Program {
        title: "Edge",
        variable: "EDGE_BIN",
        names: &["microsoft-edge", "microsoft-edge-stable", "msedge"],
        linux: &["opt/microsoft/msedge/msedge"],
        macos: &["Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge"],
        windows: &[r"Microsoft\Edge\Application\msedge.exe"],
        home: &[],
    }),
    driver: Program {
        title: "driver (msedgedriver)",
        variable: "MSEDGEDRIVER",
        names: &["msedgedriver"],
        linux: &[],
        macos: &[],
        windows: &[],
        home: &[],
    },
    port: chromium::PORT,
    driver_arguments: chromium::driver_arguments,
    root_environment: &[],
    browser_name: "MicrosoftEdge",
    capabilities: |settings, options| chromium::capabilities("ms", "edgeOptions", settings, options),
    driver_version: Some("/msedge/msedgedriverVersion"),
    is_headless: None,
    version_mismatch: chromium::version_mismatch,
    one_major_version: true,
    prints_version: true,
    needs_display: false,
    needs_software_vulkan: false,
    without_webgpu: None,
    systems: &[Os::Linux, Os::Macos, Os::Windows],
    usual_on: &[Os::Windows],
    packages: &[
        Package {
            manager: Manager::Brew,
            browser: &[Source::Cask("microsoft-edge")],
            driver: &[Source::ByHand(
                "msedgedriver of Edge's very version: https://developer.microsoft.com/microsoft-edge/tools/webdriver",
            )],
        },
        Package {
            manager: Manager::Winget,
            browser: &[Source::Package("Microsoft.Edge")],
            driver: &[Source::Package("Microsoft.EdgeDriver")],
        },
    ],
    by_hand: "Edge for Linux and its driver come from Microsoft: https://www.microsoft.com/edge and https://developer.microsoft.com/microsoft-edge/tools/webdriver",
    // Taken to be like Chrome; not measured.
    session_ms: 20 + 596 + 242,
    page_ms: 108,
};
