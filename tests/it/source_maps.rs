//! Faults of shaders are shown at the line that the user wrote, wherever that stands: in a loop, in an included file, in a
//! macro, in a parent.
//!
//! The last ones need Chromium and Firefox with their drivers (`gpujobs setup`); a missing one fails its test.

use std::fmt::Write as _;
use std::path::Path;

use gpujobs::graph::{Graph, JobVars};
use gpujobs::manifest::Model;
use gpujobs::render::Templates;
use gpujobs::render::source_map::SourceMap;
use gpujobs::render::wgsl::render_stages;
use gpujobs::webdriver::Compiler;

use crate::models::{cases, target};
use crate::support::workshop::Workshop;

/// The models of the gallery.
fn gallery() -> Vec<(String, Model)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/gallery/models");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let model = |path: std::path::PathBuf| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        (name.clone(), Model::parse(&name, &path, &std::fs::read_to_string(&path).unwrap()).unwrap())
    };
    files.map(model).collect()
}

/// Whether a line of a template has no tag: what it renders to begins as it does.
fn is_plain(line: &str) -> bool {
    !["{{", "{%", "{#", "}}", "%}", "#}"].iter().any(|tag| line.contains(tag))
}

#[test]
fn every_line_of_every_shader_is_found_and_marks_change_nothing() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shaders = root.join("manifests/gallery/shaders");
    let templates = Templates::new(None, Some(&shaders)).unwrap();
    let source = |template: &str| {
        let name = template.strip_prefix("shaders/").unwrap();
        let paths = [shaders.join(name), root.join("shaders").join(name)];
        std::fs::read_to_string(paths.iter().find(|path| path.exists()).unwrap()).unwrap()
    };
    let (mut texts, mut checked) = (0, 0);
    let all = cases().into_iter().chain(gallery());
    for (name, model) in all {
        for (compiler, dtype) in [(Compiler::Naga, "fp32"), (Compiler::Tint, "fp16")] {
            let vars = JobVars { dtype: dtype.to_owned(), ..JobVars::default() };
            let graph = Graph::of(&model, &vars).unwrap();
            // What can't be rendered so says why, which is another test.
            let Ok(rendered) = render_stages(&templates, &graph, &vars, &target(compiler)) else { continue };
            for shader in &rendered.shaders {
                let map = SourceMap::of(&templates, &shader.origin, &shader.code);
                let map = map.unwrap_or_else(|| panic!("{name}: {} is another text with marks", shader.name));
                assert!(map.exact, "{name}: {}", shader.name);
                texts += 1;
                for (line, number) in shader.code.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty()) {
                    let place = map.place(number, 0).unwrap_or_else(|| panic!("{name}: {} {number}", shader.name));
                    let text = source(&place.template);
                    let written = text.lines().nth(place.line - 1).unwrap();
                    if is_plain(written) {
                        let same = line.trim().starts_with(written.trim());
                        assert!(same, "{name}: {line:?} is not {written:?} of {place:?}");
                        checked += 1;
                    }
                }
            }
        }
    }
    assert!(texts > 300 && checked > 3000, "{texts} {checked}");
}

/// A folder of shaders whose stage `NAME` is 256 floats from `x` to `y`.
fn shop(shaders: &[(&str, &str)], stages: &[&str]) -> Workshop {
    let shop = Workshop::new();
    for (name, text) in shaders {
        shop.write(&format!("shaders/{name}"), text);
    }
    for stage in stages {
        let model = format!(
            "family = 'vision'\n[[input]]\nname = 'x'\nshape = [256]\n[[stage]]\nop = '{stage}'\nin = ['x']\n\
             out = {{ y = [256] }}\n"
        );
        shop.write(&format!("models/{stage}.toml"), &model);
    }
    shop
}

fn manifest(browsers: &str, stages: &[&str]) -> String {
    format!(
        "name = 't'\nshaders = 'shaders'\n[matrix]\nbrowser = {browsers}\nmodel = {stages:?}\n\
         [measure]\nsamples = 1\nrounds = 1\nwarmup = 0\nfallback = []\nretries = 0\n"
    )
}

/// What all of them begin with, and where each has its fault.
const HEAD: &str = "{% set grid = [4, 1, 1] %}\n@group(0) @binding(0) var<storage, read> x: array<f32>;\n";
const OUT: &str = "@group(0) @binding(1) var<storage, read_write> y: array<f32>;\n";
const MAIN: &str =
    "@compute @workgroup_size(64)\nfn main(@builtin(global_invocation_id) id: vec3u) { y[id.x] = x[id.x]; }\n";

