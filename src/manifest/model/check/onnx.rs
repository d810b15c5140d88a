//! The parts of a model on the engines `transformers` and `onnxruntime`.

use std::ops::Range;
use std::path::PathBuf;

use toml::{Spanned, Value};

use super::Checker;
use crate::manifest::model::number::numbers;
use crate::manifest::model::schema::{InputEntry, ModelFile};
use crate::manifest::model::stages::InputValues;
use crate::manifest::model::tasks::{InputKind, Loader, TASKS, Task, task};
use crate::manifest::model::{Engine, Feed, Given, OnnxFile, OutputFile, Pipeline};
use crate::manifest::problem::{Problem, listed};
use crate::registry::{Package, is_package};

/// The option of a pipeline that says which of a model's files is loaded; transformers.js takes it with the model, not
/// with a call.
const FILE_NAME: &str = "model_file_name";

/// The option that says in which folder of a model its ONNX files lie, and what it is where it is not given.
const SUBFOLDER: &str = "subfolder";
const ONNX: &str = "onnx";

impl Checker<'_> {
    /// A pipeline; nothing where its task is not known.
    pub(super) fn pipeline(&mut self, file: &ModelFile, unread: bool) -> Option<Pipeline> {
        self.no_stages(file, Engine::Transformers);
        self.no_module(file, Engine::Transformers);
        let expect = file.expect.keys().next().map(Spanned::span);
        self.foreign(Engine::Transformers, &[("file", file.file.as_ref().map(Spanned::span)), ("expect", expect)]);
        let names: Vec<&str> = TASKS.iter().map(|task| task.name).collect();
        let task = match &file.task {
            None => {
                self.missing("task", unread, &format!("one of {}", listed(&names)));
                None
            }
            Some(written) => {
                let found = task(written.get_ref());
                if found.is_none() {
                    self.one_of("task", written, &names);
                }
                found
            }
        };
        if file.id.is_none() {
            self.missing(
                "id",
                unread,
                "the model's folder under the model store, for instance `Xenova/all-MiniLM-L6-v2`",
            );
        }
        if let Some(id) = &file.id
            && !is_id(id.get_ref())
        {
            let message = format!("{:?} can't be the id of a model", id.get_ref());
            self.help(id.span(), message, "not an id", "`name` or `owner/name` of letters, digits, `-`, `_` and `.`");
        }
        let mut options = file.options.as_ref().map_or_else(serde_json::Map::new, |options| self.options(options));
        let file_name = options.shift_remove(FILE_NAME);
        let subfolder = options.shift_remove(SUBFOLDER);
        let tokens = file.tokens.as_ref().and_then(|tokens| self.expr(tokens.get_ref(), &tokens.span()));
        let task = task?;
        let given = self.given(task, file);
        let span = file.options.as_ref().map(Spanned::span).unwrap_or_default();
        let file_name = file_name.and_then(|name| self.file_name(task, &name, span.clone()));
        let subfolder = subfolder.map_or(Some(ONNX.to_owned()), |folder| self.subfolder(&folder, span))?;
        let id = file.id.as_ref()?.get_ref().clone();
        Some(Pipeline { task, id, given, options, file_name, subfolder, tokens })
    }

    /// An ONNX file.
    pub(super) fn onnx_file(&mut self, file: &ModelFile, unread: bool) -> Option<OnnxFile> {
        self.no_stages(file, Engine::Onnxruntime);
        self.no_module(file, Engine::Onnxruntime);
        self.foreign(
            Engine::Onnxruntime,
            &[
                ("id", file.id.as_ref().map(Spanned::span)),
                ("options", file.options.as_ref().map(Spanned::span)),
                ("weights", file.weights.as_ref().map(Spanned::span)),
                ("tokens", file.tokens.as_ref().map(Spanned::span)),
            ],
        );
        if file.file.is_none() {
            self.missing("file", unread, "the `.onnx` file, relative to this one or under the model store");
        }
        self.package(file.file.as_ref());
        let feeds = file.input.iter().filter_map(|entry| self.feed(entry)).collect();
        let expect = file.expect.iter().filter_map(|(name, entry)| {
            let (tolerance, absolute) = (entry.get_ref().tolerance, entry.get_ref().absolute.unwrap_or(0.0));
            Some(OutputFile { name: name.clone(), file: self.expected(entry, None)?, tolerance, absolute })
        });
        let expect = expect.collect();
        Some(OnnxFile { file: PathBuf::from(file.file.as_ref()?.get_ref()), feeds, expect })
    }

    /// Refuses a file of a registry's package that is not written as one.
    pub(super) fn package(&mut self, file: Option<&Spanned<String>>) {
        self.found.extend(file.and_then(|file| misnamed(file.get_ref(), file.span())));
    }

    /// The name of a model's only file.
    fn file_name(&mut self, task: &Task, name: &serde_json::Value, span: Range<usize>) -> Option<String> {
        let name = name.as_str().filter(|name| crate::manifest::axes::is_name(name));
        let one = matches!(task.loader, Loader::Pipeline(choices) if choices.iter().any(|names| names.len() == 1));
        match name {
            Some(name) if one => Some(name.to_owned()),
            Some(_) => {
                let message =
                    format!("`{FILE_NAME}` names a model's only file, and those of `{}` have several", task.name);
                self.help(span, message, "of several files", "leave it out, and name the files as the hub does");
                None
            }
            None => {
                let help = "the file's name below onnx/, without dtype and ending: `\"bert\"` for onnx/bert_fp16.onnx";
                self.help(span, format!("`{FILE_NAME}` is no name of a file"), "here", help);
                None
            }
        }
    }

    /// The folder of a model's ONNX files below its own; empty for its own.
    fn subfolder(&mut self, folder: &serde_json::Value, span: Range<usize>) -> Option<String> {
        let inside = |folder: &&str| folder.is_empty() || folder.split('/').all(crate::manifest::axes::is_name);
        let found = folder.as_str().filter(inside).map(str::to_owned);
        if found.is_none() {
            let help = "a folder below the model's own, `\"onnx\"` by default; `\"\"` for the model's own";
            self.help(span, format!("`{SUBFOLDER}` is no folder of a model"), "here", help);
        }
        found
    }

    pub(super) fn no_stages(&mut self, file: &ModelFile, engine: Engine) {
        self.foreign(
            engine,
            &[
                ("stage", file.stage.first().map(Spanned::span)),
                ("block", file.block.first().map(Spanned::span)),
                ("output", file.output.as_ref().and_then(|output| Some(output.first()?.span()))),
            ],
        );
    }

    pub(super) fn missing(&mut self, key: &str, unread: bool, help: &str) {
        if !unread {
            self.found.push(Problem::whole(format!("`{key}` is missing")).help(help));
        }
    }

    /// TOML as JSON; dates have no place in a call.
    fn options(&mut self, options: &Spanned<toml::Table>) -> serde_json::Map<String, serde_json::Value> {
        match serde_json::to_value(options.get_ref()) {
            Ok(serde_json::Value::Object(map)) => map,
            other => {
                let reason = other.err().map(|error| error.to_string()).unwrap_or_default();
                self.at(options.span(), "`options` can't be passed to a call", reason);
                serde_json::Map::new()
            }
        }
    }

    /// One `[[input]]` for each argument of the task.
    fn given(&mut self, task: &Task, file: &ModelFile) -> Vec<Given> {
        let wanted: Vec<&str> = task.inputs.iter().map(<&str>::from).collect();
        if file.input.len() != task.inputs.len() {
            let message = format!("the task `{}` takes {}", task.name, wanted.join(" and "));
            let label = format!("found {} inputs, expected {}", file.input.len(), wanted.len());
            let keys: Vec<String> =
                task.inputs.iter().map(|kind| format!("{}: {}", kind, listed(kind.keys()))).collect();
            let help = format!("write an `[[input]]` for each, with one of these keys ({})", keys.join("; "));
            match file.input.get(task.inputs.len()) {
                Some(extra) => self.help(extra.span(), message, &label, help),
                None => self.found.push(Problem::whole(format!("{message}: {label}")).help(help)),
            }
        }
        task.inputs.iter().zip(&file.input).filter_map(|(kind, entry)| self.argument(task, *kind, entry)).collect()
    }

    fn argument(&mut self, task: &Task, kind: InputKind, entry: &Spanned<InputEntry>) -> Option<Given> {
        let (span, entry) = (entry.span(), entry.get_ref());
        let written = [
            ("text", entry.text.as_ref().map(Spanned::span)),
            ("words", entry.words.as_ref().map(Spanned::span)),
            ("labels", entry.labels.as_ref().map(Spanned::span)),
            ("samples", entry.samples.as_ref().map(Spanned::span)),
            ("width", entry.width.as_ref().map(Spanned::span)),
            ("height", entry.height.as_ref().map(Spanned::span)),
            ("file", entry.file.as_ref().map(Spanned::span)),
            ("name", entry.name.as_ref().map(Spanned::span)),
            ("shape", entry.shape.as_ref().map(Spanned::span)),
            ("fill", entry.fill.as_ref().map(Spanned::span)),
            ("type", entry.element.as_ref().map(Spanned::span)),
            ("values", entry.values.as_ref().map(Spanned::span)),
            ("below", entry.below.as_ref().map(Spanned::span)),
        ];
        let before = self.found.len();
        for (key, place) in written {
            if let (Some(place), false) = (place, kind.keys().contains(&key)) {
                let message = format!("the task `{}` takes {} here, which `{key}` does not make", task.name, kind);
                self.help(place, message, "of another kind", format!("write one of {}", listed(kind.keys())));
            }
        }
        let expr = |checker: &mut Self, value: &Spanned<Value>| checker.expr(value.get_ref(), &value.span());
        let one = match entry {
            InputEntry { file: Some(file), .. } => Some(Given::File(self.folder.join(file.get_ref()))),
            InputEntry { words: Some(words), .. } => Some(Given::Words(expr(self, words)?)),
            InputEntry { text: Some(texts), .. } => Some(Given::Texts(self.texts("text", texts)?)),
            InputEntry { labels: Some(labels), .. } => Some(Given::Labels(self.texts("labels", labels)?)),
            InputEntry { samples: Some(samples), .. } => Some(Given::Speech(expr(self, samples)?)),
            InputEntry { width: Some(width), height, .. } => {
                let height = height.as_ref().unwrap_or(width);
                Some(Given::Picture(expr(self, width)?, expr(self, height)?))
            }
            _ => None,
        };
        if one.is_none() && self.found.len() == before {
            let message = format!("the task `{}` takes {} here", task.name, kind);
            self.help(span, message, "without it", format!("write one of {}", listed(kind.keys())));
        }
        one
    }

    /// A text or a list of texts.
    fn texts(&mut self, key: &str, value: &Spanned<Value>) -> Option<Vec<String>> {
        let texts = match value.get_ref() {
            Value::String(text) => Some(vec![text.clone()]),
            Value::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
            _ => None,
        };
        let texts = texts.filter(|texts: &Vec<String>| !texts.is_empty());
        if texts.is_none() {
            self.at(value.span(), format!("`{key}` is a text or a list of texts"), "not a text");
        }
        texts
    }

    /// Refuses what makes an argument of a task, or a texture, in an input that is a tensor.
    pub(super) fn no_arguments(&mut self, engine: Engine, entry: &InputEntry) {
        self.foreign(
            engine,
            &[
                ("texture", entry.texture.as_ref().map(Spanned::span)),
                ("text", entry.text.as_ref().map(Spanned::span)),
                ("words", entry.words.as_ref().map(Spanned::span)),
                ("labels", entry.labels.as_ref().map(Spanned::span)),
                ("samples", entry.samples.as_ref().map(Spanned::span)),
                ("width", entry.width.as_ref().map(Spanned::span)),
            ],
        );
    }

    fn feed(&mut self, entry: &Spanned<InputEntry>) -> Option<Feed> {
        let (span, entry) = (entry.span(), entry.get_ref());
        self.foreign(Engine::Onnxruntime, &[("type", entry.element.as_ref().map(Spanned::span))]);
        self.no_arguments(Engine::Onnxruntime, entry);
        let values = self.feed_values(entry, &span);
        let shape = match &entry.shape {
            None => None,
            Some(shape) => Some(self.shape_from(0, shape.get_ref(), &shape.span())?),
        };
        let Some(name) = &entry.name else {
            self.at(span, "an input needs a `name`", "without a name");
            return None;
        };
        Some(Feed { name: name.clone(), shape, values })
    }

    /// Where the values of an ONNX file's input come from, whose type only that file says.
    pub(super) fn feed_values(&mut self, entry: &InputEntry, span: &Range<usize>) -> Option<InputValues> {
        let fills = entry.fill.is_some() || entry.mean.is_some() || entry.spread.is_some();
        let ways = [fills, entry.below.is_some(), entry.values.is_some(), entry.file.is_some()];
        let tokens = entry.fill.as_ref().is_some_and(|fill| fill.get_ref() == "tokens");
        if ways.iter().filter(|way| **way).count() > 1 && !(tokens && entry.values.is_none() && entry.file.is_none()) {
            let help = "one of `fill`, `below`, `values` and `file`";
            self.help(span.clone(), "an input's values come from one place", "from several", help);
        }
        if let Some(values) = &entry.values {
            if values.get_ref().is_empty() {
                self.help(values.span(), "an input takes at least one value", "empty", "write a number");
            }
            return Some(InputValues::Given(numbers(values.get_ref())));
        }
        if let Some(file) = &entry.file {
            return self.numbers(file, entry.array.as_ref(), None).map(InputValues::File);
        }
        if let Some(below) = &entry.below {
            let below = self.expr(below.get_ref(), &below.span())?;
            return Some(InputValues::Tokens { below, seed: entry.seed });
        }
        if tokens {
            let help = "for instance `below = 30522`: one more than the largest token";
            self.help(span.clone(), "tokens need `below`", "up to where?", help);
        }
        let fill_span = entry.fill.as_ref().map_or(span.clone(), Spanned::span);
        let fill = entry.fill.as_ref().map(|fill| fill.get_ref().as_str()).filter(|_| !tokens);
        let fills = fills || entry.seed.is_some();
        fills.then(|| InputValues::Filled(self.fill(fill, entry.seed, (entry.mean, entry.spread), &fill_span)))
    }
}

/// What is wrong with a file of a registry's package; of another file nothing.
pub(in crate::manifest) fn misnamed(file: &str, span: Range<usize>) -> Option<Problem> {
    if !is_package(file) {
        return None;
    }
    match Package::with_rest(file) {
        Err(error) => Some(Problem::at(span, error.to_string(), "no package").help(error.remedy())),
        Ok((package, "")) => {
            let help = format!("name the file in it: {package}/model.onnx");
            Some(Problem::at(span, "a package is no file", "without a file").help(help))
        }
        Ok(_) => None,
    }
}

/// `name` or `owner/name`.
pub(in crate::manifest) fn is_id(id: &str) -> bool {
    let segments: Vec<&str> = id.split('/').collect();
    segments.len() <= 2 && segments.iter().all(|segment| crate::manifest::axes::is_name(segment))
}
