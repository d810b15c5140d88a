//! Sizes from a user's files are compared before memory is asked for: what no machine holds is a row with both numbers, or an
//! error, and the other jobs run.

use std::io::Write;
use std::process::Command;

use gpujobs::harness::fake::Script;

use crate::onnx;
use crate::support::dispatched::{plan, run};
use crate::support::workshop::{Workshop, ended};

/// 8 GiB of address space, of which a driver may free itself.
const LIMIT_KIB: u32 = 8 << 20;

/// `gpujobs` with these arguments and little memory.
pub(crate) fn with_little_memory(shop: &Workshop, arguments: &[&str]) -> Command {
    with_memory(shop, arguments, LIMIT_KIB)
}

/// `gpujobs` with these arguments and so much memory.
pub(crate) fn with_memory(shop: &Workshop, arguments: &[&str], limit_kib: u32) -> Command {
    let plain = shop.command(&[]);
    let mut command = Command::new("sh");
    let script = format!("ulimit -Sv {limit_kib} && exec \"$0\" \"$@\"");
    command.args(["-c", &script]).arg(plain.get_program()).args(arguments).current_dir(shop.path(""));
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    command
}

const SHADER: &str = "{% set grid = [1, 1, 1] %}\n\
    @group(0) @binding({{ inputs[0].binding }}) var<storage, read> x: array<f32>;\n\
    @group(0) @binding({{ outputs[0].binding }}) var<storage, read_write> y: array<f32>;\n\
    {% if weights.w is defined %}@group(0) @binding({{ weights.w.binding }}) var<storage, read> w: array<f32>;{% endif %}\n\
    @compute @workgroup_size(1)\nfn main() { y[0] = x[0]{{ ' * w[0]' if weights.w is defined }}; }\n";

/// A model whose one stage reads an input of this shape, and a weight where `rest` names a file of them.
fn model(shop: &Workshop, name: &str, shape: &str, rest: [&str; 2]) {
    let [top, stage] = rest;
    let text = format!(
        "family = 'text'\n{top}\n[[input]]\nname = 'x'\nshape = {shape}\n\
         [[stage]]\nop = 'own'\nshader = 'own.wgsl'\nin = ['x']\nout = {{ y = [1] }}\n{stage}\n"
    );
    shop.write(&format!("models/{name}.toml"), &text);
}

/// Models of which none fits: more elements than can be counted, an input of ONNX, an input of 8 GiB, and weights whose
/// file claims 16 GiB where a thousand values are wanted.
pub(crate) fn none_fits(shop: &Workshop) {
    shop.write("shaders/own.wgsl", SHADER);
    model(shop, "countless", "[4194304, 4194304, 4194304]", ["", ""]);
    model(shop, "heavy", "[2147483648]", ["", ""]);
    onnx::model(shop, "fed", "dynamic", "[dims]\nlength = 2147483648\n");
    let weight = "weights = { w = { shape = [1000], tensor = 'w' } }";
    model(shop, "stored", "[1000]", ["weights = 'w.safetensors'", weight]);
    let header = br#"{"w":{"dtype":"F32","shape":[4294967296],"data_offsets":[0,17179869184]}}"#;
    std::fs::create_dir_all(shop.path("models")).unwrap();
    let mut file = std::fs::File::create(shop.path("models/w.safetensors")).unwrap();
    file.write_all(&(header.len() as u64).to_le_bytes()).unwrap();
    file.write_all(header).unwrap();
    // A hole: it takes no room on the disk.
    file.set_len(8 + header.len() as u64 + (16 << 30)).unwrap();
}

/// A manifest of such models.
pub(crate) fn manifest(models: &str, rest: &str) -> String {
    format!(
        "name = 'sizes'\nshaders = 'shaders'\n[matrix]\nbrowser = 'chrome'\nmodel = [{models}]\n\
         [measure]\nfallback = []\nsamples = 1\nrounds = 1\nwarmup = 0\nretries = 0\n{rest}"
    )
}

#[tokio::test]
async fn a_tensor_that_cant_be_counted_is_a_row_and_the_next_job_runs() {
    let text = "[matrix]\nbrowser = 'chrome'\nmodel = 'axpy'\nbatch = [4096, 1]\n\
                [model.axpy]\nparams = { n = 2147483648 }\n[measure]\nsamples = 1\nrounds = 1\nwarmup = 0\nfallback = []\n";
    let told = run(&plan(text), &Script::new()).await;
    let said = "unsupported after 1: model `axpy`: `x` [4096, 2147483648]: 8796093022208 elements, and a \
                tensor has at most 1099511627776";
    assert_eq!(told.events, ["0 started chrome", said, "1 started chrome", "ok after 1"]);
}

#[test]
fn pages_are_made_of_what_fits_and_no_size_ends_the_program() {
    let shop = Workshop::new();
    none_fits(&shop);
    shop.write("m.toml", &manifest("'axpy', 'countless', 'fed'", ""));
    ended(with_little_memory(&shop, &["render", "m.toml", "--out", "pages"]).spawn().unwrap()).expect(0);
    let pages = std::fs::read_dir(shop.path("pages")).unwrap().map(|entry| entry.unwrap().file_name());
    let pages: Vec<String> = pages.map(|name| name.into_string().unwrap()).collect();
    let has = |model: &str| pages.iter().any(|name| name.contains(model));
    assert!(has("axpy") && !has("countless") && !has("fed"), "{pages:?}");

    shop.write("stored.toml", &manifest("'stored'", ""));
    let rendered = with_little_memory(&shop, &["render", "stored.toml", "--out", "pages"]).spawn().unwrap();
    let rendered = ended(rendered).expect(2);
    assert!(rendered.stderr.contains("has shape [4294967296], expected [1000]"), "{}", rendered.stderr);
}
