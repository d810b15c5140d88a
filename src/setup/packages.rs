//! Which package of which package manager brings each part, and the commands that install it.
//!
//! Pure: from missing parts and a [`Platform`] to an [`InstallPlan`]. Run on Debian 12 with apt; the names for dnf, pacman,
//! Homebrew and winget are from those managers' own listings and untested.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use strum::IntoEnumIterator;

use super::Component;
use crate::registry::Registry;
use crate::serve::Libraries;
use crate::webdriver::BrowserKind;
use crate::webdriver::products::{Archive, Manager, Package, PackageSource};

/// pip, as each system's package calls it.
pub const PIP: &str = "pip3";

/// What the commands depend on.
#[derive(Debug, Clone)]
pub struct Platform {
    /// The package manager that was found.
    pub manager: Option<Manager>,
    /// Whether gpujobs runs as root and needs no `sudo`.
    pub root: bool,
    /// The packages of [`asked_of_apt`] that apt can install; `None` where apt was not asked or has no lists yet.
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

/// What downloads a package of a registry into a folder, as one file, without what it depends on and without running
/// anything of it.
#[must_use]
pub fn download(registry: Registry, package: &str, version: &str, folder: &Path) -> InstallCommand {
    let folder = folder.display().to_string();
    let words = match registry {
        Registry::Npm => {
            let wish = format!("{package}@{version}");
            ["npm", "pack", "--silent", "--pack-destination", &folder, &wish].map(str::to_owned).to_vec()
        }
        Registry::PyPi => {
            let wish = format!("{package}=={version}");
            // What is no wheel would have to be built, by the package's own program.
            let wheel = "--only-binary=:all:";
            [PIP, "download", "--quiet", "--no-deps", wheel, "--dest", &folder, &wish].map(str::to_owned).to_vec()
        }
    };
    InstallCommand(words)
}

/// What is to be done for some parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InstallPlan {
    /// In this order.
    pub commands: Vec<InstallCommand>,
    /// What gpujobs downloads and unpacks then, each by its command of [`super::archives::download`].
    pub archives: Vec<&'static Archive>,
    /// What only the user can do.
    pub by_hand: Vec<String>,
}

/// The packages whose presence in apt's lists decides between sources.
#[must_use]
pub fn asked_of_apt() -> Vec<&'static str> {
    let products = BrowserKind::iter().flat_map(|kind| kind.product().packages);
    let sources = products.filter(|package| package.manager == Manager::Apt).flat_map(|package| {
        let Package { browser, driver, .. } = package;
        browser.iter().chain(*driver)
    });
    let packages = sources.filter_map(|source| match source {
        PackageSource::Package(name) | PackageSource::SomeReleases(name) => Some(*name),
        _ => None,
    });
    let mut asked: Vec<&str> = Vec::new();
    for package in packages.chain(["mesa-vulkan-drivers", "xvfb"]) {
        if !asked.contains(&package) {
            asked.push(package);
        }
    }
    asked
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
pub fn commands(missing: &[Component], platform: &Platform) -> InstallPlan {
    let mut plan = InstallPlan::default();
    let Some(manager) = platform.manager else {
        let by_hand =
            |part: &Component| format!("install {}: no package manager was found that gpujobs knows", part.name());
        plan.by_hand.extend(missing.iter().map(by_hand));
        return plan;
    };
    let mut sources: Vec<PackageSource> =
        missing.iter().map(|&part| source(part, manager, platform.known.as_ref())).collect();
    sources.extend(missing.iter().flat_map(|&part| linked(part, manager)));
    let packages: Vec<&str> = pick(&sources, |source| {
        if let PackageSource::Package(name) | PackageSource::SomeReleases(name) = source { Some(name) } else { None }
    });
    let casks: Vec<&str> =
        pick(&sources, |source| if let PackageSource::Cask(name) = source { Some(name) } else { None });
    let snaps: Vec<&str> =
        pick(&sources, |source| if let PackageSource::Snap(name) = source { Some(name) } else { None });
    let crates: Vec<&str> =
        pick(&sources, |source| if let PackageSource::Cargo(name) = source { Some(name) } else { None });
    let by_hand: Vec<&str> =
        pick(&sources, |source| if let PackageSource::ByHand(text) = source { Some(text) } else { None });

    let sudo = !platform.root;
    if !packages.is_empty() {
        plan.commands.extend(install_packages(manager, sudo, &packages));
    }
    if !casks.is_empty() {
        plan.commands.push(command(false, &["brew", "install", "--cask"], &casks));
    }
    if !snaps.is_empty() {
        plan.commands.push(command(sudo, &["snap", "install"], &snaps));
    }
    if !crates.is_empty() {
        plan.commands.push(command(false, &["cargo", "install", "--locked"], &crates));
    }
    if missing.contains(&Component::Libraries) {
        plan.commands.push(install_libraries());
    }
    plan.archives.extend(sources.iter().filter_map(|source| match source {
        PackageSource::Archive(archive) => Some(*archive),
        _ => None,
    }));
    plan.by_hand.extend(by_hand.into_iter().map(str::to_owned));
    plan
}

