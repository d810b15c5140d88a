//! Every shipped model: its graph, its WGSL at many workgroup shapes, its references.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use gpujobs::graph::memory::Place;
use gpujobs::graph::{Graph, JobVars, Memory, TensorRole, Values, memory};
use gpujobs::manifest::CompilerSettings;
use gpujobs::manifest::model::Engine;
use gpujobs::manifest::{AxisValue, Model};
use gpujobs::reference::{Given, Progress, SENTINEL_BITS, compute, verify};
use gpujobs::render::target::{AdapterHint, Target};
use gpujobs::render::wgsl::{Rendered, render_stages};
use gpujobs::render::{RenderError, Templates};
use gpujobs::webdriver::Compiler;

const SHAPES: [[u32; 3]; 7] = [[64, 1, 1], [128, 2, 1], [256, 1, 1], [7, 3, 2], [1, 1, 1], [33, 1, 1], [8, 8, 4]];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/models")
}

pub(crate) fn model(name: &str) -> Model {
    let path = folder().join(format!("{name}.toml"));
    let text = std::fs::read_to_string(&path).unwrap();
    Model::parse(name, &path, &text).unwrap_or_else(|error| panic!("{:?}", miette::Report::new(error)))
}

pub(crate) fn with(model: &Model, params: &[(&str, f64)]) -> Model {
    model.with_params(&params.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()).unwrap()
}

/// Those whose engine is `wgsl`.
fn shipped() -> Vec<Model> {
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names.iter().map(|name| model(name)).filter(|model| model.engine() == Engine::Wgsl).collect()
}

/// The shipped models, and sizes of them that no vector width or tile divides.
pub(crate) fn cases() -> Vec<(String, Model)> {
    let mut cases: Vec<(String, Model)> = shipped().into_iter().map(|model| (model.name.clone(), model)).collect();
    let whisper = model("whisper-tiny-encoder");
    cases.push(("whisper 30 s".to_owned(), with(&whisper, &[("seconds", 30.0)])));
    cases.push(("whisper 0.5 s".to_owned(), with(&whisper, &[("seconds", 0.5)])));
    cases.push(("matmul odd".to_owned(), with(&model("matmul"), &[("m", 37.0), ("n", 51.0), ("k", 29.0)])));
    cases.push(("matmul pairs".to_owned(), with(&model("matmul"), &[("m", 5.0), ("n", 50.0), ("k", 30.0)])));
    cases.push(("softmax odd".to_owned(), with(&model("softmax"), &[("rows", 3.0), ("columns", 77.0)])));
    cases.push(("layer-norm odd".to_owned(), with(&model("layer-norm"), &[("rows", 5.0), ("columns", 13.0)])));
    cases.push(("axpy odd".to_owned(), with(&model("axpy"), &[("n", 1001.0)])));
    cases.push(("conv1d odd".to_owned(), with(&model("conv1d"), &[("steps", 19.0), ("channels", 3.0), ("taps", 3.0)])));
    cases
}

/// No table of the manifest's own, a hardware adapter.
pub(crate) fn target(compiler: Compiler) -> Target<'static> {
    static SETTINGS: LazyLock<CompilerSettings> = LazyLock::new(CompilerSettings::default);
    static SITE: LazyLock<AdapterHint> = LazyLock::new(AdapterHint::default);
    Target { compiler, adapter_hint: &SITE, settings: &SETTINGS, overrides: &[] }
}

fn render(model: &Model, workgroup: [u32; 3]) -> (Graph, Rendered) {
    let vars = JobVars { workgroup: workgroup.into(), ..JobVars::default() };
    let graph = Graph::of(model, &vars).unwrap_or_else(|error| panic!("{error}"));
    let rendered = render_stages(&Templates::new(None, None).unwrap(), &graph, &vars, &target(Compiler::Naga))
        .unwrap_or_else(|error| panic!("{} {workgroup:?}: {error}", model.name));
    (graph, rendered)
}

#[test]
fn every_rendered_shader_is_valid_wgsl() {
    for (name, model) in cases() {
        for workgroup in SHAPES {
            let (graph, rendered) = render(&model, workgroup);
            assert_eq!(rendered.dispatches.len(), graph.stages.len());
            for shader in &rendered.shaders {
                validate(&shader.code).unwrap_or_else(|error| {
                    panic!("{name} at {workgroup:?}, {}:\n{error}\n{}", shader.name, shader.code)
                });
            }
            for dispatch in &rendered.dispatches {
                assert!(dispatch.workgroup_bytes <= 16 * 1024);
            }
        }
    }
}

