//! A store is the folders in which models lie, each as a folder under its id.
//!
//! Filled by hand or by `fetch`, which asks a `hub` for its `listing`, chooses by a `fetch_request` and has each file brought by
//! `download`, checked against its `checksum`; what is not complete lies apart, in `incoming`. Read by `gpujobs run`, whose server gives the
//! files of a model to the pages, and by `gpujobs doctor`.

pub mod checksum;
pub mod download;
pub mod dtype;
pub mod fetch;
pub mod fetch_error;
pub mod files;
pub mod hub;
pub mod id;
pub mod incoming;
pub mod listing;
pub mod model_files;
pub mod named_files;
pub mod packages;
mod pace;
pub mod progress;
pub mod record;
pub mod reply;
pub mod fetch_request;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

pub use dtype::Dtype;
pub use fetch_request::FetchRequest;
pub use files::files;
pub use id::{IdError, ModelId};
pub use incoming::Unfinished;
pub use progress::FetchEvent;

/// Names a folder of models, instead of the one in the user's data folder.
pub const FOLDER_VARIABLE: &str = "GPUJOBS_MODELS";

/// The folders of models, searched in this order; the last is the user's own, into which models are fetched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Store {
    /// None of them need exist.
    pub folders: Vec<PathBuf>,
}

/// A model of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredModel {
    /// Its name.
    pub id: ModelId,
    /// Where it lies.
    pub folder: PathBuf,
}

impl Store {
    /// The folder that a manifest names, if it does, then the user's own: `$GPUJOBS_MODELS`, or `gpujobs/models` in the
    /// system's folder for data (`$XDG_DATA_HOME` or `~/.local/share`, `~/Library/Application Support`,
    /// `%LOCALAPPDATA%`).
    #[must_use]
    pub fn new(beside: Option<PathBuf>) -> Self {
        let named = std::env::var_os(FOLDER_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
        let own = named.or_else(|| Some(dirs::data_local_dir()?.join("gpujobs").join("models")));
        Self { folders: beside.into_iter().chain(own).collect() }
    }

    /// Of one folder.
    #[must_use]
    pub fn at(folder: PathBuf) -> Self {
        Self { folders: vec![folder] }
    }

    /// The folder of the model with this id, the first that has it; `None` too for a text that is no id. A model that is
    /// still being downloaded is not found.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<PathBuf> {
        let id: ModelId = id.parse().ok()?;
        self.places(&id).find(|folder| is_model(folder))
    }

    /// Like [`find`](Self::find), the first folder that has weights of all these dtypes.
    #[must_use]
    pub fn find_with(&self, id: &ModelId, dtypes: &[Dtype]) -> Option<PathBuf> {
        let has = |folder: &PathBuf| {
            let there = dtypes_of(folder);
            is_model(folder) && dtypes.iter().all(|dtype| there.contains(dtype))
        };
        self.places(id).find(has)
    }

    /// Where a model would lie in each folder. What lies below another model's folder is a part of that model.
    fn places(&self, id: &ModelId) -> impl Iterator<Item = PathBuf> {
        self.folders
            .iter()
            .map(|folder| place(folder, id))
            .filter(|path| id.segments().count() == 1 || !path.parent().is_some_and(is_model))
    }

    /// All models, sorted by id, each where [`find`](Self::find) finds it.
    #[must_use]
    pub fn list(&self) -> Vec<StoredModel> {
        let mut ids = BTreeSet::new();
        for folder in &self.folders {
            for first in folder_names(folder) {
                let below = folder_names(&folder.join(&first)).into_iter().map(|second| format!("{first}/{second}"));
                ids.extend(below.chain([first.clone()]).filter_map(|id| id.parse::<ModelId>().ok()));
            }
        }
        ids.into_iter().filter_map(|id| Some(StoredModel { folder: self.find(id.as_str())?, id })).collect()
    }

    /// Interrupted downloads.
    #[must_use]
    pub fn unfinished(&self) -> Vec<Unfinished> {
        self.folders.iter().flat_map(|folder| incoming::unfinished(folder)).collect()
    }
}

/// Where a model lies in a folder of models.
pub(crate) fn place(folder: &Path, id: &ModelId) -> PathBuf {
    id.segments().fold(folder.to_path_buf(), |path, segment| path.join(segment))
}

/// Whether a folder holds a model: a `config.json` or an `.onnx` file.
pub(crate) fn is_model(folder: &Path) -> bool {
    let has_onnx = |folder: &Path| {
        let mut entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.any(|entry| entry.path().extension().is_some_and(|end| end == "onnx") && entry.path().is_file())
    };
    folder.join("config.json").is_file() || has_onnx(folder) || has_onnx(&folder.join("onnx"))
}

/// The dtypes of the weights in a model's folder.
#[must_use]
pub fn dtypes_of(folder: &Path) -> BTreeSet<Dtype> {
    files(folder).iter().filter_map(|(path, _)| Dtype::of_file(path)).collect()
}

/// The folders in a folder, links to folders included.
fn folder_names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|entry| entry.path().is_dir()).filter_map(|entry| entry.file_name().into_string().ok()).collect()
}
