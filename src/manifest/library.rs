//! Where a model's file is found: beside the manifest, beside its folder, or among those built into the program.
//!
//! Used by `check` for each name on the `model` axis.

use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

use crate::user_file;

/// The manifests and models that gpujobs brings along.
static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/manifests");

/// The text of a model's file and the name it is shown under.
pub struct Found {
    /// Its path, or `built-in models/NAME.toml`.
    pub path: PathBuf,
    /// Its text, or why it can't be read.
    pub text: Result<String, String>,
}

/// The model folders of a manifest that lies in `folder`.
fn folders(folder: &Path) -> [PathBuf; 2] {
    // `manifests/..` would be right too, but is shown to users.
    let above = folder.file_name().and(folder.parent()).map_or_else(|| folder.join(".."), Path::to_path_buf);
    [folder.join("models"), above.join("models")]
}

/// The file of the model `name`, the nearest first.
#[must_use]
pub fn find(folder: &Path, name: &str) -> Option<Found> {
    let file = format!("{name}.toml");
    if let Some(path) = folders(folder).into_iter().map(|models| models.join(&file)).find(|path| path.is_file()) {
        return Some(read(path));
    }
    let path = Path::new("models").join(file);
    let text = BUILT_IN.get_file(&path)?.contents_utf8()?;
    Some(Found { path: Path::new("built-in").join(path), text: Ok(text.to_owned()) })
}

/// The file that a manifest names itself.
#[must_use]
pub fn read(path: PathBuf) -> Found {
    let text = match user_file::read(&path) {
        Ok(bytes) => String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    Found { path, text }
}

/// The names of all models that [`find`] finds, sorted.
#[must_use]
pub fn names(folder: &Path) -> Vec<String> {
    let beside = folders(folder).into_iter().flat_map(|models| toml_files(&models));
    let built_in =
        BUILT_IN.get_dir("models").into_iter().flat_map(|models| models.files().map(|file| file.path().into()));
    let mut names: Vec<String> = beside.chain(built_in).filter_map(|path: PathBuf| stem(&path)).collect();
    names.sort();
    names.dedup();
    names
}

/// The `.toml` files of a folder, sorted; none when it can't be read.
#[must_use]
pub fn toml_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    files.sort();
    files
}

fn stem(path: &Path) -> Option<String> {
    (path.extension()? == "toml").then(|| path.file_stem()?.to_str().map(str::to_owned))?
}
