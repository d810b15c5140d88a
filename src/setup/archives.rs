//! Archives are files of npm and `PyPI` that hold a browser or its driver: downloaded by npm and pip, checked against the
//! SHA-256 that gpujobs knows, and unpacked into gpujobs' own folder.
//!
//! Used by `install`; `webdriver::discover` looks into the same folder.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use miette::Diagnostic;
use tempfile::NamedTempFile;
use thiserror::Error;

use super::packages::{self, InstallCommand};
use crate::registry::Registry;
use crate::store::checksum::Checksum;
use crate::webdriver::products::{Archive, ArchiveKind, PackageSource, Product};

/// Below the user's folder of data; another version gets another folder. The places in `webdriver::products` are in it.
const FOLDER: &str = "gpujobs/webnn/153.0.0";

/// The buffer between Brotli's two sides, in bytes.
const BUFFER: usize = 1 << 16;

/// Why an archive could not be unpacked.
#[derive(Debug, Error, Diagnostic)]
pub enum ArchiveError {
    /// It is another file than the one that gpujobs knows.
    #[error("{} is not the file that gpujobs knows: it is {found}, not {expected}", path.display())]
    #[diagnostic(help(
        "remove it and run the command again; where it stays so, the registry gives another file than its own"
    ))]
    OtherFile {
        /// The file.
        path: PathBuf,
        /// Its digest.
        found: Checksum,
        /// That of the right one.
        expected: Checksum,
    },
    /// A file could not be read or written.
    #[error("unpacking {} failed", path.display())]
    #[diagnostic(help("is there room in its folder, and may it be written to?"))]
    Io {
        /// The archive.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// The registries that a product's programs come from, each once.
pub fn registries(product: &Product) -> impl Iterator<Item = Registry> {
    let sources = product.packages.iter().take(1).flat_map(|package| package.browser.iter().chain(package.driver));
    sources
        .filter_map(|source| if let PackageSource::Archive(archive) = source { Some(archive.registry) } else { None })
}

/// The folder into which programs are unpacked.
#[must_use]
pub fn home() -> PathBuf {
    dirs::data_local_dir().unwrap_or_default().join(FOLDER)
}

/// What downloads an archive into a folder.
#[must_use]
pub fn download(archive: &Archive, folder: &Path) -> InstallCommand {
    packages::download(archive.registry, archive.package, archive.version, folder)
}

/// Unpacks what [`download`] has put into a folder, and removes it.
pub fn unpack(archive: &Archive, folder: &Path) -> Result<(), ArchiveError> {
    let path = folder.join(file_name(archive));
    let failed = |source: io::Error| ArchiveError::Io { path: path.clone(), source };
    let expected = Checksum::Sha256(archive.sha256.to_owned());
    let found = expected.of_file(&path).map_err(failed)?;
    if found != expected {
        return Err(ArchiveError::OtherFile { path, found, expected });
    }
    match archive.registry {
        Registry::Npm => unpack_tgz(archive, &path, folder),
        Registry::PyPi => unpack_wheel(archive, &path, folder),
    }
    .map_err(failed)?;
    fs::remove_file(&path).map_err(failed)
}

/// The file's name, as npm and pip give it.
fn file_name(archive: &Archive) -> String {
    let Archive { package, version, .. } = archive;
    match archive.registry {
        Registry::Npm => format!("{}-{version}.tgz", package.trim_start_matches('@').replace('/', "-")),
        Registry::PyPi => format!("{}-{version}-py3-none-any.whl", package.replace('-', "_")),
    }
}

fn unpack_tgz(archive: &Archive, path: &Path, folder: &Path) -> io::Result<()> {
    let mut programs = Vec::new();
    let mut entries = tar::Archive::new(flate2::read::GzDecoder::new(File::open(path)?));
    for entry in entries.entries()? {
        let entry = entry?;
        let name = entry.path()?.into_owned();
        if let Some((_, kind)) = archive.members.iter().find(|(member, _)| Path::new(member) == name) {
            programs.extend(put(entry, *kind, folder)?);
        }
    }
    keep(programs)
}

fn unpack_wheel(archive: &Archive, path: &Path, folder: &Path) -> io::Result<()> {
    let mut wheel = zip::ZipArchive::new(File::open(path)?)?;
    let mut programs = Vec::new();
    for (member, kind) in archive.members {
        programs.extend(put(wheel.by_name(member)?, *kind, folder)?);
    }
    keep(programs)
}

/// A program that is written and has not its name yet.
type Unnamed = (NamedTempFile, PathBuf);

/// Writes a member into the folder; a program gets its name later.
fn put(member: impl Read, kind: ArchiveKind, folder: &Path) -> io::Result<Option<Unnamed>> {
    match kind {
        ArchiveKind::Plain(name) => program(member, folder, name).map(Some),
        ArchiveKind::Brotli(name) => {
            program(brotli_decompressor::Decompressor::new(member, BUFFER), folder, name).map(Some)
        }
        ArchiveKind::BrotliTar => {
            tar::Archive::new(brotli_decompressor::Decompressor::new(member, BUFFER)).unpack(folder)?;
            Ok(None)
        }
    }
}

fn program(mut content: impl Read, folder: &Path, name: &str) -> io::Result<Unnamed> {
    let mut file = NamedTempFile::new_in(folder)?;
    io::copy(&mut content, &mut file)?;
    #[cfg(unix)]
    file.as_file().set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    Ok((file, folder.join(name)))
}

/// Gives programs their names, after all that they need is there: a program that is found counts as installed.
fn keep(programs: Vec<Unnamed>) -> io::Result<()> {
    if programs.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "it holds no program"));
    }
    programs.into_iter().try_for_each(|(file, path)| Ok(file.persist(path).map(drop)?))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use strum::IntoEnumIterator;

    use super::*;
    use crate::webdriver::BrowserKind;

    /// An archive of Python with a program in it.
    fn wheel(folder: &Path) -> PathBuf {
        let path = folder.join("some_driver-1.0-py3-none-any.whl");
        let mut zip = zip::ZipWriter::new(File::create(&path).unwrap());
        zip.start_file("some_driver/program", zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(b"#!/bin/sh\n").unwrap();
        zip.finish().unwrap();
        path
    }

    #[test]
    fn what_is_unpacked_is_looked_for_where_it_lies() {
        for kind in BrowserKind::iter().filter(|kind| registries(kind.product()).next().is_some()) {
            let product = kind.product();
            let programs = product.browser.iter().chain([&product.driver]);
            let places: Vec<&str> = programs.flat_map(|program| program.data).copied().collect();
            assert!(places.len() == 2 && places.iter().all(|place| place.starts_with(FOLDER)), "{kind}: {places:?}");
        }
    }

    #[test]
    fn only_the_file_that_is_known_is_unpacked() {
        let folder = tempfile::tempdir().unwrap();
        let path = wheel(folder.path());
        let archive = |sha256: &'static str| Archive {
            registry: Registry::PyPi,
            package: "some-driver",
            version: "1.0",
            sha256,
            members: &[("some_driver/program", ArchiveKind::Plain("driver"))],
        };
        let error = unpack(&archive("00"), folder.path()).unwrap_err();
        let ArchiveError::OtherFile { found, .. } = &error else { panic!("{error}") };
        assert!(!folder.path().join("driver").exists());
        unpack(&archive(found.digits().to_owned().leak()), folder.path()).unwrap();
        assert!(crate::webdriver::discover::is_program(&folder.path().join("driver")));
        assert!(!path.exists(), "the archive is not kept");
    }
}
