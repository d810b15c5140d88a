//! Models on a `WebNN` that really computes. What a stand-in answers on the paths of errors is in `onnx_faults`.
//!
//! These need the Chromium with `WebNN`, and the libraries (`gpujobs setup`); a missing one fails its test.

use crate::onnx::{cells, manifest};
use crate::support::browser_turn;
use crate::support::workshop::{Row, Workshop, ended};

/// Those whose shapes a job gives whole.
const WHOLE: [&str; 7] = [
    "tiny-ast",
    "tiny-bert",
    "tiny-bert-classifier",
    "tiny-bert-masked",
    "tiny-vit",
    "tiny-vit-features",
    "tiny-wav2vec2",
];

#[test]
fn models_run_whole_where_their_shapes_are_the_jobs_and_in_parts_with_the_reason() {
    let shop = Workshop::new();
    let models = [&WHOLE[..], &["tiny-clip", "tiny-clip-encoders", "tiny-gpt2"]].concat();
    let text = manifest(&format!("browser = 'webnn'\nbackend = 'webnn'\nmodel = {models:?}"), "instances = 1\n");
    shop.run(&text, &["--set", "measure.samples=1", "--set", "measure.warmup=0", "--set", "measure.fallback=[]"])
        .expect(0);
    let rows = shop.jobs();
    let row = |model: &str| -> &Row { rows.iter().find(|row| row["model"] == model).unwrap() };
    for model in WHOLE {
        let found = cells(row(model), ["status", "verified", "backend_used", "nodes", "cpu_nodes"]);
        assert_eq!(found, ["ok", "true", "webnn", "1", "0"], "{:?}", row(model));
    }
    // A part of CLIP that the browser refuses whole, and a text whose length grows.
    for (model, reason) in [
        (
            "tiny-clip",
            "with fixed dimensions: NotSupportedError: Failed to execute 'build' on 'MLGraphBuilder': gatherElements",
        ),
        ("tiny-clip-encoders", "gatherElements only supports constant indices"),
        ("tiny-gpt2", "Dynamic shape is not supported"),
    ] {
        let found = cells(row(model), ["status", "verified", "backend_used"]);
        assert_eq!(found, ["ok", "true", "webnn+cpu"], "{:?}", row(model));
        assert!(row(model)["warnings"].contains(reason), "{:?}", row(model));
    }
}

#[test]
fn verify_has_it_compute_and_says_what_it_takes() {
    let _turn = browser_turn();
    let shop = Workshop::new();
    let ended = ended(shop.command(&["verify", "--browser", "webnn"]).spawn().unwrap()).expect(0);
    let right = "WebNN present: computed relu(w x + b) with random numbers: right; contexts for cpu, gpu";
    assert!(ended.stdout.contains(right), "{}", ended.stdout);
    assert!(ended.stdout.contains("takes float32, "), "{}", ended.stdout);
}

/// Twice its input, by a graph of the module's own.
const MODULE: &str = "export async function load({ inputs, webnnDevice }) {
  const context = await navigator.ml.createContext({ deviceType: webnnDevice });
  const builder = new MLGraphBuilder(context);
  const form = { dataType: 'float32', shape: [5] };
  const x = builder.input('x', form);
  const graph = await builder.build({ y: builder.add(x, x) });
  const from = await context.createTensor({ ...form, writable: true });
  const to = await context.createTensor({ ...form, readable: true });
  context.writeTensor(from, inputs.x.data);
  return { context, graph, from, to };
}
export function infer({ context, graph, from, to }) {
  context.dispatch(graph, { x: from }, { y: to });
  return { y: { read: async () => new Float32Array(await context.readTensor(to)) } };
}
export const dispose = ({ context }) => context.destroy();
";

#[test]
fn a_module_of_the_users_computes_on_it_or_is_not_measured() {
    let shop = Workshop::new();
    let model = |name: &str| {
        format!(
            "family = 'text'\nengine = 'module'\nfile = '{name}.js'\n[[input]]\nname = 'x'\nshape = [5]\n\
             [expect]\ny = {{ model = 'twice' }}\n"
        )
    };
    shop.write("models/twice.toml", "family = 'text'\n[[input]]\nname = 'x'\nshape = [5]\n[[stage]]\nop = 'axpy'\nin = ['x', 'x']\nparams = { a = 1.0 }\nout = { y = [5] }\n");
    shop.write("models/graph.js", MODULE);
    shop.write("models/graph.toml", &model("graph"));
    let near = "export const load = ({ inputs }) => inputs.x.data;\nexport const infer = (x) => ({ y: x.map((value) => 2 * value) });\n\
                export const dispose = () => {};\n";
    shop.write("models/near.js", near);
    shop.write("models/near.toml", &model("near"));
    let matrix = "browser = 'webnn'\nbackend = 'webnn'\nmodel = ['graph', 'near']\nwebnn_device = 'cpu'";
    shop.run(&manifest(matrix, "instances = 1\n"), &["--set", "measure.fallback=[]"]).expect(0);
    let rows = shop.jobs();
    let found = cells(&rows[0], ["status", "verified", "backend_used", "dispatches", "webnn_context"]);
    assert_eq!(found, ["ok", "true", "webnn", "1", "MLContext (cpu)"], "{:?}", rows[0]);
    assert_eq!(rows[1]["status"], "unsupported", "{:?}", rows[1]);
    assert!(rows[1]["reason"].contains("nothing was computed by webnn: an inference of near.js"), "{:?}", rows[1]);
}
