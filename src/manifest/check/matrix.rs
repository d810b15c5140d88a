//! The axes, what is taken out of their product, and what is added to it.

use std::collections::HashSet;

use indexmap::IndexMap;

use super::{Checker, Use};
use crate::manifest::axes::{self, Kind, built_in, default_value, is_shape, value_of, written};
use crate::manifest::problem::{Problem, listed, nearest, with_near};
use crate::manifest::product::{self, MOST_JOBS};
use crate::manifest::schema::{Entry, ManifestFile, MatrixFile};
use crate::manifest::values::{At, Table, Value};
use crate::manifest::{Axis, AxisValue};

/// Names that a template or a filter has already, or that the template language keeps for itself.
const RESERVED: [&str; 24] = [
    "wg", "inputs", "weights", "outputs", "params", "axes", "compiler", "loop", "id", "status", "stage", "op", "true",
    "false", "none", "not", "and", "or", "in", "is", "if", "else", "self", "super",
];

/// What `[matrix]` and `[axes]` say.
#[derive(Default)]
pub(super) struct Matrix {
    pub(super) axes: Vec<Axis>,
    pub(super) exclude: Vec<IndexMap<String, AxisValue>>,
    pub(super) include: Vec<IndexMap<String, AxisValue>>,
    /// The browsers that are named, each once.
    pub(super) browsers: Vec<Use>,
    /// The models that are named, each once.
    pub(super) models: Vec<Use>,
    /// The runtimes that are named, each once.
    pub(super) runtimes: Vec<Use>,
    /// The session options that are named, each once.
    pub(super) sessions: Vec<Use>,
}

impl Matrix {
    fn named(&mut self, axis: &str, value: &AxisValue, span: std::ops::Range<usize>) {
        let (AxisValue::Text(name), Some(uses)) = (value, self.uses(axis)) else { return };
        if !uses.iter().any(|(used, _)| used == name) {
            uses.push((name.clone(), span));
        }
    }

    fn uses(&mut self, axis: &str) -> Option<&mut Vec<Use>> {
        match axis {
            "browser" => Some(&mut self.browsers),
            "model" => Some(&mut self.models),
            "runtime" => Some(&mut self.runtimes),
            "session" => Some(&mut self.sessions),
            _ => None,
        }
    }

    fn axis(&self, name: &str) -> Option<&Axis> {
        self.axes.iter().find(|axis| axis.name == name)
    }
}

