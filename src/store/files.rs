//! The files of a model's folder, by the names under which a page asks for them.

use std::fs;
use std::path::{Path, PathBuf};

/// Each file below a folder: its path there with `/`, and its bytes; sorted. Links are followed only to files inside
/// the folder, so that nothing else is ever listed; names that are no UTF-8 are left out, and so is what can't be read.
#[must_use]
pub fn files(folder: &Path) -> Vec<(String, u64)> {
    let Ok(root) = folder.canonicalize() else { return Vec::new() };
    let inside = |path: &Path| path.canonicalize().is_ok_and(|real| real.starts_with(&root) && real.is_file());
    let found = entries(&root).into_iter().filter(|(_, path)| !path.is_symlink() || inside(path));
    found.filter_map(|(name, path)| Some((name, fs::metadata(path).ok()?.len()))).collect()
}

/// Everything below a folder that is no folder, links included: its path there with `/` and its place; sorted.
pub(super) fn entries(folder: &Path) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    let mut folders = vec![(String::new(), folder.to_path_buf())];
    while let Some((prefix, folder)) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            // Of a link this is the link's own type: a folder behind one is never entered, so the walk ends.
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let name = format!("{prefix}{name}");
            if is_folder {
                folders.push((name + "/", entry.path()));
            } else {
                found.push((name, entry.path()));
            }
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_a_folder_are_listed_sorted_with_slashes() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("onnx/deep")).unwrap();
        for (name, bytes) in [("onnx/model.onnx", 3), ("config.json", 2), ("onnx/deep/x", 0)] {
            fs::write(folder.path().join(name), vec![0; bytes]).unwrap();
        }
        let found = files(folder.path());
        let expected = [("config.json", 2), ("onnx/deep/x", 0), ("onnx/model.onnx", 3)];
        assert_eq!(found, expected.map(|(name, bytes)| (name.to_owned(), bytes)));
        assert!(files(&folder.path().join("nowhere")).is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn nothing_outside_of_the_folder_is_listed() {
        use std::os::unix::fs::symlink;
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), "x").unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("own"), "1").unwrap();
        symlink(outside.path().join("secret"), folder.path().join("file")).unwrap();
        symlink(outside.path(), folder.path().join("folder")).unwrap();
        symlink("nowhere", folder.path().join("dangling")).unwrap();
        symlink(".", folder.path().join("loop")).unwrap();
        symlink("own", folder.path().join("alias")).unwrap();
        assert_eq!(files(folder.path()), [("alias".to_owned(), 1), ("own".to_owned(), 1)]);
    }
}
