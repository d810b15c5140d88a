//! The forms that kernels are rendered in for naga, Firefox's compiler: no array in registers that a variable indexes, and no
//! loop inside a loop. naga clamps such an index and counts such a loop's turns, and the array then lives in memory: 1.3
//! against 63 TFLOP/s on one H200.

use std::collections::HashSet;

use gpujobs::graph::{Graph, JobVars};
use gpujobs::manifest::AxisValue;
use gpujobs::manifest::compiler::Values;
use gpujobs::plan::Workgroup;
use gpujobs::render::kernels::{Configuration, Kernel};
use gpujobs::render::wgsl::{Rendered, render_stages};
use gpujobs::render::{RenderError, Templates};
use gpujobs::webdriver::Compiler;
use naga::valid::{Capabilities, FunctionInfo, ValidationFlags, Validator};
use naga::{AddressSpace, Block, Expression, Function, Handle, Module, Statement, TypeInner};

use crate::models::{cases, target};
use crate::ops::{Sizes, graph, stages};

/// What naga does badly with, the place in words; empty where there is nothing.
fn faults(code: &str) -> Vec<String> {
    let module = naga::front::wgsl::parse_str(code).unwrap_or_else(|error| panic!("{}", error.emit_to_string(code)));
    let info = Validator::new(ValidationFlags::all(), Capabilities::all()).validate(&module).unwrap();
    let mut faults = Vec::new();
    for (handle, function) in module.functions.iter() {
        faults.extend(faults_of(&module, function, &info[handle]));
    }
    for (index, entry) in module.entry_points.iter().enumerate() {
        faults.extend(faults_of(&module, &entry.function, info.get_entry_point(index)));
    }
    faults
}

fn faults_of(module: &Module, function: &Function, info: &FunctionInfo) -> Vec<String> {
    let name = function.name.as_deref().unwrap_or("main");
    let mut faults = Vec::new();
    for (_, expression) in function.expressions.iter() {
        let Expression::Access { base, .. } = *expression else { continue };
        let inner = info[base].ty.inner_with(&module.types);
        if in_registers(inner) {
            let index = function.named_expressions.get(&base).cloned().unwrap_or_default();
            faults.push(format!("`{name}` has a variable index into registers {index}: {inner:?}"));
        }
    }
    if deepest_loop(module, &function.body) > 1 {
        faults.push(format!("`{name}` has a loop inside a loop"));
    }
    faults
}

/// Whether an index into this goes into the memory of one thread.
fn in_registers(inner: &TypeInner) -> bool {
    match inner {
        TypeInner::Pointer { space, .. } | TypeInner::ValuePointer { space, .. } => {
            matches!(space, AddressSpace::Function | AddressSpace::Private)
        }
        // A value, an array for instance.
        _ => true,
    }
}

/// How deep loops lie in each other, those of called functions included.
fn deepest_loop(module: &Module, block: &Block) -> usize {
    let called = |function: Handle<Function>| deepest_loop(module, &module.functions[function].body);
    let inside = |statement: &Statement| match statement {
        Statement::Block(block) => deepest_loop(module, block),
        Statement::If { accept, reject, .. } => deepest_loop(module, accept).max(deepest_loop(module, reject)),
        Statement::Switch { cases, .. } => cases.iter().map(|case| deepest_loop(module, &case.body)).max().unwrap_or(0),
        Statement::Loop { body, continuing, .. } => {
            1 + deepest_loop(module, body).max(deepest_loop(module, continuing))
        }
        Statement::Call { function, .. } => called(*function),
        _ => 0,
    };
    block.iter().map(inside).max().unwrap_or(0)
}

#[test]
fn what_naga_does_badly_with_is_seen() {
    let main = |body: &str| {
        format!(
            "@group(0) @binding(0) var<storage, read_write> y: array<f32>;\nvar<workgroup> w: array<f32, 4>;\n\
             var<private> p: array<f32, 4>;\n\
             fn sum(n: u32) -> f32 {{ var s = 0.0; for (var i = 0u; i < n; i++) {{ s += y[i]; }} return s; }}\n\
             @compute @workgroup_size(4) fn main(@builtin(local_invocation_index) t: u32) {{ {body} }}"
        )
    };
    for well in ["y[t] = w[t] + p[2];", "y[t] = sum(t);", "var a = array<f32, 2>(1.0, 2.0); a[1] = y[t]; y[t] = a[1];"]
    {
        assert_eq!(faults(&main(well)), [""; 0], "{well}");
    }
    for (badly, said) in [
        ("y[t] = p[t];", "variable index"),
        ("var a = array<f32, 4>(); a[t] = 1.0; y[t] = a[0];", "variable index"),
        ("let a = array<f32, 2>(1.0, y[t]); y[t] = a[t % 2u];", "variable index"),
        ("var v = vec4f(); v[t] = 1.0; y[t] = v.x;", "variable index"),
        ("for (var i = 0u; i < 4u; i++) { for (var j = 0u; j < t; j++) { y[t] += 1.0; } }", "loop inside"),
        ("for (var i = 0u; i < 4u; i++) { if (i > t) { y[t] += sum(i); } }", "loop inside"),
    ] {
        let found = faults(&main(badly));
        assert!(found.len() == 1 && found[0].contains(said), "{badly}: {found:?}");
    }
}

