//! `shaders/kernels.toml` and `shaders/tuned.toml`: read once with the templates, each fault shown at its place.

use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;
use serde::Deserialize;
use toml::Spanned;

use super::rules::{Kind, Rule};
use super::{Configuration, Declaration, FORM, Kernel, Kernels, Parameter};
use crate::manifest::axes::DEFAULT_SHAPE;
use crate::manifest::compiler::{Values, winners};
use crate::manifest::model::Expr;
use crate::manifest::model::expr::is_name;
use crate::manifest::problem::{Problem, listed, nearest, with_near};
use crate::manifest::{AxisValue, ManifestError, ManifestErrors};
use crate::render::{RenderError, Sources};
use crate::webdriver::Compiler;

const KERNELS: &str = "shaders/kernels.toml";
const TUNED: &str = "shaders/tuned.toml";
/// What rules call the workgroup.
const WORKGROUP: &str = "wg";

/// The file exactly as written.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct KernelsFile {
    compiler: BTreeMap<Compiler, Values>,
    kernel: IndexMap<Spanned<String>, KernelEntry>,
}

/// `[kernel.NAME]`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct KernelEntry {
    templates: Vec<String>,
    workgroups: Vec<[u32; 3]>,
    constraints: Vec<Spanned<String>>,
    traits: Vec<Spanned<String>>,
    parameters: IndexMap<Spanned<String>, ParameterEntry>,
    form: IndexMap<Spanned<String>, FormEntry>,
}

/// `[kernel.NAME.form.FORM]`: what only this form has.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FormEntry {
    constraints: Vec<Spanned<String>>,
    traits: Vec<Spanned<String>>,
    parameters: IndexMap<Spanned<String>, ParameterEntry>,
    /// Parameters that another form declares and this one has as well.
    shares: Vec<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ParameterEntry {
    values: Vec<AxisValue>,
    default: Option<AxisValue>,
    tuned: Option<AxisValue>,
    doc: String,
}

impl Declaration {
    /// What is wrong with the file, drawn at its places.
    pub(super) fn error(&self, problems: Vec<Problem>) -> RenderError {
        RenderError::Table(ManifestErrors(vec![ManifestError::new(&self.path, &self.text, problems)]))
    }
}

/// The kernels and winners among the texts of all template files.
pub(in crate::render) fn read(sources: &Sources) -> Result<Kernels, RenderError> {
    let Some((path, text)) = sources.file(KERNELS) else { return Ok(Kernels::default()) };
    let file = Arc::new(Declaration { path, text: text.to_owned() });
    let (written, mut problems) = crate::manifest::read::read::<KernelsFile>(text);
    let mut kernels = IndexMap::new();
    for (name, entry) in written.kernel {
        let mut checker = Checker { problems: &mut problems, name: &name };
        kernels.insert(name.get_ref().clone(), checker.kernel(entry, &file));
    }
    if !problems.is_empty() {
        return Err(file.error(problems));
    }
    for kernel in kernels.values() {
        try_out(kernel)?;
    }
    let winners = match sources.file(TUNED) {
        Some((path, text)) => winners(&path, text).map_err(|error| RenderError::Table(error.into()))?,
        None => Vec::new(),
    };
    Ok(Kernels { kernels, compilers: written.compiler, winners })
}

/// Evaluates a kernel's rules: with each workgroup and, in each form, with the defaults and with each other value of one
/// parameter. What can't be evaluated is an error before anything is rendered.
fn try_out(kernel: &Kernel) -> Result<(), RenderError> {
    let defaults = kernel.defaults();
    let with = |values: &Values, name: &str, value: &AxisValue| {
        let mut values = values.clone();
        values.insert(name.to_owned(), value.clone());
        values
    };
    let forms: Vec<Values> = match kernel.parameters.get(FORM) {
        Some(form) => form.values.iter().map(|form| with(&defaults, FORM, form)).collect(),
        None => vec![defaults],
    };
    let mut lawful = Vec::new();
    for base in forms {
        let others = kernel.parameters.iter().filter(|(name, _)| *name != FORM);
        let changed =
            others.flat_map(|(name, parameter)| parameter.values.iter().map(|value| with(&base, name, value)));
        let changed = changed.map(|values| (DEFAULT_SHAPE, values));
        let usual = kernel.workgroups.iter().map(|workgroup| (*workgroup, base.clone()));
        for (workgroup, values) in usual.chain(changed.collect::<Vec<_>>()) {
            let configuration = Configuration { workgroup, values };
            if kernel.broken(&configuration)?.is_none() {
                lawful.push(configuration);
            }
        }
    }
    kernel.traits_of(&lawful).map(drop)
}

