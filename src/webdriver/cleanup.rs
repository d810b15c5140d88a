//! The watchdog's own side: what `gpujobs watchdog` does until gpujobs has ended, and then.

use std::io::BufRead;

use indexmap::IndexSet;

use super::note::Note;
use super::{folder, process};

/// Remembers what `notes` say until they end, then ends each process group and removes each folder that is left.
pub fn serve(notes: impl BufRead) {
    let mut groups = IndexSet::new();
    let mut folders = IndexSet::new();
    for note in notes.lines().map_while(Result::ok).filter_map(|line| Note::parse(&line)) {
        match note {
            Note::Group(group) => drop(groups.insert(group)),
            Note::Folder(path) => drop(folders.insert(path)),
            Note::ForgetGroup(group) => drop(groups.swap_remove(&group)),
            Note::ForgetFolder(path) => drop(folders.swap_remove(&path)),
        }
    }
    groups.into_iter().for_each(process::end);
    for path in folders.iter().filter(|path| folder::is_ours(path)) {
        folder::remove(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forgotten_is_kept_and_the_rest_is_removed() {
        let kept = folder::test_folder();
        let removed = folder::test_folder();
        let foreign = tempfile::Builder::new().prefix("elsewhere-").tempdir().unwrap();
        let notes = format!(
            "folder {0}\nfolder {1}\nfolder {2}\nforget-folder {0}\n",
            kept.path().display(),
            removed.path().display(),
            foreign.path().display()
        );
        serve(notes.as_bytes());
        assert!(kept.path().exists());
        assert!(!removed.path().exists());
        assert!(foreign.path().exists(), "only folders with gpujobs' own prefix are ever removed");
    }
}
