//! From a model manifest as written to a [`Model`], with everything that is wrong found in one pass.

mod module;
mod onnx;
mod stages;
mod tensors;

pub(in crate::manifest) use onnx::{is_id, misnamed};

use std::ops::Range;
use std::path::Path;

use indexmap::IndexMap;
use strum::VariantNames;
use toml::{Spanned, Value};

use super::expr::is_name;
use super::schema::ModelFile;
use super::stages::{FillKind, FillSpec, NAMED_FILLS};
use super::{Engine, Expr, Family, Model, Program};
use crate::manifest::problem::{Problem, listed, nearest};

/// Checks the file of a path and text that `read` read with `problems`; what is missing there is not asked for again.
pub fn check(
    name: &str,
    (path, text): (&Path, &str),
    file: &ModelFile,
    problems: &[Problem],
) -> Result<Model, Vec<Problem>> {
    let mut checker = Checker { found: Vec::new(), folder: path.parent().unwrap_or(Path::new("")) };
    let unread = !problems.is_empty();
    let family = checker.family(file, unread);
    let engine = checker.engine(file);
    let mut params = IndexMap::new();
    for (key, value) in &file.params {
        checker.name(key, "a parameter");
        if !value.get_ref().is_finite() {
            checker.at(value.span(), "a parameter must be a finite number", "not finite");
        }
        params.insert(key.get_ref().clone(), *value.get_ref());
    }
    let mut dims = IndexMap::new();
    for (key, value) in &file.dims {
        checker.name(key, "a dim");
        if params.contains_key(key.get_ref()) {
            checker.at(key.span(), format!("`{}` is already a parameter", key.get_ref()), "second meaning");
        }
        if let Some(expr) = checker.expr_from(0, value.get_ref(), &value.span()) {
            dims.insert(key.get_ref().clone(), expr);
        }
    }
    let program = match engine {
        Engine::Wgsl => Some(Program::Stages(checker.stages(file, unread))),
        Engine::Transformers => checker.pipeline(file, unread).map(Program::Pipeline),
        Engine::Onnxruntime => checker.onnx_file(file, unread).map(Program::OnnxFile),
        Engine::Module => checker.module(file, unread).map(Program::Module),
    };
    match program {
        Some(program) if checker.found.is_empty() => Ok(Model {
            name: name.to_owned(),
            path: path.to_owned(),
            source: text.into(),
            family,
            task: file.task.as_ref().map(|task| task.get_ref().clone()),
            description: file.description.clone().unwrap_or_default(),
            params,
            dims,
            program,
        }),
        _ => Err(checker.found),
    }
}

struct Checker<'a> {
    found: Vec<Problem>,
    folder: &'a Path,
}

