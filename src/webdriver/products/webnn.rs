//! A Chromium whose `WebNN` computes, on Linux and without a GPU: distributions build theirs without it.
//!
//! Its headless shell comes from npm, its driver from `PyPI`; `gpujobs setup webnn` unpacks both into gpujobs' own folder.

use super::{Archive, ArchiveKind, Executable, Manager, Package, PackageSource, Product, chromium};
use crate::registry::Registry;
use crate::webdriver::os::Os;

/// The headless shell, with the software adapter that belongs to it.
static SHELL: Archive = Archive {
    registry: Registry::Npm,
    package: "@sparticuz/chromium",
    version: "153.0.0",
    sha256: "20e5656fcdcf4118ede85edfb9d6bb9cc1bbb7ffb8b75622fffbcf36a835c3c0",
    members: &[
        ("package/bin/chromium.br", ArchiveKind::Brotli("chromium")),
        ("package/bin/swiftshader.tar.br", ArchiveKind::BrotliTar),
    ],
};

/// Its driver, of the same version.
static DRIVER: Archive = Archive {
    registry: Registry::PyPi,
    package: "chromedriver-py",
    version: "153.0.8010.52",
    sha256: "5c481f51b1fbb72bdaf3484c091d70b99328f5530828d01b2782039e2429cb71",
    members: &[("chromedriver_py/chromedriver_linux64", ArchiveKind::Plain("chromedriver"))],
};

const ONLY_X86_64: &str = "it is built for Linux on x86-64";

const BROWSER_SOURCES: &[PackageSource] = &[PackageSource::Archive(&SHELL)];
const DRIVER_SOURCES: &[PackageSource] = &[PackageSource::Archive(&DRIVER)];

const fn package(manager: Manager, linked: &'static [PackageSource]) -> Package {
    Package { manager, browser: BROWSER_SOURCES, driver: DRIVER_SOURCES, linked }
}

pub(super) const PRODUCT: Product = Product {
    title: "Chromium with WebNN",
    browser: Some(Executable {
        title: "Chromium with WebNN",
        variable: "WEBNN_CHROME_BIN",
        names: &["chromium-webnn"],
        data: &["gpujobs/webnn/153.0.0/chromium"],
        ..Executable::ON_PATH
    }),
    driver: Executable {
        title: "driver (chromedriver of the same version)",
        variable: "WEBNN_CHROMEDRIVER",
        names: &["chromedriver-webnn"],
        data: &["gpujobs/webnn/153.0.0/chromedriver"],
        ..Executable::ON_PATH
    },
    systems: if cfg!(target_arch = "x86_64") { &[Os::Linux] } else { &[] },
    packages: if cfg!(target_arch = "x86_64") {
        &[
            package(Manager::Apt, &[PackageSource::Package("libnss3"), PackageSource::Package("libexpat1")]),
            package(Manager::Dnf, &[PackageSource::Package("nss"), PackageSource::Package("expat")]),
            package(Manager::Pacman, &[PackageSource::Package("nss"), PackageSource::Package("expat")]),
        ]
    } else {
        &[Package::new(Manager::Apt, &[PackageSource::ByHand(ONLY_X86_64)], &[PackageSource::ByHand(ONLY_X86_64)])]
    },
    by_hand: ONLY_X86_64,
    ..chromium::FAMILY
};