/// The shaders of a graph that have not been looked at yet, judged.
fn judge(known: &mut HashSet<String>, what: &str, rendered: Rendered) {
    for shader in rendered.shaders {
        if known.contains(&shader.code) {
            continue;
        }
        let faults = faults(&shader.code);
        assert!(faults.is_empty(), "{what}, {}: {faults:#?}\n{}", shader.name, shader.code);
        known.insert(shader.code);
    }
}

fn render(templates: &Templates, graph: &Graph, vars: &JobVars) -> Result<Rendered, RenderError> {
    render_stages(templates, graph, vars, &target(Compiler::Naga))
}

#[test]
fn every_shipped_model_fits_naga() {
    let templates = Templates::new(None, None).unwrap();
    let shapes = [[64, 1, 1], [256, 1, 1], [8, 8, 2], [7, 3, 2]].map(Workgroup::Shape);
    let mut known = HashSet::new();
    for (name, model) in cases() {
        for workgroup in shapes.into_iter().chain([Workgroup::Tuned]) {
            let vars = JobVars { workgroup, ..JobVars::default() };
            let graph = Graph::of(&model, &vars).unwrap();
            let rendered = render(&templates, &graph, &vars).unwrap_or_else(|error| panic!("{name}: {error}"));
            judge(&mut known, &format!("{name} {workgroup}"), rendered);
        }
    }
}

/// Configurations of a kernel in which each value of each parameter has its turn, with each workgroup: alone beside the
/// defaults, and beside the tiled form with the least value that every other parameter can have then.
fn configurations(kernel: &Kernel) -> Vec<Configuration> {
    let possible = |values: &Values| {
        let with = |workgroup: &[u32; 3]| Configuration { workgroup: *workgroup, values: values.clone() };
        kernel.workgroups.iter().any(|workgroup| kernel.broken(&with(workgroup)).unwrap().is_none())
    };
    let mut tiled = kernel.defaults();
    for (name, parameter) in &kernel.parameters {
        let value = parameter.values.iter().find(|value| value.to_string() == "tiled").unwrap_or(&parameter.values[0]);
        let usual = tiled.insert(name.clone(), value.clone());
        if let Some(usual) = usual.filter(|_| !possible(&tiled)) {
            tiled.insert(name.clone(), usual);
        }
    }
    let mut all = Vec::new();
    for base in [kernel.defaults(), tiled] {
        let changed = kernel.parameters.iter().flat_map(|(name, parameter)| {
            let with = |value: &AxisValue| {
                let mut values = base.clone();
                values.insert(name.clone(), value.clone());
                // What only goes together with another change gets the first that makes it possible.
                let others = kernel.parameters.iter().filter(|(other, _)| *other != name);
                let pairs = others.flat_map(|(other, declared)| {
                    let beside = |value: &AxisValue| {
                        let mut values = values.clone();
                        values.insert(other.clone(), value.clone());
                        values
                    };
                    declared.values.iter().map(beside).collect::<Vec<_>>()
                });
                std::iter::once(values.clone()).chain(pairs).find(&possible).unwrap_or(values)
            };
            parameter.values.iter().map(with).collect::<Vec<_>>()
        });
        // A kernel without parameters still has workgroups.
        for values in [base.clone()].into_iter().chain(changed) {
            for workgroup in &kernel.workgroups {
                let configuration = Configuration { workgroup: *workgroup, values: values.clone() };
                if kernel.broken(&configuration).unwrap().is_none() && !all.contains(&configuration) {
                    all.push(configuration);
                }
            }
        }
    }
    all
}

#[test]
fn every_value_of_every_parameter_fits_naga() {
    let templates = Templates::new(None, None).unwrap();
    let mut known = HashSet::new();
    for (name, kernel) in &templates.kernels().kernels {
        let configurations = configurations(kernel);
        let mut unseen: HashSet<String> = HashSet::new();
        for (parameter, declared) in &kernel.parameters {
            unseen.extend(declared.values.iter().map(|value| format!("{parameter}={value}")));
        }
        // `half.rs` has the form for the units that only tint knows, and naga has no subgroups.
        unseen.retain(|value| {
            !["form=matrix", "subgroups=true"].contains(&value.as_str())
                && !["sm", "sn", "fragment"].contains(&&value[..value.find('=').unwrap()])
        });
        for sizes in [Sizes::ODD, Sizes::EVEN] {
            for (op, text) in stages(sizes) {
                let graph = graph(&text);
                if !kernel.templates.contains(&graph.stages[0].shader) {
                    continue;
                }
                for Configuration { workgroup, values } in &configurations {
                    let own = values.clone();
                    let vars = JobVars { workgroup: (*workgroup).into(), custom: own, ..JobVars::default() };
                    match render(&templates, &graph, &vars) {
                        Ok(rendered) => judge(&mut known, &format!("{op} {workgroup:?} {values:?}"), rendered),
                        Err(RenderError::Unsupported { .. }) => continue,
                        Err(error) => panic!("{op} {workgroup:?} {values:?}: {error}"),
                    }
                    for (parameter, value) in values {
                        unseen.remove(&format!("{parameter}={value}"));
                    }
                }
            }
        }
        assert!(unseen.is_empty(), "{name}: {unseen:?} were in no configuration");
    }
    assert!(known.len() > 200, "{}", known.len());
}
