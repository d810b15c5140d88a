//! A record says where a model came from: `gpujobs-model.toml` in its folder.
//!
//! Written by `fetch` beside the files; read to know which commit was measured.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::ModelId;
use super::checksum::Checksum;
use super::listing::Remote;
use crate::registry::Package;

/// The name of the file.
pub const RECORD: &str = "gpujobs-model.toml";

/// Where a model came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The model.
    pub id: String,
    /// The hub.
    pub endpoint: String,
    /// What was asked for.
    pub revision: String,
    /// What that was then; empty where the hub did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The files that came from the hub, sorted.
    #[serde(default, rename = "file")]
    pub files: Vec<RecordedFile>,
}

/// A file that came from the hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedFile {
    /// Its place in the folder.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// Its checksum, if it is one of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Its checksum, if it is one of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git_blob: Option<String>,
}

impl Record {
    /// Of these files.
    pub fn new<'f>(
        id: &ModelId,
        endpoint: &str,
        revision: &str,
        commit: Option<String>,
        files: impl Iterator<Item = &'f Remote>,
    ) -> Self {
        let recorded = |file: &Remote| {
            let digits = file.checksum.digits().to_owned();
            let (sha256, git_blob) = match file.checksum {
                Checksum::Sha256(_) => (Some(digits), None),
                Checksum::GitBlob(_) => (None, Some(digits)),
            };
            RecordedFile { path: file.path.clone(), bytes: file.bytes, sha256, git_blob }
        };
        let (id, endpoint, revision) = (id.to_string(), endpoint.to_owned(), revision.to_owned());
        Self { id, endpoint, revision, commit, files: files.map(recorded).collect() }
    }

    /// The record in a model's folder; none where the files were put there by hand.
    #[must_use]
    pub fn read(folder: &Path) -> Option<Self> {
        toml::from_str(&std::fs::read_to_string(folder.join(RECORD)).ok()?).ok()
    }

    /// The record of a registry's package.
    pub fn of_package<'f>(package: &Package, files: impl Iterator<Item = &'f Remote>) -> Self {
        let endpoint = format!("{}:{}", package.registry, package.name);
        Self::new(&ModelId::of_package(package), &endpoint, &package.version, None, files)
    }

    /// Whether it is the record of this package at this version.
    #[must_use]
    pub fn is_of(&self, package: &Package) -> bool {
        self.endpoint == format!("{}:{}", package.registry, package.name) && self.revision == package.version
    }

    /// Writes it into a folder.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let text = toml::to_string(self).map_err(io::Error::other)?;
        std::fs::write(folder.join(RECORD), text)
    }
}
