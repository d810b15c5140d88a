//! The names on the `runtime` axis, and what `[runtime.NAME]` says of them.

use indexmap::IndexMap;

use super::{Checker, Use};
use crate::manifest::problem::Problem;
use crate::manifest::runtime::{Runtime, RuntimeFile, is_exact_version};
use crate::manifest::values::{At, Table};

impl Checker<'_> {
    /// The libraries of every table; `default` is known without one.
    pub(super) fn runtimes(
        &mut self,
        uses: &[Use],
        tables: &IndexMap<At<String>, Table<RuntimeFile>>,
    ) -> IndexMap<String, Runtime> {
        self.tables_of_names("runtime", uses, tables.keys());
        let of = |(name, table): (&At<String>, &Table<RuntimeFile>)| {
            Some((name.get().clone(), self.runtime(name, &table.0)?))
        };
        tables.iter().filter_map(of).collect()
    }

    fn runtime(&mut self, name: &At<String>, file: &RuntimeFile) -> Option<Runtime> {
        let versions = [("onnxruntime", &file.onnxruntime), ("transformers", &file.transformers)];
        let Some(path) = &file.path else {
            let [onnxruntime, transformers] = versions.map(|(key, version)| self.version(key, version.as_ref()));
            if onnxruntime.is_none() && transformers.is_none() {
                if versions.iter().all(|(_, version)| version.is_none()) {
                    let message = format!("the runtime `{}` names no version and no folder", name.get());
                    self.note_missing(
                        Problem::at(name.span(), message, "nothing of it is known")
                            .help("write onnxruntime = \"1.30.0\", transformers = \"4.3.1\", or path = \"FOLDER\""),
                    );
                }
                return None;
            }
            return Some(Runtime::Versions { onnxruntime, transformers });
        };
        for (key, version) in versions {
            if let Some(version) = version {
                self.note(
                    Problem::at(version.span(), format!("`{key}` beside `path`"), "the folder has its own version")
                        .help("keep one of the two"),
                );
            }
        }
        let folder = self.folder.join(path.get());
        if !folder.is_dir() {
            let label = format!("there is no folder {}", folder.display());
            self.note(
                Problem::at(path.span(), "`path` is not a folder", label)
                    .help("the path is relative to the manifest, and leads to a folder laid out as `node_modules` is"),
            );
            return None;
        }
        Some(Runtime::Folder(folder))
    }

    /// An exact version: what a range or a tag stands for changes from one day to the next.
    fn version(&mut self, key: &str, written: Option<&At<String>>) -> Option<String> {
        let written = written?;
        let version = written.get();
        if is_exact_version(version) {
            return Some(version.clone());
        }
        self.note(
            Problem::at(written.span(), format!("{version:?} is no version of `{key}`"), "not an exact version")
                .help("write all three numbers, such as \"1.30.0\"; ranges and tags change from one day to the next"),
        );
        None
    }
}
