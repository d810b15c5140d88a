//! The libraries are what runs ONNX models in a page, and what such a page is checked against, installed by npm as
//! `package-lock.json` says: transformers.js, onnxruntime-web and native onnxruntime. Nothing of them comes from elsewhere.
//!
//! Found by `gpujobs run` where a job needs them, looked for by `gpujobs doctor`, installed by `gpujobs setup`.

use std::path::{Path, PathBuf};

use crate::manifest::runtime::Runtime;
use crate::reference::onnx;
use crate::store::packages;

/// Names the folder in which npm has installed the libraries, a `node_modules`, instead of looking for one.
pub const FOLDER_VARIABLE: &str = "GPUJOBS_LIBRARIES";

/// What installs them, embedded: a gpujobs that is installed has no checkout beside it.
pub const PACKAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/package.json"));
/// The exact versions.
pub const PACKAGE_LOCK: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/package-lock.json"));

/// The packages that pages load, each with the folder of them that is served.
const SERVED: [(&str, &str); 3] = [("@huggingface/transformers", "dist/"), ("onnxruntime-web", "dist/"), COMMON];
/// A package of many small modules.
const COMMON: (&str, &str) = ("onnxruntime-common", "dist/esm/");

/// What pages load of the others: they hold several builds of the same.
const LOADED: [&str; 6] = [
    "@huggingface/transformers/dist/transformers.web.min.js",
    "onnxruntime-web/dist/ort.webgpu.min.mjs",
    "onnxruntime-web/dist/ort-wasm-simd-threaded.mjs",
    "onnxruntime-web/dist/ort-wasm-simd-threaded.wasm",
    "onnxruntime-web/dist/ort-wasm-simd-threaded.asyncify.mjs",
    "onnxruntime-web/dist/ort-wasm-simd-threaded.asyncify.wasm",
];

/// The packages that a `[runtime.NAME]` has versions of: onnxruntime-web, transformers.js.
pub const VERSIONED: [&str; 2] = ["onnxruntime-web", "@huggingface/transformers"];

/// A folder in which all libraries lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Libraries {
    folder: PathBuf,
    /// Where some of them lie in other versions.
    own: Option<PathBuf>,
}

impl Libraries {
    /// Where they are: `$GPUJOBS_LIBRARIES`, the checkout that is the working folder, or the user's own folder.
    #[must_use]
    pub fn find() -> Option<Self> {
        Self::places().into_iter().map(|folder| Self { folder, own: None }).find(Self::complete)
    }

