//! Packages of npm's that a user's module imports: where they lie, which of their files their names stand for, and the import
//! map of a page that loads them.
//!
//! Made by `render` for each page, asked by `serve` for files, and by `commands` for what `gpujobs setup` has to install.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::manifest::model::{Library, LibrarySource, Module, is_plain_path};

/// Names the folder in which `gpujobs setup MANIFEST` installs packages, instead of the one in the user's data folder.
pub const FOLDER_VARIABLE: &str = "GPUJOBS_RUNTIMES";

/// Longer names of folders are cut, and told apart by a digest.
const LONGEST_NAME: usize = 120;

/// The folder below which each set of packages has a folder of its own.
#[must_use]
pub fn folder() -> PathBuf {
    let named = std::env::var_os(FOLDER_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    named.unwrap_or_else(|| dirs::data_local_dir().unwrap_or_default().join("gpujobs").join("runtimes"))
}

/// The folder into which a module's packages are installed, whose `node_modules` has them then; `None` where it names none by
/// a version.
#[must_use]
pub fn home_of(module: &Module) -> Option<PathBuf> {
    let versions = versions_of(module);
    if versions.is_empty() {
        return None;
    }
    let one = |(name, version): &(&str, &str)| format!("{}-{version}", name.replace('/', "_"));
    let mut name = format!("module-{}", versions.iter().map(one).collect::<Vec<_>>().join("+"));
    if name.len() > LONGEST_NAME {
        let digest = Sha256::digest(name.as_bytes());
        name.truncate(LONGEST_NAME - 16);
        name.extend(digest.iter().take(8).map(|byte| format!("{byte:02x}")));
    }
    Some(folder().join(name))
}

/// The packages that a module names by their versions, sorted.
#[must_use]
pub fn versions_of(module: &Module) -> Vec<(&str, &str)> {
    let versions = module.libraries.iter().filter_map(|(name, library)| match &library.source {
        LibrarySource::Version(version) => Some((name.get_ref().as_str(), version.as_str())),
        LibrarySource::Folder(_) => None,
    });
    let mut versions: Vec<(&str, &str)> = versions.collect();
    versions.sort_unstable();
    versions
}

/// Why a module's packages can't be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoPackage {
    /// The package.
    pub name: String,
    /// What is missing, and where it was looked for.
    pub message: String,
    /// Whether npm can bring it.
    pub installable: bool,
}

/// The packages of a module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packages {
    /// Folders that pages may load from, by their numbers.
    pub roots: Vec<PathBuf>,
    found: Vec<Package>,
}

/// A package that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Package {
    name: String,
    root: usize,
    /// Below the root; empty for the root itself, else with a slash at its end.
    folder: String,
    version: String,
    /// Whether the module names it; the others are what these need.
    is_named: bool,
    /// Its files by what follows its name in an import: `""` for the name alone.
    files: IndexMap<String, String>,
}

impl Packages {
    /// Of a module: those that it names, and all that lie beside them for their sake.
    pub fn of(module: &Module) -> Result<Self, NoPackage> {
        let mut packages = Self::default();
        let installed = home_of(module).map(|home| home.join("node_modules"));
        for (name, library) in &module.libraries {
            packages.add(name.get_ref(), library, installed.as_deref())?;
        }
        for root in 0..packages.roots.len() {
            packages.add_others(root);
        }
        Ok(packages)
    }

    fn add(&mut self, name: &str, library: &Library, installed: Option<&Path>) -> Result<(), NoPackage> {
        let lacks = |message: String, installable: bool| NoPackage { name: name.to_owned(), message, installable };
        let (root, folder) = match &library.source {
            LibrarySource::Version(version) => {
                let root = installed.unwrap_or(Path::new(""));
                if version_of(&root.join(name)).as_deref() != Some(version) {
                    return Err(lacks(
                        format!("{name} {version} is not installed; looked in {}", root.display()),
                        true,
                    ));
                }
                (root.to_path_buf(), format!("{name}/"))
            }
            LibrarySource::Folder(folder) => {
                let below = folder.join("node_modules");
                if description(folder).is_some_and(|text| text["name"] == name) {
                    self.root(&below);
                    (folder.clone(), String::new())
                } else if folder.join(name).join("package.json").is_file() {
                    (folder.clone(), format!("{name}/"))
                } else if below.join(name).join("package.json").is_file() {
                    (below, format!("{name}/"))
                } else {
                    let shown = folder.display();
                    return Err(lacks(format!("{shown} is not the package {name}, and has none of that name"), false));
                }
            }
        };
        let root = self.root(&root);
        let mut package = self.read(name, root, folder, true);
        if let Some(entry) = &library.entry {
            if !self.roots[root].join(&package.folder).join(entry).is_file() {
                return Err(lacks(format!("{name} {} has no file {entry}", package.version), false));
            }
            package.files.insert(String::new(), entry.clone());
        }
        self.found.push(package);
        Ok(())
    }

