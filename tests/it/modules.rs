//! JS modules of the user's as an engine: what is right in both browsers, what they can get wrong, and what is said of it.
//!
//! These need Chromium and Firefox with their drivers, and the libraries (`gpujobs setup`); a missing one fails its test. The
//! first run of `five_engines…` asks npm for TensorFlow.js and LiteRT.js, which stay in the build's folder.

use crate::onnx::{NO_FALLBACK, ROOT, cells, source};
use crate::support::workshop::{Row, Workshop, is_positive};

const MEASURE: &str = "[measure]\nwarmup = 1\nsamples = 4\nrounds = 1\ninstances = 1\niterations = 2\nretries = 0\n";

/// A model of the engine `module` that is given five numbers; `rest` goes on with its keys.
fn module(shop: &Workshop, name: &str, program: &str, rest: &str) {
    shop.write(&format!("models/{name}.js"), program);
    let input = "[[input]]\nname = 'x'\nshape = [5]\nvalues = [1, 2, 3, 4, 5]\n";
    let text = format!("family = 'text'\nengine = 'module'\nfile = '{name}.js'\n{rest}\n{input}");
    shop.write(&format!("models/{name}.toml"), &text);
}

/// What twice the input is, in a file beside the models.
fn with_twice(shop: &Workshop) {
    std::fs::create_dir_all(shop.path("models")).unwrap();
    let bytes: Vec<u8> = (1..=5_u8).flat_map(|number| (2.0 * f32::from(number)).to_le_bytes()).collect();
    std::fs::write(shop.path("models/y.f32"), bytes).unwrap();
}

const EXPECT: &str = "expect.y = { file = 'y.f32' }";

/// Twice the input, by WebGPU.
const ON_GPU: &str = "export async function load({ device, inputs }) {
  const code = `
    @group(0) @binding(0) var<storage, read> x: array<f32>;
    @group(0) @binding(1) var<storage, read_write> y: array<f32>;
    @compute @workgroup_size(8) fn main(@builtin(global_invocation_id) id: vec3u) {
      if (id.x < arrayLength(&y)) { y[id.x] = 2.0 * x[id.x]; }
    }`;
  const module = device.createShaderModule({ code });
  const pipeline = await device.createComputePipelineAsync({ layout: 'auto', compute: { module } });
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const [x, y] = [0, 1].map(() => device.createBuffer({ size: 20, usage }));
  device.queue.writeBuffer(x, 0, inputs.x.data);
  const entries = [x, y].map((buffer, binding) => ({ binding, resource: { buffer } }));
  const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  return { device, pipeline, group, y, count: 0 };
}
export function infer(state) {
  const { device, pipeline, group, y } = state;
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(1);
  pass.end();
  device.queue.submit([encoder.finish()]);
  return { y };
}
export function dispose() {}
";

/// Twice the input, in JavaScript.
const NEAR: &str = "export const load = ({ inputs }) => inputs.x.data;
export const infer = (x) => ({ y: x.map((value) => 2 * value) });
export const dispose = () => {};
";

/// A program with one of its lines replaced.
#[track_caller]
fn but(program: &str, line: &str, by: &str) -> String {
    assert!(program.contains(line), "{line}");
    program.replacen(line, by, 1)
}

fn row<'rows>(rows: &'rows [Row], browser: &str, model: &str) -> &'rows Row {
    let found = rows.iter().find(|row| row["browser"] == browser && row["model"] == model);
    found.unwrap_or_else(|| panic!("no {model} in {browser}: {rows:?}"))
}

