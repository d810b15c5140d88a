//! Where a browser's program and its driver are on this machine.
//!
//! The order is: the manifest's `binary` and `driver`, environment variables, PATH, the usual install places.
//! The variables are `CHROME_BIN`, `EDGE_BIN`, `FIREFOX_BIN` and `MINIBROWSER_BIN` for browsers, `CHROMEDRIVER`,
//! `MSEDGEDRIVER`, `GECKODRIVER`, `SAFARIDRIVER` and `WEBKITWEBDRIVER` for drivers; each holds a path.
//! Used by `launch`, and by `gpujobs doctor` which shows what is there. No program is run here.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::capabilities::Os;
use super::error::BrowserError;
use crate::manifest::{BrowserKind, BrowserSettings};

/// The programs that a browser needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    /// The browser; `None` for Safari, which its driver knows.
    pub browser: Option<PathBuf>,
    /// The driver.
    pub driver: PathBuf,
}

/// Where programs are looked for.
#[derive(Debug, Clone)]
pub struct Search {
    /// The system, which decides names and places.
    pub os: Os,
    /// The environment's variables that hold a path.
    pub variables: HashMap<String, PathBuf>,
    /// The folders of PATH.
    pub path: Vec<PathBuf>,
    /// What the install places are relative to: `/`, or a folder in tests.
    pub root: PathBuf,
}

impl Search {
    /// The search of this process.
    #[must_use]
    pub fn of_this_machine() -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let variables = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into())));
        Self {
            os: Os::current(),
            variables: variables.collect(),
            path: std::env::split_paths(&path).collect(),
            root: if cfg!(windows) { PathBuf::new() } else { "/".into() },
        }
    }

    /// A program by its names on PATH.
    #[must_use]
    pub fn on_path(&self, names: &[&str]) -> Option<PathBuf> {
        let suffix = if self.os == Os::Windows { ".exe" } else { "" };
        let files =
            names.iter().flat_map(|name| self.path.iter().map(move |folder| folder.join(format!("{name}{suffix}"))));
        files.into_iter().find(|file| is_program(file))
    }
}

/// How one program is found: its variable, its names on PATH and its places.
struct Wanted {
    what: String,
    key: &'static str,
    variable: &'static str,
    names: &'static [&'static str],
    places: Vec<String>,
}

/// The programs of a browser, or why one is missing with every remedy.
pub fn programs(settings: &BrowserSettings, search: &Search) -> Result<Programs, BrowserError> {
    Ok(Programs { browser: browser(settings, search)?, driver: driver(settings, search)? })
}

/// The browser's program; `None` for Safari.
pub fn browser(settings: &BrowserSettings, search: &Search) -> Result<Option<PathBuf>, BrowserError> {
    if settings.kind == BrowserKind::Safari {
        return Ok(None);
    }
    find(settings, settings.binary.as_deref(), &browser_wanted(settings.kind, search), search).map(Some)
}

/// The driver's program.
pub fn driver(settings: &BrowserSettings, search: &Search) -> Result<PathBuf, BrowserError> {
    find(settings, settings.driver.as_deref(), &driver_wanted(settings.kind, search), search)
}

fn find(
    settings: &BrowserSettings,
    given: Option<&Path>,
    wanted: &Wanted,
    search: &Search,
) -> Result<PathBuf, BrowserError> {
    let mut looked = Vec::new();
    // A path that the user gave is the only one tried: running another program would be a surprise.
    let said = given.map(|path| (format!("`{}` under [browser.{}]", wanted.key, settings.name), path));
    let variable =
        || search.variables.get(wanted.variable).map(|path| (format!("${}", wanted.variable), path.as_path()));
    if let Some((source, path)) = said.or_else(variable) {
        if is_program(path) {
            return Ok(path.to_owned());
        }
        looked.push(format!("{} ({source})", path.display()));
    } else {
        if let Some(path) = search.on_path(wanted.names) {
            return Ok(path);
        }
        looked.push(format!("PATH ({})", wanted.names.join(", ")));
        for place in &wanted.places {
            if let Some(path) = expand(&search.root, place) {
                return Ok(path);
            }
            looked.push(place.clone());
        }
    }
    Err(BrowserError::NotFound {
        browser: settings.name.clone(),
        what: wanted.what.clone(),
        looked,
        remedies: vec![
            format!("install it: `gpujobs setup {}`", settings.kind.name()),
            format!("name it in the manifest: `{} = \"/path\"` under [browser.{}]", wanted.key, settings.name),
            format!("name it in the environment: {}=/path", wanted.variable),
            format!("use another machine's: `webdriver = \"http://host:4444\"` under [browser.{}]", settings.name),
        ],
    })
}

