//! What a selection stands for: its manifests, or those of an earlier run, from that run's folder.

use std::path::{Component, Path, PathBuf};

use crate::cli::{Folders, Selection};
use crate::error::Error;
use crate::plan::Shard;
use crate::record::RecordError;
use crate::record::inputs::{InputToml, RepeatToml, digest};
use crate::record::run_toml::RunToml;

/// What is read, and how.
#[derive(Debug, Clone, Default)]
pub(in crate::commands) struct Chosen {
    /// The manifests.
    pub(in crate::commands) manifests: Vec<PathBuf>,
    /// Terms that a job must match, those of the earlier run included.
    pub(in crate::commands) filter: String,
    /// The user's page templates.
    pub(in crate::commands) templates: Option<PathBuf>,
    /// The user's shaders.
    pub(in crate::commands) shaders: Option<PathBuf>,
    /// The shard that the earlier run was.
    pub(in crate::commands) shard: Option<Shard>,
    /// How the earlier run was made; nothing where there is none.
    pub(in crate::commands) repeat: RepeatToml,
}

/// The folder of the run that a selection repeats, if it does.
fn earlier(selection: &Selection) -> Result<Option<&Path>, Error> {
    if selection.from.is_some() {
        return Ok(selection.from.as_deref());
    }
    let Some(run) = selection.manifests.iter().find_map(|path| of_run(path)) else { return Ok(None) };
    if selection.manifests.len() > 1 {
        return Err(Error::Usage {
            message: format!("{} is a run, which is repeated by itself", run.join("run.toml").display()),
            help: "repeat each run with a command of its own, and run manifests with another".to_owned(),
        });
    }
    Ok(Some(run))
}

/// The folder of a run whose run.toml this is; a manifest may have that name too.
fn of_run(path: &Path) -> Option<&Path> {
    let folder = path.parent().filter(|_| path.file_name().is_some_and(|name| name == "run.toml"))?;
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    RunToml::read(folder).is_ok().then_some(folder)
}

/// What a selection stands for.
pub(in crate::commands) fn chosen(selection: &Selection, folders: &Folders) -> Result<Chosen, Error> {
    let filter = selection.filter.clone().unwrap_or_default();
    let (templates, shaders) = (folders.templates.clone(), folders.shaders.clone());
    let Some(run) = earlier(selection)? else {
        let manifests = selection.manifests.clone();
        return Ok(Chosen { manifests, filter, templates, shaders, ..Chosen::default() });
    };
    let RunToml { repeat, input, manifest_path, gpujobs_version, shard, merged, .. } = RunToml::read(run)?;
    let Some(repeat) = repeat else {
        if merged.is_some() {
            return Err(Error::Usage {
                message: format!(
                    "{} is merged from runs with unlike options, which no single run repeats",
                    run.display()
                ),
                help: "repeat them one by one: its run.toml names their folders".to_owned(),
            });
        }
        return Err(Error::Usage {
            message: format!("{} is of a version of gpujobs that did not keep what a run was made of", run.display()),
            help: format!(
                "run its manifest, which was {manifest_path}; its text is in {}",
                run.join("run.toml").display()
            ),
        });
    };
    if gpujobs_version != env!("CARGO_PKG_VERSION") {
        let own = env!("CARGO_PKG_VERSION");
        anstream::eprintln!("note: {} was made by gpujobs {gpujobs_version}, this is {own}", run.display());
    }
    input.iter().try_for_each(|input| in_place(run, input))?;
    let below = |path: &Option<String>| path.as_ref().map(|path| inside(run, path)).transpose();
    let (own_templates, own_shaders) = (below(&repeat.templates)?, below(&repeat.shaders)?);
    Ok(Chosen {
        manifests: vec![inside(run, &repeat.manifest)?],
        filter: format!("{} {filter}", repeat.filter.as_deref().unwrap_or_default()).trim().to_owned(),
        templates: templates.or(own_templates),
        shaders: shaders.or(own_shaders),
        shard: shard.map(|shard| shard.shard()),
        repeat,
    })
}

