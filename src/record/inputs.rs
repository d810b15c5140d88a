//! Inputs are what a run was made of: the folder `inputs` of its own, with the manifest, the models and the templates as they
//! were, so that a run can be repeated from its folder.
//!
//! The files lie there as they lay to each other, so that a path in one of them leads to the same file. Large ones stay where they
//! are and are known by their digest. Written when a run begins, read by `gpujobs run --from`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::RecordError;
use crate::manifest::Manifest;
use crate::render::Templates;
use crate::store::Store;
use crate::store::checksum::Checksum;
use crate::store::named_files::{Named, named};
use crate::user_file;
use crate::webdriver::without_logins;

/// The folder below a run's.
const FOLDER: &str = "inputs";

/// A file of more bytes is not copied into each run's folder, …
const LARGEST_KEPT: u64 = 1 << 20;
/// … nor is any that would make them more than this together.
const MOST_KEPT: u64 = 16 << 20;

/// How a run is repeated.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct RepeatToml {
    /// The manifest, below the run's folder; `--set` is applied.
    pub manifest: String,
    /// `--filter`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// The user's page templates, below the run's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub templates: Option<String>,
    /// The user's shaders, below the run's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shaders: Option<String>,
    /// `--webdriver`, without a user's name and password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webdriver: Option<String>,
    /// `--headed`.
    #[serde(default)]
    pub headed: bool,
    /// `--require-hardware`.
    #[serde(default)]
    pub require_hardware: bool,
    /// Whether each kernel was timed.
    #[serde(default)]
    pub profile: bool,
    /// `--save-outputs`.
    #[serde(default)]
    pub save_outputs: bool,
}

/// A file or folder that a run was made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InputToml {
    /// Where it was: absolute, or relative to the folder in which gpujobs was started.
    pub path: String,
    /// Where the manifest beside it looks for it, below the run's folder; absent where that is `path` itself, as of a file in a
    /// model store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Whether it lies there.
    pub kept: bool,
    /// Its length; absent of a folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Its digest; absent of a folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// What is kept of a run.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// The manifest.
    pub manifest: &'a Manifest,
    /// The templates with the user's own.
    pub templates: &'a Templates,
    /// What the jobs' pages were found to be made of.
    pub files: &'a BTreeSet<PathBuf>,
}

/// Where a file lies when `.` and `..` are resolved by its text: what is copied keeps its place to the manifest whatever was a
/// link.
fn plain(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut plain = PathBuf::new();
    for part in absolute.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

/// A path as it is remembered: without `..` where that leads to the same file, which then may be found though a folder on the
/// way is gone.
fn remembered(path: &Path) -> String {
    let plain = plain(path);
    let below = std::env::current_dir().ok().filter(|_| path.is_relative());
    let short = below.and_then(|here| Some(plain.strip_prefix(here).ok()?.to_owned()));
    let same =
        |short: &PathBuf| short.canonicalize().is_ok_and(|found| path.canonicalize().is_ok_and(|path| path == found));
    short.filter(same).unwrap_or_else(|| path.to_owned()).display().to_string()
}

/// SHA-256 of a file, in hexadecimal digits.
pub fn digest(path: &Path) -> std::io::Result<String> {
    Checksum::Sha256(String::new()).of_file(path).map(|found| found.digits().to_owned())
}

impl Inputs<'_> {
    /// Copies them below `folder`, a run's; what they are, and how they make the run again with these options.
    pub fn keep(&self, folder: &Path, options: &RepeatToml) -> Result<(RepeatToml, Vec<InputToml>), RecordError> {
        let named = self.named();
        let mut keeper = Keeper::of(self.manifest, &named, folder);
        let own = plain(&self.manifest.path);
        let manifest = keeper.text(&self.manifest.path, &own, &without_logins(&self.manifest.source))?;
        for model in self.manifest.models.values() {
            // One that is built in is looked for by its name, first in the manifest's own folder.
            let built_in = model.path.starts_with("built-in");
            let beside = own.parent().unwrap_or(Path::new("")).join("models").join(format!("{}.toml", model.name));
            keeper.text(&model.path, &if built_in { beside } else { plain(&model.path) }, &model.source)?;
        }
        for folder in [&self.manifest.templates, &self.manifest.shaders].into_iter().flatten() {
            keeper.folder(folder)?;
        }
        for path in &named.files {
            keeper.file(path)?;
        }
        let linked: Vec<InputToml> = named.folders.iter().map(|path| keeper.linked(path)).collect();
        keeper.inputs.extend(linked);
        let mut repeat = RepeatToml { manifest, ..options.clone() };
        for (root, entry) in [("templates", &mut repeat.templates), ("shaders", &mut repeat.shaders)] {
            let own = self.templates.own_files().iter().filter(|(name, _)| name.split('/').next() == Some(root));
            let own: BTreeMap<&String, &PathBuf> = own.collect();
            for (name, path) in &own {
                keeper.template(name, path)?;
            }
            *entry = (!own.is_empty()).then(|| format!("{FOLDER}/{root}"));
        }
        Ok((repeat, keeper.inputs))
    }

    /// What the manifest and the pages name, but for what lies in a folder that is named as a whole.
    fn named(&self) -> Named {
        let mut named = named(self.manifest);
        named.files.extend(self.files.iter().cloned());
        let folders: Vec<PathBuf> = named.folders.iter().map(|folder| plain(folder)).collect();
        named.files.retain(|file| !folders.iter().any(|folder| plain(file).starts_with(folder)));
        named
    }
}

