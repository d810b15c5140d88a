//! A survey is what is installed on this machine for each browser, and each gap with its remedy.
//!
//! Made by looking at files and asking programs for their versions; no browser is opened. Shown by `gpujobs doctor`,
//! used by `gpujobs setup` to find what is missing.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use strum::IntoEnumIterator;

use super::{Component, LIBRARIES, packages, parts, usual_browsers};
use crate::serve::Libraries;
use crate::store::{self, Store, StoredModel, Unfinished};
use crate::units::Bytes;
use crate::webdriver::Os;
use crate::webdriver::discover::{self, ProgramSearch};
use crate::webdriver::{BrowserKind, BrowserSettings, machine_has_gpu, version};

/// What is installed.
#[derive(Debug, Clone, Serialize)]
pub struct Survey {
    /// The system.
    pub os: Os,
    /// Whether a device file of a GPU is there; empty on macOS and Windows, which don't show theirs so.
    pub gpu: Option<bool>,
    /// Every product that this system can have.
    pub browsers: Vec<BrowserState>,
    /// The Vulkan drivers by the names of their files, such as `lvp_icd.x86_64.json`.
    pub vulkan_drivers: Vec<String>,
    /// The display server for WebKitGTK.
    pub xvfb: Option<PathBuf>,
    /// npm, which installs the libraries.
    pub npm: Option<PathBuf>,
    /// pip, which downloads programs that come as Python packages.
    pub pip: Option<PathBuf>,
    /// The libraries that run ONNX models in pages, with their versions; empty where they are not installed.
    pub libraries: Vec<String>,
    /// Whether native onnxruntime is among them.
    pub native: bool,
    /// JavaScript runtimes, which only the project's own tests of templates use.
    pub runtimes: Vec<InstalledProgram>,
    /// The folder into which models are fetched; none for a user without a home.
    pub store: Option<PathBuf>,
    /// The models there.
    pub models: Vec<ModelState>,
    /// What is missing for the usual browsers, and for those that are half there.
    pub gaps: Vec<Gap>,
}

/// A program and the version that it prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InstalledProgram {
    /// Where it is.
    pub path: PathBuf,
    /// What it said; some say nothing.
    pub version: Option<String>,
}

/// What is there of one browser.
#[derive(Debug, Clone, Serialize)]
pub struct BrowserState {
    /// The product's name in manifests.
    pub name: &'static str,
    /// The browser; empty for Safari, which its driver knows.
    pub browser: Option<InstalledProgram>,
    /// The driver.
    pub driver: Option<InstalledProgram>,
    /// Whether the two versions work together; empty when one is unknown.
    pub versions_match: Option<bool>,
}

/// A model of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelState {
    /// Its name.
    pub id: String,
    /// Where it lies.
    pub folder: PathBuf,
    /// All its files.
    pub bytes: u64,
    /// The number formats of its weights.
    pub dtypes: Vec<&'static str>,
}

/// Something missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

/// Looks at this machine.
#[must_use]
pub fn survey() -> Survey {
    let search = ProgramSearch::of_this_machine();
    let os = search.os;
    let kinds = BrowserKind::iter().filter(|kind| kind.product().systems.contains(&os));
    // A browser may take a second to say its version, so all are asked at once.
    let browsers = std::thread::scope(|scope| {
        let search = &search;
        let asked: Vec<_> = kinds.map(|kind| scope.spawn(move || state(kind, search))).collect();
        asked.into_iter().filter_map(|asked| asked.join().ok()).collect()
    });
    let runtimes = ["node", "deno", "bun"].iter().filter_map(|name| search.on_path(&[name])).map(program).collect();
    let store = Store::new(None);
    let libraries = Libraries::find();
    let mut survey = Survey {
        os,
        gpu: (os == Os::Linux).then(|| machine_has_gpu(Path::new("/"))),
        browsers,
        vulkan_drivers: vulkan_drivers(Path::new("/")),
        xvfb: search.on_path(&["Xvfb"]),
        npm: search.on_path(&["npm"]),
        pip: search.on_path(&[packages::PIP]),
        libraries: libraries.as_ref().map(Libraries::versions).unwrap_or_default(),
        native: libraries.is_some_and(|libraries| libraries.onnxruntime().is_some()),
        runtimes,
        models: store.list().into_iter().map(model).collect(),
        store: store.folders.last().cloned(),
        gaps: Vec::new(),
    };
    survey.gaps = survey.find_gaps();
    survey.gaps.extend(store.unfinished().into_iter().map(gap));
    survey
}

impl Survey {
    /// The components of a browser that are missing. A driver of the wrong version means both, so that they match again.
    #[must_use]
    pub fn missing(&self, kind: BrowserKind) -> Vec<Component> {
        let state = self.browsers.iter().find(|state| state.name == <&str>::from(kind));
        let mismatch = state.is_some_and(|state| state.versions_match == Some(false));
        let there = |part: &Component| match part {
            Component::Browser(kind) if kind.product().browser.is_none() => kind.product().systems.contains(&self.os),
            Component::Browser(_) => !mismatch && state.is_some_and(|state| state.browser.is_some()),
            Component::Driver(_) => !mismatch && state.is_some_and(|state| state.driver.is_some()),
            Component::SoftwareVulkan => self.vulkan_drivers.iter().any(|name| name.starts_with("lvp_")),
            Component::Xvfb => self.xvfb.is_some(),
            Component::Npm => self.npm.is_some(),
            Component::Pip => self.pip.is_some(),
            Component::Libraries => !self.libraries.is_empty(),
        };
        parts(kind, self.os, self.gpu.unwrap_or(true)).into_iter().filter(|part| !there(part)).collect()
    }

