//! The README's commands are run and its manifests and templates are used, so that it can't go stale.

use std::fs;
use std::path::Path;
use std::process::Command;

use gpujobs::manifest::Manifest;
use gpujobs::plan::Plan;
use gpujobs::render::Templates;
use gpujobs::render::page::{Page, PageRequest};

const README: &str = include_str!("../../README.md");

/// The blocks of the README in a language, in order.
fn blocks(language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    README.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// A folder that looks like the checkout to a command.
fn checkout() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in ["manifests", "shaders", "templates"] {
        std::os::unix::fs::symlink(root.join(name), folder.path().join(name)).unwrap();
    }
    folder
}

/// What each manifest's runs are shortened with here: that the commands work is asked, not how long anything takes. Where a
/// block compares, there are as many rounds and makings as an interval needs. Models are smaller, sessions are shared that
/// manifests want cold, and the form is tuned that compiles fast; the winners of the tiled one are those of `tuning`.
const SHORTER: [(&str, &str); 5] = [
    ("run manifests/audio.toml", "measure.samples=1 matrix.cache=warm model.whisper-tiny-encoder.params.seconds=0.1"),
    ("run manifests/text.toml", "measure.samples=3 measure.rounds=1 measure.instances=1"),
    ("run manifests/multimodal.toml", "measure.samples=6 measure.rounds=6 measure.instances=6"),
    (
        "run manifests/clip.toml",
        "measure.samples=6 measure.rounds=6 measure.instances=6 model.clip.params.layers=1 model.clip.params.vocab=400",
    ),
    ("tune manifests/tune.toml", "tune.evaluations=6 tune.parameters.form=direct"),
];

/// A command as it is run here: by this very binary instead of one that cargo builds, as the tests are running already.
fn here(command: &str) -> String {
    let mut here = command
        .replace("cargo run --release -- ", "gpujobs ")
        .replace("cargo run -- ", "gpujobs ")
        .replace("&& cargo test", "");
    assert!(!here.contains("cargo"), "{here}");
    for (_, sets) in SHORTER.iter().filter(|(run, _)| command.contains(run)) {
        here.extend(sets.split(' ').map(|set| format!(" --set {set}")));
    }
    here
}

/// Runs the commands of a block one after the other, as a reader would.
fn run_block(block: &str) {
    let _turn = crate::support::browser_turn();
    let folder = checkout();
    let bin = Path::new(env!("CARGO_BIN_EXE_gpujobs"));
    let hub = crate::support::hub::FakeHub::tiny();
    let path = format!("{}:{}", bin.parent().unwrap().display(), std::env::var("PATH").unwrap());
    for command in block.lines().filter(|command| !command.trim().is_empty()) {
        let command = command.split(" #").next().unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", &here(command)]).current_dir(folder.path()).env("PATH", &path);
        shell.env("HF_ENDPOINT", &hub.url).env("GPUJOBS_MODELS", folder.path().join("store"));
        shell.env("GPUJOBS_LIBRARIES", Path::new(env!("CARGO_MANIFEST_DIR")).join("node_modules"));
        let output = shell.output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "`{command}` ended with {}:\n{told}", output.status);
    }
}

/// One command follows from another within a block only.
#[test]
fn every_command_runs() {
    let blocks = blocks("sh");
    let commands = blocks.iter().flat_map(|block| block.lines()).count();
    assert!(commands >= 10, "{blocks:?}");
    for (run, _) in SHORTER {
        assert!(blocks.iter().any(|block| block.contains(run)), "no command is `{run}`");
    }
    std::thread::scope(|scope| {
        let running: Vec<_> = blocks.iter().map(|block| scope.spawn(|| run_block(block))).collect();
        for block in running {
            if let Err(panic) = block.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
}

#[test]
fn the_example_manifest_is_valid() {
    let text = blocks("toml").into_iter().find(|block| block.contains("[matrix]")).unwrap();
    let manifest = Manifest::parse(Path::new("README.toml"), text, &[]).unwrap();
    assert_eq!(manifest.axes.len(), 6);
}

/// In it a kernel's parameter is swept and set for each compiler; each job has a configuration that its kernel allows.
#[test]
fn the_example_of_compilers_and_axes_is_valid() {
    let rest = blocks("toml").into_iter().find(|block| block.contains("[compiler.tint.product]")).unwrap();
    let text = format!(
        "name = 'm'\n[matrix]\nbrowser = ['chrome', 'firefox']\nmodel = 'matmul'\nworkgroup_size = [8, 8, 1]\n{rest}"
    );
    let plan = Plan::of(Manifest::parse(Path::new("README.toml"), text, &[]).unwrap());
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
    let unnamed: Vec<String> = names.filter(|name| !README.contains(&format!("`{name}`"))).collect();
    assert_eq!(unnamed, [""; 0]);
}

#[test]
fn the_example_model_and_shader_run() {
    let _turn = crate::support::browser_turn();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("models")).unwrap();
    fs::create_dir(at("shaders")).unwrap();
    let model = blocks("toml").into_iter().find(|block| block.contains("[[stage]]")).unwrap();
    fs::write(at("models/scale.toml"), model).unwrap();
    fs::write(at("shaders/scale.wgsl"), &blocks("wgsl")[0]).unwrap();
    let manifest = "name = 'scale'\nshaders = 'shaders'\n[matrix]\nbrowser = 'chrome'\nmodel = 'scale'\nworkgroup_size = [7, 3, 2]\n[measure]\nsamples = 2\nrounds = 1\n";
    fs::write(at("scale.toml"), manifest).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_gpujobs"))
        .args(["run", "scale.toml", "--format", "json"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let rows: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(rows[0]["status"], "ok", "{rows:#}");
    assert!(rows[0]["verified"].is_null(), "an op without a reference claims nothing: {rows:#}");
}

#[test]
fn the_example_models_of_onnx_are_valid() {
    use gpujobs::manifest::Model;
    use gpujobs::manifest::model::Engine;

    for (engine, name) in [(Engine::Transformers, "transformers"), (Engine::Onnxruntime, "onnxruntime")] {
        let written = format!("engine  = \"{name}\"").replace("  =", if name == "transformers" { "  =" } else { " =" });
        let text = blocks("toml").into_iter().find(|block| block.contains(&written)).unwrap();
        let model = Model::parse("example", Path::new("models/example.toml"), &text).unwrap();
        assert_eq!(model.engine(), engine);
    }
}
