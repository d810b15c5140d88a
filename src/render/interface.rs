//! The interface of a shader is what it says of itself: its entry points, what it binds, the constants that a pipeline may
//! override. For a shader of the user's own it is compared with its stage before a browser opens.
//!
//! naga reads it. Of what naga can't read, such as an extension of one browser, only the declarations are looked at; the
//! rest is left to the browsers.

use naga::compact::KeepUnused;
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, GlobalVariable, Handle, Module, ScalarKind, ShaderStage, StorageAccess, TypeInner};

use super::RenderError;
use super::wgsl_text::{self, Declared, Override};
use crate::graph::{Element, Graph, Param, Stage, TensorId};

/// The entry point of the shipped shaders, and of several the one that is taken.
const MAIN: &str = "main";

/// How a stage's shader is called.
#[derive(Debug, Clone, PartialEq)]
pub struct EntryPoint {
    /// The function.
    pub name: String,
    /// Constants that are overridden, by name.
    pub constants: Vec<(String, f64)>,
    /// Bindings that are uniform buffers.
    pub uniforms: Vec<usize>,
}

impl EntryPoint {
    /// That of the shipped shaders.
    pub(super) fn main() -> Self {
        Self { name: MAIN.to_owned(), constants: Vec::new(), uniforms: Vec::new() }
    }
}

/// A rendered shader of the user's own, and the stage that it is for.
#[derive(Clone, Copy)]
pub(super) struct OwnShader<'a> {
    pub(super) graph: &'a Graph,
    pub(super) stage: &'a Stage,
    /// The template, for instance `shaders/mine.wgsl`.
    pub(super) template: &'a str,
    /// As the user wrote it.
    pub(super) source: &'a str,
}

/// A tensor as it is bound.
struct Bound<'a> {
    binding: usize,
    id: TensorId,
    /// `in`, `weights` or `out`.
    key: &'static str,
    /// How the template names it, for instance `inputs[0]`.
    template: String,
    /// The shader's name for it, where it has one.
    variable: Option<(Handle<GlobalVariable>, &'a GlobalVariable)>,
}

impl OwnShader<'_> {
    /// Compares what the shader says of itself with its stage.
    pub(super) fn entry_point(self, code: &str) -> Result<EntryPoint, RenderError> {
        let Ok(module) = naga::front::wgsl::parse_str(&wgsl_text::readable(code)) else {
            let Declared { entries, overrides, uniforms } = wgsl_text::declared(code);
            let name = self.function(&entries)?;
            return Ok(EntryPoint { name, constants: self.constants(overrides)?, uniforms });
        };
        let points = module.entry_points.iter().filter(|point| point.stage == ShaderStage::Compute);
        let name = self.function(&points.map(|point| point.name.clone()).collect::<Vec<_>>())?;
        let constants = self.constants(overrides(&module, &name))?;
        let mut entry = EntryPoint { name, constants, uniforms: Vec::new() };
        let Ok(info) = Validator::new(ValidationFlags::all(), Capabilities::all()).validate(&module) else {
            entry.uniforms = wgsl_text::declared(code).uniforms;
            return Ok(entry);
        };
        entry.uniforms = self.bindings(&module, &info, &entry.name)?;
        Ok(entry)
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

    /// Checks all that the shader binds; the uniform buffers among it.
    fn bindings(self, module: &Module, info: &ModuleInfo, entry: &str) -> Result<Vec<usize>, RenderError> {
        let function = module.entry_points.iter().position(|point| point.name == entry).unwrap_or(0);
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
                let help = format!(
                    "a stage's tensors are in group 0 from binding 0 on, those of `in`, then weights, then `out`: this one \
                     has {count}; {{{{ inputs[0].binding }}}} and {{{{ outputs[0].binding }}}} give their numbers"
                );
                return Err(self.fault(Some(name), message, help));
            };
            slot.variable = Some((handle, variable));
        }
        let mut uniforms = Vec::new();
        for one in &bound {
            if self.binding(module, one, |handle| used[handle])? {
                uniforms.push(one.binding);
            }
        }
        Ok(uniforms)
    }

    fn bound(self) -> Vec<Bound<'static>> {
        let numbered = |list: &str, at: usize| format!("{list}[{at}]");
        let inputs = self.stage.inputs.iter().enumerate();
        let inputs = inputs.map(|(at, id)| (*id, "in", numbered("inputs", at)));
        let weights = self.stage.weights.iter().map(|(name, id)| (*id, "weights", format!("weights.{name}")));
        let outputs = self.stage.outputs.iter().enumerate();
        let outputs = outputs.map(|(at, id)| (*id, "out", numbered("outputs", at)));
        let all = inputs.chain(weights).chain(outputs).enumerate();
        all.map(|(binding, (id, key, template))| Bound { binding, id, key, template, variable: None }).collect()
    }

    /// Whether a binding is a uniform buffer.
    fn binding(
        self,
        module: &Module,
        bound: &Bound<'_>,
        used: impl Fn(Handle<GlobalVariable>) -> naga::valid::GlobalUse,
    ) -> Result<bool, RenderError> {
        use naga::valid::GlobalUse;
        let tensor = &self.graph.tensors[bound.id];
        let (tensor_name, stage) = (&tensor.name, &self.stage.name);
        let is_output = bound.key == "out";
        let Some((handle, variable)) = bound.variable else {
            let (does, help) = if is_output {
                ("does not write", format!("write it, or drop it from `out` of the stage `{stage}`"))
            } else {
                ("does not read", format!("read it, or drop it from `{}` of the stage `{stage}`", bound.key))
            };
            let message = format!("the shader {does} `{tensor_name}`, its binding {}", bound.binding);
            return Err(self.fault(None, message, help));
        };
        let name = name_of(variable);
        let writes = used(handle).intersects(GlobalUse::WRITE | GlobalUse::ATOMIC);
        let uniform = match variable.space {
            AddressSpace::Storage { access } if is_output && !access.contains(StorageAccess::STORE) => {
                let message = format!("`{name}` is read only, and the stage `{stage}` writes `{tensor_name}` there");
                return Err(self.fault(Some(name), message, "declare it var<storage, read_write>".to_owned()));
            }
            AddressSpace::Storage { .. } if !is_output && writes => {
                let message = format!("`{name}` is written, and `{tensor_name}` is an input of the stage `{stage}`");
                let help = format!(
                    "let an output begin as a copy of it and work there: out = {{ y = {{ shape = […], start = \
                     \"{tensor_name}\" }} }}; each inference then finds the same input"
                );
                return Err(self.fault(Some(name), message, help));
            }
            AddressSpace::Storage { .. } => false,
            AddressSpace::Uniform if !is_output => true,
            _ => {
                let message = format!("`{name}` is neither a storage nor a uniform buffer");
                let help = "gpujobs binds tensors as buffers: read an image as array<u32> or array<vec4f> and compute \
                            its texels' places, as the shaders of convolutions do"
                    .to_owned();
                return Err(self.fault(Some(name), message, help));
            }
        };
        match element(module, variable) {
            // Bits of another type are meant where the shader says so: a compare-and-swap on floats, halves as words.
            Some(found) if found != tensor.element.to_string() && !reinterprets(module) => {
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
            _ => Ok(uniform),
        }
    }

    /// A fault at the line of the template that declares a name.
    fn fault(self, name: Option<&str>, message: String, help: String) -> RenderError {
        let declares = |line: &str, name: &str| {
            let after = line.split_once(name).map(|(_, after)| after.trim_start());
            (line.contains("var<") || line.contains("var ") || line.contains("override "))
                && after.is_some_and(|after| after.starts_with([':', ';', '=']))
        };
        let line = name.and_then(|name| self.source.lines().position(|line| declares(line, name)));
        RenderError::Template {
            template: self.template.to_owned(),
            line: line.map(|line| line + 1),
            message,
            help: Some(help),
        }
    }
}