    /// The number of a folder.
    fn root(&mut self, folder: &Path) -> usize {
        let known = self.roots.iter().position(|root| root == folder);
        known.unwrap_or_else(|| {
            self.roots.push(folder.to_path_buf());
            self.roots.len() - 1
        })
    }

    /// Adds what the packages of a `node_modules` say that they need, and what these need, as far as it lies there.
    fn add_others(&mut self, root: usize) {
        let folder = self.roots[root].clone();
        let mut open: Vec<PathBuf> =
            self.found.iter().map(|package| self.roots[package.root].join(&package.folder)).collect();
        while let Some(text) = open.pop().map(|place| description(&place).unwrap_or_default()) {
            for key in ["dependencies", "peerDependencies"] {
                for name in text[key].as_object().into_iter().flat_map(Map::keys) {
                    let place = folder.join(name);
                    let is_known = self.found.iter().any(|package| package.name == *name);
                    if is_known || !is_plain_path(name) || !place.join("package.json").is_file() {
                        continue;
                    }
                    let package = self.read(name, root, format!("{name}/"), false);
                    self.found.push(package);
                    open.push(place);
                }
            }
        }
    }

    fn read(&self, name: &str, root: usize, folder: String, is_named: bool) -> Package {
        let place = self.roots[root].join(&folder);
        let text = description(&place).unwrap_or_default();
        let mut files = entries(&text);
        files.retain(|_, file| is_plain_path(file) && place.join(file).is_file());
        let version = text["version"].as_str().unwrap_or_default().to_owned();
        Package { name: name.to_owned(), root, folder, version, is_named, files }
    }

    /// The packages that the module names, each with its version, for people.
    #[must_use]
    pub fn versions(&self) -> Vec<String> {
        let named = self.found.iter().filter(|package| package.is_named);
        named.map(|package| format!("{} {}", package.name, package.version).trim_end().to_owned()).collect()
    }

    /// The addresses of their folders, below `base`, by the names of the packages that the module names.
    #[must_use]
    pub fn folders(&self, base: &str) -> IndexMap<String, String> {
        let named = self.found.iter().filter(|package| package.is_named);
        named.map(|package| (package.name.clone(), address(base, package))).collect()
    }

    /// Adds the names of all packages to an import map, with addresses below `base`.
    pub fn add_to(&self, map: &mut Value, base: &str) {
        let mut scopes = Map::new();
        for package in &self.found {
            insert(&mut map["imports"], package, &address(base, package));
            let inside = self.roots[package.root].join(&package.folder).join("node_modules");
            let mut own = json!({});
            for name in names_in(&inside) {
                let folder = format!("{}node_modules/{name}/", package.folder);
                let nested = self.read(&name, package.root, folder, false);
                insert(&mut own, &nested, &address(base, &nested));
            }
            if own.as_object().is_some_and(|own| !own.is_empty()) {
                scopes.insert(address(base, package), own);
            }
        }
        if !scopes.is_empty() {
            map["scopes"] = Value::Object(scopes);
        }
    }
}

