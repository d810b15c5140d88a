//! Settings are the parameters of kernels that a manifest itself gives values: by `[compiler]`, by axes named like one, and
//! by `[tune]`. One that only forms have that no job of the manifest runs would silently do nothing, and is an error.
//!
//! Where some jobs have such a form and others do not, as where axes are crossed, the others are `unsupported`.

use indexmap::IndexMap;

use super::kernels::{FORM, Kernel, Parameter, which_forms};
use super::{RenderError, Templates};
use crate::manifest::axes::TUNED;
use crate::manifest::model::Program;
use crate::manifest::model::stages::Item;
use crate::manifest::{AxisValue, Manifest};
use crate::webdriver::Compiler;

/// What a manifest is checked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Its jobs as they are.
    Run,
    /// A search from them.
    Tune,
}

/// Whether each parameter that the manifest gives values has a use in some form that its jobs may have.
pub fn check(templates: &Templates, manifest: &Manifest, purpose: Purpose) -> Result<(), RenderError> {
    for (name, kernel) in used(templates, manifest) {
        if let Some(form) = kernel.parameters.get(FORM) {
            Checker { name, kernel, form, manifest, purpose }.check()?;
        }
    }
    Ok(())
}

/// The kernels behind the stages of a manifest's models.
fn used<'a>(templates: &'a Templates, manifest: &Manifest) -> IndexMap<&'a str, &'a Kernel> {
    let mut used = IndexMap::new();
    for model in manifest.models.values() {
        let Program::Stages(stages) = &model.program else { continue };
        for item in &stages.items {
            let stages = match item {
                Item::Stage(stage) => std::slice::from_ref(stage.as_ref()),
                Item::Block(block) => &block.stages,
            };
            used.extend(stages.iter().filter_map(|stage| templates.kernels().behind(&stage.shader)));
        }
    }
    used
}

/// A kernel that has forms.
struct Checker<'a> {
    name: &'a str,
    kernel: &'a Kernel,
    form: &'a Parameter,
    manifest: &'a Manifest,
    purpose: Purpose,
}

impl<'a> Checker<'a> {
    fn check(&self) -> Result<(), RenderError> {
        let browsers = self.manifest.browsers.values();
        let compilers: Vec<Compiler> = browsers.map(|browser| browser.kind.product().compiler).collect();
        for (compiler, _, set) in self
            .manifest
            .compiler
            .set
            .iter()
            .filter(|(compiler, kernel, _)| kernel == self.name && compilers.contains(compiler))
        {
            let forms = self.forms(*compiler);
            for (name, value) in set {
                let place = format!("[compiler.{compiler}.{}]", self.name);
                self.has_a_use(name, &[value], &forms, &place)?;
            }
        }
        let all: Vec<&AxisValue> = compilers.iter().flat_map(|compiler| self.forms(*compiler)).collect();
        for name in self.kernel.parameters.keys() {
            self.has_a_use(name, &self.swept(name), &all, "[axes]")?;
        }
        if self.purpose == Purpose::Tune
            && self.manifest.tune.kernel.as_deref().is_none_or(|kernel| kernel == self.name)
        {
            for (name, values) in self.manifest.tune.parameters.iter().flatten() {
                let declared = self.kernel.parameters.get(name).map(|known| &known.values);
                let values = if values.is_empty() { declared } else { Some(values) };
                self.has_a_use(name, &values.into_iter().flatten().collect::<Vec<_>>(), &all, "[tune]")?;
            }
        }
        Ok(())
    }

    /// The values that an axis of the user's own gives a parameter, in the matrix and in jobs outside its product.
    fn swept(&self, name: &str) -> Vec<&'a AxisValue> {
        let axes = self.manifest.axes.iter().filter(|axis| axis.custom && axis.name == name);
        let included = self.manifest.include.iter().filter_map(|include| include.get(name));
        axes.flat_map(|axis| &axis.values).chain(included).collect()
    }

    /// The forms that jobs with a compiler may have.
    fn forms(&self, compiler: Compiler) -> Vec<&'a AxisValue> {
        let swept = self.swept(FORM);
        if !swept.is_empty() {
            return swept;
        }
        let set = self.manifest.compiler.set.iter();
        let set = set.filter(|(one, kernel, _)| *one == compiler && kernel == self.name);
        if let Some(form) = set.filter_map(|(_, _, set)| set.get(FORM)).next_back() {
            return vec![form];
        }
        let searched = self.manifest.tune.parameters.as_ref();
        match (self.purpose, searched.map(|parameters| parameters.get(FORM))) {
            (Purpose::Tune, None) => self.form.values.iter().collect(),
            (Purpose::Tune, Some(Some(forms))) if forms.is_empty() => self.form.values.iter().collect(),
            (Purpose::Tune, Some(Some(forms))) => forms.iter().collect(),
            (Purpose::Tune, Some(None)) => vec![self.form.tuned.as_ref().unwrap_or(&self.form.default)],
            // A winner may be of any form.
            (Purpose::Run, _) if self.is_tuned() => self.form.values.iter().collect(),
            (Purpose::Run, _) => vec![&self.form.default],
        }
    }

    /// Whether the workgroup of some job is the tuned one.
    fn is_tuned(&self) -> bool {
        let axes = self.manifest.axes.iter().filter(|axis| axis.name == "workgroup_size");
        let included = self.manifest.include.iter().filter_map(|include| include.get("workgroup_size"));
        axes.flat_map(|axis| &axis.values).chain(included).any(|value| *value == AxisValue::Text(TUNED.to_owned()))
    }

    fn has_a_use(
        &self,
        name: &str,
        values: &[&AxisValue],
        forms: &[&AxisValue],
        place: &str,
    ) -> Result<(), RenderError> {
        let Some(parameter) = self.kernel.parameters.get(name) else { return Ok(()) };
        let is_of = |form: &&AxisValue| parameter.is_of(Some(&form.to_string()));
        if forms.iter().any(is_of) || values.iter().all(|value| **value == parameter.default) {
            return Ok(());
        }
        let mut here: Vec<String> = forms.iter().map(ToString::to_string).collect();
        here.sort_unstable();
        here.dedup();
        let here: Vec<&str> = here.iter().map(String::as_str).collect();
        let of_which = parameter.of_which();
        let message = format!(
            "`{name}` of the kernel `{}` belongs to {of_which}, and jobs here have {}",
            self.name,
            which_forms(&here)
        );
        let help = format!("give `form` one of those too, form = {:?}, or leave `{name}` out", parameter.forms[0]);
        Err(RenderError::Parameter { place: place.to_owned(), message, help: Some(help) })
    }
}