/// The manifest of the checkout, on its own files.
#[test]
fn five_engines_are_verified_against_one_output_in_both_browsers() {
    let shop = Workshop::new();
    let text = source("manifests/engines.toml").replace("\"engines/", &format!("\"{ROOT}/manifests/engines/"));
    shop.write("m.toml", &text);
    shop.gpujobs(&["setup", "m.toml"]).expect(0);
    let few = ["--set", "measure.samples=3", "--set", "measure.rounds=1", "--set", "measure.warmup=1"];
    let ended = shop.run(&text, &few).expect(0);
    assert!(ended.stdout.contains("engines: 10 jobs, all ok and verified"), "{ended:?}");
    let rows = shop.jobs();
    for browser in ["chrome", "firefox"] {
        for (model, engine, reference, library) in [
            ("mlp-wgsl", "wgsl", "rust", ""),
            ("mlp-onnx", "onnxruntime", "file", "onnxruntime-web 1."),
            ("mlp-webgpu", "module", "file", ""),
            ("mlp-tfjs", "module", "file", "@tensorflow/tfjs-core 4.22.0, @tensorflow/tfjs-backend-webgpu 4.22.0"),
            ("mlp-litert", "module", "file", "@litertjs/core 2.5.3"),
        ] {
            let row = row(&rows, browser, model);
            let found = cells(row, ["status", "verified", "engine", "reference", "backend_used"]);
            assert_eq!(found, ["ok", "true", engine, reference, "webgpu"], "{row:?}");
            assert!(row["runtime"].contains(library), "{row:?}");
            for column in ["dispatches", "gpu_memory_bytes", "wall_median_ms", "first_inference_ms", "model_load_ms"] {
                assert!(is_positive(&row[column]), "{column}: {row:?}");
            }
            assert_eq!(row["gpu_memory_growth_bytes"], "0", "{row:?}");
        }
        // A file that the model names has its cost; the libraries' own device is watched as gpujobs' own is.
        assert!(is_positive(&row(&rows, browser, "mlp-tfjs")["gpu_median_ms"]), "{rows:?}");
    }
}

#[test]
fn what_a_module_is_compared_with_and_what_it_keeps() {
    let shop = Workshop::new();
    with_twice(&shop);
    let keeps = but(
        ON_GPU,
        "  return { y };",
        "  (globalThis.kept ??= []).push(device.createBuffer({ size: 4096, usage: GPUBufferUsage.STORAGE }));\n  return { y };",
    );
    module(&shop, "keeps", &keeps, EXPECT);
    module(&shop, "open", ON_GPU, "");
    shop.write(
        "models/twice.toml",
        "family = 'text'\n[[input]]\nname = 'x'\nshape = [5]\n[[stage]]\nop = 'axpy'\nin = ['x', 'x']\n\
         params = { a = 1.0 }\nout = { sum = [5] }\n",
    );
    let like = "expect.y = { model = 'twice', output = 'sum' }";
    module(&shop, "like", ON_GPU, like);
    module(&shop, "unlike", &but(ON_GPU, "2.0 * x", "2.1 * x"), like);
    // The network of the engines' manifest, by what native onnxruntime makes of it.
    for file in ["webgpu.js", "safetensors.js", "mlp.safetensors", "mlp.onnx", "y.npy", "mlp-onnx.toml"] {
        std::fs::copy(format!("{ROOT}/manifests/engines/models/{file}"), shop.path(&format!("models/{file}"))).unwrap();
    }
    let by_onnx =
        source("manifests/engines/models/mlp-webgpu.toml").replace("file = \"y.npy\"", "model = \"mlp-onnx\"");
    assert!(by_onnx.contains("y = { model"), "{by_onnx}");
    shop.write("models/by-onnx.toml", &by_onnx);
    let manifest = format!(
        "name = 'm'\n[matrix]\nbrowser = ['chrome', 'firefox']\nmodel = ['keeps', 'open', 'like', 'unlike', 'by-onnx']\n{MEASURE}{NO_FALLBACK}"
    );
    shop.run(&manifest.replace("samples = 4", "samples = 8"), &[]).expect(1);
    let rows = shop.jobs();
    for browser in ["chrome", "firefox"] {
        let keeps = row(&rows, browser, "keeps");
        assert_eq!(
            cells(keeps, ["status", "verified", "gpu_memory_growth_bytes"]),
            ["ok", "true", "4096"],
            "{keeps:?}"
        );
        assert_eq!(keeps["gpu_buffers_per_inference"], "1", "{keeps:?}");
        assert!(keeps["warnings"].contains("GPU memory grows by 4096 bytes an inference"), "{keeps:?}");
        let open = row(&rows, browser, "open");
        assert_eq!(cells(open, ["status", "verified", "gpu_memory_growth_bytes"]), ["ok", "", "0"], "{open:?}");
        assert!(open["warnings"].contains("output not verified: nothing says what `y` must hold"), "{open:?}");
        // Two buffers of 20 bytes.
        assert_eq!(open["gpu_memory_peak_bytes"], "40", "{open:?}");
        let like = row(&rows, browser, "like");
        assert_eq!(cells(like, ["status", "verified", "reference"]), ["ok", "true", "rust"], "{like:?}");
        let by_onnx = row(&rows, browser, "by-onnx");
        assert_eq!(cells(by_onnx, ["status", "verified", "reference"]), ["ok", "true", "onnxruntime"], "{by_onnx:?}");
        let unlike = row(&rows, browser, "unlike");
        let found = cells(unlike, ["status", "verified", "reference", "wall_median_ms"]);
        assert_eq!(found, ["incorrect", "false", "rust", ""], "{unlike:?}");
        assert!(unlike["reason"].contains("`y` differs from its reference (5 of 5 elements)"), "{unlike:?}");
    }
    for browser in ["chrome", "firefox"] {
        let open = row(&rows, browser, "open");
        assert!(open["warnings"].contains("agrees with it within"), "{open:?}");
    }
}