    /// Where they are looked for.
    #[must_use]
    pub fn places() -> Vec<PathBuf> {
        let named = std::env::var_os(FOLDER_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
        match named {
            Some(folder) => vec![folder],
            None => vec![Self::home().join("node_modules")],
        }
    }

    /// The folder that they are installed into, whose `package.json` is [`PACKAGE`]: a checkout of gpujobs that is the
    /// working folder, else the user's own.
    #[must_use]
    pub fn home() -> PathBuf {
        if is_checkout(Path::new("")) {
            return PathBuf::from(".");
        }
        dirs::data_local_dir().unwrap_or_default().join("gpujobs").join("libraries")
    }

    /// Whether the working folder is a checkout of gpujobs, whose tests need more than its users do.
    #[must_use]
    pub fn in_checkout() -> bool {
        is_checkout(Path::new(""))
    }

    /// Puts what npm goes by into [`home`](Self::home), unless that is a checkout, which has it.
    pub fn prepare_home() -> std::io::Result<()> {
        let home = Self::home();
        if is_checkout(&home) {
            return Ok(());
        }
        std::fs::create_dir_all(&home)?;
        std::fs::write(home.join("package.json"), PACKAGE)?;
        std::fs::write(home.join("package-lock.json"), PACKAGE_LOCK)
    }

    /// Their versions, as `onnxruntime-web 1.31.0`, for people.
    #[must_use]
    pub fn versions(&self) -> Vec<String> {
        let version = |package: &str| Some(format!("{package} {}", version_of(&self.folder, package)?));
        let native = self.onnxruntime().map(|_| onnx::PACKAGE);
        SERVED.iter().map(|(package, _)| *package).chain(native).filter_map(version).collect()
    }

    /// Native onnxruntime, against which pages are checked; `None` on a system that its package has none for.
    #[must_use]
    pub fn onnxruntime(&self) -> Option<PathBuf> {
        onnx::library(&self.folder)
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file that a page asks for by `PACKAGE/PATH`, and its content type; only scripts and wasm of the packages
    /// themselves.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<(PathBuf, &'static str)> {
        let below = |(package, folder): &(&str, &str)| path.strip_prefix(&format!("{package}/{folder}"));
        let rest = SERVED.iter().find_map(below)?;
        let plain = |segment: &str| {
            !segment.is_empty()
                && !segment.starts_with('.')
                && segment.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        };
        if !rest.split('/').all(plain) {
            return None;
        }
        let kind = match Path::new(rest).extension()?.to_str()? {
            "js" | "mjs" => "text/javascript",
            "wasm" => "application/wasm",
            _ => return None,
        };
        let place = self.place(path).join(path);
        place.is_file().then_some((place, kind))
    }

    /// These, with what a runtime has instead.
    #[must_use]
    pub fn with(&self, runtime: &Runtime) -> Self {
        Self { folder: self.folder.clone(), own: Some(packages_of(runtime)) }
    }

    /// The folder that has the package of a path.
    fn place(&self, path: &str) -> &Path {
        let has = |own: &&PathBuf| {
            SERVED.iter().any(|(package, _)| path.starts_with(&format!("{package}/")) && own.join(package).is_dir())
        };
        self.own.as_ref().filter(has).unwrap_or(&self.folder)
    }

    /// A file's place.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.place(name).join(name)
    }

    /// The files that pages load, by the names under which they ask for them.
    pub fn loaded(&self) -> std::io::Result<Vec<String>> {
        let mut names: Vec<String> = LOADED.iter().map(|name| (*name).to_owned()).collect();
        let (package, folder) = COMMON;
        let modules = format!("{package}/{folder}");
        for entry in std::fs::read_dir(self.path(&modules))? {
            let name = format!("{modules}{}", entry?.file_name().to_string_lossy());
            names.extend(self.file(&name).map(|_| name));
        }
        names.sort_unstable();
        Ok(names)
    }

    fn complete(&self) -> bool {
        SERVED.iter().all(|(package, folder)| self.folder.join(package).join(folder).is_dir())
    }
}

/// The folder into which versions are installed, one for each set of them, whose `node_modules` has them then.
#[must_use]
pub fn home_of(versions: &[(&str, &str)]) -> PathBuf {
    let name =
        |(package, version): &(&str, &str)| format!("{}-{version}", package.rsplit('/').next().unwrap_or(package));
    packages::folder().join(versions.iter().map(name).collect::<Vec<_>>().join("+"))
}

/// The packages that a runtime names, with their versions; none for a folder.
#[must_use]
pub fn versions_of(runtime: &Runtime) -> Vec<(&'static str, &str)> {
    let Runtime::Versions { onnxruntime, transformers } = runtime else { return Vec::new() };
    let [web, task] = VERSIONED;
    let versions =
        [onnxruntime.as_deref().map(|version| (web, version)), transformers.as_deref().map(|version| (task, version))];
    versions.into_iter().flatten().collect()
}

/// Why a runtime can't run jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacking {
    /// In words.
    pub reason: String,
    /// Whether npm can bring it.
    pub installable: bool,
}