/// Copies into a run's folder.
struct Keeper<'a> {
    run: &'a Path,
    /// What `inputs` stands for.
    root: PathBuf,
    /// The texts that name files.
    sources: Vec<&'a str>,
    /// Folders of which nothing is kept.
    elsewhere: Vec<PathBuf>,
    kept: u64,
    inputs: Vec<InputToml>,
}

impl<'a> Keeper<'a> {
    /// The root is the deepest folder that has the manifest and all that is named relative to it or to a model's file.
    fn of(manifest: &'a Manifest, named: &Named, run: &'a Path) -> Self {
        let sources = std::iter::once(&*manifest.source).chain(manifest.models.values().map(|model| &*model.source));
        let elsewhere = Store::new(None).folders.iter().map(|folder| plain(folder)).collect();
        let mut keeper =
            Self { run, root: PathBuf::new(), sources: sources.collect(), elsewhere, kept: 0, inputs: Vec::new() };
        let own = plain(&manifest.path);
        let models = manifest.models.values().map(|model| &model.path).filter(|path| !path.starts_with("built-in"));
        let folders = named.folders.iter().chain([&manifest.templates, &manifest.shaders].into_iter().flatten());
        let around = models.chain(&named.files).chain(folders).filter(|path| keeper.is_around(path));
        let around: Vec<PathBuf> = around.map(|path| plain(path)).collect();
        let mut roots = own.parent().unwrap_or(Path::new("/")).ancestors();
        let root = roots.find(|root| around.iter().all(|path| path.starts_with(root)));
        keeper.root = root.map(Path::to_owned).unwrap_or_default();
        keeper
    }

    /// Whether a file is found by where it lies to what names it: neither by an absolute path, which leads to the same place
    /// from anywhere, nor in the user's store.
    fn is_around(&self, path: &Path) -> bool {
        let text = path.display().to_string();
        let written = path.is_absolute() && self.sources.iter().any(|source| source.contains(&text));
        let plain = plain(path);
        !written && !self.elsewhere.iter().any(|folder| plain.starts_with(folder))
    }

    /// Where a path is below the run's folder, with `/`; `None` for what does not lie below the root.
    fn place(&self, plain: &Path) -> Option<String> {
        let below = plain.strip_prefix(&self.root).ok()?;
        let parts = below.components().map(|part| part.as_os_str().to_string_lossy().into_owned());
        Some([FOLDER.to_owned()].into_iter().chain(parts).collect::<Vec<_>>().join("/"))
    }

    fn write(&mut self, place: &str, bytes: &[u8]) -> Result<(), RecordError> {
        let path = self.run.join(place);
        let folder = path.parent().unwrap_or(self.run);
        fs::create_dir_all(folder).map_err(RecordError::io("create", folder))?;
        self.kept += bytes.len() as u64;
        fs::write(&path, bytes).map_err(RecordError::io("write", &path))
    }

    fn note(&mut self, path: &Path, place: Option<String>, kept: bool) -> Result<(), RecordError> {
        let read = if let (Some(place), true) = (&place, kept) { self.run.join(place) } else { path.to_owned() };
        let bytes = user_file::regular(&read).map_err(RecordError::io("read", &read))?.len();
        let sha256 = digest(&read).map_err(RecordError::io("read", &read))?;
        let path = remembered(path);
        self.inputs.push(InputToml { path, place, kept, bytes: Some(bytes), sha256: Some(sha256) });
        Ok(())
    }

    /// Keeps a text that was read before from `path`, and says where.
    fn text(&mut self, path: &Path, plain: &Path, text: &str) -> Result<String, RecordError> {
        // A model that is named by an absolute path.
        let Some(place) = self.place(plain).filter(|_| self.is_around(path)) else {
            self.note(path, None, false)?;
            return Ok(String::new());
        };
        self.write(&place, text.as_bytes())?;
        self.note(path, Some(place.clone()), true)?;
        Ok(place)
    }

    /// Keeps a file where it is small enough.
    fn file(&mut self, path: &Path) -> Result<(), RecordError> {
        let place = self.place(&plain(path)).filter(|_| self.is_around(path));
        let Some(place) = place else { return self.note(path, None, false) };
        let bytes = user_file::regular(path).map_err(RecordError::io("read", path))?.len();
        let small = bytes <= LARGEST_KEPT && self.kept + bytes <= MOST_KEPT;
        if small {
            let content = user_file::read(path).map_err(RecordError::io("read", path))?;
            self.write(&place, &content)?;
        }
        self.note(path, Some(place), small)
    }

    /// Keeps a template.
    fn template(&mut self, name: &str, path: &Path) -> Result<(), RecordError> {
        let place = format!("{FOLDER}/{name}");
        let content = user_file::read(path).map_err(RecordError::io("read", path))?;
        self.write(&place, &content)?;
        self.note(path, Some(place), true)
    }

    /// A manifest that names a folder of templates wants it to be there.
    fn folder(&self, path: &Path) -> Result<(), RecordError> {
        let Some(place) = self.place(&plain(path)) else { return Ok(()) };
        let folder = self.run.join(place);
        fs::create_dir_all(&folder).map_err(RecordError::io("create", &folder))
    }

    /// A folder that stays where it is.
    fn linked(&self, path: &Path) -> InputToml {
        let place = self.place(&plain(path)).filter(|_| self.is_around(path));
        InputToml { path: remembered(path), place, kept: false, bytes: None, sha256: None }
    }
}