fn browser_wanted(kind: BrowserKind, search: &Search) -> Wanted {
    let (what, variable, names, linux, macos, windows): (_, _, &'static [_], &[_], &[_], &[_]) = match kind {
        BrowserKind::Chrome => (
            "Chrome or Chromium",
            "CHROME_BIN",
            &[
                "google-chrome",
                "google-chrome-stable",
                "chromium",
                "chromium-browser",
                "chrome",
                "chromium-headless-shell",
            ],
            &["opt/google/chrome/chrome", "usr/lib/chromium/chromium", "snap/bin/chromium"],
            &[
                "Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
                "Applications/Chromium.app/Contents/MacOS/Chromium",
            ],
            &[r"Google\Chrome\Application\chrome.exe", r"Chromium\Application\chrome.exe"],
        ),
        BrowserKind::Edge => (
            "Edge",
            "EDGE_BIN",
            &["microsoft-edge", "microsoft-edge-stable", "msedge"],
            &["opt/microsoft/msedge/msedge"],
            &["Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge"],
            &[r"Microsoft\Edge\Application\msedge.exe"],
        ),
        BrowserKind::Firefox => (
            "Firefox",
            "FIREFOX_BIN",
            &["firefox", "firefox-esr"],
            &["usr/lib/firefox/firefox", "usr/lib/firefox-esr/firefox-esr", "opt/firefox/firefox"],
            &["Applications/Firefox.app/Contents/MacOS/firefox"],
            &[r"Mozilla Firefox\firefox.exe"],
        ),
        BrowserKind::Webkitgtk => (
            "WebKitGTK's MiniBrowser",
            "MINIBROWSER_BIN",
            &["MiniBrowser"],
            // `*`: Debian's folder of the architecture, `x86_64-linux-gnu`.
            &[
                "usr/lib/*/webkit2gtk-4.1/MiniBrowser",
                "usr/libexec/webkit2gtk-4.1/MiniBrowser",
                "usr/lib/webkit2gtk-4.1/MiniBrowser",
            ],
            &[],
            &[],
        ),
        BrowserKind::Safari => ("Safari", "", &[], &[], &[], &[]),
    };
    let places = match search.os {
        Os::Linux => linux.iter().map(|place| format!("/{place}")).collect(),
        Os::Macos => {
            let mut places: Vec<String> = macos.iter().map(|place| format!("/{place}")).collect();
            if let Some(home) = search.variables.get("HOME") {
                places.extend(macos.iter().map(|place| format!("{}/{place}", home.display())));
            }
            places
        }
        Os::Windows => ["ProgramFiles", "ProgramFiles(x86)", "LOCALAPPDATA"]
            .iter()
            .filter_map(|folder| search.variables.get(*folder))
            .flat_map(|folder| windows.iter().map(move |place| format!(r"{}\{place}", folder.display())))
            .collect(),
    };
    Wanted { what: what.to_owned(), key: "binary", variable, names, places }
}

fn driver_wanted(kind: BrowserKind, search: &Search) -> Wanted {
    let (variable, names, linux): (_, &'static [&'static str], &[&str]) = match kind {
        BrowserKind::Chrome => (
            "CHROMEDRIVER",
            &["chromedriver", "chromium.chromedriver"],
            &[
                "/usr/lib/chromium/chromedriver",
                "/usr/lib/chromium-browser/chromedriver",
                "/snap/bin/chromium.chromedriver",
            ],
        ),
        BrowserKind::Edge => ("MSEDGEDRIVER", &["msedgedriver"], &[]),
        BrowserKind::Firefox => ("GECKODRIVER", &["geckodriver"], &["/snap/bin/geckodriver"]),
        BrowserKind::Safari => ("SAFARIDRIVER", &["safaridriver"], &["/usr/bin/safaridriver"]),
        BrowserKind::Webkitgtk => (
            "WEBKITWEBDRIVER",
            &["WebKitWebDriver"],
            &["/usr/libexec/WebKitWebDriver", "/usr/lib/webkit2gtk-4.1/WebKitWebDriver"],
        ),
    };
    let mut places: Vec<String> = match search.os {
        Os::Windows => Vec::new(),
        Os::Linux | Os::Macos => linux.iter().map(|&place| place.to_owned()).collect(),
    };
    // `cargo install geckodriver` puts it here, which need not be on PATH.
    if let (BrowserKind::Firefox, Some(home)) =
        (kind, search.variables.get("HOME").or(search.variables.get("USERPROFILE")))
    {
        let suffix = if search.os == Os::Windows { ".exe" } else { "" };
        places.push(home.join(format!(".cargo/bin/geckodriver{suffix}")).display().to_string());
    }
    Wanted { what: format!("driver ({})", names[0]), key: "driver", variable, names, places }
}