/// How a manager installs packages.
fn install_packages(manager: Manager, sudo: bool, packages: &[&str]) -> Vec<InstallCommand> {
    match manager {
        Manager::Apt => {
            // Recommended packages would bring a desktop's worth of daemons.
            let install = "env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends";
            let install: Vec<&str> = install.split(' ').collect();
            vec![command(sudo, &["apt-get", "update"], &[]), command(sudo, &install, packages)]
        }
        Manager::Dnf => vec![command(sudo, &["dnf", "install", "--assumeyes"], packages)],
        Manager::Pacman => vec![command(sudo, &["pacman", "-Sy", "--needed", "--noconfirm"], packages)],
        // Homebrew refuses root.
        Manager::Brew => vec![command(false, &["brew", "install"], packages)],
        Manager::Winget => {
            let install = "winget install --exact --accept-source-agreements --accept-package-agreements --id";
            let install: Vec<&str> = install.split(' ').collect();
            packages.iter().map(|package| command(false, &install, &[package])).collect()
        }
    }
}

fn command(sudo: bool, words: &[&str], more: &[&str]) -> InstallCommand {
    let sudo = sudo.then_some("sudo");
    InstallCommand(sudo.iter().chain(words).chain(more).map(|&word| word.to_owned()).collect())
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
fn pick(sources: &[PackageSource], value: impl Fn(PackageSource) -> Option<&'static str>) -> Vec<&'static str> {
    let mut picked = Vec::new();
    for value in sources.iter().filter_map(|&source| value(source)) {
        if !picked.contains(&value) {
            picked.push(value);
        }
    }
    picked
}

/// Where a part comes from; `known` are the packages that the manager has, where it was asked.
fn source(part: Component, manager: Manager, known: Option<&BTreeSet<String>>) -> PackageSource {
    match part {
        Component::Browser(kind) => of_product(kind, manager, known, |package| package.browser),
        Component::Driver(kind) => of_product(kind, manager, known, |package| package.driver),
        Component::SoftwareVulkan => match manager {
            Manager::Apt | Manager::Dnf => PackageSource::Package("mesa-vulkan-drivers"),
            Manager::Pacman => PackageSource::Package("vulkan-swrast"),
            Manager::Brew | Manager::Winget => PackageSource::Included,
        },
        Component::Xvfb => match manager {
            Manager::Apt => PackageSource::Package("xvfb"),
            Manager::Dnf => PackageSource::Package("xorg-x11-server-Xvfb"),
            Manager::Pacman => PackageSource::Package("xorg-server-xvfb"),
            Manager::Brew | Manager::Winget => PackageSource::Included,
        },
        Component::Npm => PackageSource::Package(match manager {
            Manager::Apt | Manager::Pacman => "npm",
            Manager::Dnf => "nodejs-npm",
            Manager::Brew => "node",
            Manager::Winget => "OpenJS.NodeJS",
        }),
        Component::Pip => PackageSource::Package(match manager {
            Manager::Apt | Manager::Dnf => "python3-pip",
            Manager::Pacman => "python-pip",
            Manager::Brew => "python",
            Manager::Winget => "Python.Python.3.13",
        }),
        Component::Libraries => PackageSource::Included,
    }
}

/// The manager's packages that a browser from elsewhere is linked with.
fn linked(part: Component, manager: Manager) -> &'static [PackageSource] {
    let Component::Browser(kind) = part else { return &[] };
    let package = kind.product().packages.iter().find(|package| package.manager == manager);
    package.map_or(&[], |package| package.linked)
}

/// The first source of a product's program that the manager has; without lists, what every release has.
fn of_product(
    kind: BrowserKind,
    manager: Manager,
    known: Option<&BTreeSet<String>>,
    program: impl Fn(&Package) -> &'static [PackageSource],
) -> PackageSource {
    let product = kind.product();
    let has = |source: &PackageSource| match (source, known) {
        (PackageSource::Package(name) | PackageSource::SomeReleases(name), Some(known)) => known.contains(*name),
        (PackageSource::SomeReleases(_), None) => false,
        _ => true,
    };
    let package = product.packages.iter().find(|package| package.manager == manager);
    let Some(sources) = package.map(program) else { return PackageSource::ByHand(product.by_hand) };
    // The last is asked for even where the lists lack it: the manager then says so itself.
    *sources.iter().find(|source| has(source)).or(sources.last()).unwrap_or(&PackageSource::ByHand(product.by_hand))
}