/// A path of run.toml, which may be anybody's, below the run's folder.
fn inside(run: &Path, path: &str) -> Result<PathBuf, Error> {
    let is_below = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    let place = run.join(path);
    // A folder on the way may be a link; the last part may be one, which gpujobs made.
    let folder = place.ancestors().skip(1).find_map(|above| above.canonicalize().ok());
    let leads_out = !run.canonicalize().is_ok_and(|run| folder.is_some_and(|folder| folder.starts_with(run)));
    if is_below && !path.is_empty() && !leads_out {
        return Ok(place);
    }
    Err(Error::Usage {
        message: format!("{}: {path:?} leads out of the run's folder", run.join("run.toml").display()),
        help: "repeat runs from folders that `gpujobs run` wrote".to_owned(),
    })
}

/// Sees to it that an input is where the manifest looks for it, and is what it was.
fn in_place(run: &Path, input: &InputToml) -> Result<(), Error> {
    let InputToml { path, place, kept, bytes, sha256 } = input;
    let was = Path::new(path);
    let Some(place) = place else {
        // A model of a store may lie in another store now; what needs it says so where it is missing.
        return if was.exists() { same(was, sha256.as_deref()) } else { Ok(()) };
    };
    let place = inside(run, place)?;
    if place.exists() {
        return if place.is_dir() && !place.is_symlink() { fill(was, &place) } else { same(&place, sha256.as_deref()) };
    }
    let what = bytes.map_or("what".to_owned(), |bytes| format!("the file of {bytes} bytes"));
    let digest = sha256.as_ref().map(|digest| format!(" (SHA-256 {digest})")).unwrap_or_default();
    if *kept || !was.exists() {
        return Err(Error::Usage {
            message: format!("{} is missing, {what} that was {path}{digest}", place.display()),
            help: format!("put it at {}", place.display()),
        });
    }
    same(was, sha256.as_deref())?;
    linked(was, &place)
}

/// Links what a folder holds and its place in the run's folder, which has files of its own, does not.
fn fill(was: &Path, place: &Path) -> Result<(), Error> {
    // Where it is gone, what needs something of it says so.
    let Ok(entries) = std::fs::read_dir(was) else { return Ok(()) };
    for entry in entries.flatten() {
        let place = place.join(entry.file_name());
        if !place.exists() {
            linked(&entry.path(), &place)?;
        }
    }
    Ok(())
}

/// An error where a file is no longer what it was.
fn same(path: &Path, sha256: Option<&str>) -> Result<(), Error> {
    let Some(expected) = sha256 else { return Ok(()) };
    let found = digest(path).map_err(RecordError::io("read", path))?;
    if found == expected {
        return Ok(());
    }
    Err(Error::Usage {
        message: format!("{} has changed since the run: its SHA-256 is {found}, and was {expected}", path.display()),
        help: "bring it back, or run the manifest in the run's folder `inputs` with what is there now".to_owned(),
    })
}

/// Has a place in the run's folder stand for what lies elsewhere, and says so: where it is named relative to a folder, that is the
/// one in which gpujobs runs now.
fn linked(was: &Path, place: &Path) -> Result<(), Error> {
    let link = was.canonicalize().and_then(|was| {
        anstream::eprintln!("note: {} is taken for {}", was.display(), place.display());
        link(&was, place)
    });
    Ok(link.map_err(RecordError::io("link to what the run was made of at", place))?)
}

fn link(was: &Path, place: &Path) -> std::io::Result<()> {
    if let Some(folder) = place.parent() {
        std::fs::create_dir_all(folder)?;
    }
    // One that led to where nothing is any more.
    if place.is_symlink() {
        std::fs::remove_file(place)?;
    }
    #[cfg(unix)]
    return std::os::unix::fs::symlink(was, place);
    #[cfg(windows)]
    return if was.is_dir() {
        std::os::windows::fs::symlink_dir(was, place)
    } else {
        // Links are for administrators and developers there.
        std::os::windows::fs::symlink_file(was, place).or_else(|_| std::fs::copy(was, place).map(|_| ()))
    };
}
