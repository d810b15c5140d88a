//! Which package of which package manager brings each part, and the commands that install it.
//!
//! Pure: from missing parts and a [`Platform`] to a [`Plan`]. Run on Debian 12 with apt; the names for dnf, pacman,
//! Homebrew and winget are from those managers' own listings and untested.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use super::Part;
use crate::manifest::BrowserKind;
use crate::serve::Libraries;

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

/// What the commands depend on.
#[derive(Debug, Clone)]
pub struct Platform {
    /// The package manager that was found.
    pub manager: Option<Manager>,
    /// Whether gpujobs runs as root and needs no `sudo`.
    pub root: bool,
    /// The packages of [`asked_of_apt`] that apt can install; `None` where nobody asked or apt has no lists yet.
    pub known: Option<BTreeSet<String>>,
}

/// A command that installs something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstallCommand(pub Vec<String>);

impl fmt::Display for InstallCommand {
    /// As one types it; no word here needs quotes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

/// What is to be done for some parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// In this order.
    pub commands: Vec<InstallCommand>,
    /// What only the user can do.
    pub by_hand: Vec<String>,
}

/// Where one part comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// A package of the manager.
    Package(&'static str),
    /// A Homebrew cask.
    Cask(&'static str),
    Snap(&'static str),
    /// A Rust program, built from source.
    Cargo(&'static str),
    /// Comes with another part of the same browser.
    Included,
    ByHand(&'static str),
}

/// The packages whose presence in apt's lists decides between sources.
#[must_use]
pub fn asked_of_apt() -> &'static [&'static str] {
    &["chromium", "chromium-driver", "firefox-esr", "geckodriver", "webkit2gtk-driver", "mesa-vulkan-drivers", "xvfb"]
}

/// The packages in the output of `apt-cache policy` that can be installed.
#[must_use]
pub fn with_candidate(policy: &str) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    let mut package = "";
    for line in policy.lines() {
        if let Some(name) = line.strip_suffix(':').filter(|name| !name.starts_with(' ')) {
            package = name;
        } else if line.trim().strip_prefix("Candidate: ").is_some_and(|version| version != "(none)") {
            known.insert(package.to_owned());
        }
    }
    known
}

/// What installs these parts on this platform; nothing when nothing is missing.
#[must_use]
pub fn commands(missing: &[Part], platform: &Platform) -> Plan {
    let mut plan = Plan::default();
    let Some(manager) = platform.manager else {
        let by_hand = |part: &Part| format!("install {}: no package manager was found that gpujobs knows", part.name());
        plan.by_hand.extend(missing.iter().map(by_hand));
        return plan;
    };
    let sources: Vec<Source> = missing.iter().map(|&part| source(part, manager, platform.known.as_ref())).collect();
    let packages: Vec<&str> =
        pick(&sources, |source| if let Source::Package(name) = source { Some(name) } else { None });
    let casks: Vec<&str> = pick(&sources, |source| if let Source::Cask(name) = source { Some(name) } else { None });
    let snaps: Vec<&str> = pick(&sources, |source| if let Source::Snap(name) = source { Some(name) } else { None });
    let crates: Vec<&str> = pick(&sources, |source| if let Source::Cargo(name) = source { Some(name) } else { None });
    let by_hand: Vec<&str> = pick(&sources, |source| if let Source::ByHand(text) = source { Some(text) } else { None });

    let privileged = !platform.root;
    let mut push = |sudo: bool, words: &[&str], more: &[&str]| {
        let sudo = sudo.then_some("sudo");
        let words = sudo.iter().chain(words).chain(more).map(|&word| word.to_owned());
        plan.commands.push(InstallCommand(words.collect()));
    };
    if !packages.is_empty() {
        match manager {
            Manager::Apt => {
                push(privileged, &["apt-get", "update"], &[]);
                // Recommended packages would bring a desktop's worth of daemons.
                let install = "env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends";
                push(privileged, &install.split(' ').collect::<Vec<_>>(), &packages);
            }
            Manager::Dnf => push(privileged, &["dnf", "install", "--assumeyes"], &packages),
            Manager::Pacman => push(privileged, &["pacman", "-Sy", "--needed", "--noconfirm"], &packages),
            // Homebrew refuses root.
            Manager::Brew => push(false, &["brew", "install"], &packages),
            Manager::Winget => packages.iter().for_each(|package| {
                push(
                    false,
                    &[
                        "winget",
                        "install",
                        "--exact",
                        "--accept-source-agreements",
                        "--accept-package-agreements",
                        "--id",
                    ],
                    &[package],
                );
            }),
        }
    }
    if !casks.is_empty() {
        push(false, &["brew", "install", "--cask"], &casks);
    }
    if !snaps.is_empty() {
        push(privileged, &["snap", "install"], &snaps);
    }
    if !crates.is_empty() {
        push(false, &["cargo", "install", "--locked"], &crates);
    }
    if missing.contains(&Part::Libraries) {
        plan.commands.push(install_libraries());
    }
    plan.by_hand.extend(by_hand.into_iter().map(str::to_owned));
    plan
}

/// npm, by the lock file in the folder of the libraries. Without the packages' own scripts: what they would fetch is for
/// Node, not for pages. What checks the templates comes along in a checkout only.
fn install_libraries() -> InstallCommand {
    let home = Libraries::home();
    let folder = home.display().to_string();
    let mut words = vec!["npm", "ci", "--prefix", &folder, "--ignore-scripts", "--no-audit", "--no-fund"];
    if home != Path::new(".") {
        words.push("--omit=dev");
    }
    InstallCommand(words.into_iter().map(str::to_owned).collect())
}

/// The values of one kind of source, each once, in order.
fn pick(sources: &[Source], value: impl Fn(Source) -> Option<&'static str>) -> Vec<&'static str> {
    let mut picked = Vec::new();
    for value in sources.iter().filter_map(|&source| value(source)) {
        if !picked.contains(&value) {
            picked.push(value);
        }
    }
    picked
}

const EDGE_BY_HAND: &str = "Edge for Linux and its driver come from Microsoft: https://www.microsoft.com/edge and https://developer.microsoft.com/microsoft-edge/tools/webdriver";
const MSEDGEDRIVER_BY_HAND: &str =
    "msedgedriver of Edge's very version: https://developer.microsoft.com/microsoft-edge/tools/webdriver";
const SAFARI_BY_HAND: &str = "Safari is part of macOS; allow its driver once: sudo safaridriver --enable";
const WEBKITGTK_BY_HAND: &str =
    "MiniBrowser and WebKitWebDriver of WebKitGTK: not packaged for this system as far as gpujobs knows";

fn source(part: Part, manager: Manager, known: Option<&BTreeSet<String>>) -> Source {
    match manager {
        Manager::Apt => apt(part, known),
        Manager::Dnf => dnf(part),
        Manager::Pacman => pacman(part),
        Manager::Brew => brew(part),
        Manager::Winget => winget(part),
    }
}

fn apt(part: Part, known: Option<&BTreeSet<String>>) -> Source {
    // Without lists, what Debian 12 has: all of it except geckodriver.
    let has = |package: &str| known.map_or(package != "geckodriver", |known| known.contains(package));
    match part {
        // Ubuntu has Chromium, with its driver, as a snap only.
        Part::Browser(BrowserKind::Chrome) if has("chromium") => Source::Package("chromium"),
        Part::Driver(BrowserKind::Chrome) if has("chromium-driver") => Source::Package("chromium-driver"),
        Part::Browser(BrowserKind::Chrome) | Part::Driver(BrowserKind::Chrome) => Source::Snap("chromium"),
        Part::Browser(BrowserKind::Firefox) if has("firefox-esr") => Source::Package("firefox-esr"),
        Part::Browser(BrowserKind::Firefox) => Source::Package("firefox"),
        Part::Driver(BrowserKind::Firefox) if has("geckodriver") => Source::Package("geckodriver"),
        Part::Driver(BrowserKind::Firefox) => Source::Cargo("geckodriver"),
        Part::Browser(BrowserKind::Webkitgtk) | Part::Driver(BrowserKind::Webkitgtk) => {
            Source::Package("webkit2gtk-driver")
        }
        Part::SoftwareVulkan => Source::Package("mesa-vulkan-drivers"),
        Part::Xvfb => Source::Package("xvfb"),
        Part::Npm => Source::Package("npm"),
        Part::Libraries => Source::Included,
        Part::Browser(kind) | Part::Driver(kind) => foreign(kind),
    }
}

fn dnf(part: Part) -> Source {
    match part {
        Part::Browser(BrowserKind::Chrome) => Source::Package("chromium"),
        Part::Driver(BrowserKind::Chrome) => Source::Package("chromedriver"),
        Part::Browser(BrowserKind::Firefox) => Source::Package("firefox"),
        Part::Driver(BrowserKind::Firefox) => Source::Cargo("geckodriver"),
        Part::SoftwareVulkan => Source::Package("mesa-vulkan-drivers"),
        Part::Xvfb => Source::Package("xorg-x11-server-Xvfb"),
        Part::Npm => Source::Package("nodejs-npm"),
        Part::Libraries => Source::Included,
        Part::Browser(kind) | Part::Driver(kind) => foreign(kind),
    }
}

fn pacman(part: Part) -> Source {
    match part {
        // Arch's chromium holds chromedriver too.
        Part::Browser(BrowserKind::Chrome) | Part::Driver(BrowserKind::Chrome) => Source::Package("chromium"),
        Part::Browser(BrowserKind::Firefox) => Source::Package("firefox"),
        Part::Driver(BrowserKind::Firefox) => Source::Package("geckodriver"),
        Part::Browser(BrowserKind::Webkitgtk) | Part::Driver(BrowserKind::Webkitgtk) => {
            Source::Package("webkit2gtk-4.1")
        }
        Part::SoftwareVulkan => Source::Package("vulkan-swrast"),
        Part::Xvfb => Source::Package("xorg-server-xvfb"),
        Part::Npm => Source::Package("npm"),
        Part::Libraries => Source::Included,
        Part::Browser(kind) | Part::Driver(kind) => foreign(kind),
    }
}

fn brew(part: Part) -> Source {
    match part {
        Part::Browser(BrowserKind::Chrome) => Source::Cask("google-chrome"),
        Part::Driver(BrowserKind::Chrome) => Source::Cask("chromedriver"),
        Part::Browser(BrowserKind::Firefox) => Source::Cask("firefox"),
        Part::Driver(BrowserKind::Firefox) => Source::Package("geckodriver"),
        Part::Browser(BrowserKind::Edge) => Source::Cask("microsoft-edge"),
        Part::Driver(BrowserKind::Edge) => Source::ByHand(MSEDGEDRIVER_BY_HAND),
        Part::Browser(BrowserKind::Safari) | Part::Driver(BrowserKind::Safari) => Source::ByHand(SAFARI_BY_HAND),
        Part::Browser(BrowserKind::Webkitgtk) | Part::Driver(BrowserKind::Webkitgtk) => {
            Source::ByHand(WEBKITGTK_BY_HAND)
        }
        Part::Npm => Source::Package("node"),
        Part::SoftwareVulkan | Part::Xvfb | Part::Libraries => Source::Included,
    }
}

fn winget(part: Part) -> Source {
    match part {
        Part::Browser(BrowserKind::Chrome) => Source::Package("Google.Chrome"),
        Part::Driver(BrowserKind::Chrome) => Source::Package("Chromium.ChromeDriver"),
        Part::Browser(BrowserKind::Edge) => Source::Package("Microsoft.Edge"),
        Part::Driver(BrowserKind::Edge) => Source::Package("Microsoft.EdgeDriver"),
        Part::Browser(BrowserKind::Firefox) => Source::Package("Mozilla.Firefox"),
        Part::Driver(BrowserKind::Firefox) => Source::Package("Mozilla.GeckoDriver"),
        Part::Browser(kind) | Part::Driver(kind) => foreign(kind),
        Part::Npm => Source::Package("OpenJS.NodeJS"),
        Part::SoftwareVulkan | Part::Xvfb | Part::Libraries => Source::Included,
    }
}

/// A product that the system's own packages don't have.
fn foreign(kind: BrowserKind) -> Source {
    Source::ByHand(match kind {
        BrowserKind::Edge => EDGE_BY_HAND,
        BrowserKind::Safari => {
            "Safari runs on macOS only; name a Mac's endpoint with `webdriver` under [browser.safari]"
        }
        BrowserKind::Webkitgtk => WEBKITGTK_BY_HAND,
        BrowserKind::Chrome | BrowserKind::Firefox => "install it from its maker",
    })
}