/// What a runtime lacks to run jobs; `None` where all is there.
#[must_use]
pub fn lacking(runtime: &Runtime) -> Option<Lacking> {
    let folder = packages_of(runtime);
    let shown = folder.display();
    for (package, version) in versions_of(runtime) {
        if version_of(&folder, package).as_deref() != Some(version) {
            let reason = format!("{package} {version} is not installed; looked in {shown}");
            return Some(Lacking { reason, installable: true });
        }
    }
    let there: Vec<&str> = VERSIONED.into_iter().filter(|package| folder.join(package).is_dir()).collect();
    if there.is_empty() {
        let reason = format!("{shown} has neither {}", VERSIONED.join(" nor "));
        return Some(Lacking { reason, installable: false });
    }
    let of_those = |file: &&&str| there.iter().any(|package| file.starts_with(&format!("{package}/")));
    let missing = LOADED.iter().filter(of_those).find(|file| !folder.join(file).is_file())?;
    Some(Lacking { reason: format!("{shown} has no {missing}, which pages load"), installable: false })
}

/// The `node_modules` of a runtime.
fn packages_of(runtime: &Runtime) -> PathBuf {
    match runtime {
        Runtime::Versions { .. } => home_of(&versions_of(runtime)).join("node_modules"),
        Runtime::Folder(folder) => {
            let below = folder.join("node_modules");
            if below.is_dir() { below } else { folder.clone() }
        }
    }
}

/// The version of a package, as it says itself.
fn version_of(folder: &Path, package: &str) -> Option<String> {
    let text = std::fs::read_to_string(folder.join(package).join("package.json")).ok()?;
    Some(serde_json::from_str::<serde_json::Value>(&text).ok()?["version"].as_str()?.to_owned())
}

/// Whether a folder is a checkout of gpujobs.
fn is_checkout(folder: &Path) -> bool {
    std::fs::read_to_string(folder.join("package.json")).is_ok_and(|text| text == PACKAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_scripts_and_wasm_of_the_packages_are_served() {
        let folder = tempfile::tempdir().unwrap();
        let put = |path: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        };
        for path in [
            "onnxruntime-web/dist/a.mjs",
            "onnxruntime-web/dist/a.wasm",
            "onnxruntime-web/package.json",
            "other/dist/a.js",
        ] {
            put(path);
        }
        put("onnxruntime-web/dist/a.map");
        let libraries = Libraries { folder: folder.path().to_owned(), own: None };
        assert_eq!(libraries.file("onnxruntime-web/dist/a.mjs").unwrap().1, "text/javascript");
        assert_eq!(libraries.file("onnxruntime-web/dist/a.wasm").unwrap().1, "application/wasm");
        for refused in [
            "onnxruntime-web/package.json",
            "onnxruntime-web/dist/a.map",
            "onnxruntime-web/dist/../package.json",
            "onnxruntime-web/dist/../../other/dist/a.js",
            "onnxruntime-web/dist//a.mjs",
            "onnxruntime-web/dist/%2e%2e/a.mjs",
            "other/dist/a.js",
            "onnxruntime-web/dist/b.mjs",
        ] {
            assert_eq!(libraries.file(refused), None, "{refused}");
        }
        // Another version of one package takes its place, under the same rules; the others stay.
        put("own/node_modules/onnxruntime-common/dist/esm/index.js");
        let own = Runtime::Folder(folder.path().join("own"));
        let libraries = libraries.with(&own);
        let found = libraries.file("onnxruntime-common/dist/esm/index.js").unwrap().0;
        assert!(found.starts_with(folder.path().join("own")), "{found:?}");
        assert_eq!(
            libraries.file("onnxruntime-web/dist/a.mjs").unwrap().0,
            folder.path().join("onnxruntime-web/dist/a.mjs")
        );
        for refused in ["onnxruntime-common/dist/esm/../../package.json", "onnxruntime-common/dist/esm/%2e%2e/x.js"] {
            assert_eq!(libraries.file(refused), None, "{refused}");
        }
        assert!(lacking(&own).unwrap().reason.contains("has neither onnxruntime-web nor @huggingface/transformers"));
        put("own/node_modules/onnxruntime-web/dist/ort.webgpu.min.mjs");
        assert!(lacking(&own).unwrap().reason.contains("has no onnxruntime-web/dist/ort-wasm-simd-threaded.mjs"));
    }
}