    /// What is missing to run ONNX models.
    #[must_use]
    pub fn missing_libraries(&self) -> Vec<Component> {
        match (self.libraries.is_empty(), &self.npm) {
            (false, _) => Vec::new(),
            (true, Some(_)) => vec![Component::Libraries],
            (true, None) => vec![Component::Npm, Component::Libraries],
        }
    }

    /// Whether a product's driver is that of another one, which this system usually has.
    fn drives_another(&self, kind: BrowserKind) -> bool {
        let variable = kind.product().driver.variable;
        let same = |other: &BrowserKind| *other != kind && other.product().driver.variable == variable;
        usual_browsers(self.os).iter().any(same)
    }

    fn find_gaps(&self) -> Vec<Gap> {
        let mut gaps = Vec::new();
        if self.libraries.is_empty() {
            let what = format!("{} are not installed: ONNX models can't run", Component::Libraries.name());
            gaps.push(Gap { what, remedy: format!("gpujobs setup {LIBRARIES}") });
        }
        if !self.libraries.is_empty() && !self.native {
            gaps.push(Gap {
                what: "onnxruntime-node has no library for this system: models of ONNX have no reference of their own"
                    .to_owned(),
                remedy: "WebGPU and WebNN are held to wasm in the same browser; for wasm itself run the models in two browsers in \
                         one manifest: the first is then the reference of the second"
                    .to_owned(),
            });
        }
        for state in &self.browsers {
            let Ok(kind) = state.name.parse::<BrowserKind>() else { continue };
            // A driver of several products says nothing of one of them.
            let own_driver = state.driver.is_some() && !self.drives_another(kind);
            let half_there = if state.browser.is_some() { state.driver.is_none() } else { own_driver };
            if !usual_browsers(self.os).contains(&kind) && !half_there {
                continue;
            }
            let remedy = format!("gpujobs setup {}", state.name);
            if state.versions_match == Some(false) {
                let version = |program: &Option<InstalledProgram>| {
                    program.as_ref().and_then(|it| it.version.clone()).unwrap_or_default()
                };
                let (browser, driver) = (version(&state.browser), version(&state.driver));
                let what = format!(
                    "`{}` is {browser} and its driver {driver}: a driver refuses another major version",
                    state.name
                );
                gaps.push(Gap { what, remedy });
                continue;
            }
            let missing = self.missing(kind).into_iter();
            gaps.extend(
                missing.map(|part| Gap { what: format!("{} is missing", part.name()), remedy: remedy.clone() }),
            );
        }
        let nvidia =
            self.gpu == Some(true) && ["/dev/nvidia0", "/dev/nvidiactl"].iter().any(|file| Path::new(file).exists());
        if nvidia && !self.vulkan_drivers.iter().any(|name| name.contains("nvidia")) {
            gaps.push(Gap {
                what: "an NVIDIA GPU is there and no Vulkan driver for it: browsers will compute in software"
                    .to_owned(),
                remedy:
                    "install NVIDIA's driver with its Vulkan part; in a container, set NVIDIA_DRIVER_CAPABILITIES=all"
                        .to_owned(),
            });
        }
        gaps
    }
}

fn state(kind: BrowserKind, search: &ProgramSearch) -> BrowserState {
    let settings = BrowserSettings::of(kind);
    let asks = kind.product().prints_version;
    let ask = |path: PathBuf| if asks { program(path) } else { InstalledProgram { path, version: None } };
    let browser = discover::browser(&settings, search).ok().flatten().map(ask);
    let driver = discover::driver(&settings, search).ok().map(ask);
    let version = |program: &Option<InstalledProgram>| program.as_ref().and_then(|program| program.version.clone());
    let both = version(&browser).zip(version(&driver));
    let versions_match = both.map(|(browser, driver)| version::matches(kind, &browser, &driver));
    BrowserState { name: kind.into(), browser, driver, versions_match }
}

fn model(StoredModel { id, folder }: StoredModel) -> ModelState {
    let bytes = store::files(&folder).iter().map(|(_, bytes)| bytes).sum();
    let dtypes = store::dtypes_of(&folder).into_iter().map(<&str>::from).collect();
    ModelState { id: id.to_string(), folder, bytes, dtypes }
}

fn gap(unfinished: Unfinished) -> Gap {
    let Unfinished { id, bytes, command } = unfinished;
    Gap { what: format!("the download of `{id}` is not finished; {} are there", Bytes(bytes)), remedy: command }
}

fn program(path: PathBuf) -> InstalledProgram {
    let version = version::of(&path);
    InstalledProgram { path, version }
}

/// The names of the files by which Vulkan's loader finds drivers, in the folders that it looks at.
fn vulkan_drivers(root: &Path) -> Vec<String> {
    let folders = ["usr/share/vulkan/icd.d", "usr/local/share/vulkan/icd.d", "etc/vulkan/icd.d"];
    let files = folders.iter().filter_map(|folder| fs::read_dir(root.join(folder)).ok()).flatten().flatten();
    let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> =
        names.filter(|name| Path::new(name).extension().is_some_and(|ext| ext == "json")).collect();
    names.sort();
    names
}