#[test]
fn no_two_tensors_that_are_needed_at_a_time_lie_in_one_buffer() {
    for (name, model) in cases() {
        let graph = Graph::of(&model, &JobVars { batch: 2, ..JobVars::default() }).unwrap();
        let memory = Memory::of(&graph);
        let lifetimes = memory::lifetimes(&graph);
        let (mut at_once, mut least) = (vec![0; graph.stages.len()], 0);
        for (id, tensor) in graph.tensors.iter().enumerate() {
            let Place::Buffer(buffer) = memory.of[id] else { panic!("{name}: {} lies in a texture", tensor.name) };
            assert!(tensor.bytes() <= memory.buffers[buffer], "{name}: {}", tensor.name);
            let alone = tensor.role != TensorRole::Computed || graph.outputs.contains(&id);
            let (from, to) = lifetimes[id];
            for (other, _) in graph.tensors.iter().enumerate().filter(|(other, _)| *other != id) {
                let apart = memory.of[id] != memory.of[other];
                let later = lifetimes[other].1 < from || to < lifetimes[other].0;
                assert!(apart || (!alone && later), "{name}: {} and {}", tensor.name, graph.tensors[other].name);
            }
            if alone {
                least += tensor.bytes();
            } else {
                at_once[from..=to].iter_mut().for_each(|bytes| *bytes += tensor.bytes());
            }
        }
        // No plan can do with less than what is needed at the same time; this one takes little more.
        least += at_once.into_iter().max().unwrap_or(0);
        assert!(memory.bytes() >= least && memory.bytes() * 10 <= least * 12, "{name}: {} of {least}", memory.bytes());
    }
}

#[test]
fn tensors_that_come_one_by_one_are_verified_as_all_together_and_let_go_of() {
    let graph = job(&with(&model("whisper-tiny-encoder"), &[("seconds", 0.04)]));
    let right = compute(&graph, HashMap::new()).unwrap();
    let mut wrong = right.clone();
    let broken = graph.stages[9].outputs[0];
    wrong.get_mut(&broken).unwrap()[3] += 1.0;
    for tensors in [&right, &wrong] {
        let mut progress = Progress::begin(&graph);
        for id in graph.results() {
            progress.take(&graph, &Given::default(), id, Values::Floats(tensors[&id].clone()));
            assert!(progress.held() <= 6, "{} tensors are held", progress.held());
        }
        let verdict = progress.end(&graph, &Given::default());
        assert_eq!(verdict, verify(&graph, tensors));
        assert_eq!(verdict.verified, Some(tensors == &right));
    }
    let verdict = Progress::begin(&graph).end(&graph, &Given::default());
    assert_eq!((verdict.verified, verdict.failure.unwrap().reason.as_str()), (Some(false), "was not read back"));
}

pub(crate) fn validate(code: &str) -> Result<(), String> {
    let module = naga::front::wgsl::parse_str(code).map_err(|error| error.emit_to_string(code))?;
    let mut validator =
        naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::SHADER_FLOAT16);
    validator.validate(&module).map(|_| ()).map_err(|error| error.emit_to_string(code))
}

