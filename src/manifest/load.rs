//! From a path to a checked [`Manifest`], and the errors of every file on the way.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::Path;

use miette::Diagnostic;

use super::problem::{ManifestError, Problem, listed, nearest};
use super::read::read;
use super::schema::{ManifestFile, tables_with};
use super::{Manifest, check, edit, library};
use crate::user_file;

/// The faulty files of one manifest: itself, and the model files that it names.
#[derive(Debug)]
pub struct ManifestErrors(pub Vec<ManifestError>);

impl std::error::Error for ManifestErrors {}

impl fmt::Display for ManifestErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&files.join("; "))
    }
}

impl Diagnostic for ManifestErrors {
    /// Every problem of every file; each says in which file it is.
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.0.iter().flat_map(|file| &file.problems).map(|problem| problem as &dyn Diagnostic)))
    }
}

impl From<ManifestError> for ManifestErrors {
    fn from(error: ManifestError) -> Self {
        Self(vec![error])
    }
}

impl Manifest {
    /// Reads and checks the manifest at `path` with each of `sets` (`measure.samples=20`) applied to it.
    pub fn load(path: &Path, sets: &[String]) -> Result<Self, ManifestErrors> {
        let bytes = user_file::read(path).map_err(|error| unreadable(path, &error))?;
        let text = String::from_utf8(bytes).map_err(|error| not_text(path, &error))?;
        Self::parse(path, text, sets)
    }

    /// Checks a manifest's text as if it stood at `path`.
    pub fn parse(path: &Path, text: String, sets: &[String]) -> Result<Self, ManifestErrors> {
        // Some editors open a file with a byte-order mark; TOML has no meaning for it, and spans would be off by it.
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        let source = edit::edited(text, sets).map_err(ManifestErrors)?;
        let (file, mut problems) = read::<ManifestFile>(&source);
        for problem in &mut problems {
            name_its_table(problem, &source);
        }
        check::check(path, &source, &file, problems).map_err(|(problems, models)| {
            let shown = path.display().to_string();
            let shown = if sets.is_empty() { shown } else { format!("{shown} with --set") };
            let own = (!problems.is_empty()).then(|| ManifestError::shown_as(path, shown, &source, problems));
            ManifestErrors(own.into_iter().chain(models).collect())
        })
    }
}

/// A key that another table has is most likely under the wrong header.
fn name_its_table(problem: &mut Problem, source: &str) {
    let key = problem.span.clone().and_then(|span| source.get(span)).unwrap_or_default();
    if problem.message != format!("unknown key `{key}`") {
        return;
    }
    let tables = tables_with(key);
    if !tables.is_empty() {
        problem.help = Some(format!("`{key}` is a key of {}", tables.join(" and ")));
    }
}

fn unreadable(path: &Path, error: &io::Error) -> ManifestError {
    let shown = path.display();
    let folder = if path.is_dir() { path } else { path.parent().unwrap_or(Path::new("")) };
    let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let files: Vec<String> = library::toml_files(here)
        .iter()
        .filter_map(|file| Some(folder.join(file.file_name()?).display().to_string()))
        .take(20)
        .collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let message = match error.kind() {
        _ if path.is_dir() => format!("{shown} is a folder, not a manifest"),
        io::ErrorKind::NotFound => format!("there is no file {shown}"),
        _ => format!("{shown} can't be read: {error}"),
    };
    let near: Cow<'_, str> = match nearest(&shown.to_string(), files.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?").into(),
        None if files.is_empty() => "`gpujobs init` writes a manifest to start from".into(),
        None => format!("the TOML files there are {}", listed(&files)).into(),
    };
    ManifestError::new(path, "", vec![Problem::whole(message).help(near)])
}

/// Shows the line with the offending bytes replaced.
fn not_text(path: &Path, error: &std::string::FromUtf8Error) -> ManifestError {
    let at = error.utf8_error().valid_up_to();
    let byte = error.as_bytes().get(at).copied().unwrap_or_default();
    let text = String::from_utf8_lossy(error.as_bytes());
    let problem = Problem::at(
        at..at + '\u{fffd}'.len_utf8(),
        "the file is not UTF-8 text",
        format!("the byte 0x{byte:02x} is not UTF-8"),
    );
    ManifestError::new(path, &text, vec![problem.help("save it as UTF-8 in the editor")])
}