/// The program at a place below `root`; a `*` stands for any one folder.
fn expand(root: &Path, place: &str) -> Option<PathBuf> {
    let below = |place: &str| root.join(place.strip_prefix('/').unwrap_or(place));
    let Some((before, after)) = place.split_once("/*/") else {
        return Some(below(place)).filter(|file| is_program(file));
    };
    let folders = fs::read_dir(below(before)).ok()?.flatten();
    folders.map(|folder| folder.path().join(after)).find(|file| is_program(file))
}

/// Whether a file stands there that may be run.
#[must_use]
pub fn is_program(file: &Path) -> bool {
    let Ok(meta) = fs::metadata(file) else { return false };
    #[cfg(unix)]
    let runs = std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o111 != 0;
    #[cfg(not(unix))]
    let runs = true;
    meta.is_file() && runs
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    /// A machine with these programs in it; `bin` is its PATH.
    fn machine(os: Os, programs: &[&str]) -> (tempfile::TempDir, Search) {
        let root = tempfile::tempdir().unwrap();
        for program in programs {
            let file = root.path().join(program);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, "#!/bin/sh\n").unwrap();
            fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        }
        let path = vec![root.path().join("bin")];
        let search = Search { os, variables: HashMap::new(), path, root: root.path().to_owned() };
        (root, search)
    }

    #[test]
    fn the_path_comes_before_the_install_places() {
        let (root, search) = machine(Os::Linux, &["bin/chromium", "opt/google/chrome/chrome", "bin/chromedriver"]);
        let found = programs(&BrowserSettings::of(BrowserKind::Chrome), &search).unwrap();
        assert_eq!(found.browser, Some(root.path().join("bin/chromium")));
        assert_eq!(found.driver, root.path().join("bin/chromedriver"));
    }

    #[test]
    fn a_folder_named_for_the_architecture_is_found() {
        let (root, search) = machine(Os::Linux, &["usr/lib/riscv64-linux-gnu/webkit2gtk-4.1/MiniBrowser"]);
        let found = browser(&BrowserSettings::of(BrowserKind::Webkitgtk), &search).unwrap();
        assert_eq!(found, Some(root.path().join("usr/lib/riscv64-linux-gnu/webkit2gtk-4.1/MiniBrowser")));
    }

    #[test]
    fn an_application_is_found_on_macos() {
        let app = "Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge";
        let (root, search) = machine(Os::Macos, &[app]);
        assert_eq!(browser(&BrowserSettings::of(BrowserKind::Edge), &search).unwrap(), Some(root.path().join(app)));
        assert_eq!(browser(&BrowserSettings::of(BrowserKind::Safari), &search).unwrap(), None);
    }

    #[test]
    fn a_path_that_was_given_is_the_only_one_tried() {
        let (_root, mut search) = machine(Os::Linux, &["bin/geckodriver"]);
        search.variables.insert("GECKODRIVER".into(), "/nowhere/geckodriver".into());
        let error = driver(&BrowserSettings::of(BrowserKind::Firefox), &search).unwrap_err();
        let BrowserError::NotFound { looked, .. } = error else { panic!("{error}") };
        assert_eq!(looked, ["/nowhere/geckodriver ($GECKODRIVER)"]);
    }

    #[test]
    fn what_is_missing_is_named_with_every_remedy() {
        let (_root, search) = machine(Os::Linux, &[]);
        let error = driver(&BrowserSettings::of(BrowserKind::Chrome), &search).unwrap_err();
        let help = miette::Diagnostic::help(&error).unwrap().to_string();
        insta::assert_snapshot!(format!("{error}\n\n{help}"), @r#"
        no driver (chromedriver) found for `chrome`; looked at PATH (chromedriver, chromium.chromedriver), /usr/lib/chromium/chromedriver, /usr/lib/chromium-browser/chromedriver, /snap/bin/chromium.chromedriver

        any one of these helps:
        - install it: `gpujobs setup chrome`
        - name it in the manifest: `driver = "/path"` under [browser.chrome]
        - name it in the environment: CHROMEDRIVER=/path
        - use another machine's: `webdriver = "http://host:4444"` under [browser.chrome]
        "#);
    }
}
