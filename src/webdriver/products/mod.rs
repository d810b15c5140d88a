//! A product is a browser that gpujobs can drive: one file each, with all that is special to it.
//!
//! A [`Product`] says where its programs are, how its driver is started and asked for a session, which packages bring it,
//! what compiles its WGSL, and what it lacks. `discover`, `driver`, `session` and `setup` read it and know no product by
//! name. To add one: a file here, and an entry of [`BrowserKind`].

mod brave;
mod chrome;
mod chromium;
mod edge;
mod firefox;
mod options;
mod safari;
mod webkitgtk;
mod webnn;

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use strum::{Display, EnumIter, EnumString, IntoStaticStr, VariantNames};

use super::endpoint::Endpoint;
use super::os::Os;
use crate::registry::Registry;

pub use options::Options;

/// A browser product, in the order in which they are listed to users; its name is that in manifests and rows.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Display, EnumIter, EnumString, IntoStaticStr, VariantNames,
)]
#[strum(serialize_all = "lowercase")]
pub enum BrowserKind {
    /// Google Chrome or Chromium, by chromedriver.
    Chrome,
    /// Microsoft Edge, by msedgedriver.
    Edge,
    /// Brave, by chromedriver.
    Brave,
    /// Firefox, by geckodriver.
    Firefox,
    /// Safari, by safaridriver.
    Safari,
    /// WebKitGTK's MiniBrowser, by `WebKitWebDriver`.
    Webkitgtk,
    /// A Chromium whose `WebNN` computes, by chromedriver.
    Webnn,
}

impl BrowserKind {
    /// What is special to it.
    #[must_use]
    pub const fn product(self) -> &'static Product {
        match self {
            Self::Chrome => &chrome::PRODUCT,
            Self::Edge => &edge::PRODUCT,
            Self::Brave => &brave::PRODUCT,
            Self::Firefox => &firefox::PRODUCT,
            Self::Safari => &safari::PRODUCT,
            Self::Webkitgtk => &webkitgtk::PRODUCT,
            Self::Webnn => &webnn::PRODUCT,
        }
    }
}

/// What is special to a product.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each says one thing of a product")]
pub struct Product {
    /// What its users call it.
    pub title: &'static str,
    /// What compiles its WGSL.
    pub compiler: Compiler,
    /// Its program; `None` where only the driver knows it.
    pub browser: Option<Executable>,
    /// The program that speaks WebDriver for it.
    pub driver: Executable,
    /// Where its driver says on which port it listens.
    pub port: DriverPort,
    /// The driver's arguments: its port, 0 where it chooses one itself, and the folder for its files.
    pub driver_arguments: fn(u16, &Path) -> Vec<String>,
    /// What driver and browser find in their environment when they run as root.
    pub root_environment: &'static [(&'static str, &'static str)],
    /// The variables that name a folder for what it would else keep in the user's home.
    pub folder_variables: &'static [&'static str],
    /// Whether its sandbox is on when it runs as root.
    pub runs_sandboxed_as_root: bool,
    /// The `browserName` that its driver knows.
    pub browser_name: &'static str,
    /// The capabilities that are its own.
    pub capabilities: fn(&BrowserSettings, &Options) -> Map<String, Value>,
    /// Where a session's capabilities name the driver's version, as a JSON pointer; `None` where they don't.
    pub driver_version: Option<&'static str>,
    /// Where they say whether the browser has no window.
    pub is_headless: Option<&'static str>,
    /// The driver's and the browser's version in the driver's refusal, where that is for their versions.
    pub version_mismatch: fn(&str) -> Option<(String, String)>,
    /// Whether the driver refuses a browser of another major version.
    pub one_major_version: bool,
    /// Whether the two programs print a version for `--version`.
    pub prints_version: bool,
    /// Whether it has a window always, so that it needs a display.
    pub needs_display: bool,
    /// Whether it has no software adapter of its own, so that it needs the system's where there is no GPU.
    pub needs_software_vulkan: bool,
    /// Why WebGPU is absent from it; `None` where it has it.
    pub without_webgpu: Option<&'static str>,
    /// The systems that it can be installed on.
    pub systems: &'static [Os],
    /// Those where the package manager brings it; `gpujobs setup` installs it there unless other browsers are named.
    pub usual_on: &'static [Os],
    /// Where package managers have its programs.
    pub packages: &'static [Package],
    /// What to do where none has them.
    pub by_hand: &'static str,
    /// Driver, session and first page, in ms, for the estimate of `gpujobs plan`.
    pub session_ms: u64,
    /// A new page in an open session, in ms.
    pub page_ms: u64,
}

