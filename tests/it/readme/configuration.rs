//! Manifests, models, kernels and shaders: each is read by the program, and what can be rendered is.

use std::path::PathBuf;

use gpujobs::manifest::model::Engine;
use gpujobs::manifest::{Manifest, Model};
use gpujobs::plan::Plan;
use gpujobs::render::Templates;
use gpujobs::render::page::{Page, PageRequest};

use super::{Block, blocks, documents, root};
use crate::models::validate;
use crate::support::browser_turn;
use crate::support::workshop::Workshop;

/// How a manifest's tables begin that need a `[matrix]` before them.
const PARTS_OF_A_MANIFEST: [&str; 7] =
    ["[measure]", "[axes]", "[compiler]", "[hardware]", "[serve]", "[tune]", "[browser."];

/// What stands before an example that shows a part of a manifest only.
const BEFORE_A_PART: &str =
    "name = 'part'\n[matrix]\nbrowser = ['chrome', 'firefox']\nmodel = 'matmul'\nworkgroup_size = [8, 8, 1]\n";

/// What an example in TOML is.
enum Example {
    Manifest(String),
    Model(Engine),
    Kernels,
}

fn example(block: &Block) -> Example {
    let begins = |start: &str| block.text.lines().any(|line| line.starts_with(start));
    if begins("[kernel.") {
        Example::Kernels
    } else if begins("[matrix]") {
        Example::Manifest(block.text.clone())
    } else if PARTS_OF_A_MANIFEST.iter().any(|part| begins(part)) {
        Example::Manifest(format!("{BEFORE_A_PART}{}", block.text))
    } else {
        assert!(begins("family"), "{}: neither a manifest nor a model nor kernels", block.place());
        let model = Model::parse("example", "models/example.toml".as_ref(), &block.text);
        Example::Model(model.unwrap_or_else(|error| panic!("{}: {error:?}", block.place())).engine())
    }
}

/// A workshop in which the named examples of a document lie where they say that they belong.
fn laid_out(document: &str) -> Workshop {
    let shop = Workshop::new();
    for block in blocks(&["toml", "wgsl"]).iter().filter(|block| block.document == document) {
        if let Some(path) = block.file() {
            shop.write(path, &block.text);
        }
    }
    for folder in ["models", "shaders"] {
        std::fs::create_dir_all(shop.path(folder)).unwrap();
    }
    std::fs::copy(root().join("tests/data/onnx/dynamic.onnx"), shop.path("models/encoder.onnx")).unwrap();
    shop
}

/// Where a manifest would lie: a named one beside its models, any other beside the document.
fn place(block: &Block, shop: &Workshop) -> PathBuf {
    block.file().map_or_else(|| root().join(&block.document).with_extension("toml"), |name| shop.path(name))
}

#[test]
fn every_example_in_toml_is_read() {
    let mut counts = [0; 3];
    for block in &blocks(&["toml"]) {
        let text = match example(block) {
            Example::Manifest(text) => text,
            Example::Model(_) => {
                assert!(block.file().is_some(), "{}: a model says where it is written to", block.place());
                counts[1] += 1;
                continue;
            }
            Example::Kernels => {
                let shop = Workshop::new();
                shop.write("shaders/kernels.toml", &block.text);
                let read = Templates::new(None, Some(&shop.path("shaders")));
                assert!(read.is_ok(), "{}: {:?}", block.place(), read.err());
                counts[2] += 1;
                continue;
            }
        };
        let shop = laid_out(&block.document);
        let path = place(block, &shop);
        if let Err(error) = Manifest::parse(&path, text, &[]) {
            panic!("{}: {:?}", block.place(), miette::Report::new(error));
        }
        counts[0] += 1;
    }
    assert!(counts.iter().zip([8, 5, 1]).all(|(found, least)| *found >= least), "{counts:?}");
}

/// The models of a document that are written in WGSL.
fn models_in_wgsl(document: &str) -> Vec<String> {
    let toml = blocks(&["toml"]);
    let models = toml.iter().filter(|block| block.document == document);
    let models = models.filter(|block| matches!(example(block), Example::Model(Engine::Wgsl)));
    let name = |block: &Block| block.file().unwrap().trim_start_matches("models/").trim_end_matches(".toml").to_owned();
    models.map(name).collect()
}