fn job(model: &Model) -> Graph {
    Graph::of(model, &JobVars::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn id(graph: &Graph, name: &str) -> usize {
    graph.tensors.iter().position(|tensor| tensor.name == name).unwrap()
}

/// Values that `tests/reference/whisper_numpy.py` wrote.
fn numpy(name: &str) -> Vec<f32> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/reference").join(name);
    std::fs::read(path).unwrap().chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect()
}

fn assert_close(got: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(got.len(), expected.len());
    let worst = got.iter().zip(expected).map(|(got, expected)| (got - expected).abs()).fold(0.0, f32::max);
    assert!(worst <= tolerance, "off by {worst}");
}

#[test]
fn the_reference_log_mel_is_that_of_numpy() {
    let graph = job(&with(&model("whisper-tiny-encoder"), &[("seconds", 0.2)]));
    let tensors = compute(&graph, HashMap::new()).unwrap();
    assert_close(&tensors[&id(&graph, "mel")], &numpy("log_mel_0.2s.f32"), 2e-5);
}

#[test]
fn the_reference_encoder_is_that_of_numpy() {
    let graph = job(&with(&model("whisper-tiny-encoder"), &[("seconds", 0.12)]));
    let tensors = compute(&graph, HashMap::new()).unwrap();
    assert_close(&tensors[&graph.outputs[0]], &numpy("whisper_tiny_encoder_0.12s.f32"), 5e-5);
    let verdict = verify(&graph, &tensors);
    assert_eq!(verdict.verified, Some(true), "{:?}", verdict.failure);
}

/// A small model of each op, so that every reference meets every kind of fault.
fn small() -> Vec<Graph> {
    [
        ("axpy", vec![("n", 64.0)]),
        ("copy", vec![("n", 64.0)]),
        ("matmul", vec![("m", 8.0), ("n", 12.0), ("k", 40.0)]),
        ("softmax", vec![("rows", 4.0), ("columns", 33.0)]),
        ("layer-norm", vec![("rows", 4.0), ("columns", 40.0)]),
        ("conv1d", vec![("steps", 16.0), ("channels", 8.0), ("filters", 4.0)]),
        ("whisper-tiny-encoder", vec![("seconds", 0.04)]),
    ]
    .iter()
    .map(|(name, params)| job(&with(&model(name), params)))
    .collect()
}

#[test]
fn a_missing_unwritten_or_infinite_element_is_incorrect() {
    for graph in small() {
        let right = compute(&graph, HashMap::new()).unwrap();
        let written: Vec<usize> = graph.stages.iter().flat_map(|stage| stage.outputs.clone()).collect();
        for (round, output) in written.iter().enumerate() {
            let mut missing = right.clone();
            missing.remove(output);
            assert_eq!(verify(&graph, &missing).verified, Some(false));
            for value in [f32::NAN, f32::INFINITY, f32::from_bits(SENTINEL_BITS)] {
                let mut wrong = right.clone();
                let values = wrong.get_mut(output).unwrap();
                let at = round * 7919 % values.len();
                values[at] = value;
                let verdict = verify(&graph, &wrong);
                assert_eq!(verdict.verified, Some(false));
                assert_eq!(verdict.failure.unwrap().wrong, 1);
            }
        }
    }
}

/// Every stage notices when all that it wrote is off by one in the third decimal place, as by a wrong constant.
#[test]
fn a_constant_wrong_in_the_third_decimal_is_incorrect() {
    for graph in small() {
        let right = compute(&graph, HashMap::new()).unwrap();
        for stage in &graph.stages {
            let mut wrong = right.clone();
            for value in wrong.get_mut(&stage.outputs[0]).unwrap() {
                *value *= 1.001;
            }
            let failure = verify(&graph, &wrong).failure.unwrap_or_else(|| panic!("{} passed", stage.name));
            assert_eq!(failure.stage, stage.name);
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(24))]

    #[test]
    fn one_element_beyond_its_tolerance_is_found(case in 0_usize..6, at in 0_usize..10_000, up: bool) {
        let graph = &small()[case];
        let right = compute(graph, HashMap::new()).unwrap();
        let output = graph.outputs[0];
        let mut wrong = right.clone();
        let at = at % wrong[&output].len();
        // Far beyond first, to learn the tolerance; then twice that.
        wrong.get_mut(&output).unwrap()[at] += 1e6;
        let failure = verify(graph, &wrong).failure.unwrap();
        #[expect(clippy::cast_possible_truncation, reason = "a step needs no more than f32")]
        let step = (2.5 * failure.tolerance).max(1e-6 * failure.expected.abs()).max(1e-30) as f32;
        let original = right[&output][at];
        wrong.get_mut(&output).unwrap()[at] = if up { original + step } else { original - step };
        proptest::prop_assume!(wrong[&output][at].to_bits() != original.to_bits());
        let verdict = verify(graph, &wrong);
        proptest::prop_assert_eq!(verdict.verified, Some(false));
        proptest::prop_assert_eq!(verdict.failure.unwrap().wrong, 1);
        proptest::prop_assert_eq!(verify(graph, &right).verified, Some(true));
    }
}

#[test]
fn two_kernels_look_like_this() {
    let matmul = with(&model("matmul"), &[("m", 3.0), ("n", 8.0), ("k", 8.0)]);
    insta::assert_snapshot!(render(&matmul, [2, 1, 1]).1.shaders[0].code);
    let norm = with(&model("layer-norm"), &[("rows", 3.0), ("columns", 12.0)]);
    insta::assert_snapshot!(render(&norm, [3, 2, 1]).1.shaders[0].code);
}

/// A model of the user's own op in a folder with its shader and, if any, its expected output.
fn own(shader: &str, expect: &str) -> (tempfile::TempDir, Graph, Result<Rendered, RenderError>) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("double.wgsl"), shader).unwrap();
    let values: Vec<u8> = [2.0_f32, 4.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    std::fs::write(folder.path().join("double.f32"), values).unwrap();
    let text = format!(
        "family = 'text'\n[[input]]\nname = 'x'\nshape = [2]\n[[stage]]\nop = 'double'\nin = ['x']\n\
         out = {{ y = [2] }}\n{expect}"
    );
    let model = Model::parse("own", &folder.path().join("own.toml"), &text).unwrap();
    let mut vars = JobVars::default();
    vars.custom.insert("unroll".to_owned(), AxisValue::Int(4));
    let graph = Graph::of(&model, &vars).unwrap();
    let rendered =
        render_stages(&Templates::new(None, Some(folder.path())).unwrap(), &graph, &vars, &target(Compiler::Tint));
    (folder, graph, rendered)
}

