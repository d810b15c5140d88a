//! The parts of a model on the engine `wgsl`: inputs, stages, blocks and outputs.

use std::collections::HashSet;
use std::ops::Range;
use std::path::PathBuf;

use indexmap::IndexMap;
use serde::Deserialize;
use toml::{Spanned, Value};

use super::Checker;
use crate::manifest::model::schema::{BlockEntry, ModelFile, StageEntry, WeightEntry};
use crate::manifest::model::stages::{
    Block, FillKind, FillSpec, Input, Item, OutputSpec, ParamSpec, StageSpec, Stages, StoredSpec, WeightSpec,
};
use crate::manifest::model::{Engine, Expr};
use crate::manifest::problem::{Problem, listed, nearest};

impl Checker<'_> {
    /// The whole of it.
    pub(super) fn stages(&mut self, file: &ModelFile, unread: bool) -> Stages {
        self.no_module(file, Engine::Wgsl);
        self.foreign(
            Engine::Wgsl,
            &[
                ("id", file.id.as_ref().map(Spanned::span)),
                ("file", file.file.as_ref().map(Spanned::span)),
                ("options", file.options.as_ref().map(Spanned::span)),
                ("tokens", file.tokens.as_ref().map(Spanned::span)),
            ],
        );
        if let Some((_, entry)) = file.expect.first() {
            let help = "write `expect = { file = \"y.npy\" }` in the `[[stage]]` whose output it is";
            self.help(entry.span(), "a model in WGSL has an `expect` in its stages", "of no stage", help);
        }
        let inputs: Vec<Input> = file.input.iter().filter_map(|entry| self.input(entry)).collect();
        let items = self.items(file, unread);
        self.tensors(file);
        let output = self.output(file, &items);
        self.package(file.weights.as_ref());
        let weights = file.weights.as_ref().map(|weights| PathBuf::from(weights.get_ref()));
        Stages { inputs, items, output, weights }
    }

    fn items(&mut self, file: &ModelFile, unread: bool) -> Vec<Item> {
        let stages = file.stage.iter().map(|entry| (entry.span().start, Item::Stage(Box::new(self.stage(entry)))));
        let mut items: Vec<(usize, Item)> = stages.collect();
        for entry in &file.block {
            if let Some(block) = self.block(entry) {
                items.push((entry.span().start, Item::Block(block)));
            }
        }
        if items.is_empty() && !unread && self.found.is_empty() {
            self.found.push(Problem::whole("a model needs at least one stage").help("add a `[[stage]]`"));
        }
        items.sort_by_key(|(start, _)| *start);
        items.into_iter().map(|(_, item)| item).collect()
    }

    fn block(&mut self, entry: &Spanned<BlockEntry>) -> Option<Block> {
        let (span, entry) = (entry.span(), entry.get_ref());
        if let Some(index) = &entry.index {
            self.name(index, "a block's index");
        }
        if entry.stage.is_empty() {
            self.help(span.clone(), "a block repeats nothing", "without a stage", "add a `[[block.stage]]`");
        }
        let stages: Vec<StageSpec> = entry.stage.iter().map(|stage| self.stage(stage)).collect();
        let index = entry.index.as_ref().map_or("i", |index| index.get_ref()).to_owned();
        for (stage, written) in stages.iter().zip(&entry.stage) {
            if !stage.name.contains('{') {
                let span = written.get_ref().name.as_ref().map_or(written.span(), Spanned::span);
                let help = format!("name it `{}.{{{index}}}`, say", stage.name);
                self.help(span, "a repeated stage needs the block's index in its name", "the same each time", help);
            }
        }
        let Some(times) = &entry.times else {
            self.help(span, "a block needs `times`", "how often?", "for instance `times = 4`");
            return None;
        };
        Some(Block { times: self.expr(times.get_ref(), &times.span())?, index, stages })
    }

    /// What can't be read stands empty in the result: the model is thrown away when anything was found.
    fn stage(&mut self, entry: &Spanned<StageEntry>) -> StageSpec {
        let (span, entry) = (entry.span(), entry.get_ref());
        let Some(op) = &entry.op else {
            self.help(span.clone(), "a stage needs an `op`", "what does it compute?", "for instance `op = \"linear\"`");
            return StageSpec {
                name: String::new(),
                op: Spanned::new(span, String::new()),
                shader: String::new(),
                inputs: Vec::new(),
                weights: IndexMap::new(),
                outputs: IndexMap::new(),
                params: IndexMap::new(),
                samplers: IndexMap::new(),
                entry: None,
                expect: None,
            };
        };
        if entry.out.is_empty() {
            let help = "for instance `out = { y = [\"rows\", 384] }`";
            self.help(span, "a stage needs an `out`", "what does it write?", help);
        }
        let outputs: IndexMap<Spanned<String>, OutputSpec> =
            entry.out.iter().filter_map(|(key, value)| Some((key.clone(), self.output_spec(value)?))).collect();
        let element = outputs.first().map(|(_, output)| output.element).unwrap_or_default();
        StageSpec {
            name: entry.name.as_ref().unwrap_or(op).get_ref().clone(),
            shader: entry.shader.clone().unwrap_or_else(|| format!("{}.wgsl", op.get_ref())),
            op: op.clone(),
            inputs: entry.inputs.clone(),
            weights: entry
                .weights
                .iter()
                .filter_map(|(key, value)| {
                    self.name(key, "a weight");
                    Some((key.clone(), self.weight(value)?))
                })
                .collect(),
            outputs,
            params: entry
                .params
                .iter()
                .filter_map(|(key, value)| {
                    self.name(key, "a parameter");
                    Some((key.clone(), Spanned::new(value.span(), self.param(value)?)))
                })
                .collect(),
            entry: entry.entry.as_ref().map(|entry| entry.get_ref().clone()),
            samplers: self.samplers(&entry.samplers),
            expect: entry.expect.as_ref().and_then(|expect| self.expect(expect, element)),
        }
    }

    fn weight(&mut self, value: &Spanned<Value>) -> Option<WeightSpec> {
        let span = value.span();
        if matches!(value.get_ref(), Value::Array(_)) {
            let fill = FillSpec { kind: FillKind::Uniform { mean: None, spread: None }, seed: None };
            return Some(WeightSpec { shape: self.shape(value.get_ref(), &span)?, fill, stored: None });
        }
        let entry = match WeightEntry::deserialize(value.get_ref().clone()) {
            Ok(entry) => entry,
            Err(error) => {
                let help = "a weight is a shape, or a table with `shape`, `fill`, `seed`, `mean`, `spread`, `tensor`, `transpose` and `permute`";
                self.help(span, error.message().to_owned(), "not a weight", help);
                return None;
            }
        };
        let Some(shape) = &entry.shape else {
            self.at(span, "a weight needs a `shape`", "without a shape");
            return None;
        };
        let fill = self.fill(entry.fill.as_deref(), entry.seed, (entry.mean, entry.spread), &span);
        let stored = self.stored(&entry, &span);
        Some(WeightSpec { shape: self.shape(shape, &span)?, fill, stored })
    }

    fn stored(&mut self, entry: &WeightEntry, span: &Range<usize>) -> Option<StoredSpec> {
        let tensors = match &entry.tensor {
            None if entry.transpose || entry.permute.is_some() => {
                let help = "name the stored tensor: `tensor = \"encoder.weight\"`";
                self.help(span.clone(), "`transpose` and `permute` say how a `tensor` is stored", "without one", help);
                return None;
            }
            None => return None,
            Some(Value::String(name)) => vec![name.clone()],
            Some(Value::Array(names)) => names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect(),
            Some(_) => Vec::new(),
        };
        let written = entry.tensor.as_ref().and_then(Value::as_array).map_or(1, Vec::len);
        if tensors.is_empty() || tensors.len() != written {
            let help = "several are joined along the last axis: `tensor = [\"q.weight\", \"k.weight\"]`";
            self.help(span.clone(), "`tensor` is a name or a list of names", "not a name", help);
        }
        let permute = match (&entry.permute, entry.transpose) {
            (None, true) => vec![1, 0],
            (None, false) => Vec::new(),
            (Some(axes), false) => axes.clone(),
            (Some(_), true) => {
                self.help(span.clone(), "`transpose` is `permute = [1, 0]`", "both", "leave one of them out");
                Vec::new()
            }
        };
        if !(0..permute.len()).all(|axis| permute.contains(&axis)) {
            let help = "each stored axis once, for instance `[2, 3, 1, 0]`";
            self.help(span.clone(), format!("`permute` is {permute:?}"), "not an order of axes", help);
        }
        Some(StoredSpec { tensors, permute })
    }

    fn param(&mut self, value: &Spanned<Value>) -> Option<ParamSpec> {
        let problem = match value.get_ref() {
            Value::Boolean(value) => return Some(ParamSpec::Bool(*value)),
            Value::Integer(value) => return Some(ParamSpec::Int(*value)),
            Value::Float(value) if value.is_finite() => return Some(ParamSpec::Float(*value)),
            Value::String(text) => match text.strip_prefix('=').map(|text| Expr::compile(text, value.span())) {
                None => return Some(ParamSpec::Text(text.clone())),
                Some(Ok(expr)) => return Some(ParamSpec::Expr(expr)),
                Some(Err(message)) => message,
            },
            other => format!("found {}, expected true, false, a finite number or a text", other.type_str()),
        };
        self.at(value.span(), problem, "not a parameter's value");
        None
    }

    /// Names that are read must have been written before; names with an index are checked when blocks are unfolded.
    fn tensors(&mut self, file: &ModelFile) {
        let mut known: HashSet<&str> =
            file.input.iter().filter_map(|input| Some(input.get_ref().name.as_ref()?.get_ref().as_str())).collect();
        let mut groups: Vec<(usize, Vec<&StageEntry>)> =
            file.stage.iter().map(|stage| (stage.span().start, vec![stage.get_ref()])).collect();
        let blocks = file.block.iter();
        groups.extend(
            blocks.map(|b| (b.span().start, b.get_ref().stage.iter().map(Spanned::get_ref).collect::<Vec<_>>())),
        );
        groups.sort_by_key(|(start, _)| *start);
        for stage in groups.iter().flat_map(|(_, stages)| stages) {
            let copied = stage.out.values().filter_map(|output| {
                let start = output.get_ref().get("start")?.as_str().filter(|start| *start != "zeros")?;
                Some((start, output.span()))
            });
            let read = stage.inputs.iter().map(|input| (input.get_ref().as_str(), input.span()));
            for (name, span) in read.chain(copied) {
                // A stage that stands later in the same block can have written it in the round before.
                if !name.contains('{') && !known.contains(name) {
                    let near = nearest(name, known.iter().copied()).map(|near| format!("did you mean `{near}`? "));
                    let mut names: Vec<&str> = known.iter().copied().collect();
                    names.sort_unstable();
                    let help = format!("{}tensors written before it: {}", near.unwrap_or_default(), listed(&names));
                    self.help(span, format!("no tensor `{name}` exists here"), "not written yet", help);
                }
            }
            known.extend(stage.out.keys().map(|key| key.get_ref().as_str()));
        }
        let mut names = HashSet::new();
        for (_, stages) in &groups {
            for stage in stages {
                let Some(name) = stage.name.as_ref().or(stage.op.as_ref()) else { continue };
                if !names.insert(name.get_ref().as_str()) {
                    let help = "weights are named after their stage: give each stage its own `name`";
                    self.help(name.span(), format!("two stages are named `{}`", name.get_ref()), "second", help);
                }
            }
        }
    }

    fn output(&mut self, file: &ModelFile, items: &[Item]) -> Vec<String> {
        let written: Vec<&StageSpec> = items
            .iter()
            .flat_map(|item| match item {
                Item::Stage(stage) => std::slice::from_ref(stage.as_ref()),
                Item::Block(block) => block.stages.as_slice(),
            })
            .collect();
        let Some(output) = &file.output else {
            let names = written.last().into_iter().flat_map(|stage| stage.outputs.keys());
            return names.map(|name| name.get_ref().clone()).collect();
        };
        if output.is_empty() {
            self.found.push(Problem::whole("`output` is empty").help("leave it out to read back the last stage's"));
        }
        let names: Vec<&str> =
            written.iter().flat_map(|stage| stage.outputs.keys()).map(|name| name.get_ref().as_str()).collect();
        for (place, name) in output.iter().enumerate() {
            if output[..place].iter().any(|earlier| earlier.get_ref() == name.get_ref()) {
                let message = format!("`output` names `{}` twice", name.get_ref());
                self.help(name.span(), message, "second time", "name each tensor once");
            } else if !name.get_ref().contains('{') && !names.contains(&name.get_ref().as_str()) {
                self.one_of("output", name, &names);
            }
        }
        output.iter().map(|name| name.get_ref().clone()).collect()
    }
}