/// How a program is found: by a variable, by its names on PATH, or in the usual places.
#[derive(Debug)]
pub struct Executable {
    /// What a user calls it.
    pub title: &'static str,
    /// The environment variable that holds its path.
    pub variable: &'static str,
    /// Its names on PATH; the first is the usual one.
    pub names: &'static [&'static str],
    /// Its usual places on Linux, below `/`; a `*` stands for any one folder.
    pub linux: &'static [&'static str],
    /// On macOS, below `/` and below the home.
    pub macos: &'static [&'static str],
    /// On Windows, below the folders of programs.
    pub windows: &'static [&'static str],
    /// Below the home, on all systems.
    pub home: &'static [&'static str],
    /// On Linux, below the user's folder of data: what `gpujobs setup` unpacks by itself.
    pub data: &'static [&'static str],
}

/// Where a driver says on which port it listens.
#[derive(Debug, Clone, Copy)]
pub enum DriverPort {
    /// In a line that it prints.
    Printed(fn(&str) -> Option<&str>),
    /// Nowhere: it takes the one that it is given.
    Given,
}

impl Executable {
    /// A program whose only known place is PATH; every program has a title, a variable and names of its own.
    const ON_PATH: Self =
        Self { title: "", variable: "", names: &[], linux: &[], macos: &[], windows: &[], home: &[], data: &[] };
}

impl DriverPort {
    /// The port in a line of the driver's output.
    #[must_use]
    pub fn in_line(self, line: &str) -> Option<u16> {
        let Self::Printed(find) = self else { return None };
        find(line)?.trim().parse().ok().filter(|&port| port != 0)
    }
}

/// What compiles WGSL in a browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize, Display, EnumIter)]
#[strum(serialize_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum Compiler {
    /// Of Dawn.
    Tint,
    /// Of wgpu.
    Naga,
    /// Of WebKit.
    Webkit,
}

/// A package manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manager {
    /// Debian, Ubuntu.
    Apt,
    /// Fedora.
    Dnf,
    /// Arch.
    Pacman,
    /// Homebrew on macOS.
    Brew,
    /// Windows.
    Winget,
}

/// Where a package manager has a product's programs: the first source of each list that it knows.
#[derive(Debug)]
pub struct Package {
    /// The manager.
    pub manager: Manager,
    /// Of the browser.
    pub browser: &'static [PackageSource],
    /// Of its driver.
    pub driver: &'static [PackageSource],
    /// All of the manager's packages that programs from elsewhere are linked with.
    pub linked: &'static [PackageSource],
}

impl Package {
    const fn new(manager: Manager, browser: &'static [PackageSource], driver: &'static [PackageSource]) -> Self {
        Self { manager, browser, driver, linked: &[] }
    }
}