impl Checker<'_> {
    fn at(&mut self, span: Range<usize>, message: impl Into<String>, label: impl Into<String>) {
        self.found.push(Problem::at(span, message, label));
    }

    fn help(&mut self, span: Range<usize>, message: impl Into<String>, label: &str, help: impl Into<String>) {
        self.found.push(Problem::at(span, message, label).help(help));
    }

    fn family(&mut self, file: &ModelFile, unread: bool) -> Family {
        let known = Family::VARIANTS;
        let Some(family) = &file.family else {
            if !unread {
                self.found.push(Problem::whole("`family` is missing").help(format!("one of {}", listed(known))));
            }
            return Family::Text;
        };
        let found = family.get_ref().parse().ok();
        found.unwrap_or_else(|| {
            self.one_of("family", family, known);
            Family::Text
        })
    }

    /// Notes the keys of modules.
    fn no_module(&mut self, file: &ModelFile, engine: Engine) {
        let keys = [
            ("libraries", file.libraries.keys().next().map(Spanned::span)),
            ("files", file.files.first().map(Spanned::span)),
        ];
        self.foreign(engine, &keys);
    }

    /// Notes the keys that belong to another engine.
    fn foreign(&mut self, engine: Engine, keys: &[(&str, Option<Range<usize>>)]) {
        for (key, span) in keys {
            if let Some(span) = span {
                let message = format!("`{key}` is no key of a model on the engine `{engine}`");
                self.help(span.clone(), message, "of another engine", "leave it out, or set `engine`");
            }
        }
    }

    fn engine(&mut self, file: &ModelFile) -> Engine {
        let Some(engine) = &file.engine else { return Engine::Wgsl };
        engine.get_ref().parse().unwrap_or_else(|_| {
            self.one_of("engine", engine, Engine::VARIANTS);
            Engine::Wgsl
        })
    }

    fn one_of(&mut self, what: &str, found: &Spanned<String>, known: &[&str]) {
        let hint = nearest(found.get_ref(), known.iter().copied()).map(|near| format!("did you mean `{near}`? "));
        let help = format!("{}{what} is one of {}", hint.unwrap_or_default(), listed(known));
        self.help(found.span(), format!("unknown {what} `{}`", found.get_ref()), "not known", help);
    }

    fn name(&mut self, key: &Spanned<String>, what: &str) {
        if !is_name(key.get_ref()) {
            let message = format!("`{}` can't name {what}", key.get_ref());
            self.help(key.span(), message, "not a name", "letters, digits and `_`, not beginning with a digit");
        }
    }

    fn expr(&mut self, value: &Value, span: &Range<usize>) -> Option<Expr> {
        self.expr_from(1, value, span)
    }

    /// An expression whose value, where it is known already, is at least `least`.
    fn expr_from(&mut self, least: i64, value: &Value, span: &Range<usize>) -> Option<Expr> {
        let compiled = match value {
            Value::Integer(number) if *number >= least => Ok(Expr::int(*number, span.clone())),
            Value::Integer(number) => Err(format!("{number} is not at least {least}")),
            Value::String(text) => Expr::compile(text, span.clone()),
            other => Err(format!("found {}, expected a whole number or an expression in quotes", other.type_str())),
        };
        compiled
            .map_err(|message| self.help(span.clone(), message, "not an expression", "for instance `seconds * 16000`"))
            .ok()
    }

    fn shape(&mut self, value: &Value, span: &Range<usize>) -> Option<Vec<Expr>> {
        self.shape_from(1, value, span)
    }

    /// A shape whose extents are at least `least`.
    fn shape_from(&mut self, least: i64, value: &Value, span: &Range<usize>) -> Option<Vec<Expr>> {
        let Value::Array(extents) = value else {
            let message = format!("found {}, expected a shape", value.type_str());
            self.help(span.clone(), message, "not a shape", "for instance `[80, \"frames\"]`");
            return None;
        };
        if extents.is_empty() || extents.len() > 6 {
            self.at(span.clone(), format!("a shape has 1 to 6 extents, not {}", extents.len()), "wrong rank");
            return None;
        }
        extents.iter().map(|extent| self.expr_from(least, extent, span)).collect()
    }

    fn fill(
        &mut self,
        fill: Option<&str>,
        seed: Option<u32>,
        (mean, spread): (Option<f32>, Option<f32>),
        span: &Range<usize>,
    ) -> FillSpec {
        let kind = match fill {
            None | Some("uniform") => FillKind::Uniform { mean, spread },
            Some("zeros") => FillKind::Uniform { mean: Some(0.0), spread: Some(0.0) },
            Some("ones") => FillKind::Uniform { mean: Some(1.0), spread: Some(0.0) },
            Some(name) => {
                if !NAMED_FILLS.contains(&name) {
                    let known = ["uniform", "zeros", "ones"].into_iter().chain(NAMED_FILLS).collect::<Vec<_>>();
                    self.one_of("fill", &Spanned::new(span.clone(), name.to_owned()), &known);
                }
                FillKind::Named(name.to_owned())
            }
        };
        if (mean.is_some() || spread.is_some()) && !matches!(fill, None | Some("uniform")) {
            self.at(span.clone(), "`mean` and `spread` belong to a uniform fill", "another fill");
        }
        FillSpec { kind, seed }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::manifest::Model;

    fn problems(text: &str) -> Vec<String> {
        let error = Model::parse("m", Path::new("m.toml"), text).unwrap_err();
        error
            .problems
            .iter()
            .map(|problem| format!("{problem} | {}", problem.help.clone().unwrap_or_default()))
            .collect()
    }

    #[test]
    fn all_problems_come_at_once_each_with_its_remedy() {
        let found = problems(
            r#"
family = "adio"
[params]
seconds = 1
[dims]
frames = "seconds *"
[[input]]
name = "x"
fill = "speach"
shape = ["frames"]
[[stage]]
in = ["x"]
out = { y = ["frames"] }
[[stage]]
op = "copy"
in = ["z"]
weights = { w = 3 }
[[block]]
[[block.stage]]
name = "same"
op = "copy"
in = ["x"]
out = { y = ["frames"], q = 0 }
"#,
        );
        for expected in [
            "unknown family `adio` | did you mean `audio`?",
            "unknown fill `speach` | did you mean `speech`?",
            "a stage needs an `op`",
            "no tensor `z` exists here",
            "a stage needs an `out`",
            "a repeated stage needs the block's index in its name",
            "a block needs `times`",
            "found integer, expected a shape",
            "| for instance `seconds * 16000`",
        ] {
            assert!(found.iter().any(|one| one.contains(expected)), "{expected}: {found:#?}");
        }
    }

    #[test]
    fn an_unknown_key_does_not_hide_the_rest() {
        let found = problems("famly = \"audio\"\n[[stage]]\nop = \"copy\"\n");
        assert!(found.iter().any(|one| one.contains("`family`")) && found.iter().any(|one| one.contains("`out`")));
    }

    #[test]
    fn an_override_of_an_unknown_parameter_names_the_known_ones() {
        let text = "family = 'text'\n[params]\nrows = 2\n[[input]]\nname = 'x'\nshape = ['rows']\n[[stage]]\nop = 'copy'\n\
                    in = ['x']\nout = { y = ['rows'] }\n";
        let model = Model::parse("m", Path::new("m.toml"), text).unwrap();
        let message = model.with_params(&[("row".to_owned(), 3.0)].into_iter().collect()).unwrap_err();
        assert!(message.contains("did you mean `rows`?"), "{message}");
    }
}
