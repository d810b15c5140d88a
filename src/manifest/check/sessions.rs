//! The names on the `session` axis, and what `[session.NAME]` says of them.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use strum::VariantNames;

use super::{Checker, Use};
use crate::manifest::Backend;
use crate::manifest::axes::{DEFAULT, DTYPES, is_name};
use crate::manifest::model::tasks::part_names;
use crate::manifest::model::{Model, Program};
use crate::manifest::problem::{Problem, listed, nearest, with_near};
use crate::manifest::session::{CACHE_MODES, EXECUTION_MODES, LAYOUTS, LOCATIONS, OPTIMIZATION_LEVELS, SessionFile};
use crate::manifest::values::{At, Table};
use crate::protocol::session::SessionSpec;

impl Checker<'_> {
    /// The options of every table; `default` is known without one.
    pub(super) fn sessions(
        &mut self,
        uses: &[Use],
        tables: &IndexMap<At<String>, Table<SessionFile>>,
        models: &IndexMap<String, Model>,
    ) -> IndexMap<String, SessionSpec> {
        self.tables_of_names("session", uses, tables.keys());
        let parts = parts_of(models);
        tables.iter().map(|(name, table)| (name.get().clone(), self.session(&table.0, &parts))).collect()
    }

    /// Checks the names of `[KIND.NAME]` tables, and that the axis of that name has no others.
    pub(super) fn tables_of_names<'a>(
        &mut self,
        kind: &str,
        uses: &[Use],
        tables: impl Iterator<Item = &'a At<String>>,
    ) {
        let mut known = vec![DEFAULT];
        for name in tables {
            let message = format!("{:?} can't name a {kind}", name.get());
            if name.get() == DEFAULT {
                self.note(
                    Problem::at(name.span(), message, "always there")
                        .help(format!("`{DEFAULT}` is the {kind} that nothing is said of: choose another name")),
                );
            } else if !is_name(name.get()) {
                self.note(
                    Problem::at(name.span(), message, "not a name").help("use letters, digits, `-`, `_` and `.`"),
                );
            }
            if name.get() != DEFAULT {
                known.push(name.get());
            }
        }
        for (name, span) in uses.iter().filter(|(name, _)| !known.contains(&name.as_str())) {
            let help = format!("a {kind} is `{DEFAULT}`, or a [{kind}.NAME] of this file: {}", listed(&known));
            self.note(
                Problem::at(span.clone(), format!("unknown {kind} `{name}`"), format!("there is no [{kind}.{name}]"))
                    .help(with_near(nearest(name, known.iter().copied()), &help)),
            );
        }
    }

    fn session(&mut self, file: &SessionFile, parts: &BTreeSet<String>) -> SessionSpec {
        let cache = |checker: &mut Self, key, mode| checker.word(key, mode, &CACHE_MODES);
        let level = file.graph_optimization_level.as_ref();
        let location = file.preferred_output_location.as_ref();
        let captured = file.graph_capture.as_ref().map(|captured| *captured.get());
        if let (Some(true), Some(location)) = (captured, location.filter(|location| location.get() == "cpu")) {
            self.note(
                Problem::at(location.span(), "outputs on the CPU beside `graph_capture`", "a captured graph has none")
                    .help("leave the key out: what a captured graph reads and writes lies on the GPU"),
            );
        }
        SessionSpec {
            graph_optimization_level: self.word("graph_optimization_level", level, &OPTIMIZATION_LEVELS),
            graph_capture: captured,
            preferred_layout: self.word("preferred_layout", file.preferred_layout.as_ref(), &LAYOUTS),
            preferred_output_location: self.word("preferred_output_location", location, &LOCATIONS),
            storage_buffer_cache_mode: cache(
                self,
                "storage_buffer_cache_mode",
                file.storage_buffer_cache_mode.as_ref(),
            ),
            uniform_buffer_cache_mode: cache(
                self,
                "uniform_buffer_cache_mode",
                file.uniform_buffer_cache_mode.as_ref(),
            ),
            query_resolve_buffer_cache_mode: cache(
                self,
                "query_resolve_buffer_cache_mode",
                file.query_resolve_buffer_cache_mode.as_ref(),
            ),
            default_buffer_cache_mode: cache(
                self,
                "default_buffer_cache_mode",
                file.default_buffer_cache_mode.as_ref(),
            ),
            enable_mem_pattern: file.enable_mem_pattern,
            enable_cpu_mem_arena: file.enable_cpu_mem_arena,
            execution_mode: self.word("execution_mode", file.execution_mode.as_ref(), &EXECUTION_MODES),
            fix_dimensions: file.fix_dimensions,
            extra: file.extra.as_ref().map(|extra| self.entries(extra)).unwrap_or_default(),
            dtype: self
                .by_part("dtype", &file.dtype, &DTYPES, parts)
                .map(|(part, dtype)| (part, dtype.to_owned()))
                .collect(),
            device: self.by_part("device", &file.device, Backend::VARIANTS, parts).collect(),
        }
    }

    /// One of the words that a key takes.
    fn word(&mut self, key: &str, written: Option<&At<String>>, words: &[&'static str]) -> Option<&'static str> {
        let written = written?;
        let found = words.iter().find(|word| **word == written.get()).copied();
        if found.is_none() {
            let expected = format!("expected one of {}", listed(words));
            let problem = Problem::at(written.span(), format!("unknown `{key}`: {:?}", written.get()), expected);
            let near = |text: &str| nearest(text, words.iter().copied());
            let near = near(written.get()).or_else(|| near(&written.get().to_lowercase()));
            self.note(match near {
                Some(near) => problem.help(format!("did you mean `{near}`?")),
                None => problem,
            });
        }
        found
    }

    /// Values by the parts of models of transformers.js.
    fn by_part(
        &mut self,
        key: &str,
        written: &IndexMap<At<String>, At<String>>,
        words: &[&'static str],
        parts: &BTreeSet<String>,
    ) -> impl Iterator<Item = (String, &'static str)> + use<> {
        let mut found = Vec::new();
        for (part, value) in written {
            if !parts.contains(part.get()) {
                let known: Vec<&str> = parts.iter().map(String::as_str).collect();
                let help = format!("a part is named as its file, without dtype and ending: {}", listed(&known));
                self.note(
                    Problem::at(part.span(), format!("unknown part `{}`", part.get()), "no part of any model")
                        .help(with_near(nearest(part.get(), known.iter().copied()), &help)),
                );
            }
            let word = self.word(key, Some(value), words);
            found.extend(word.map(|word| (part.get().clone(), word)));
        }
        found.into_iter()
    }

    /// Session config entries by their whole keys, `{ session = { a = 1 } }` as `session.a`.
    fn entries(&mut self, extra: &At<toml::Table>) -> IndexMap<String, String> {
        let mut entries = IndexMap::new();
        let mut open: Vec<(String, &toml::Value)> =
            extra.get().iter().map(|(key, value)| (key.clone(), value)).collect();
        while let Some((key, value)) = open.pop() {
            let text = match value {
                toml::Value::Table(table) => {
                    open.extend(table.iter().map(|(below, value)| (format!("{key}.{below}"), value)));
                    continue;
                }
                toml::Value::String(text) => text.clone(),
                // As onnxruntime-web writes it.
                toml::Value::Boolean(on) => u8::from(*on).to_string(),
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Float(number) => number.to_string(),
                toml::Value::Datetime(_) | toml::Value::Array(_) => {
                    let message = format!("`{key}` of `extra` can't be passed on");
                    let expected = "expected a text, a number, `true` or `false` for each key";
                    self.note(Problem::at(extra.span(), message, expected));
                    continue;
                }
            };
            entries.insert(key, text);
        }
        entries.sort_keys();
        entries
    }
}

/// The parts that models of transformers.js have: those of its tasks, and files that a model names itself.
fn parts_of(models: &IndexMap<String, Model>) -> BTreeSet<String> {
    let named = models.values().filter_map(|model| match &model.program {
        Program::Pipeline(pipeline) => pipeline.file_name.clone(),
        Program::Stages(_) | Program::OnnxFile(_) | Program::Module(_) => None,
    });
    part_names().map(str::to_owned).chain(named).collect()
}