/// The rules of a form as written, or those of all forms.
struct Rules {
    form: Option<Spanned<String>>,
    constraints: Vec<Spanned<String>>,
    traits: Vec<Spanned<String>>,
}

/// Notes what is wrong with a kernel.
struct Checker<'a> {
    problems: &'a mut Vec<Problem>,
    name: &'a Spanned<String>,
}

impl Checker<'_> {
    fn note(&mut self, place: &Spanned<String>, message: impl Into<String>, label: &str, help: impl Into<String>) {
        self.problems.push(Problem::at(place.span(), message, label).help(help));
    }

    fn kernel(&mut self, entry: KernelEntry, file: &Arc<Declaration>) -> Kernel {
        if entry.templates.is_empty() {
            let help = "for instance `templates = [\"matmul.wgsl\"]`";
            self.note(
                self.name,
                format!("the kernel `{}` has no `templates`", self.name.get_ref()),
                "behind what?",
                help,
            );
        }
        let mut parameters = IndexMap::new();
        if let Some((first, _)) = entry.form.first() {
            let text = |form: &Spanned<String>| AxisValue::Text(form.get_ref().clone());
            let (values, default) = (entry.form.keys().map(text).collect(), text(first));
            let doc = "How the kernel is built; each form has parameters of its own.".to_owned();
            parameters.insert(FORM.to_owned(), Parameter { values, default, tuned: None, forms: Vec::new(), doc });
        }
        self.parameters(&mut parameters, entry.parameters, None);
        let mut rules = vec![Rules { form: None, constraints: entry.constraints, traits: entry.traits }];
        let mut shares = Vec::new();
        for (form, entry) in entry.form {
            self.parameters(&mut parameters, entry.parameters, Some(form.get_ref()));
            rules.push(Rules { form: Some(form.clone()), constraints: entry.constraints, traits: entry.traits });
            shares.push((form, entry.shares));
        }
        for (form, names) in &shares {
            for name in names {
                self.share(&mut parameters, form.get_ref(), name);
            }
        }
        // What is missing there would be called unknown in the rules.
        let complete = self.problems.is_empty();
        let (mut constraints, mut traits) = (Vec::new(), Vec::new());
        // A form's own traits come before those of all forms, so that each form's are in one order.
        rules.rotate_left(1);
        for of in &rules {
            let form = of.form.as_ref().map(Spanned::get_ref);
            for (kind, texts, all) in
                [(Kind::Constraint, &of.constraints, &mut constraints), (Kind::Trait, &of.traits, &mut traits)]
            {
                all.extend(texts.iter().filter_map(|text| self.rule(kind, form, text, (&parameters, complete))));
            }
        }
        self.as_many_traits(&rules);
        Kernel {
            templates: entry.templates,
            workgroups: entry.workgroups,
            parameters,
            constraints,
            traits,
            file: file.clone(),
        }
    }

    /// Adds the parameters of a form, or of all where it is `None`.
    fn parameters(
        &mut self,
        all: &mut IndexMap<String, Parameter>,
        written: IndexMap<Spanned<String>, ParameterEntry>,
        form: Option<&String>,
    ) {
        for (key, entry) in written {
            let name = key.get_ref();
            if !is_name(name) || name == WORKGROUP || (name == FORM && all.contains_key(FORM)) {
                let help = "letters, digits and `_`; `wg` is the workgroup, and `form` one of the tables under `form`";
                self.note(&key, format!("`{name}` can't name a parameter"), "not a name", help);
                continue;
            }
            if let Some(known) = all.get(name) {
                let (message, help) = match known.forms.first() {
                    Some(other) => (
                        format!("the form `{other}` declares the parameter `{name}` already"),
                        format!("share it: `shares = [{name:?}]`"),
                    ),
                    None => (format!("all forms have the parameter `{name}`"), "leave it out here".to_owned()),
                };
                self.note(&key, message, "the second time", help);
                continue;
            }
            let Some(default) = entry.default else {
                let help = "for instance { values = [8, 16], default = 8 }";
                self.note(&key, format!("the parameter `{name}` has no `default`"), "without one", help);
                continue;
            };
            for value in std::iter::once(&default).chain(&entry.tuned) {
                if !entry.values.contains(value) {
                    let message =
                        format!("the default {value} of {}.{name} is none of its values", self.name.get_ref());
                    self.note(&key, message, "here", "add it to `values`, or take one of them");
                }
            }
            let forms = form.cloned().into_iter().collect();
            let ParameterEntry { values, tuned, doc, .. } = entry;
            all.insert(name.clone(), Parameter { values, default, tuned, forms, doc });
        }
    }

    /// Gives a form a parameter that another declares.
    fn share(&mut self, parameters: &mut IndexMap<String, Parameter>, form: &str, name: &Spanned<String>) {
        let known =
            parameters.get_mut(name.get_ref()).filter(|known| !known.is_of(Some(form)) && !known.forms.is_empty());
        if let Some(known) = known {
            known.forms.push(form.to_owned());
            return;
        }
        let others = parameters.iter().filter(|(_, known)| !known.is_of(Some(form)));
        let others: Vec<&str> = others.map(|(name, _)| name.as_str()).collect();
        let rest = format!("other forms have {}", listed(&others));
        let help = with_near(nearest(name.get_ref(), others.iter().copied()), &rest);
        let message = format!("no other form has a parameter `{}` to share", name.get_ref());
        self.note(name, message, "not another form's", help);
    }

    /// A rule that compiles and names nothing but what its form has.
    fn rule(
        &mut self,
        kind: Kind,
        form: Option<&String>,
        text: &Spanned<String>,
        (parameters, complete): (&IndexMap<String, Parameter>, bool),
    ) -> Option<Rule> {
        let what = format!("the {} `{}`", kind.name(), text.get_ref());
        let expr = match Expr::compile(text.get_ref(), text.span()) {
            Ok(expr) => expr,
            Err(reason) => {
                self.note(text, format!("{what} is no expression: {reason}"), "not an expression", kind.remedy());
                return None;
            }
        };
        let rule = Rule::new(kind, form.cloned(), expr);
        let of_form = |(_, known): &(&String, &Parameter)| known.is_of(rule.form.as_deref());
        let known: Vec<&str> = parameters.iter().filter(of_form).map(|(name, _)| name.as_str()).collect();
        let mut unknown: Vec<String> = rule.expr.names().into_iter().collect();
        unknown.retain(|name| name != WORKGROUP && !known.contains(&name.as_str()));
        unknown.sort_unstable();
        let Some(name) = unknown.first().filter(|_| complete) else { return Some(rule) };
        let (message, help) = if let Some(other) = parameters.get(name) {
            let of_which = other.of_which();
            (format!("{what} names `{name}`, a parameter of {of_which}"), format!("move it to {of_which}"))
        } else {
            let near = nearest(name, known.iter().copied());
            let rest = format!("the names here are {}", listed(&[&[WORKGROUP], known.as_slice()].concat()));
            (format!("{what} names `{name}`, which is no parameter"), with_near(near, &rest))
        };
        self.note(text, message, "not a name here", help);
        None
    }

    /// A search compares workgroups of all forms by their traits, place by place.
    fn as_many_traits(&mut self, rules: &[Rules]) {
        let mut first: Option<(&str, usize)> = None;
        for of in rules {
            let Some(form) = &of.form else { continue };
            let (name, count) = *first.get_or_insert((form.get_ref(), of.traits.len()));
            if of.traits.len() != count {
                let message = format!("the form `{}` has {} traits of its own", form.get_ref(), of.traits.len());
                let help = format!("`{name}` has {count}, and a search compares them place by place");
                self.note(form, message, "another number", help);
            }
        }
    }
}
