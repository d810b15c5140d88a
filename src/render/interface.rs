//! The interface of a shader is what it says of itself: its entry points, what it binds, the constants that a pipeline may
//! override. For a shader of the user's own it is compared with its stage before a browser opens.
//!
//! naga reads it. Of what naga can't read, such as an extension of one browser, only the declarations are looked at; the
//! rest is left to the browsers.

mod casts;
mod module;
mod textures;

use naga::valid::{Capabilities, GlobalUse, ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, GlobalVariable, Handle, Module, ShaderStage, StorageAccess, TypeInner};

use casts::reinterprets;
use module::{element, name_of, overrides};
use textures::Unfit;

use super::source_map::{Origin, SourceMap};
use super::wgsl_text::{self, Declared, Override};
use super::{RenderError, Templates};
use crate::graph::{Channel, Element, Graph, Param, Stage, Tensor, TensorId, TextureFormat};

/// The entry point of the shipped shaders, and of several the one that is taken.
const MAIN: &str = "main";

/// Of 32-bit floats, a sampler gives what lies between texels only where a device has this feature.
const FILTERABLE: &str = "float32-filterable";

/// How a stage's shader is called.
#[derive(Debug, Clone, PartialEq)]
pub struct EntryPoint {
    /// The function.
    pub name: String,
    /// Constants that are overridden, by name.
    pub constants: Vec<(String, f64)>,
    /// Bindings that are uniform buffers.
    pub uniforms: Vec<usize>,
    /// Bindings that are storage textures.
    pub storage_textures: Vec<usize>,
    /// What the shader needs of the device beside what it enables.
    pub features: Vec<&'static str>,
    /// Whether it asks how long what it is bound is.
    pub asks_lengths: bool,
}

impl EntryPoint {
    fn of(name: String, constants: Vec<(String, f64)>) -> Self {
        let (uniforms, storage_textures, features) = (Vec::new(), Vec::new(), Vec::new());
        Self { name, constants, uniforms, storage_textures, features, asks_lengths: false }
    }

    /// That of the shipped shaders.
    pub(super) fn main() -> Self {
        Self::of(MAIN.to_owned(), Vec::new())
    }
}

/// Whether texels are 32-bit floats.
fn is_wide(format: Option<TextureFormat>) -> bool {
    format.is_some_and(|format| format.channel() == Channel::Float32)
}

/// How a binding is used.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Usage {
    Uniform,
    StorageTexture,
    /// As all of its kind are.
    Plain,
}

/// A rendered shader of the user's own, and the stage that it is for.
#[derive(Clone, Copy)]
pub(super) struct OwnShader<'a> {
    pub(super) templates: &'a Templates,
    pub(super) graph: &'a Graph,
    pub(super) stage: &'a Stage,
    pub(super) code: &'a str,
    pub(super) origin: &'a Origin,
}

/// A tensor or a sampler as it is bound.
struct Bound<'a> {
    binding: usize,
    /// `None` for a sampler.
    id: Option<TensorId>,
    name: &'a str,
    /// `in`, `weights`, `out` or `samplers`.
    key: &'static str,
    /// How the template names it, for instance `inputs[0]`.
    template: String,
    /// The shader's name for it, where it has one.
    variable: Option<(Handle<GlobalVariable>, &'a GlobalVariable)>,
}