/// The constants of a module, of which an entry point wants those that it reaches and that have no value.
fn overrides(module: &Module, entry: &str) -> Vec<Override> {
    let mut kept = module.clone();
    kept.entry_points.retain(|point| point.name == entry);
    naga::compact::compact(&mut kept, KeepUnused::No);
    let reaches = |name: &str| kept.overrides.iter().any(|(_, one)| one.name.as_deref() == Some(name));
    let all = module.overrides.iter().filter_map(|(_, one)| Some((one.name.clone()?, one)));
    all.map(|(name, one)| Override { wanted: one.init.is_none() && reaches(&name), name, id: one.id }).collect()
}

/// Whether a shader reads the bits of one type as another's.
fn reinterprets(module: &Module) -> bool {
    let functions = module.functions.iter().map(|(_, function)| function);
    let functions = functions.chain(module.entry_points.iter().map(|point| &point.function));
    functions.flat_map(|function| function.expressions.iter()).any(|(_, expression)| {
        use naga::{Expression, MathFunction as Math};
        matches!(
            expression,
            Expression::As { convert: None, .. }
                | Expression::Math { fun: Math::Pack2x16float | Math::Unpack2x16float, .. }
        )
    })
}

fn name_of(variable: &GlobalVariable) -> &str {
    variable.name.as_deref().unwrap_or("a variable")
}

/// The scalar type that a buffer holds; `None` for a structure, which may hold several.
fn element(module: &Module, variable: &GlobalVariable) -> Option<String> {
    let mut inner = &module.types[variable.ty].inner;
    let scalar = loop {
        match inner {
            TypeInner::Array { base, .. } => inner = &module.types[*base].inner,
            TypeInner::Vector { scalar, .. }
            | TypeInner::Matrix { scalar, .. }
            | TypeInner::Atomic(scalar)
            | TypeInner::Scalar(scalar) => break *scalar,
            _ => return None,
        }
    };
    let letter = match scalar.kind {
        ScalarKind::Float => 'f',
        ScalarKind::Sint => 'i',
        ScalarKind::Uint => 'u',
        _ => return None,
    };
    Some(format!("{letter}{}", 8 * u32::from(scalar.width)))
}

#[cfg(test)]
mod tests;