impl Packages {
    /// Every file of the packages that a page may load, with the number of its root and its path below that.
    #[must_use]
    pub fn files(&self) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        for package in &self.found {
            let root = &self.roots[package.root];
            let mut open = vec![package.folder.trim_end_matches('/').to_owned()];
            while let Some(folder) = open.pop() {
                for entry in std::fs::read_dir(root.join(&folder)).into_iter().flatten().flatten() {
                    let name = entry.file_name().to_string_lossy().into_owned();
                    let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
                    let is_needed = ["js", "mjs", "json", "wasm"].iter().any(|end| path.ends_with(&format!(".{end}")));
                    if !is_plain_path(&path) {
                    } else if entry.path().is_dir() {
                        open.push(path);
                    } else if is_needed {
                        found.push((package.root, path));
                    }
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// Where a page finds a package.
fn address(base: &str, package: &Package) -> String {
    format!("{base}{}/{}", package.root, package.folder)
}

fn insert(imports: &mut Value, package: &Package, address: &str) {
    for (below, file) in &package.files {
        imports[format!("{}{below}", package.name)] = format!("{address}{file}").into();
    }
    imports[format!("{}/", package.name)] = address.into();
}

/// The file that a page asks for by a root's number and a path below it: of the root itself, or of a package that a link in it
/// leads to, and of nothing else.
#[must_use]
pub fn file(roots: &[PathBuf], root: &str, path: &str) -> Option<PathBuf> {
    let root = roots.get(root.parse::<usize>().ok()?)?;
    if !is_plain_path(path) {
        return None;
    }
    let file = root.join(path).canonicalize().ok()?;
    let lies_in = |folder: &Path| folder.canonicalize().is_ok_and(|folder| file.starts_with(folder));
    // Tools that share packages between projects put links into a `node_modules`.
    let shares = root.file_name().is_some_and(|name| name == "node_modules");
    let package: PathBuf = path.split('/').take(if path.starts_with('@') { 2 } else { 1 }).collect();
    (file.is_file() && (lies_in(root) || (shares && lies_in(&root.join(package))))).then_some(file)
}

/// The names of the packages in a `node_modules`, sorted.
fn names_in(folder: &Path) -> BTreeSet<String> {
    let names = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect::<Vec<_>>()
    };
    let mut found = BTreeSet::new();
    for name in names(folder) {
        if name.starts_with('@') {
            found.extend(names(&folder.join(&name)).into_iter().map(|below| format!("{name}/{below}")));
        } else {
            found.insert(name);
        }
    }
    found.retain(|name| is_plain_path(name) && folder.join(name).join("package.json").is_file());
    found
}

/// What a package says of itself.
fn description(folder: &Path) -> Option<Value> {
    serde_json::from_str(&std::fs::read_to_string(folder.join("package.json")).ok()?).ok()
}

fn version_of(folder: &Path) -> Option<String> {
    Some(description(folder)?["version"].as_str()?.to_owned())
}

/// The files that a package gives to browsers, by what follows its name: as its `exports` says, else its older keys.
fn entries(text: &Value) -> IndexMap<String, String> {
    let plain = |file: &str| file.trim_start_matches("./").to_owned();
    let mut found = IndexMap::new();
    let exports = &text["exports"];
    let Some(exports) = exports.as_object().filter(|exports| exports.keys().any(|key| key.starts_with('.'))) else {
        let older = ["browser", "module", "main"].into_iter().find_map(|key| text[key].as_str());
        found.insert(String::new(), plain(of_conditions(exports).or(older).unwrap_or("index.js")));
        return found;
    };
    for (key, target) in exports {
        // Patterns stand for any number of files, which have addresses of their own.
        let below = key.strip_prefix('.').filter(|below| !below.contains('*') && !below.ends_with('/'));
        if let (Some(below), Some(file)) = (below, of_conditions(target)) {
            found.insert(below.to_owned(), plain(file));
        }
    }
    found
}

/// What a target of `exports` comes to where a browser imports it.
fn of_conditions(target: &Value) -> Option<&str> {
    match target {
        Value::String(file) => Some(file),
        Value::Object(conditions) => {
            let holds = |name: &str| ["browser", "import", "module", "default"].contains(&name);
            conditions.iter().filter(|(name, _)| holds(name)).find_map(|(_, target)| of_conditions(target))
        }
        Value::Array(targets) => targets.iter().find_map(of_conditions),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_a_name_is_the_one_for_browsers() {
        let of = |text: Value| entries(&text).into_iter().collect::<Vec<_>>();
        let one = |below: &str, file: &str| (below.to_owned(), file.to_owned());
        assert_eq!(of(json!({ "main": "./dist/index.js" })), [one("", "dist/index.js")]);
        assert_eq!(of(json!({ "main": "a.cjs", "module": "a.mjs" })), [one("", "a.mjs")]);
        assert_eq!(of(json!({})), [one("", "index.js")]);
        assert_eq!(of(json!({ "exports": "./a.js", "main": "b.js" })), [one("", "a.js")]);
        let conditions = json!({ "node": "./n.js", "import": { "types": "./a.d.ts", "default": "./a.mjs" } });
        assert_eq!(of(json!({ "exports": conditions })), [one("", "a.mjs")]);
        let exports = json!({ ".": { "require": "./r.cjs", "default": "./d.js" }, "./sub": "./s.js", "./*": "./*.js" });
        assert_eq!(of(json!({ "exports": exports })), [one("", "d.js"), one("/sub", "s.js")]);
    }

    #[cfg(unix)]
    #[test]
    fn no_path_leads_out_of_the_folders_of_packages() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        for folder in ["node_modules/@s/p", "store/q", "home"] {
            std::fs::create_dir_all(at(folder)).unwrap();
        }
        for file in ["node_modules/@s/p/a.js", "node_modules/@s/p/.env", "store/q/b.js", "home/secret.js"] {
            std::fs::write(at(file), "x").unwrap();
        }
        // As pnpm lays packages out.
        std::os::unix::fs::symlink(at("store/q"), at("node_modules/q")).unwrap();
        std::os::unix::fs::symlink(at("home/secret.js"), at("node_modules/@s/p/link.js")).unwrap();
        let roots = [at("node_modules")];
        assert!(file(&roots, "0", "@s/p/a.js").is_some() && file(&roots, "0", "q/b.js").is_some());
        for (root, path) in [
            ("0", "@s/p/link.js"),
            ("0", "@s/p/.env"),
            ("0", "@s/p/../../../home/secret.js"),
            ("0", "../home/secret.js"),
            ("0", "@s/p/%2e%2e/a.js"),
            ("0", "@s/p"),
            ("1", "@s/p/a.js"),
            ("-1", "a.js"),
        ] {
            assert_eq!(file(&roots, root, path), None, "{root} {path}");
        }
    }
}
