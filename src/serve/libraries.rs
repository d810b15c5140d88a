//! The libraries are what runs ONNX models in a page, and what such a page is checked against, installed by npm as
//! `package-lock.json` says: transformers.js, onnxruntime-web and native onnxruntime. Nothing of them comes from elsewhere.
//!
//! Found by `gpujobs run` where a job needs them, looked for by `gpujobs doctor`, installed by `gpujobs setup`.

use std::path::{Path, PathBuf};

use crate::reference::onnx;

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

/// A folder in which all libraries lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Libraries {
    folder: PathBuf,
}

impl Libraries {
    /// Where they are: `$GPUJOBS_LIBRARIES`, the checkout that is the working folder, or the user's own folder.
    #[must_use]
    pub fn find() -> Option<Self> {
        Self::places().into_iter().map(|folder| Self { folder }).find(Self::complete)
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
        let version = |package: &str| {
            let text = std::fs::read_to_string(self.folder.join(package).join("package.json")).ok()?;
            let version = serde_json::from_str::<serde_json::Value>(&text).ok()?["version"].as_str()?.to_owned();
            Some(format!("{package} {version}"))
        };
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
        let place = self.folder.join(path);
        place.is_file().then_some((place, kind))
    }

    /// The files that pages load, by the names under which they ask for them.
    pub fn loaded(&self) -> std::io::Result<Vec<String>> {
        let mut names: Vec<String> = LOADED.iter().map(|name| (*name).to_owned()).collect();
        let (package, folder) = COMMON;
        for entry in std::fs::read_dir(self.folder.join(package).join(folder))? {
            let name = format!("{package}/{folder}{}", entry?.file_name().to_string_lossy());
            names.extend(self.file(&name).map(|_| name));
        }
        names.sort_unstable();
        Ok(names)
    }

    fn complete(&self) -> bool {
        SERVED.iter().all(|(package, folder)| self.folder.join(package).join(folder).is_dir())
    }
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
        let libraries = Libraries { folder: folder.path().to_owned() };
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
    }
}
