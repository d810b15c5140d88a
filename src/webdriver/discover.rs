//! Where a browser's program and its driver are on this machine.
//!
//! The order is: the manifest's `binary` and `driver`, environment variables, PATH, the usual install places.
//! The variables are those of `products`, `CHROME_BIN` and `CHROMEDRIVER` for instance; each holds a path.
//! Used by `launch`, and by `gpujobs doctor` which shows what is there. No program is run here.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::error::BrowserError;
use super::os::Os;
use super::products::{BrowserSettings, Executable};

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
pub struct ProgramSearch {
    /// The system, which decides names and places.
    pub os: Os,
    /// The environment's variables that hold a path.
    pub variables: HashMap<String, PathBuf>,
    /// The folders of PATH.
    pub path: Vec<PathBuf>,
    /// What the install places are relative to: `/`, or a folder in tests.
    pub root: PathBuf,
}

impl ProgramSearch {
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

/// The programs of a browser, or why one is missing with every remedy.
pub fn programs(settings: &BrowserSettings, search: &ProgramSearch) -> Result<Programs, BrowserError> {
    Ok(Programs { browser: browser(settings, search)?, driver: driver(settings, search)? })
}

/// The browser's program; `None` where only the driver knows it.
pub fn browser(settings: &BrowserSettings, search: &ProgramSearch) -> Result<Option<PathBuf>, BrowserError> {
    let Some(program) = &settings.kind.product().browser else { return Ok(None) };
    find(settings, "binary", settings.binary.as_deref(), program, search).map(Some)
}

/// The driver's program.
pub fn driver(settings: &BrowserSettings, search: &ProgramSearch) -> Result<PathBuf, BrowserError> {
    find(settings, "driver", settings.driver.as_deref(), &settings.kind.product().driver, search)
}

/// Finds a program that the manifest names with `key`.
fn find(
    settings: &BrowserSettings,
    key: &str,
    named: Option<&Path>,
    program: &Executable,
    search: &ProgramSearch,
) -> Result<PathBuf, BrowserError> {
    let mut looked = Vec::new();
    // A path that the user gave is the only one tried: running another program would be a surprise.
    let said = named.map(|path| (format!("`{key}` under [browser.{}]", settings.name), path));
    let variable =
        || search.variables.get(program.variable).map(|path| (format!("${}", program.variable), path.as_path()));
    if let Some((source, path)) = said.or_else(variable) {
        if is_program(path) {
            return Ok(path.to_owned());
        }
        looked.push(format!("{} ({source})", path.display()));
    } else {
        if let Some(path) = search.on_path(program.names) {
            return Ok(path);
        }
        looked.push(format!("PATH ({})", program.names.join(", ")));
        for place in places(program, search) {
            if let Some(path) = expand(&search.root, &place) {
                return Ok(path);
            }
            looked.push(place);
        }
    }
    Err(BrowserError::NotFound {
        browser: settings.name.clone(),
        what: program.title.to_owned(),
        looked,
        remedies: vec![
            format!("install it: `gpujobs setup {}`", settings.kind),
            format!("name it in the manifest: `{key} = \"/path\"` under [browser.{}]", settings.name),
            format!("name it in the environment: {}=/path", program.variable),
            format!("use another machine's: `webdriver = \"http://host:4444\"` under [browser.{}]", settings.name),
        ],
    })
}

/// The usual places of a program on the system that is searched.
fn places(program: &Executable, search: &ProgramSearch) -> Vec<String> {
    let variable = |name: &str| search.variables.get(name).map(|folder| folder.display().to_string());
    let home = variable("HOME").or_else(|| variable("USERPROFILE"));
    let suffix = if search.os == Os::Windows { ".exe" } else { "" };
    let at_home = |places: &[&str]| -> Vec<String> {
        home.iter().flat_map(|home| places.iter().map(move |place| format!("{home}/{place}"))).collect()
    };
    let mut places: Vec<String> = match search.os {
        Os::Linux => {
            let data = variable("XDG_DATA_HOME").or_else(|| home.as_ref().map(|home| format!("{home}/.local/share")));
            let own = data.iter().flat_map(|data| program.data.iter().map(move |place| format!("{data}/{place}")));
            program.linux.iter().map(|place| format!("/{place}")).chain(own).collect()
        }
        Os::Macos => {
            let places = program.macos.iter().map(|place| format!("/{place}"));
            places.chain(at_home(program.macos)).collect()
        }
        Os::Windows => ["ProgramFiles", "ProgramFiles(x86)", "LOCALAPPDATA"]
            .iter()
            .filter_map(|name| variable(name))
            .flat_map(|folder| program.windows.iter().map(move |place| format!(r"{folder}\{place}")))
            .collect(),
    };
    places.extend(at_home(program.home).into_iter().map(|place| format!("{place}{suffix}")));
    places
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
    use super::super::products::BrowserKind;
    use super::*;

    /// A machine with these programs in it; `bin` is its PATH.
    fn machine(os: Os, programs: &[&str]) -> (tempfile::TempDir, ProgramSearch) {
        let root = tempfile::tempdir().unwrap();
        for program in programs {
            let file = root.path().join(program);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, "#!/bin/sh\n").unwrap();
            fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        }
        let path = vec![root.path().join("bin")];
        let search = ProgramSearch { os, variables: HashMap::new(), path, root: root.path().to_owned() };
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