impl Checker<'_> {
    pub(super) fn matrix(&mut self, file: &ManifestFile) -> Matrix {
        let mut matrix = Matrix::default();
        let Some(table) = &file.matrix else {
            self.note_missing(Problem::whole("there is no [matrix], so there is nothing to run").help(
                "name at least a browser and a model under [matrix]; `gpujobs init` writes a manifest to start from",
            ));
            return matrix;
        };
        let before = self.problems.len();
        self.axes(table, file, &mut matrix);
        for entry in &table.get().0.exclude {
            self.exclude(entry, &mut matrix);
        }
        let includes: Vec<_> =
            table.get().0.include.iter().filter_map(|entry| Some((entry, self.include(entry, &mut matrix)?))).collect();
        if self.problems.len() > before || !self.product(table, &matrix) {
            return matrix;
        }
        let mut known = HashSet::new();
        for (entry, include) in includes {
            self.add_include(entry, include, &mut matrix, &mut known);
        }
        matrix
    }

    fn axes(&mut self, table: &At<Table<MatrixFile>>, file: &ManifestFile, matrix: &mut Matrix) {
        for (name, values) in &table.get().0.axes {
            self.axis(name, kind_of(name), values, matrix);
        }
        for (name, values) in &file.axes {
            if self.custom_name(name) {
                self.axis(name.get(), Kind::Custom, values, matrix);
            }
        }
        let written: Vec<&str> = table.get().0.axes.iter().map(|(name, _)| *name).collect();
        for (name, example) in [("browser", "browser = [\"chrome\"]"), ("model", "model = [\"axpy\"]")] {
            let included = |entry: &At<Entry>| entry.get().keys().any(|key| key.get() == name);
            let only_includes = written.is_empty() && file.axes.is_empty() && !table.get().0.include.is_empty();
            if !(written.contains(&name) || only_includes && table.get().0.include.iter().all(included)) {
                let message = format!("the matrix has no `{name}`");
                self.note_missing(
                    Problem::at(table.span(), message, "each job needs one").help(format!("add {example} to [matrix]")),
                );
            }
        }
    }

    fn axis(&mut self, name: &str, kind: Kind, values: &At<Value>, matrix: &mut Matrix) {
        let custom = kind == Kind::Custom;
        let listed = written(kind, values);
        if listed.is_empty() {
            self.note(
                Problem::at(values.span(), format!("the axis `{name}` is empty"), "no value, so no job")
                    .help("give it a value, or remove the key"),
            );
        }
        let mut seen: IndexMap<String, AxisValue> = IndexMap::new();
        for (value, span) in listed {
            match value_of(name, kind, value, &span) {
                Ok(value) if seen.contains_key(&value.to_string()) => self.note(
                    Problem::at(span, format!("{value} is twice on the axis `{name}`"), "the second time")
                        .help("the same job would run twice; use `measure.rounds` to repeat jobs"),
                ),
                Ok(value) => {
                    matrix.named(name, &value, span);
                    seen.insert(value.to_string(), value);
                }
                Err(problem) => self.note(problem),
            }
        }
        matrix.axes.push(Axis { name: name.to_owned(), values: seen.into_values().collect(), custom });
    }

    fn custom_name(&mut self, name: &At<String>) -> bool {
        let text = name.get().as_str();
        let problem = if built_in(text).is_some() {
            Problem::at(name.span(), format!("`{text}` is an axis of gpujobs"), "not one of your own")
                .help("move it to [matrix]")
        } else if RESERVED.contains(&text) {
            Problem::at(name.span(), format!("`{text}` can't be an axis of your own"), "templates and filters use it")
                .help(format!("choose another name, for instance `my_{text}`"))
        } else if !text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            || !text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        {
            Problem::at(name.span(), format!("{text:?} can't be a variable of a template"), "not an identifier")
                .help("use letters, digits and `_`, the first not a digit")
        } else {
            return true;
        };
        self.note(problem);
        false
    }

    fn exclude(&mut self, entry: &At<Entry>, matrix: &mut Matrix) {
        let mut pairs = IndexMap::new();
        if entry.get().is_empty() {
            self.note(
                Problem::at(entry.span(), "an exclude without a key drops every job", "expected an axis and a value")
                    .help("name what to drop, for instance browser = \"firefox\""),
            );
        }
        for (key, value) in entry.get() {
            let Some(axis) = matrix.axis(key.get()) else {
                let names: Vec<&str> = matrix.axes.iter().map(|axis| axis.name.as_str()).collect();
                self.note(unknown_axis(key, &names));
                continue;
            };
            match single(axis.custom, key, value) {
                Ok(value) if axis.values.contains(&value) => drop(pairs.insert(key.get().clone(), value)),
                Ok(found) => {
                    let values: Vec<String> = axis.values.iter().take(12).map(ToString::to_string).collect();
                    let more = if axis.values.len() > values.len() { ", …" } else { "" };
                    let message = format!("{found} is not on the axis `{}`, so this drops nothing", key.get());
                    let help = format!("the axis has {}{more}", values.join(", "));
                    // An axis whose values are all faulty has its own problems.
                    if !values.is_empty() {
                        self.note(Problem::at(value.span(), message, "no job has this value").help(help));
                    }
                }
                Err(problem) => self.note(problem),
            }
        }
        matrix.exclude.push(pairs);
    }

    /// An include with every axis filled in: its own value, or the axis's default.
    fn include(&mut self, entry: &At<Entry>, matrix: &mut Matrix) -> Option<IndexMap<String, AxisValue>> {
        let before = self.problems.len();
        let custom: Vec<String> = matrix.axes.iter().filter(|axis| axis.custom).map(|axis| axis.name.clone()).collect();
        let known: Vec<&str> = axes::names().into_iter().chain(custom.iter().map(String::as_str)).collect();
        let mut given = IndexMap::new();
        for (key, value) in entry.get() {
            if !known.contains(&key.get().as_str()) {
                self.note(unknown_axis(key, &known));
                continue;
            }
            match single(custom.contains(key.get()), key, value) {
                Ok(found) => {
                    matrix.named(key.get(), &found, value.span());
                    given.insert(key.get().clone(), found);
                }
                Err(problem) => self.note(problem),
            }
        }
        for name in ["browser", "model"] {
            let values = matrix.axis(name).map_or(0, |axis| axis.values.len());
            if values > 1 && !entry.get().keys().any(|key| key.get() == name) {
                let message = format!("this include names no `{name}`");
                let label = format!("the matrix has {values} to choose from");
                self.note(Problem::at(entry.span(), message, label).help(format!("add {name} = \"…\"")));
            }
        }
        let mut complete = IndexMap::new();
        for name in known {
            let first = || matrix.axis(name).and_then(|axis| axis.values.first()).cloned();
            let value = given.swap_remove(name).or_else(|| default_value(name)).or_else(|| {
                // Without a default: the only browser or model, or the first value of a custom axis. Other axes stay unset.
                let needed = built_in(name).is_none_or(|axis| axis.kind == Kind::Name);
                needed.then(first).flatten()
            });
            if let Some(value) = value {
                complete.insert(name.to_owned(), value);
            }
        }
        (self.problems.len() == before).then_some(complete)
    }

    /// Whether the product of the axes can be walked and leaves a job.
    fn product(&mut self, table: &At<Table<MatrixFile>>, matrix: &Matrix) -> bool {
        if matrix.axes.is_empty() && !matrix.include.is_empty() {
            return true;
        }
        let size = product::size(&matrix.axes);
        if size.is_none_or(|size| size > MOST_JOBS) {
            let axes: Vec<String> =
                matrix.axes.iter().map(|axis| format!("{} {}", axis.values.len(), axis.name)).collect();
            let size = size.map_or("more than 10^19".to_owned(), grouped);
            self.note(Problem::at(table.span(), format!("the matrix has {size} jobs"), axes.join(" × ")).help(
                format!("at most {} can be planned: shorten an axis, or make several manifests", grouped(MOST_JOBS)),
            ));
            return false;
        }
        if table.get().0.include.is_empty() && product::combinations(&matrix.axes, &matrix.exclude).next().is_none() {
            self.note_missing(
                Problem::at(table.span(), "the excludes leave no job", "everything is excluded")
                    .help("remove an exclude"),
            );
        }
        true
    }

    /// Adds an include unless its job is there already; `known` has those of the includes so far.
    fn add_include(
        &mut self,
        entry: &At<Entry>,
        include: IndexMap<String, AxisValue>,
        matrix: &mut Matrix,
        known: &mut HashSet<String>,
    ) {
        let message = if !known.insert(job_of(&include)) {
            "an earlier include adds the same job"
        } else if product::contains(&matrix.axes, &matrix.exclude, &include) {
            "the matrix has this job already"
        } else {
            matrix.include.push(include);
            return;
        };
        self.note(Problem::at(entry.span(), message, "a duplicate").help("remove it, or name what differs"));
    }
}

