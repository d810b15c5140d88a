//! Shaders and their stages, compared without a browser.

use super::*;
use crate::graph::JobVars;
use crate::manifest::Model;

const HEAD: &str = "@group(0) @binding(0) var<storage, read> x: array<f32>;\n\
                    @group(0) @binding(1) var<storage, read_write> y: array<f32>;\n";

/// What is said of a shader whose stage reads `x` and writes `y`, eight floats each; `more` stands in the stage.
fn compared(more: &str, shader: &str) -> Result<EntryPoint, String> {
    let text = format!(
        "family = 'text'\n[[input]]\nname = 'x'\nshape = [8]\n[[stage]]\nop = 'own'\nin = ['x']\n{more}\nout = {{ y = [8] }}\n"
    );
    let model = Model::parse("m", std::path::Path::new("m.toml"), &text).unwrap();
    let graph = Graph::of(&model, &JobVars::default()).unwrap();
    let shader = format!("{HEAD}{shader}");
    let (code, stage) = match shader.split_once("enable ") {
        // Directives come first.
        Some((before, after)) => {
            let (directive, rest) = after.split_once('\n').unwrap();
            (format!("enable {directive}\n{before}{rest}"), &graph.stages[0])
        }
        None => (shader, &graph.stages[0]),
    };
    let templates = Templates::new(None, None).unwrap();
    let origin = Origin { template: "shaders/own.wgsl".to_owned(), context: minijinja::Value::UNDEFINED };
    let own = OwnShader { templates: &templates, graph: &graph, stage, code: &code, origin: &origin };
    own.entry_point().map_err(|error| format!("{error:?}"))
}

const BODY: &str = "(@builtin(global_invocation_id) id: vec3u) { y[id.x] = x[id.x]; }\n";

#[test]
fn an_extension_that_naga_does_not_know_hides_nothing() {
    let scaled = "override gain: f32;\n@compute @workgroup_size(8) fn other(@builtin(global_invocation_id) id: vec3u) \
                  { y[id.x] = gain * x[id.x]; }\n";
    // One that naga skips, and what it can't parse at all.
    for code in [format!("enable subgroups;\n{scaled}"), format!("{scaled}@compute_later fn later() {{}}\n")] {
        let entry = compared("params = { gain = 2.0 }", &code).unwrap();
        assert_eq!((entry.name.as_str(), entry.constants), ("other", vec![("gain".to_owned(), 2.0)]), "{code}");
        let missing = compared("", &code).unwrap_err();
        assert!(missing.contains("nothing gives `override gain` a value"), "{missing}");
    }
}

#[test]
fn what_another_entry_point_wants_is_not_asked_for() {
    let code = format!(
        "override gain: f32;\n@compute @workgroup_size(8) fn main{BODY}\
         @compute @workgroup_size(8) fn other(@builtin(global_invocation_id) id: vec3u) {{ y[id.x] = gain * x[id.x]; }}\n"
    );
    assert_eq!(compared("", &code).unwrap().constants, []);
    assert!(compared("entry = 'other'", &code).unwrap_err().contains("override gain"));
}

#[test]
fn bits_may_be_read_as_another_type_where_the_shader_says_so() {
    let main = "@compute @workgroup_size(8) fn main(@builtin(global_invocation_id) id: vec3u)";
    let cast = format!(
        "@group(0) @binding(1) var<storage, read_write> z: array<atomic<u32>>;\n\
         {main} {{ atomicStore(&z[id.x], bitcast<u32>(2.0 * x[id.x])); }}\n"
    );
    let counted = format!(
        "@group(0) @binding(1) var<storage, read_write> z: array<atomic<u32>>;\n\
         {main} {{ atomicAdd(&z[id.x], u32(x[id.x])); }}\n"
    );
    assert!(compared("", &cast).is_ok(), "{:?}", compared("", &cast));
    assert!(compared("", &counted).unwrap_err().contains("`z` holds u32"));
}