/// In a workgroup that divides nothing; each shader is one that a model uses.
#[test]
fn every_model_in_wgsl_is_rendered_and_its_shaders_are_valid() {
    let shaders = blocks(&["wgsl"]);
    let mut used = 0;
    for document in documents() {
        let models = models_in_wgsl(&document.path);
        if models.is_empty() {
            continue;
        }
        let shop = laid_out(&document.path);
        let matrix = format!("browser = 'chrome'\nmodel = {models:?}\nworkgroup_size = [7, 3, 2]\n");
        shop.write("all.toml", &format!("shaders = 'shaders'\n[matrix]\n{matrix}"));
        shop.gpujobs(&["render", "all.toml", "--out", "out"]).expect(0);
        let mut rendered = String::new();
        for job in std::fs::read_dir(shop.path("out")).unwrap() {
            for file in std::fs::read_dir(job.unwrap().path().join("wgsl")).unwrap() {
                let file = file.unwrap();
                rendered.push_str(file.file_name().to_str().unwrap());
                validate(&std::fs::read_to_string(file.path()).unwrap()).unwrap();
            }
        }
        for shader in shaders.iter().filter(|shader| shader.document == document.path) {
            let file = shader.file().unwrap_or_else(|| panic!("{}: a shader says its file", shader.place()));
            let name = file.trim_start_matches("shaders/").trim_end_matches(".wgsl");
            assert!(rendered.contains(name), "{}: no model has a stage of {name}: {rendered}", shader.place());
            used += 1;
        }
    }
    assert_eq!(used, shaders.len(), "a shader stands in a document without models");
}

/// Its graph is read, and what the model says of its inputs fits them.
#[test]
fn the_example_of_an_onnx_file_can_run() {
    let shop = laid_out("manifests/README.md");
    shop.write("onnx.toml", "[matrix]\nbrowser = 'chrome'\nmodel = 'encoder'\nbackend = ['webgpu', 'wasm']\n");
    let ended = shop.gpujobs(&["plan", "onnx.toml"]).expect(0);
    assert!(ended.stdout.contains("\n2 jobs; "), "{}", ended.stdout);
}

#[test]
fn the_example_of_a_shader_runs() {
    let _turn = browser_turn();
    let shop = laid_out("shaders/README.md");
    let filter = "browser=chrome workgroup_size=7x3x2";
    let sets = ["--set", "measure.samples=2", "--set", "measure.rounds=1"];
    let run = ["run", "scale.toml", "--out", "out", "--filter", filter, "--save-outputs"];
    shop.gpujobs(&[&run[..], &sets].concat()).expect(0);
    let jobs = shop.jobs();
    assert_eq!(jobs.len(), 1);
    // An op without a reference claims nothing.
    assert_eq!((jobs[0]["status"].as_str(), jobs[0]["verified"].as_str()), ("ok", ""));
}

/// In it a kernel's parameter is swept and set for each compiler; each job has a configuration that its kernel allows.
#[test]
fn the_example_of_compilers_and_axes_is_what_runs() {
    let toml = blocks(&["toml"]);
    let block = toml.iter().find(|block| block.text.contains("[compiler.tint.product]")).unwrap();
    let text = format!("{BEFORE_A_PART}{}", block.text);
    let path = root().join(&block.document).with_extension("toml");
    let plan = Plan::of(Manifest::parse(&path, text, &[]).unwrap());
    let templates = Templates::new(None, None).unwrap();
    assert_eq!(plan.jobs.len(), 6);
    for job in &plan.jobs {
        let page = Page::render(&templates, &PageRequest::new(&plan.manifest, job)).unwrap();
        let columns = if job.axes.browser == "firefox" { " tm=4 tn=8" } else { " tm=8 tn=8" };
        for said in [" form=tiled", columns] {
            assert!(page.tuning().contains(said), "{}: {}", job.id, page.tuning());
        }
    }
}

#[test]
fn every_kernel_and_every_form_is_named() {
    let templates = Templates::new(None, None).unwrap();
    let kernels = templates.kernels();
    let forms = kernels.kernels.values().filter_map(|kernel| kernel.parameters.get("form"));
    let forms = forms.flat_map(|form| form.values.iter().map(ToString::to_string));
    let names = forms.chain(kernels.kernels.keys().cloned());
    let reference = std::fs::read_to_string(root().join("shaders/README.md")).unwrap();
    let unnamed: Vec<String> = names.filter(|name| !reference.contains(&format!("`{name}`"))).collect();
    assert_eq!(unnamed, [""; 0]);
}
