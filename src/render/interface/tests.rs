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
    read(&text, &format!("{HEAD}{shader}"))
}

/// What is said of a shader and the first stage of a model.
fn read(text: &str, shader: &str) -> Result<EntryPoint, String> {
    let model = Model::parse("m", std::path::Path::new("m.toml"), text).unwrap();
    let graph = Graph::of(&model, &JobVars::default()).unwrap();
    let (code, stage) = match shader.split_once("enable ") {
        // Directives come first.
        Some((before, after)) => {
            let (directive, rest) = after.split_once('\n').unwrap();
            (format!("enable {directive}\n{before}{rest}"), &graph.stages[0])
        }
        None => (shader.to_owned(), &graph.stages[0]),
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
    let cast = format!(
        "@group(0) @binding(1) var<storage, read_write> z: array<atomic<u32>>;\n\
         {MAIN} {{ atomicStore(&z[id.x], bitcast<u32>(2.0 * x[id.x])); }}\n"
    );
    let counted = format!(
        "@group(0) @binding(1) var<storage, read_write> z: array<atomic<u32>>;\n\
         {MAIN} {{ atomicAdd(&z[id.x], u32(x[id.x])); }}\n"
    );
    assert!(compared("", &cast).is_ok(), "{:?}", compared("", &cast));
    assert!(compared("", &counted).unwrap_err().contains("`z` holds u32"));
}

const MAIN: &str = "@compute @workgroup_size(8) fn main(@builtin(global_invocation_id) id: vec3u)";
/// An output of floats, in the shader whole numbers.
const WORDS: &str = "@group(0) @binding(1) var<storage, read_write> z: array<u32>;\n";

#[test]
fn a_cast_elsewhere_says_nothing_of_an_output() {
    let hash = "fn hash(v: u32) -> f32 { return bitcast<f32>(((v * 747796405u) >> 9u) | 0x3f800000u) - 1.0; }\n";
    for body in [
        "z[id.x] = u32(8.0 * x[id.x] * hash(id.x));",
        "let h = bitcast<u32>(x[id.x]) * 747796405u; z[id.x] = h ^ (h >> 16u);",
        "z[bitcast<u32>(x[id.x]) & 7u] = 1u;",
        "var least = 8u; if (bitcast<u32>(x[id.x]) == 0u) { least = id.x; } z[id.x] = least;",
    ] {
        let found = compared("", &format!("{WORDS}{hash}{MAIN} {{ {body} }}\n"));
        assert!(found.as_ref().is_err_and(|said| said.contains("`z` holds u32")), "{body}: {found:?}");
    }
}

#[test]
fn bits_are_followed_through_variables_and_calls() {
    let swap = "@group(0) @binding(1) var<storage, read_write> z: array<atomic<u32>>;\n\
                fn add(i: u32, v: f32) { var old = atomicLoad(&z[i]); loop { \
                let made = atomicCompareExchangeWeak(&z[i], old, bitcast<u32>(bitcast<f32>(old) + v)); \
                if (made.exchanged) { break; } old = made.old_value; } }\n";
    let halves = format!("{WORDS}fn both(v: f32) -> u32 {{ return pack2x16float(vec2f(v, 0.0)); }}\n");
    let words = "@group(0) @binding(0) var<storage, read> w: array<u32>;\nvar<workgroup> tile: array<u32, 8>;\n\
                 fn word(i: u32) -> u32 { return w[i]; }\n\
                 fn keep(at: ptr<function, u32>, word: u32) { *at = word; }\n";
    for (head, body) in [
        (swap, "add(0u, x[id.x]);"),
        (
            &halves,
            "var two = 0u; if (id.x < 4u) { two = both(x[id.x]) & 0xffffu; } z[id.x] = two | (both(1.0) << 16u);",
        ),
        (&halves, "z[id.x] = insertBits(0u, both(x[id.x]), 16u, 16u);"),
        (words, "y[id.x] = bitcast<f32>(word(id.x));"),
        (words, "tile[id.x] = w[id.x]; workgroupBarrier(); y[id.x] = bitcast<f32>(tile[7u - id.x]);"),
        (words, "var kept: u32; keep(&kept, w[id.x]); y[id.x] = unpack2x16float(kept).x;"),
    ] {
        let found = compared("", &format!("{head}{MAIN} {{ {body} }}\n"));
        assert!(found.is_ok(), "{body}: {found:?}");
    }
    // Such words in one place don't excuse another.
    let other = format!("{words}{WORDS}{MAIN} {{ z[id.x] = u32(bitcast<f32>(w[id.x])); }}\n");
    let said = compared("", &other).unwrap_err();
    assert!(said.contains("`z` holds u32"), "{said}");
}

#[test]
fn of_a_shader_that_naga_does_not_know_a_sampler_may_read_any_texture() {
    let features = |format: &str, samplers: &str| {
        let text = format!(
            "family = 'vision'\n[[input]]\nname = 'x'\ntexture = '{format}'\nshape = [4, 4]\n[[stage]]\nop = 'own'\n\
             in = ['x']\n{samplers}\nout = {{ y = [8] }}\n"
        );
        let later = "@compute @workgroup_size(8) fn main() {}\n@compute_later fn later() {}\n";
        read(&text, later).unwrap().features
    };
    let sampler = "samplers = { s = { filter = 'linear' } }";
    assert_eq!(features("rgba32float", sampler), ["float32-filterable"]);
    assert_eq!(features("rgba16float", sampler), [""; 0]);
    assert_eq!(features("rgba32float", ""), [""; 0]);
}
