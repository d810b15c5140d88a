//! Nothing is waited for without end: files that are none, templates that never come to an end, computations after a stop.

use std::path::Path;
use std::process::Command;

use crate::faults::broken;
use crate::support::workshop::Workshop;

const SHADER: &str = "{% set grid = [1, 1, 1] %}\n\
    @group(0) @binding({{ inputs[0].binding }}) var<storage, read> x: array<f32>;\n\
    @group(0) @binding({{ outputs[0].binding }}) var<storage, read_write> y: array<f32>;\n\
    @compute @workgroup_size(1)\nfn main() { y[0] = x[0]; }\n";

/// A manifest of one stage that reads an input and says what must come out, with more at the top of the model and in it.
fn write(shop: &Workshop, [top, input, stage]: [&str; 3]) {
    shop.write("shaders/own.wgsl", SHADER);
    let model = format!(
        "family = 'text'\n{top}\n[[input]]\nname = 'x'\nshape = [1]\n{input}\n\
         [[stage]]\nop = 'own'\nshader = 'own.wgsl'\nin = ['x']\nout = {{ y = [1] }}\n{stage}\n"
    );
    shop.write("models/own.toml", &model);
    shop.write("m.toml", "name = 'm'\nshaders = 'shaders'\n[matrix]\nbrowser = 'chrome'\nmodel = 'own'\n");
}

fn pipe(path: &Path) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn files_that_are_none_are_refused_where_they_are_named() {
    let kinds = [("a named pipe", "p"), ("a device", "/dev/zero"), ("a folder", "f")];
    for (what, written) in kinds {
        for (ending, rest) in [
            ("f32", ["", "file = 'NAME'", ""]),
            ("npy", ["", "", "expect = { file = 'NAME', abs = 0.1 }"]),
            ("safetensors", ["weights = 'NAME'", "", "weights = { w = { shape = [1], tensor = 'w' } }"]),
        ] {
            let shop = Workshop::new();
            let name = format!("{written}.{ending}");
            let place = shop.path(&format!("models/{name}"));
            match what {
                "a named pipe" => pipe(&place),
                "a folder" => std::fs::create_dir_all(&place).unwrap(),
                // By way of a link, since the ending tells what a file holds.
                _ => {
                    std::fs::create_dir_all(shop.path("models")).unwrap();
                    std::os::unix::fs::symlink(written, shop.path(&format!("models/d.{ending}"))).unwrap();
                }
            }
            let name = if what == "a device" { format!("d.{ending}") } else { name };
            write(&shop, rest.map(|text| text.replace("NAME", &name)).each_ref().map(String::as_str));
            let ended = shop.gpujobs(&["render", "m.toml", "--out", "pages"]);
            let said = ended.stderr.split_whitespace().collect::<Vec<_>>().join(" ").replace("│ ", "");
            assert!(ended.code.is_some_and(|code| code > 0), "{ended:?}");
            assert!(said.contains(&format!("it is {what}, expected a regular file")), "{}", ended.stderr);
            assert!(said.contains(&name), "{}", ended.stderr);
        }
    }
}

#[test]
fn a_pipe_among_shaders_templates_and_manifests_is_refused() {
    let shop = Workshop::new();
    write(&shop, ["", "", ""]);
    pipe(&shop.path("shaders/stray.wgsl"));
    pipe(&shop.path("pages/stray.js"));
    pipe(&shop.path("pipe.toml"));
    shop.write("tuned.toml", "[matrix]\nbrowser = 'chrome'\nmodel = 'axpy'\n[compiler]\ntuned = 'pipe.toml'\n");
    shop.write("plain.toml", "[matrix]\nbrowser = 'chrome'\nmodel = 'axpy'\n");
    for (arguments, place) in [
        (vec!["render", "m.toml", "--out", "o"], "shaders/stray.wgsl"),
        (vec!["render", "plain.toml", "--out", "o", "--templates", "pages"], "pages/stray.js"),
        (vec!["plan", "pipe.toml"], "pipe.toml"),
        (vec!["plan", "tuned.toml"], "pipe.toml"),
        (vec!["compare", "pipe.toml", "pipe.toml"], "pipe.toml"),
    ] {
        let ended = shop.gpujobs(&arguments);
        assert!(ended.code.is_some_and(|code| code > 0) && ended.stderr.contains(place), "{arguments:?}: {ended:?}");
    }
}

#[test]
fn a_template_without_an_end_is_an_error_in_it() {
    let loops = "{% for a in range(100000) %}{% for b in range(100000) %}{{ b }}{% endfor %}{% endfor %}";
    let grows =
        "{% set ns = namespace(text='x') %}{% for i in range(64) %}{% set ns.text = ns.text ~ ns.text %}{% endfor %}";
    let steps = "takes more than 20000000 steps";
    for (text, said) in [
        (broken("shaders/axpy.wgsl", "{% set value =", &format!("{loops}\n{{% set value =")), steps),
        (broken("shaders/axpy.wgsl", "{% set value =", &format!("{grows}\n{{% set value =")), steps),
        (broken("shaders/axpy.wgsl", "lib/elementwise.wgsl", "axpy.wgsl"), ""),
        ("{% include 'axpy.wgsl' %}".to_owned(), ""),
    ] {
        let shop = Workshop::new();
        shop.write("own/axpy.wgsl", &text);
        shop.write("m.toml", "name = 'm'\n[matrix]\nbrowser = 'chrome'\nmodel = 'axpy'\n");
        let ended = shop.gpujobs(&["render", "m.toml", "--out", "pages", "--shaders", "own"]).expect(2);
        // Its line is that of the last step that minijinja knows the line of, which may lie before a loop.
        assert!(ended.stderr.contains("shaders/axpy.wgsl:") && ended.stderr.contains(said), "{}", ended.stderr);
    }
}
