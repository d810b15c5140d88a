//! What `gpujobs doctor` and `gpujobs setup` say and do.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use gpujobs::setup::archives;
use gpujobs::setup::install::{Components, run};
use gpujobs::setup::packages::with_candidate;
use gpujobs::setup::survey::{BrowserState, InstalledProgram, Survey};
use gpujobs::setup::{Component, InstallCommand, Platform, SetupError, commands, parts, usual_browsers};
use gpujobs::webdriver::BrowserKind;
use gpujobs::webdriver::Os;
use gpujobs::webdriver::products::Manager;

/// The plan for the usual browsers of a bare machine.
fn plan(os: Os, platform: &Platform) -> String {
    let missing: Vec<Component> = usual_browsers(os).iter().flat_map(|&kind| parts(kind, os, false)).collect();
    let plan = commands(&missing, platform);
    let mut text = String::new();
    plan.commands.iter().for_each(|command| writeln!(text, "{command}").unwrap());
    plan.by_hand.iter().for_each(|step| writeln!(text, "by hand: {step}").unwrap());
    text
}

fn platform(manager: Manager, root: bool) -> Platform {
    Platform { manager: Some(manager), root, known: None }
}

#[test]
fn a_bare_debian_gets_everything_from_apt_except_geckodriver() {
    insta::assert_snapshot!(plan(Os::Linux, &platform(Manager::Apt, true)), @r"
    apt-get update
    env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends chromium chromium-driver firefox-esr mesa-vulkan-drivers webkit2gtk-driver xvfb
    cargo install --locked geckodriver
    ");
    insta::assert_snapshot!(plan(Os::Linux, &platform(Manager::Apt, false)), @r"
    sudo apt-get update
    sudo env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends chromium chromium-driver firefox-esr mesa-vulkan-drivers webkit2gtk-driver xvfb
    cargo install --locked geckodriver
    ");
}

#[test]
fn what_apt_does_not_have_comes_from_elsewhere() {
    let known = ["geckodriver", "webkit2gtk-driver", "mesa-vulkan-drivers", "xvfb"].map(str::to_owned);
    let ubuntu = Platform { manager: Some(Manager::Apt), root: false, known: Some(BTreeSet::from(known)) };
    insta::assert_snapshot!(plan(Os::Linux, &ubuntu), @r"
    sudo apt-get update
    sudo env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends firefox geckodriver mesa-vulkan-drivers webkit2gtk-driver xvfb
    sudo snap install chromium
    ");
}

#[test]
fn what_comes_as_an_archive_is_unpacked_after_what_it_needs() {
    let missing = parts(BrowserKind::Webnn, Os::Linux, false);
    let plan = commands(&missing, &platform(Manager::Apt, true));
    let text: Vec<String> = plan.commands.iter().map(ToString::to_string).collect();
    let downloads = plan.archives.iter().map(|archive| archives::download(archive, "folder".as_ref()).to_string());
    insta::assert_snapshot!(text.into_iter().chain(downloads).collect::<Vec<_>>().join("\n"), @r"
    apt-get update
    env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends npm python3-pip libnss3 libexpat1
    npm pack --silent --pack-destination folder @sparticuz/chromium@153.0.0
    pip3 download --quiet --no-deps --only-binary=:all: --dest folder chromedriver-py==153.0.8010.52
    ");
}

#[test]
fn the_other_managers_have_their_own_names() {
    insta::assert_snapshot!(plan(Os::Linux, &platform(Manager::Dnf, false)), @r"
    sudo dnf install --assumeyes chromium chromedriver firefox mesa-vulkan-drivers xorg-x11-server-Xvfb
    cargo install --locked geckodriver
    by hand: MiniBrowser and WebKitWebDriver of WebKitGTK: not packaged for this system as far as gpujobs knows
    ");
    insta::assert_snapshot!(plan(Os::Linux, &platform(Manager::Pacman, true)), @r"pacman -Sy --needed --noconfirm chromium firefox geckodriver vulkan-swrast webkit2gtk-4.1 xorg-server-xvfb");
    insta::assert_snapshot!(plan(Os::Macos, &platform(Manager::Brew, false)), @r"
    brew install geckodriver
    brew install --cask google-chrome chromedriver firefox
    by hand: Safari is part of macOS; allow its driver once: sudo safaridriver --enable
    ");
    insta::assert_snapshot!(plan(Os::Windows, &platform(Manager::Winget, false)), @r"
    winget install --exact --accept-source-agreements --accept-package-agreements --id Google.Chrome
    winget install --exact --accept-source-agreements --accept-package-agreements --id Chromium.ChromeDriver
    winget install --exact --accept-source-agreements --accept-package-agreements --id Microsoft.Edge
    winget install --exact --accept-source-agreements --accept-package-agreements --id Microsoft.EdgeDriver
    winget install --exact --accept-source-agreements --accept-package-agreements --id Mozilla.Firefox
    winget install --exact --accept-source-agreements --accept-package-agreements --id Mozilla.GeckoDriver
    ");
}

#[test]
fn a_system_without_a_known_manager_is_told_what_to_install() {
    let none = Platform { manager: None, root: true, known: None };
    assert!(plan(Os::Linux, &none).starts_with("by hand: install the browser of `chrome`: no package manager"));
    assert_eq!(commands(&[], &none), gpujobs::setup::InstallPlan::default());
}

#[test]
fn candidates_are_read_from_apts_policy() {
    let policy = "chromium:\n  Installed: (none)\n  Candidate: 156.0.8078.79-1~deb12u1\n  Version table:\n     156 500\n\
                  firefox:\n  Installed: (none)\n  Candidate: (none)\n";
    assert_eq!(with_candidate(policy), BTreeSet::from(["chromium".to_owned()]));
}

#[test]
fn an_unknown_browser_is_refused_with_the_known_ones() {
    let error = Components::of(&["opera".to_owned()], Os::Linux).unwrap_err();
    let help = miette::Diagnostic::help(&error).unwrap().to_string();
    insta::assert_snapshot!(format!("{error}\n{help}"), @r"
    gpujobs can't install `opera`
    one of: chrome, edge, brave, firefox, safari, webkitgtk, webnn, libraries
    ");
}

#[cfg(unix)]
#[test]
fn a_failed_command_is_shown_with_its_last_output() {
    let script = "for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do echo line $n; done; echo no space >&2; exit 100";
    let mut out = Vec::new();
    let error = run(&InstallCommand(vec!["sh".into(), "-c".into(), script.into()]), &mut out).unwrap_err();
    let SetupError::Failed { reason, output, .. } = error else { panic!("{error}") };
    assert_eq!(reason, "exit status: 100");
    assert_eq!(output.len(), 12);
    assert!(output.contains(&"no space".to_owned()));
    assert_eq!(String::from_utf8(out).unwrap().lines().count(), 15);

    let error = run(&InstallCommand(vec!["/nonexistent/apt-get".into()]), &mut Vec::new()).unwrap_err();
    assert!(matches!(error, SetupError::Failed { .. }), "{error}");
}

fn program(path: &str, version: &str) -> InstalledProgram {
    InstalledProgram { path: PathBuf::from(path), version: Some(version.to_owned()) }
}

#[test]
fn a_driver_of_another_version_means_that_both_are_installed_anew() {
    let chrome = BrowserState {
        name: "chrome",
        browser: Some(program("/usr/bin/chromium", "156.0.8078.79")),
        driver: Some(program("/usr/local/bin/chromedriver", "114.0.1.2")),
        versions_match: Some(false),
    };
    let survey = Survey {
        os: Os::Linux,
        gpu: Some(false),
        browsers: vec![chrome],
        vulkan_drivers: vec![],
        xvfb: None,
        npm: None,
        pip: None,
        libraries: vec![],
        native: false,
        runtimes: vec![],
        store: None,
        models: vec![],
        gaps: vec![],
    };
    let chrome = BrowserKind::Chrome;
    assert_eq!(survey.missing(chrome), [Component::Browser(chrome), Component::Driver(chrome)]);
    assert_eq!(survey.missing_libraries(), [Component::Npm, Component::Libraries]);
}

#[test]
fn the_libraries_are_installed_by_their_lock_file_without_the_packages_own_scripts() {
    let platform = Platform { manager: Some(Manager::Apt), root: true, known: None };
    let plan = commands(&[Component::Libraries], &platform);
    let commands: Vec<String> = plan.commands.iter().map(ToString::to_string).collect();
    // The tests run in the checkout, which is where the libraries then lie.
    assert_eq!(commands, ["npm ci --prefix . --ignore-scripts --no-audit --no-fund"]);
    assert!(plan.by_hand.is_empty());
}

/// As the project's own machines are: set up by `gpujobs setup`.
#[cfg(target_os = "linux")]
#[test]
fn a_machine_that_is_set_up_has_no_gap() {
    let mut out = Vec::new();
    let complete = gpujobs::commands::doctor::run(gpujobs::cli::PlanFormat::Table, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    println!("{text}");
    assert!(complete, "{text}");
    assert!(
        text.contains("chromedriver") && text.contains("geckodriver") && text.contains("WebKitWebDriver"),
        "{text}"
    );

    let mut out = Vec::new();
    gpujobs::commands::setup::run(&[], false, &mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), "nothing is missing\n");
}