/// A fault of a module: its name, its program, the row's status, and what its reason has.
type Fault = (&'static str, String, &'static str, &'static str);

const INFER: &str = "export const infer = (x) => ({ y: x.map((value) => 2 * value) });";

/// `NEAR` with another inference.
fn with(by: &str) -> String {
    but(NEAR, INFER, &format!("export const infer = (x) => {by};"))
}

/// What an inference in JavaScript returns that it should not.
fn wrong_outputs() -> Vec<Fault> {
    vec![
        ("wrong", with("({ y: x.map((value) => 3 * value) })"), "incorrect", "`y` differs from its reference (5 of 5"),
        ("nan", with("({ y: x.map(() => NaN) })"), "incorrect", "`y` differs from its reference (5 of 5"),
        ("short", with("({ y: x.slice(1) })"), "failed", "and the output is [4]"),
        (
            "shaped",
            with("({ y: { data: x, shape: [2, 3] } })"),
            "incorrect",
            "`y` has 5 elements, and its shape is [2, 3]",
        ),
        ("other", with("({ z: x })"), "failed", "other.js: `infer` returned `z`, and no `y`, which `expect` names"),
        ("nothing", with("{}"), "failed", "nothing.js: `infer` returned nothing"),
        ("array", with("x"), "failed", "array.js: `infer` returned no outputs with names"),
        ("text", with("({ y: 'two' })"), "failed", "text.js: `infer` returned `y` as two: an output is a typed array"),
    ]
}

/// What else such a module gets wrong.
fn wrong_programs() -> Vec<Fault> {
    vec![
        ("throws", with("{\n  throw new TypeError('not today');\n}"), "failed", "throws.js:3: TypeError: not today"),
        (
            "loads",
            but(NEAR, "({ inputs }) =>", "async ({ inputs, file }) => (await file('x.bin')) &&"),
            "failed",
            "`files` of the model does not name x.bin; it names none",
        ),
        (
            "lacks",
            but(
                NEAR,
                "({ inputs }) => inputs.x.data",
                "({ unsupported }) => { throw unsupported('no such feature'); }",
            ),
            "unsupported",
            "lacks.js:1: no such feature",
        ),
        (
            "odd",
            with("{ throw Object.create(null); }"),
            "failed",
            "odd.js: `infer`: it threw something that has no text",
        ),
        (
            "exports",
            but(NEAR, "export const dispose", "const dispose"),
            "failed",
            "exports.js exports no function `dispose`: its exports are ",
        ),
        ("syntax", but(NEAR, INFER, "export const infer = (x => 2;"), "failed", "syntax.js:2: SyntaxError: "),
        (
            "changes",
            with(
                "({ y: x.map((value) => ((globalThis.count = (globalThis.count ?? 0) + 1), globalThis.count > 9 ? 0 : 2 * value)) })",
            ),
            "incorrect",
            "`y` differs from its reference",
        ),
        (
            "stale",
            with("(globalThis.y ??= { y: x.map((value) => 2 * value) })"),
            "incorrect",
            "did not write 5 of 5 elements of `y`",
        ),
        (
            "peeks",
            but(
                NEAR,
                "({ inputs }) => inputs.x.data",
                "async () => {\n  const names = ['y.f32', 'link.txt', '.hidden', '../m.toml', '%2e%2e/m.toml', 'peeks.js/../../m.toml'];\n  \
                 const fetched = names.map((name) => fetch(new URL(name, import.meta.url)));\n  \
                 throw new Error((await Promise.all(fetched)).map(({ status }) => status).join(' '));\n}",
            ),
            "failed",
            "peeks.js:4: 200 404 404 404 404 404",
        ),
    ]
}

/// The same on the GPU.
fn far_faults() -> Vec<Fault> {
    let submit = "  device.queue.submit([encoder.finish()]);\n";
    let once = "if ((state.count += 1) <= 4) ";
    vec![
        (
            "idle",
            NEAR.to_owned(),
            "unsupported",
            "nothing was computed by webgpu: an inference of idle.js dispatched nothing",
        ),
        (
            "waits",
            but(ON_GPU, submit, ""),
            "failed",
            "waits.js: `infer` returned before 1 of its dispatches were submitted",
        ),
        (
            "lazy",
            but(ON_GPU, "pass.dispatchWorkgroups(1);", &format!("{once}pass.dispatchWorkgroups(1);")),
            "incorrect",
            "did not write 5 of 5 elements of `y`",
        ),
        (
            "invalid",
            but(ON_GPU, "dispatchWorkgroups(1)", "dispatchWorkgroups(70000)"),
            "failed",
            "the first inference: ",
        ),
        (
            "hidden",
            but(ON_GPU, "GPUBufferUsage.COPY_SRC | ", ""),
            "failed",
            "the buffer of `y` can't be read: make it with GPUBufferUsage.COPY_SRC",
        ),
        ("shader", but(ON_GPU, "arrayLength(&y)", "arrayLength(y)"), "failed", "WebGPU error: "),
    ]
}

#[cfg(unix)]
#[test]
fn what_a_module_gets_wrong_stands_in_its_row() {
    let shop = Workshop::new();
    with_twice(&shop);
    shop.write("models/.hidden", "x");
    std::os::unix::fs::symlink(shop.path("m.toml"), shop.path("models/link.txt")).unwrap();
    let near = [wrong_outputs(), wrong_programs()].concat();
    let names: Vec<&str> = near.iter().map(|(name, ..)| *name).collect();
    let far = far_faults();
    let included = |rest: &str, name: &str| format!("[[matrix.include]]\n{rest}\nmodel = '{name}'\n");
    let mut include: Vec<String> = far.iter().map(|(name, ..)| included("browser = 'chrome'", name)).collect();
    // Places in the user's file are each browser's own to tell.
    let places = ["throws", "syntax", "stale"];
    include.extend(places.map(|name| included("browser = 'firefox'\nbackend = 'wasm'", name)));
    let faults = [near, far].concat();
    for (name, program, ..) in &faults {
        module(&shop, name, program, EXPECT);
    }
    // It never comes back: what is ready beside it is lost with its page.
    module(&shop, "loops", &but(NEAR, "=> ({ y: x.map((value) => 2 * value) })", "=> { for (;;); }"), EXPECT);
    include.push(included("browser = 'chrome'\nbackend = 'wasm'\ncache = 'cold'", "loops"));
    let include = include.concat();
    let manifest = format!(
        "name = 'm'\n[matrix]\nbrowser = 'chrome'\nbackend = 'wasm'\nmodel = {names:?}\n{include}\
         {MEASURE}timeout = '20s'\n{NO_FALLBACK}"
    );
    shop.run(&manifest, &[]).expect(1);
    let rows = shop.jobs();
    for (name, _, status, reason) in &faults {
        for row in rows.iter().filter(|row| row["model"] == *name) {
            assert_eq!(cells(row, ["status", "wall_median_ms"]), [*status, ""], "{row:?}");
            assert!(row["reason"].contains(reason), "{name} in {}: {:?}", row["browser"], row["reason"]);
            assert!(!row["reason"].contains("http://"), "{row:?}");
        }
    }
    assert_eq!(rows.len(), faults.len() + 3 + 1);
    let loops = row(&rows, "chrome", "loops");
    assert_eq!(cells(loops, ["status", "wall_median_ms"]), ["timed_out", ""], "{loops:?}");
}

/// A package in a folder, with one inside it that it needs, and one beside it.
fn with_packages(shop: &Workshop) {
    let described = |name: &str, rest: &str| format!("{{ \"name\": \"{name}\", \"version\": \"1.2.3\", {rest} }}");
    let near = "\"exports\": { \".\": { \"node\": \"./no.cjs\", \"default\": \"./lib/two.js\" }, \"./sub\": \"./lib/sub.js\" }";
    for (path, text) in [
        ("two/package.json", described("@own/two", near)),
        ("two/lib/two.js", "export { times } from 'three';\n".to_owned()),
        ("two/lib/sub.js", "export { number as factor } from \"four\";\n".to_owned()),
        ("two/node_modules/three/package.json", described("three", "\"module\": \"m.mjs\", \"main\": \"no.cjs\"")),
        (
            "two/node_modules/three/m.mjs",
            "export const times = (values, by) => values.map((one) => one * by);\n".to_owned(),
        ),
        ("two/node_modules/four/package.json", described("four", "\"main\": \"index.js\"")),
        ("two/node_modules/four/index.js", "export const number = 2;\n".to_owned()),
    ] {
        let text = if path == "two/package.json" {
            text.replacen('{', "{ \"dependencies\": { \"three\": \"*\", \"four\": \"*\" },", 1)
        } else {
            text
        };
        shop.write(&format!("models/{path}"), &text);
    }
}

const WITH_PACKAGES: &str = "import { times } from '@own/two';
import { factor } from '@own/two/sub';
import { twice } from './near/twice.js';
export const load = ({ inputs, params, packages, batch }) => {
  if (params.scale !== 3 || params.side !== 6 || batch !== 1 || !packages['@own/two'].endsWith('/')) throw new Error('given');
  return inputs.x.data;
};
export const infer = (x) => ({ y: times(x, factor), z: { data: twice(x), shape: [5, 1] } });
export const dispose = () => {};
";

#[test]
fn packages_of_a_folder_and_files_beside_the_module_are_loaded_and_rendered() {
    let shop = Workshop::new();
    with_twice(&shop);
    with_packages(&shop);
    shop.write("models/near/twice.js", "export const twice = (x) => x.map((value) => value + value);\n");
    let rest = "libraries = { '@own/two' = 'two' }\nparams = { scale = 3 }\ndims = { side = '2 * scale' }\n\
                expect = { y = { file = 'y.f32' }, z = { file = 'y.f32' } }";
    module(&shop, "own", WITH_PACKAGES, rest);
    let matrix = "browser = ['chrome', 'firefox']\nmodel = 'own'\nbackend = 'wasm'\n";
    let manifest = format!("name = 'm'\n[matrix]\n{matrix}{MEASURE}{NO_FALLBACK}");
    shop.run(&manifest, &[]).expect(0);
    for row in shop.jobs() {
        let found = cells(&row, ["status", "verified", "reference", "dispatches", "adapter_kind"]);
        assert_eq!(found, ["ok", "true", "file", "", ""], "{row:?}");
        assert!(row["runtime"].contains("@own/two 1.2.3"), "{row:?}");
    }
    shop.gpujobs(&["render", "m.toml", "--out", "rendered", "--filter", "browser=chrome"]).expect(0);
    let folder = std::fs::read_dir(shop.path("rendered")).unwrap().map(|entry| entry.unwrap().path());
    let folder = folder.into_iter().find(|path| path.to_str().unwrap().contains("own")).unwrap();
    let has = |name: &str| assert!(folder.join(name).is_file(), "{name} is not in {}", folder.display());
    ["index.html", "job.js", "module/own.js", "module/near/twice.js", "packages/1/lib/two.js"]
        .into_iter()
        .for_each(has);
    has("packages/0/three/m.mjs");

    // A program on a session or a version of onnxruntime-web would be none of what it says.
    let odd = format!("{manifest}[session.s]\ngraph_capture = true\n")
        .replace("model = 'own'", "model = 'own'\nsession = 's'");
    shop.write("odd.toml", &odd);
    let planned = shop.gpujobs(&["plan", "odd.toml"]).expect(0);
    assert!(
        planned.stdout.contains("is a module, which has the libraries and options that it names itself"),
        "{planned:?}"
    );
}

/// What `plan` says of a model, whose program is `m.js`.
fn planned(rest: &str, program: &str) -> String {
    let shop = Workshop::new();
    with_twice(&shop);
    shop.write("models/m.js", program);
    shop.write("models/near/ok.js", "export const a = 1;\n");
    shop.write("secret.js", "export const a = 1;\n");
    shop.write("models/m.toml", rest);
    shop.write("m.toml", "[matrix]\nbrowser = 'chrome'\nmodel = 'm'\n");
    let ended = shop.gpujobs(&["plan", "m.toml"]).expect(2);
    assert!(ended.stdout.is_empty(), "{}", ended.stdout);
    ended.stderr.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

const MODEL: &str = "family = \"text\"\nengine = \"module\"\nfile = \"m.js\"\n";

#[test]
fn an_import_that_leads_nowhere_is_marked_in_the_users_file() {
    let imports = "// import 'none'\nimport { a } from './near/ok.js';\nimport * as tf from \"@tensorflow/tfjs\";\n\
                   import b from './near/no.js';\nimport c from '../secret.js';\nimport d from 'https://example.com/d.js';\n\
                   export {\n  e,\n} from 'litert';\n";
    let libraries = "libraries = { \"@tensorflow/tfjs-core\" = \"4.22.0\" }\n";
    insta::assert_snapshot!("module_imports", planned(&format!("{MODEL}{libraries}"), imports));
}

#[test]
fn what_a_models_file_gets_wrong_of_a_module_is_marked() {
    let text = "family = \"text\"\nengine = \"module\"\nfile = \"m.wasm\"\nfiles = [\"../secret.js\"]\nweights = \"w.safetensors\"\n\
                output = [\"y\"]\n\n[libraries]\ntfjs = \"^4.22\"\nlitert = \"4.22\"\n\"@scope\" = \"1.0.0\"\n\
                three = { version = \"1.0.0\", path = \".\" }\nfour = { entry = \"../x.js\", path = \".\" }\nfive = 5\n\n\
                [[input]]\nname = \"x\"\n\n[[input]]\nname = \"z\"\nshape = [2]\ntexture = \"r32float\"\n\n\
                [expect]\ny = { tolerance = 1e-3 }\nz = { model = \"a\", file = \"y.f32\" }\n";
    insta::assert_snapshot!("module_model", planned(text, ""));
    insta::assert_snapshot!("module_no_file", planned(&MODEL.replace("m.js", "n.js"), ""));
    let other = format!("{MODEL}[expect]\ny = {{ model = \"tiny-bert\" }}\nz = {{ model = \"nobody\" }}\n");
    insta::assert_snapshot!("module_compared_with", planned(&other, ""));
    let other = format!("{MODEL}[[input]]\nname = \"a\"\nshape = [3]\n[expect]\ny = {{ model = \"softmax\" }}\n");
    insta::assert_snapshot!("module_other_inputs", planned(&other, ""));
    let stray = "family = \"text\"\nlibraries = { a = \"1.0.0\" }\n[[input]]\nname = \"x\"\nshape = [2]\n[[stage]]\nop = \"copy\"\n\
                 in = [\"x\"]\nout = { y = [2] }\nexpect = { file = \"y.f32\", model = \"m\" }\n";
    insta::assert_snapshot!("module_keys_elsewhere", planned(stray, ""));
}

#[test]
fn packages_that_are_not_there_are_an_error_before_a_browser_opens() {
    let shop = Workshop::new();
    module(&shop, "m", "import 'nothing-of-this-name';\n", "libraries = { nothing-of-this-name = \"999.0.0\" }");
    shop.write("m.toml", "[matrix]\nbrowser = 'chrome'\nmodel = 'm'\n");
    let ended = shop.gpujobs(&["run", "m.toml", "--out", "out"]).expect(3);
    let said = ended.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("model `m`: nothing-of-this-name 999.0.0 is not installed; looked in"), "{said}");
    assert!(said.contains("`gpujobs setup m.toml` installs what its jobs need"), "{said}");
    assert!(!shop.path("out").exists(), "nothing ran");
    let ended = shop.gpujobs(&["setup", "--dry-run", "m.toml"]).expect(0);
    assert!(ended.stdout.contains("missing: nothing-of-this-name 999.0.0\n+ npm install --prefix "), "{ended:?}");
    let elsewhere = shop.path("models").join("m.toml");
    let text = std::fs::read_to_string(&elsewhere).unwrap().replace("\"999.0.0\"", "\".\"");
    std::fs::write(elsewhere, text).unwrap();
    let ended = shop.gpujobs(&["run", "m.toml", "--out", "out"]).expect(3);
    assert!(ended.stderr.contains("is not the package nothing-of-this-name"), "{ended:?}");
}

/// The blocks of the section on modules in the page's README, as files.
fn of_the_readme(language: &str) -> String {
    let text = source("templates/README.md");
    let section = text.split("## A module of your own").nth(1).unwrap();
    let block = section.split(&format!("```{language}\n")).nth(1).unwrap();
    block.split("```").next().unwrap().to_owned()
}

#[test]
fn the_example_of_the_readme_runs_verified() {
    let shop = Workshop::new();
    shop.write("models/gain.toml", &of_the_readme("toml"));
    shop.write("models/gain.js", &of_the_readme("js"));
    shop.write(
        "models/gain-wgsl.toml",
        "family = 'audio'\n[params]\ngain = 0.5\n[dims]\nsamples = 'batch * 4410'\n[[input]]\nname = 'sound'\nshape = ['samples']\n\
         [[stage]]\nop = 'axpy'\nin = ['sound', 'sound']\nparams = { a = '= gain - 1' }\nout = { loud = ['samples'] }\n",
    );
    let matrix = "[matrix]\nbrowser = 'firefox'\nmodel = 'gain'\nbatch = [1, 3]\n[axes]\ngain = [0.5, 3]\n";
    shop.run(&format!("name = 'm'\n{matrix}{MEASURE}{NO_FALLBACK}"), &[]).expect(0);
    let rows = shop.jobs();
    assert_eq!(rows.len(), 4);
    for row in rows {
        assert_eq!(
            cells(&row, ["status", "verified", "reference", "dispatches"]),
            ["ok", "true", "rust", "1"],
            "{row:?}"
        );
    }
}
