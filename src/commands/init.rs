//! `gpujobs init`: a commented manifest to start from.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use miette::Diagnostic;

use crate::manifest::axes::is_name;

/// The manifest that is written; a test keeps it loadable.
pub const STARTER: &str = include_str!("init.toml");

/// Why no manifest was written.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum InitError {
    /// The name can't be that of a file.
    #[error("{0:?} can't name a manifest")]
    #[diagnostic(help("use letters, digits, `-`, `_` and `.`, for instance `gpujobs init audio`"))]
    Name(String),
    /// There is such a file, which is left alone.
    #[error("there is a {} already", .0.display())]
    #[diagnostic(help("give another name, for instance `gpujobs init second`"))]
    Exists(PathBuf),
    /// The file can't be written.
    #[error("{} can't be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Writes `NAME.toml` (by default `gpujobs.toml`) into `folder`, and never over a file; returns its path.
pub fn run(folder: &Path, name: Option<&str>) -> Result<PathBuf, InitError> {
    let name = name.unwrap_or("gpujobs");
    let stem = name.strip_suffix(".toml").unwrap_or(name);
    if !is_name(stem) {
        return Err(InitError::Name(name.to_owned()));
    }
    let path = folder.join(format!("{stem}.toml"));
    let text = STARTER.replacen("name = \"gpujobs\"", &format!("name = \"{stem}\""), 1);
    let write = || OpenOptions::new().write(true).create_new(true).open(&path)?.write_all(text.as_bytes());
    match write() {
        Ok(()) => Ok(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(InitError::Exists(path)),
        Err(source) => Err(InitError::Write { path, source }),
    }
}