#[test]
fn what_does_not_fit_its_stage_is_shown_where_it_is_written() {
    let wrong = "// The output.\n@group(0) @binding({{ at }}) var<storage, read_write> y: array<u32>;\n";
    let main = MAIN.replace("= x[id.x]", "= u32(x[id.x])");
    let shaders = [
        ("looped.wgsl", format!("{HEAD}{{% for at in [1] %}}\n\n{wrong}{{% endfor %}}\n{main}")),
        ("including.wgsl", format!("{HEAD}{{% set at = 1 %}}\n{{% include \"lib/out.wgsl\" %}}\n{main}")),
        ("lib/out.wgsl", wrong.to_owned()),
        (
            "calling.wgsl",
            format!("{{% from \"lib/macros.wgsl\" import binding %}}\n{HEAD}{{{{ binding(1) }}}}\n{main}"),
        ),
        ("lib/macros.wgsl", format!("{{% macro binding(at) %}}\n\n{wrong}{{% endmacro %}}\n")),
        (
            "child.wgsl",
            format!(
                "{{% extends \"lib/parent.wgsl\" %}}\n{{% set grid = [4, 1, 1] %}}\n{{% block main %}}\n{main}{{% endblock %}}\n"
            ),
        ),
        ("lib/parent.wgsl", format!("{HEAD}{{% set at = 1 %}}\n{wrong}{{% block main %}}{{% endblock %}}\n")),
    ];
    let shaders = shaders.each_ref().map(|(name, text)| (*name, text.as_str()));
    let mut shown = String::new();
    for stage in ["looped", "including", "calling", "child"] {
        let shop = shop(&shaders, &[stage]);
        let ended = shop.run(&manifest("'chrome'", &[stage]), &[]).expect(2);
        assert!(!shop.path("out").exists(), "{stage}: a run began");
        writeln!(shown, "== {stage}\n{}", ended.stderr).unwrap();
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn what_a_browser_refuses_is_shown_where_it_is_written() {
    let fault = "\n    let n: u32 = {{ value }};\n";
    let begun = "@compute @workgroup_size(64)\nfn main(@builtin(global_invocation_id) id: vec3u) {\n";
    let ended = "    y[id.x] = x[id.x];\n}\n";
    let shaders = [
        ("looped.wgsl", format!("{HEAD}{OUT}{begun}{{% for value in ['1.5'] %}}{fault}{{% endfor %}}\n{ended}")),
        (
            "including.wgsl",
            format!("{HEAD}{OUT}{begun}{{% set value = '1.5' %}}\n{{% include 'lib/part.wgsl' %}}\n{ended}"),
        ),
        ("lib/part.wgsl", fault.to_owned()),
        (
            "calling.wgsl",
            format!("{{% import 'lib/macros.wgsl' as m %}}\n{HEAD}{OUT}{begun}{{{{ m.part('1.5') }}}}{ended}"),
        ),
        ("lib/macros.wgsl", format!("{{% macro part(value) %}}\n{fault}{{% endmacro %}}\n")),
        (
            "child.wgsl",
            format!(
                "{{% extends 'lib/parent.wgsl' %}}\n{{% set grid = [4, 1, 1] %}}\n{{% block end %}}\n{ended}{{% endblock %}}\n"
            ),
        ),
        (
            "lib/parent.wgsl",
            format!("{HEAD}{OUT}{begun}{{% set value = '1.5' %}}{fault}{{% block end %}}{{% endblock %}}\n"),
        ),
        (
            "barrier.wgsl",
            format!("{HEAD}{OUT}{begun}\n    if (id.x % 2u == 0u) {{\n        workgroupBarrier();\n    }}\n{ended}"),
        ),
    ];
    let shaders = shaders.each_ref().map(|(name, text)| (*name, text.as_str()));
    let stages = ["looped", "including", "calling", "child", "barrier"];
    let shop = shop(&shaders, &stages);
    shop.run(&manifest("['chrome', 'firefox']", &stages), &[]).expect(1);
    let jobs = shop.jobs();
    assert_eq!(jobs.len(), 2 * stages.len());
    for job in jobs {
        let place = match job["model"].as_str() {
            "looped" => "looped.wgsl:7",
            "including" => "lib/part.wgsl:2",
            "calling" => "lib/macros.wgsl:3",
            "child" => "lib/parent.wgsl:7",
            // Firefox takes it.
            _ if job["browser"] == "firefox" => continue,
            _ => "barrier.wgsl:8",
        };
        let reason = &job["reason"];
        assert_eq!(job["status"], "failed", "{job:?}");
        assert!(reason.starts_with(&format!("shaders/{place}: ")), "{place}: {reason}");
        let line = if place.starts_with("barrier") { "in `workgroupBarrier();`" } else { "in `let n: u32 = 1.5;`" };
        assert!(reason.contains(line), "{line}: {reason}");
    }
}