const DOUBLE: &str = "{% from 'lib/macros.wgsl' import read %}{% set grid = [unroll, axes.unroll, 1] %}\n\
                      @group(0) @binding(0) var<storage, read> x: array<f32>;\n\
                      @group(0) @binding(1) var<storage, read_write> y: array<f32>;\n\
                      @compute @workgroup_size(1) fn main(@builtin(global_invocation_id) id: vec3u) {\n\
                      y[id.x] = 2.0 * x[id.x]; }\n";

#[test]
fn a_shader_of_ones_own_needs_no_rust() {
    let (_folder, _, rendered) = own(DOUBLE, "");
    assert_eq!(rendered.unwrap().dispatches[0].grid, [4, 4, 1]);
}

#[test]
fn an_op_of_ones_own_is_verified_by_its_file_or_not_at_all() {
    let right = HashMap::from([(1, vec![2.0, 4.0])]);
    let (_folder, graph, _) = own(DOUBLE, "");
    assert_eq!(verify(&graph, &right).verified, None);
    // Nothing says that a NaN is wrong; what was never written is.
    let verdict = verify(&graph, &HashMap::from([(1, vec![2.0, f32::NAN])]));
    assert_eq!((verdict.verified, verdict.not_finite, verdict.max_abs_error), (None, 1, None));
    let unwritten = HashMap::from([(1, vec![2.0, f32::from_bits(SENTINEL_BITS)])]);
    assert_eq!(verify(&graph, &unwritten).verified, Some(false));
    let (_folder, graph, _) = own(DOUBLE, "expect = { file = 'double.f32' }");
    assert_eq!(verify(&graph, &right).verified, Some(true));
    for wrong in [[2.0, 4.1], [2.0, f32::NAN], [f32::INFINITY, 4.0]] {
        assert_eq!(verify(&graph, &HashMap::from([(1, wrong.to_vec())])).verified, Some(false), "{wrong:?}");
    }
}

#[test]
fn what_is_wrong_with_a_shader_is_said() {
    let error = |shader: &str| own(shader, "").2.unwrap_err().to_string();
    assert_eq!(error("\n{{ typo }}{% set grid = [1, 1, 1] %}"), "shaders/double.wgsl:2: `typo` is not defined");
    assert_eq!(error("fn main() {}"), "shaders/double.wgsl: it sets no `grid`");
    assert!(error("{% set grid = [70000, 1, 1] %}").contains("three whole numbers in 1..=65535"));
    assert_eq!(
        error("{{ unsupported('needs subgroups') }}"),
        "shaders/double.wgsl does not support this: needs subgroups"
    );
    assert!(matches!(own("{{ unsupported('x') }}", "").2, Err(RenderError::Unsupported { .. })));
}