/// Where one program comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackageSource {
    /// A package of the manager.
    Package(&'static str),
    /// A package that only some releases of the system have.
    SomeReleases(&'static str),
    /// A Homebrew cask.
    Cask(&'static str),
    /// A snap.
    Snap(&'static str),
    /// A Rust program, built from source.
    Cargo(&'static str),
    /// An archive that gpujobs unpacks into its own folder.
    Archive(&'static Archive),
    /// Comes with another part of the same browser.
    Included,
    /// Nothing that a command could do.
    ByHand(&'static str),
}

/// A file of a language's package registry that holds a program.
#[derive(Debug, PartialEq, Eq)]
pub struct Archive {
    /// Who has it.
    pub registry: Registry,
    /// As the registry names it.
    pub package: &'static str,
    /// Exactly.
    pub version: &'static str,
    /// Of the file, in hexadecimal digits.
    pub sha256: &'static str,
    /// What is unpacked of it.
    pub members: &'static [(&'static str, ArchiveKind)],
}

/// How a member of an archive is unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveKind {
    /// A program, under this name.
    Plain(&'static str),
    /// A program compressed by Brotli, under this name.
    Brotli(&'static str),
    /// Several files, compressed by Brotli.
    BrotliTar,
}

/// `[browser.NAME]`: how a browser is found and started.
#[derive(Debug, Clone, PartialEq)]
pub struct BrowserSettings {
    /// The name in the matrix: a product's, or the user's own (`kind = "chrome"` then says which product).
    pub name: String,
    /// The product.
    pub kind: BrowserKind,
    /// The browser's program; found on the machine when absent.
    pub binary: Option<PathBuf>,
    /// The driver's program; found on the machine when absent.
    pub driver: Option<PathBuf>,
    /// A remote WebDriver endpoint instead of a local driver.
    pub webdriver: Option<Endpoint>,
    /// Arguments added to those that gpujobs passes.
    pub args: Vec<String>,
    /// Preferences added to those that gpujobs sets (Firefox: about:config; those built from Chromium: profile preferences).
    pub prefs: IndexMap<String, PrefValue>,
    /// Whether it runs without a window.
    pub headless: bool,
    /// Capabilities put over those that gpujobs asks for, whole or key by key: a vendor's, such as `bstack:options`.
    pub capabilities: Map<String, Value>,
    /// The command of the tunnel by which it reaches the page server: program and arguments, in which `{port}` stands for the
    /// server's port. Empty where there is none.
    pub tunnel: Vec<String>,
}

impl BrowserSettings {
    /// The settings of a product that the manifest says nothing about.
    #[must_use]
    pub fn of(kind: BrowserKind) -> Self {
        Self {
            name: kind.to_string(),
            kind,
            binary: None,
            driver: None,
            webdriver: None,
            args: Vec::new(),
            prefs: IndexMap::new(),
            headless: true,
            capabilities: Map::new(),
            tunnel: Vec::new(),
        }
    }

    /// WebDriver's name of the browser that is asked for: the user's own capabilities may name another one.
    #[must_use]
    pub fn asked_name(&self) -> &str {
        let own = self.capabilities.get("browserName").and_then(Value::as_str);
        own.unwrap_or(self.kind.product().browser_name)
    }
}

/// The value of a browser preference.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum PrefValue {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A text.
    Text(String),
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn the_port_is_read_from_the_lines_that_drivers_really_print() {
        let port = |kind: BrowserKind, line| kind.product().port.in_line(line);
        let chrome = |line| port(BrowserKind::Chrome, line);
        assert_eq!(
            chrome("Starting ChromeDriver 156.0.8078.79 (a21ce95c24ce-refs/branch-heads/8078@{#1704}) on port 0"),
            None
        );
        assert_eq!(chrome("Only local connections are allowed."), None);
        assert_eq!(chrome("ChromeDriver was started successfully on port 36003."), Some(36003));
        let edge = "Microsoft Edge WebDriver was started successfully on port 40123.";
        assert_eq!(port(BrowserKind::Edge, edge), Some(40123));
        let gecko = "1763832000123\tgeckodriver\tINFO\tListening on 127.0.0.1:38291";
        assert_eq!(port(BrowserKind::Firefox, gecko), Some(38291));
        assert_eq!(port(BrowserKind::Firefox, "*** You are running in headless mode."), None);
        assert_eq!(port(BrowserKind::Webkitgtk, "Listening on 127.0.0.1:1"), None);
    }

    #[test]
    fn names_lead_back() {
        for kind in BrowserKind::iter() {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
    }

    #[test]
    fn no_product_leaves_out_what_its_family_can_not_say() {
        for kind in BrowserKind::iter() {
            let product = kind.product();
            assert!(
                !product.title.is_empty() && !product.packages.is_empty() && !product.by_hand.is_empty(),
                "{kind:?}"
            );
            assert!(kind == BrowserKind::Safari || product.browser.is_some(), "{kind:?}");
            for program in product.browser.iter().chain([&product.driver]) {
                let named = !program.title.is_empty() && !program.variable.is_empty() && !program.names.is_empty();
                assert!(named, "{kind:?}: {program:?}");
            }
        }
    }
}