/// What is the same of two includes that add the same job, in whatever order they name the axes.
fn job_of(include: &IndexMap<String, AxisValue>) -> String {
    let mut values: Vec<_> = include.iter().collect();
    values.sort_by_key(|(name, _)| *name);
    format!("{values:?}")
}

/// The value of one key of an exclude or include.
fn single(custom: bool, key: &At<String>, value: &At<Value>) -> Result<AxisValue, Problem> {
    let kind = if custom { Kind::Custom } else { kind_of(key.get()) };
    match value.get() {
        Value::List(items) if kind != Kind::Shape || !is_shape(items) => {
            let message = format!("a list of values for `{}`", key.get());
            Err(Problem::at(value.span(), message, "expected one value").help("write an entry for each value"))
        }
        found => value_of(key.get(), kind, found, &value.span()),
    }
}

/// What values an axis of this name takes.
fn kind_of(name: &str) -> Kind {
    built_in(name).map_or(Kind::Custom, |axis| axis.kind)
}

fn unknown_axis(key: &At<String>, known: &[&str]) -> Problem {
    let help = with_near(nearest(key.get(), known.iter().copied()), &format!("the axes are {}", listed(known)));
    Problem::at(key.span(), format!("`{}` is not an axis of this matrix", key.get()), "no such axis").help(help)
}

/// 1,000,000 with its commas.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