impl OwnShader<'_> {
    /// Compares what the shader says of itself with its stage.
    pub(super) fn entry_point(self) -> Result<EntryPoint, RenderError> {
        let asks_lengths = self.code.contains("arrayLength");
        Ok(EntryPoint { asks_lengths, ..self.read()? })
    }

    fn read(self) -> Result<EntryPoint, RenderError> {
        let code = self.code;
        let Ok(module) = naga::front::wgsl::parse_str(&wgsl_text::readable(code)) else {
            let declared = wgsl_text::declared(code);
            let name = self.function(&declared.entries)?;
            let entry = EntryPoint::of(name, self.constants(declared.overrides.clone())?);
            return Ok(self.unread(declared, entry));
        };
        let points = module.entry_points.iter().filter(|point| point.stage == ShaderStage::Compute);
        let name = self.function(&points.map(|point| point.name.clone()).collect::<Vec<_>>())?;
        let constants = self.constants(overrides(&module, &name))?;
        let entry = EntryPoint::of(name, constants);
        let Ok(info) = Validator::new(ValidationFlags::all(), Capabilities::all()).validate(&module) else {
            return Ok(self.unread(wgsl_text::declared(code), entry));
        };
        self.bindings(&module, &info, entry)
    }

    /// How a shader that naga can't read binds what it does, as far as its text shows.
    fn unread(self, Declared { uniforms, storage_textures, .. }: Declared, entry: EntryPoint) -> EntryPoint {
        // Which texture a sampler reads can't be seen.
        let wide = |id: &TensorId| is_wide(self.graph.tensors[*id].texture);
        let samples = !self.stage.samplers.is_empty() && self.stage.inputs.iter().any(wide);
        let features = if samples { vec![FILTERABLE] } else { Vec::new() };
        EntryPoint { uniforms, storage_textures, features, ..entry }
    }

    /// The entry point that runs, of those that there are.
    fn function(self, names: &[String]) -> Result<String, RenderError> {
        let listed = || names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        match (&self.stage.entry, names) {
            (Some(entry), names) if names.contains(entry) => Ok(entry.clone()),
            (Some(entry), _) => {
                let message = format!("there is no entry point `{entry}` of the stage `{}`", self.stage.name);
                Err(self.fault(None, message, format!("its compute entry points are {}", listed())))
            }
            (None, [one]) => Ok(one.clone()),
            (None, []) => {
                let help = "mark the function that runs with `@compute @workgroup_size(…)`".to_owned();
                Err(self.fault(None, "it has no compute entry point".to_owned(), help))
            }
            (None, names) if names.iter().any(|name| name == MAIN) => Ok(MAIN.to_owned()),
            (None, [first, ..]) => {
                let help = format!("say which one the stage `{}` runs: entry = \"{first}\"", self.stage.name);
                Err(self.fault(None, format!("it has the entry points {}", listed()), help))
            }
        }
    }

    /// The parameters of the stage that a constant of the shader is named like.
    fn constants(self, overrides: Vec<Override>) -> Result<Vec<(String, f64)>, RenderError> {
        let mut constants = Vec::new();
        for Override { name, id, wanted } in overrides {
            #[expect(clippy::cast_precision_loss, reason = "WGSL's constants have at most 32 bits")]
            let value = match self.stage.params.get(&name) {
                Some(Param::Bool(value)) => Some(f64::from(u8::from(*value))),
                Some(Param::Int(value)) => Some(*value as f64),
                Some(Param::Float(value)) => Some(*value),
                Some(Param::Text(_)) | None => None,
            };
            match value {
                // WebGPU knows a constant with `@id` by its number only.
                Some(value) => constants.push((id.map_or(name, |id| id.to_string()), value)),
                None if !wanted => {}
                None => {
                    let message = format!("nothing gives `override {name}` a value");
                    let help = format!("give the stage `{}` a number: params = {{ {name} = 1.0 }}", self.stage.name);
                    return Err(self.fault(Some(&name), message, help));
                }
            }
        }
        Ok(constants)
    }

    /// Checks all that the shader binds, and adds to its entry point how it does.
    fn bindings(self, module: &Module, info: &ModuleInfo, mut entry: EntryPoint) -> Result<EntryPoint, RenderError> {
        let function = module.entry_points.iter().position(|point| point.name == entry.name).unwrap_or(0);
        let used = info.get_entry_point(function);
        let mut bound = self.bound();
        for (handle, variable) in module.global_variables.iter() {
            let Some(place) = variable.binding else { continue };
            if used[handle].is_empty() {
                continue;
            }
            let count = bound.len();
            let Some(slot) = bound.get_mut(place.binding as usize).filter(|_| place.group == 0) else {
                let name = name_of(variable);
                let message = format!(
                    "`{name}` is @group({}) @binding({}), where the stage `{}` binds nothing",
                    place.group, place.binding, self.stage.name
                );
                let help = if matches!(module.types[variable.ty].inner, TypeInner::Sampler { .. }) {
                    format!(
                        "give the stage one, samplers = {{ {name} = {{ filter = \"linear\" }} }}, and bind it at \
                         {{{{ samplers.{name}.binding }}}}"
                    )
                } else {
                    format!(
                        "what a stage binds is in group 0 from binding 0 on, the tensors of `in`, then weights, then `out`, then \
                         samplers: this one has {count}; {{{{ inputs[0].binding }}}} and {{{{ outputs[0].binding }}}} give \
                         their numbers"
                    )
                };
                return Err(self.fault(Some(name), message, help));
            };
            slot.variable = Some((handle, variable));
        }
        for one in &bound {
            match self.binding(module, one, |handle| used[handle])? {
                Usage::Uniform => entry.uniforms.push(one.binding),
                Usage::StorageTexture => entry.storage_textures.push(one.binding),
                Usage::Plain => {}
            }
        }
        let format = |handle: Handle<GlobalVariable>| {
            let one = bound.iter().find(|one| one.variable.is_some_and(|(found, _)| found == handle))?;
            self.graph.tensors[one.id?].texture
        };
        if used.sampling_set.iter().any(|key| is_wide(format(key.image))) {
            entry.features.push(FILTERABLE);
        }
        Ok(entry)
    }

    fn bound(&self) -> Vec<Bound<'_>> {
        let numbered = |list: &str, at: usize| format!("{list}[{at}]");
        let inputs = self.stage.inputs.iter().enumerate();
        let inputs = inputs.map(|(at, id)| (*id, "in", numbered("inputs", at)));
        let weights = self.stage.weights.iter().map(|(name, id)| (*id, "weights", format!("weights.{name}")));
        let outputs = self.stage.outputs.iter().enumerate();
        let outputs = outputs.map(|(at, id)| (*id, "out", numbered("outputs", at)));
        let tensors = inputs.chain(weights).chain(outputs);
        let tensors =
            tensors.map(|(id, key, template)| (Some(id), self.graph.tensors[id].name.as_str(), key, template));
        let samplers = self.stage.samplers.keys();
        let samplers = samplers.map(|name| (None, name.as_str(), "samplers", format!("samplers.{name}")));
        let all = tensors.chain(samplers).enumerate();
        all.map(|(binding, (id, name, key, template))| Bound { binding, id, name, key, template, variable: None })
            .collect()
    }

    /// How a binding is used, if as the stage means it.
    fn binding(
        self,
        module: &Module,
        bound: &Bound<'_>,
        used: impl Fn(Handle<GlobalVariable>) -> GlobalUse,
    ) -> Result<Usage, RenderError> {
        let (tensor_name, stage) = (bound.name, &self.stage.name);
        let is_output = bound.key == "out";
        let Some((handle, variable)) = bound.variable else {
            let (does, help) = match bound.key {
                "out" => ("does not write", format!("write it, or drop it from `out` of the stage `{stage}`")),
                key => ("does not read", format!("read it, or drop it from `{key}` of the stage `{stage}`")),
            };
            let message = format!("the shader {does} `{tensor_name}`, its binding {}", bound.binding);
            let bound_there = |variable: &GlobalVariable| {
                variable.binding.is_some_and(|place| place.group == 0 && place.binding as usize == bound.binding)
            };
            let unused = module.global_variables.iter().find(|(_, variable)| bound_there(variable));
            return Err(self.fault(unused.map(|(_, variable)| name_of(variable)), message, help));
        };
        let name = name_of(variable);
        let inner = &module.types[variable.ty].inner;
        let Some(tensor) = bound.id.map(|id| &self.graph.tensors[id]) else {
            if matches!(inner, TypeInner::Sampler { comparison: false }) {
                return Ok(Usage::Plain);
            }
            let message = format!("`{name}` is not a sampler, and the stage `{stage}` has `{tensor_name}` there");
            return Err(self.fault(Some(name), message, "declare it `sampler`".to_owned()));
        };
        if let Some(format) = tensor.texture {
            let template = &bound.template;
            let texture = textures::Bound { format, tensor: tensor_name, stage, template, is_output };
            let fits = textures::is_storage(inner, texture);
            let is_storage =
                fits.map_err(|Unfit { message, help }| self.fault(Some(name), format!("`{name}` {message}"), help))?;
            return Ok(if is_storage { Usage::StorageTexture } else { Usage::Plain });
        }
        let writes = used(handle).intersects(GlobalUse::WRITE | GlobalUse::ATOMIC);
        let usage = self.buffer(bound, (variable, inner), writes)?;
        self.typed(module, bound, (handle, tensor))?;
        Ok(usage)
    }

    /// How a binding is used whose tensor lies in a buffer.
    fn buffer(
        self,
        bound: &Bound<'_>,
        (variable, inner): (&GlobalVariable, &TypeInner),
        writes: bool,
    ) -> Result<Usage, RenderError> {
        let (tensor_name, stage, name) = (bound.name, &self.stage.name, name_of(variable));
        let is_output = bound.key == "out";
        match variable.space {
            AddressSpace::Storage { access } if is_output && !access.contains(StorageAccess::STORE) => {
                let message = format!("`{name}` is read only, and the stage `{stage}` writes `{tensor_name}` there");
                Err(self.fault(Some(name), message, "declare it var<storage, read_write>".to_owned()))
            }
            AddressSpace::Storage { .. } if !is_output && writes => {
                let message = format!("`{name}` is written, and `{tensor_name}` is an input of the stage `{stage}`");
                let help = format!(
                    "let an output begin as a copy of it and work there: out = {{ y = {{ shape = […], start = \
                     \"{tensor_name}\" }} }}; each inference then finds the same input"
                );
                Err(self.fault(Some(name), message, help))
            }
            AddressSpace::Storage { .. } => Ok(Usage::Plain),
            AddressSpace::Uniform if !is_output => Ok(Usage::Uniform),
            _ => {
                let message =
                    format!("`{name}` is not a buffer, and `{tensor_name}` of the stage `{stage}` lies in one");
                let help = match inner {
                    TypeInner::Image { .. } => format!(
                        "write `texture = \"rgba8unorm\"`, or another format, where `{tensor_name}` is made; or declare \
                         `{name}` var<storage>, and compute its texels' places"
                    ),
                    TypeInner::Sampler { .. } => {
                        "give the stage samplers, samplers = { smooth = { filter = \"linear\" } }, and bind it at \
                         {{ samplers.smooth.binding }}"
                            .to_owned()
                    }
                    _ if is_output => "declare it var<storage, read_write>".to_owned(),
                    _ => "declare it var<storage, read> or var<uniform>".to_owned(),
                };
                Err(self.fault(Some(name), message, help))
            }
        }
    }

    /// Compares the type of what a buffer holds with the shader's.
    fn typed(
        self,
        module: &Module,
        bound: &Bound<'_>,
        (handle, tensor): (Handle<GlobalVariable>, &Tensor),
    ) -> Result<(), RenderError> {
        let variable = &module.global_variables[handle];
        let (tensor_name, stage, name) = (bound.name, &self.stage.name, name_of(variable));
        let is_output = bound.key == "out";
        match element(module, variable) {
            // Bits of another type are meant where the shader says so of this binding.
            Some(found) if found != tensor.element.to_string() && !reinterprets(module, handle) => {
                let element = tensor.element;
                let message =
                    format!("`{name}` holds {found}, and `{tensor_name}` of the stage `{stage}` is {element}");
                let known = found.parse::<Element>().is_ok();
                let help = match (known, is_output) {
                    (true, _) if element == Element::F16 => format!(
                        "the job stores it so (dtype = \"fp16\"): declare it array<{{{{ {}.element }}}}>",
                        bound.template
                    ),
                    (false, _) => format!("declare it as {element}"),
                    (true, true) => {
                        format!("write its type: out = {{ {tensor_name} = {{ shape = […], type = \"{found}\" }} }}")
                    }
                    (true, false) => format!("write `type = \"{found}\"` where `{tensor_name}` is made"),
                };
                Err(self.fault(Some(name), message, help))
            }
            _ => Ok(()),
        }
    }

    /// A fault at the line of the template that declares a name.
    fn fault(self, name: Option<&str>, message: String, help: String) -> RenderError {
        let declares = |line: &str, name: &str| {
            let column = line.match_indices(name).map(|(at, _)| at).find(|at| {
                let before = line[..*at].chars().next_back();
                let after = line[at + name.len()..].trim_start();
                !before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_')
                    && after.starts_with([':', ';', '='])
            })?;
            let declares = ["var<", "var ", "override "].iter().any(|word| line[..column].contains(word));
            declares.then_some(column + 1)
        };
        let lines = self.code.lines().zip(1..);
        let found = name.and_then(|name| {
            lines.into_iter().find_map(|(text, line)| Some((text.trim(), line, declares(text, name)?)))
        });
        let place = found.and_then(|(text, line, column)| {
            let map = SourceMap::of(self.templates, self.origin, self.code)?;
            Some((map.place(line, column)?, text))
        });
        let Some((place, rendered)) = place else {
            let template = self.origin.template.clone();
            return RenderError::Template { template, line: None, message, help: Some(help) };
        };
        // Beside a line that is written as it stands in the template it would say the same twice.
        let written = self.templates.line(&place.template, place.line).is_some_and(|line| line.trim() == rendered);
        let message = if written { message } else { format!("{message}; rendered: `{rendered}`") };
        RenderError::Template { template: place.template, line: Some(place.line), message, help: Some(help) }
    }
}

#[cfg(test)]
mod tests;
