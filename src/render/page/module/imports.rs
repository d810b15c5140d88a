//! The program of a user's module: its file, what it imports and names of its folder, and what pages may load of that.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::scan::scan;
use crate::graph::GraphError;
use crate::manifest::model::{Module, is_plain_path};
use crate::manifest::problem::{listed, nearest, with_near};
use crate::manifest::{ManifestError, Model, Problem};
use crate::render::page::PageError;
use crate::render::page::remembered::unreadable;
use crate::user_file;

/// The folder of the program, and its name there.
pub(super) fn program(model: &Model, module: &Module) -> Result<(PathBuf, String), PageError> {
    let path = model.path.parent().unwrap_or(Path::new("")).join(module.file.get_ref());
    let fail = |message: String, label: &str, help: &str| {
        let problem = Problem::at(module.file.span(), message, label.to_owned()).help(help.to_owned());
        Err(GraphError::of_model(model, problem).into())
    };
    if let Err(error) = user_file::regular(&path) {
        let message = format!("{} can't be read: {error}", path.display());
        return fail(message, "no such file", "the path of an ES module, relative to this file");
    }
    let folder = path.parent().unwrap_or(Path::new("")).join("");
    let leads_out = |folder: &Path| !path.canonicalize().is_ok_and(|path| path.starts_with(folder));
    if folder.canonicalize().map_or(true, |folder| leads_out(&folder)) {
        let message = format!("{} is a link that leads out of its folder", path.display());
        return fail(message, "a link", "put the file itself there: pages load nothing from outside the folder");
    }
    Ok((folder, path.file_name().unwrap_or_default().to_string_lossy().into_owned()))
}

/// A file in the folder of a program that its pages may load; `None` for what is not there, and for what a link leads out to.
#[must_use]
pub fn beside(folder: &Path, path: &str) -> Option<PathBuf> {
    if !is_plain_path(path) {
        return None;
    }
    let file = folder.join(path).canonicalize().ok()?;
    (file.is_file() && file.starts_with(folder.canonicalize().ok()?)).then_some(file)
}

/// The program and what it names of its folder, and so on; an import that leads nowhere is an error at its place.
pub(super) fn closure(
    model: &Model,
    module: &Module,
    folder: &Path,
    name: &str,
) -> Result<BTreeMap<String, PathBuf>, PageError> {
    let mut found = BTreeMap::new();
    let mut open = vec![name.to_owned()];
    while let Some(path) = open.pop() {
        let place = folder.join(&path);
        if found.insert(path.clone(), place.clone()).is_some() || !is_script(&path) {
            continue;
        }
        let bytes = user_file::read(&place).map_err(unreadable(&place))?;
        // The browser says what it makes of a text that is none.
        let Ok(text) = String::from_utf8(bytes) else { continue };
        let scanned = scan(&text);
        let problems: Vec<Problem> = scanned
            .imports
            .iter()
            .filter_map(|(name, span)| Some(leads_nowhere(module, folder, &path, name)?.at(span.clone())))
            .collect();
        if !problems.is_empty() {
            let message = format!("model `{}`: {}: {}", model.name, place.display(), problems[0]);
            let file = Box::new(ManifestError::new(&place, &text, problems));
            return Err(GraphError::Faulty { message, file }.into());
        }
        let named = scanned.texts.iter().filter_map(|text| inside(&path, text));
        open.extend(named.filter(|path| beside(folder, path).is_some()));
    }
    Ok(found)
}

fn is_script(path: &str) -> bool {
    matches!(Path::new(path).extension().and_then(|end| end.to_str()), Some("js" | "mjs"))
}

/// The path below the program's folder that a relative one stands for in one of its files; `None` where it leads out.
fn inside(from: &str, relative: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in relative.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    let path = parts.join("/");
    is_plain_path(&path).then_some(path)
}

/// Why an import leads nowhere.
struct Nowhere {
    message: String,
    label: String,
    help: String,
}

impl Nowhere {
    fn at(self, span: std::ops::Range<usize>) -> Problem {
        Problem::at(span, self.message, self.label).help(self.help)
    }
}

fn leads_nowhere(module: &Module, folder: &Path, from: &str, name: &str) -> Option<Nowhere> {
    if name.starts_with("./") || name.starts_with("../") {
        let (label, help) = match inside(from, name) {
            Some(path) if beside(folder, &path).is_some() => return None,
            Some(path) if folder.join(&path).exists() => {
                ("a link that leads out", "put the file itself there".to_owned())
            }
            Some(path) => ("not there", format!("{} would be it", folder.join(path).display())),
            None => ("outside", format!("pages load what lies in {}, and nothing else", folder.display())),
        };
        return Some(Nowhere {
            message: format!("the import of {name:?} leads nowhere"),
            label: label.to_owned(),
            help,
        });
    }
    // The browser has its own mind of addresses; no page gets anything from elsewhere.
    let package = || {
        let parts = if name.starts_with('@') { 2 } else { 1 };
        name.split('/').take(parts).collect::<Vec<_>>().join("/")
    };
    if name.contains(':') || name.starts_with('/') {
        return Some(Nowhere {
            message: format!("the import of {name:?} leads out of the page's server"),
            label: "an address".to_owned(),
            help: "name the package in `libraries` of the model's file, and import it by its name".to_owned(),
        });
    }
    let known: Vec<&str> = module.libraries.keys().map(|name| name.get_ref().as_str()).collect();
    let package = package();
    if known.contains(&package.as_str()) {
        return None;
    }
    let near = nearest(&package, known.iter().copied());
    let has = if known.is_empty() { "none yet".to_owned() } else { listed(&known) };
    let help = format!(
        "`libraries` of the model's file says where packages are from, and has {has}: add {package:?} = \"VERSION\" there, \
         and `gpujobs setup MANIFEST` installs it"
    );
    Some(Nowhere {
        message: format!("the import of {name:?} is of no library of the model"),
        label: "not known".to_owned(),
        help: with_near(near, &help),
    })
}
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_stays_in_the_folder() {
        assert_eq!(inside("a/b.js", "./c.js").as_deref(), Some("a/c.js"));
        assert_eq!(inside("a/b.js", "../c.js").as_deref(), Some("c.js"));
        for out in ["../../c.js", "../../../c.js", ".c.js", "./.git/x.js", "a//b.js", "", "%2e%2e/c.js"] {
            assert_eq!(inside("a/b.js", out), None, "{out}");
        }
    }
}
