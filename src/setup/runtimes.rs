//! Other versions of the libraries, as `[runtime.NAME]` names them, and the packages of modules: npm installs each set of them into a folder of its own,
//! with a lock.
//!
//! Used by `gpujobs setup MANIFEST` and `gpujobs run --setup`; never by anything that measures.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::SetupError;
use super::install::run;
use super::packages::InstallCommand;
use crate::manifest::model::Module;
use crate::manifest::runtime::Runtime;
use crate::serve::{Lacking, home_of, lacking, versions_of};
use crate::store::packages::{self, Packages};

/// Installs what these runtimes lack, or with `dry_run` only shows how. A folder of the user's is the user's to fill.
pub fn install_runtimes<'a>(
    runtimes: impl Iterator<Item = &'a Runtime>,
    dry_run: bool,
    out: &mut dyn Write,
) -> Result<(), SetupError> {
    let mut seen: Vec<&Runtime> = Vec::new();
    for runtime in runtimes {
        let versions = versions_of(runtime);
        if versions.is_empty()
            || seen.contains(&runtime)
            || !lacking(runtime).is_some_and(|lacking| lacking.installable)
        {
            continue;
        }
        seen.push(runtime);
        let lacks = || lacking(runtime).map(|Lacking { reason, .. }| reason);
        install_set(&home_of(&versions), &versions, lacks, dry_run, out)?;
    }
    Ok(())
}

/// Installs the packages that these modules lack, in the same way.
pub fn install_packages<'a>(
    modules: impl Iterator<Item = &'a Module>,
    dry_run: bool,
    out: &mut dyn Write,
) -> Result<(), SetupError> {
    let mut seen: Vec<PathBuf> = Vec::new();
    for module in modules {
        let Some(home) = packages::home_of(module).filter(|home| !seen.contains(home)) else { continue };
        if !Packages::of(module).is_err_and(|lacks| lacks.installable) {
            continue;
        }
        let lacks = || Packages::of(module).err().map(|lacks| lacks.message);
        install_set(&home, &packages::versions_of(module), lacks, dry_run, out)?;
        seen.push(home);
    }
    Ok(())
}

/// Has npm install packages into a folder; `lacks` says what is missing then.
fn install_set(
    home: &Path,
    versions: &[(&str, &str)],
    lacks: impl Fn() -> Option<String>,
    dry_run: bool,
    out: &mut dyn Write,
) -> Result<(), SetupError> {
    let names: Vec<String> = versions.iter().map(|(package, version)| format!("{package} {version}")).collect();
    writeln!(out, "missing: {}", names.join(" and "))?;
    let command = command(home);
    writeln!(out, "+ {command}")?;
    out.flush()?;
    if dry_run {
        return Ok(());
    }
    fs::create_dir_all(home)?;
    fs::write(home.join("package.json"), package(versions))?;
    run(&command, out)?;
    if let Some(reason) = lacks() {
        return Err(SetupError::StillMissing { parts: vec![reason], by_hand: Vec::new() });
    }
    writeln!(out, "installed: {}", names.join(" and "))?;
    Ok(())
}

/// What npm goes by: exactly these versions.
fn package(versions: &[(&str, &str)]) -> String {
    let dependencies: serde_json::Map<_, _> =
        versions.iter().map(|(package, version)| ((*package).to_owned(), json!(version))).collect();
    format!("{:#}\n", json!({ "name": "gpujobs-runtime", "private": true, "dependencies": dependencies }))
}

/// By the lock where there is one; the first time npm writes it. Without the packages' own scripts, as for the default.
fn command(home: &Path) -> InstallCommand {
    let action = if home.join("package-lock.json").is_file() { "ci" } else { "install" };
    let folder = home.display().to_string();
    let words = ["npm", action, "--prefix", &folder, "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund"];
    InstallCommand(words.map(str::to_owned).to_vec())
}
