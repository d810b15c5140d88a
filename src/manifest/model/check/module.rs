//! The parts of a model on the engine `module`: its file, libraries, inputs, and what must come out.

use std::path::Path;

use serde::Deserialize;
use toml::{Spanned, Value};

use super::Checker;
use crate::manifest::model::element::Element;
use crate::manifest::model::module::{Expected, ExpectedModel, Library, LibrarySource, Module, ModuleInput};
use crate::manifest::model::onnx::{Feed, OutputFile};
use crate::manifest::model::schema::{ExpectEntry, InputEntry, LibraryEntry, ModelFile};
use crate::manifest::model::{Engine, is_plain_path};
use crate::manifest::runtime::is_exact_version;

/// What a `libraries` entry may be.
const SOURCES: &str = "an exact version such as \"4.22.0\", which `gpujobs setup MANIFEST` installs, or a folder relative to \
                       this file: \"./node_modules\"";

impl Checker<'_> {
    /// A module of the user's.
    pub(super) fn module(&mut self, file: &ModelFile, unread: bool) -> Option<Module> {
        self.no_stages(file, Engine::Module);
        self.foreign(
            Engine::Module,
            &[
                ("id", file.id.as_ref().map(Spanned::span)),
                ("options", file.options.as_ref().map(Spanned::span)),
                ("weights", file.weights.as_ref().map(Spanned::span)),
                ("tokens", file.tokens.as_ref().map(Spanned::span)),
            ],
        );
        if file.file.is_none() {
            self.missing("file", unread, "the ES module that runs, such as \"program.js\", relative to this file");
        }
        if let Some(written) = &file.file {
            let path = Path::new(written.get_ref());
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if !is_plain_path(&name) || !matches!(path.extension().and_then(|end| end.to_str()), Some("js" | "mjs")) {
                let message = format!("{:?} can't be the file of a module", written.get_ref());
                let help = "a .js or .mjs whose name has letters, digits, `-`, `_`, `.`, `+` and `@`";
                self.help(written.span(), message, "not an ES module", help);
            }
        }
        for name in file.files.iter().filter(|name| !is_plain_path(name.get_ref())) {
            let message = format!("{:?} can't be a file that a page loads", name.get_ref());
            let help = "a path below this file's folder or the model store, of letters, digits, `-`, `_`, `.`, `+`, `@` and `/`";
            self.help(name.span(), message, "not such a path", help);
        }
        let libraries = file.libraries.iter().filter_map(|(name, value)| {
            self.library_name(name);
            Some((name.clone(), self.library(value)?))
        });
        let libraries = libraries.collect();
        let inputs: Vec<ModuleInput> = file.input.iter().filter_map(|entry| self.module_input(entry)).collect();
        for (index, input) in inputs.iter().enumerate() {
            let name = &input.feed.name;
            if inputs[..index].iter().any(|other| other.feed.name.get_ref() == name.get_ref()) {
                self.help(
                    name.span(),
                    format!("two inputs are named `{}`", name.get_ref()),
                    "the second",
                    "each has a name of its own",
                );
            }
        }
        let expect = file.expect.iter().filter_map(|(name, entry)| self.module_expect(name, entry)).collect();
        Some(Module { file: file.file.clone()?, libraries, files: file.files.clone(), inputs, expect })
    }

    fn library_name(&mut self, name: &Spanned<String>) {
        let word = |word: &str| {
            word.starts_with(|c: char| c.is_ascii_alphanumeric())
                && word.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c))
        };
        let text = name.get_ref();
        let is_package = match text.strip_prefix('@').map(|rest| rest.split_once('/')) {
            Some(Some((scope, package))) => word(scope) && word(package),
            Some(None) => false,
            None => word(text),
        };
        if !is_package || text.len() > 214 {
            let message = format!("{text:?} can't be the name of a package");
            let help = "`name` or `@scope/name`, as npm has it; the path of a file in it goes into `entry`";
            self.help(name.span(), message, "not a package", help);
        }
    }

    fn library(&mut self, value: &Spanned<Value>) -> Option<Library> {
        let span = value.span();
        let is_version = |text: &str| {
            let begins = text.starts_with(|c: char| c.is_ascii_digit() || "^~<>=*".contains(c));
            (begins || text == "latest") && !self.folder.join(text).is_dir()
        };
        let entry = match value.get_ref() {
            Value::String(text) if is_version(text) => {
                LibraryEntry { version: Some(text.clone()), ..LibraryEntry::default() }
            }
            Value::String(text) => LibraryEntry { path: Some(text.clone()), ..LibraryEntry::default() },
            Value::Table(table) => match LibraryEntry::deserialize(table.clone()) {
                Ok(entry) => entry,
                Err(error) => {
                    self.help(span, error.message().to_owned(), "not a library", SOURCES);
                    return None;
                }
            },
            other => {
                let message = format!("found {}, expected a library", other.type_str());
                self.help(span, message, "not a library", SOURCES);
                return None;
            }
        };
        if let Some(name) = entry.entry.as_deref().filter(|name| !is_plain_path(name)) {
            let help = "a path inside the package, such as \"dist/index.mjs\"";
            self.help(span.clone(), format!("`entry` can't be {name:?}"), "no path in a package", help);
        }
        let source = match (entry.version, entry.path) {
            (Some(version), None) if is_exact_version(&version) => LibrarySource::Version(version),
            (Some(version), None) => {
                let help =
                    "write all three numbers, such as \"4.22.0\"; ranges and tags change from one day to the next";
                self.help(span, format!("{version:?} is no version"), "not an exact version", help);
                return None;
            }
            (None, Some(path)) if self.folder.join(&path).is_dir() => LibrarySource::Folder(self.folder.join(path)),
            (None, Some(path)) => {
                let message = format!("{path:?} is neither an exact version nor a folder");
                let label = format!("there is no folder {}", self.folder.join(path).display());
                self.help(span, message, &label, SOURCES);
                return None;
            }
            (version, _) => {
                let message = "a library is either a version or a folder";
                let label = if version.is_some() { "both" } else { "neither `version` nor `path`" };
                self.help(span, message, label, SOURCES);
                return None;
            }
        };
        Some(Library { source, entry: entry.entry })
    }

    fn module_input(&mut self, entry: &Spanned<InputEntry>) -> Option<ModuleInput> {
        let (span, entry) = (entry.span(), entry.get_ref());
        self.no_arguments(Engine::Module, entry);
        let values = self.feed_values(entry, &span);
        let element =
            entry.element.as_ref().map_or_else(Element::default, |name| self.element(name.get_ref(), &name.span()));
        if entry.name.is_none() {
            self.at(span.clone(), "an input needs a `name`", "without a name");
        }
        let Some(shape) = &entry.shape else {
            self.help(span, "an input needs a `shape`", "without a shape", "for instance `shape = [\"rows\", 384]`");
            return None;
        };
        let shape = self.shape(shape.get_ref(), &shape.span())?;
        Some(ModuleInput { feed: Feed { name: entry.name.clone()?, shape: Some(shape), values }, element })
    }

    fn module_expect(&mut self, name: &Spanned<String>, entry: &Spanned<ExpectEntry>) -> Option<Expected> {
        let (tolerance, absolute) = (entry.get_ref().tolerance, entry.get_ref().absolute.unwrap_or(0.0));
        let Some(model) = &entry.get_ref().model else {
            if entry.get_ref().file.is_none() {
                let help =
                    "write `file = \"y.npy\"`, or `model = \"NAME\"` for what another model makes of the same inputs";
                self.help(entry.span(), "`expect` needs a `file` or a `model`", "with what is it compared?", help);
                return None;
            }
            let file = self.expected(entry, None)?;
            return Some(Expected::File(OutputFile { name: name.clone(), file, tolerance, absolute }));
        };
        self.tolerances(entry, None);
        if let Some(file) = &entry.get_ref().file {
            self.help(file.span(), "an output is compared with a file or with a model", "both", "keep one of the two");
        }
        let output = entry.get_ref().output.clone();
        Some(Expected::Model(ExpectedModel { name: name.clone(), model: model.clone(), output, tolerance, absolute }))
    }
}
