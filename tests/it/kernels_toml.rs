//! What kernels declare in `shaders/kernels.toml`: the spaces that follow from it, faults in a file of one's own, and
//! parameters that belong to some forms alone.

use std::path::{Path, PathBuf};

use gpujobs::manifest::compiler::winners;
use gpujobs::manifest::{AxisValue, Manifest};
use gpujobs::plan::Plan;
use gpujobs::render::kernels::Configuration;
use gpujobs::render::page::{Page, PageError, PageRequest};
use gpujobs::render::settings::{Purpose, check};
use gpujobs::render::{RenderError, Templates};
use gpujobs::tune::tasks::tasks;
use sha2::{Digest, Sha256};

use crate::support::dispatched::plan;
use crate::support::workshop::Workshop;

/// The number of configurations of a kernel, and a digest of them all with their traits.
fn space(model: &str, params: &str, browser: &str, dtype: &str) -> String {
    let plan = plan(&format!(
        "[matrix]\nbrowser = '{browser}'\nmodel = 'm'\ndtype = '{dtype}'\n\
         [model.m]\nfile = 'models/{model}.toml'\nparams = {{ {params} }}\n"
    ));
    let tasks = tasks(&plan, &Templates::new(None, None).unwrap()).unwrap();
    let [task] = tasks.as_slice() else { panic!("{model} has one kernel") };
    let points = task.space.points.iter().zip(&task.space.traits);
    let mut points: Vec<String> = points.map(|(point, traits)| format!("{point:?} {traits:?}")).collect();
    points.sort();
    let digest = Sha256::digest(points.concat());
    let digest = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    format!("{} {:?}: {} {digest}", task.space.kernel, task.space.size, points.len())
}

/// Counted before parameters stood under their forms, which must not change what is searched: configurations count once that
/// come out as the same WGSL and grid.
#[test]
fn each_kernel_has_the_configurations_that_it_had() {
    for (model, params, browser, dtype, expected) in [
        ("matmul", "m = 64, n = 64, k = 64", "chrome", "fp16", "product [64, 64, 64]: 7044 a70e43c9"),
        ("matmul", "m = 33, n = 40, k = 17", "firefox", "fp32", "product [33, 40, 17]: 6771 600d26c8"),
        ("attention", "", "chrome", "fp32", "attention [6, 128, 128, 64]: 94 bcea04f4"),
        ("softmax", "", "chrome", "fp32", "rows [1024, 1024]: 65 d02b8f4e"),
        ("softmax", "", "firefox", "fp32", "rows [1024, 1024]: 40 678e8717"),
        ("layer-norm", "", "chrome", "fp16", "rows [1024, 768]: 130 808ca093"),
        ("copy", "", "chrome", "fp32", "elementwise [16777216]: 20 61061abe"),
    ] {
        assert_eq!(space(model, params, browser, dtype), expected, "{model} {browser} {dtype}");
    }
}

/// All files called `tuned.toml` below a folder.
fn tuned(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let found = entries.flat_map(|path| if path.is_dir() { tuned(&path) } else { vec![path] });
    found.filter(|path| path.ends_with("tuned.toml")).collect()
}

/// Those of before parameters stood under their forms name those of other forms too, with their defaults.
#[test]
fn each_winner_of_each_file_is_a_configuration_of_its_kernel() {
    let templates = Templates::new(None, None).unwrap();
    let (mut count, mut foreign) = (0, 0);
    for path in tuned(Path::new("results")).into_iter().chain(tuned(Path::new("shaders"))) {
        for winner in winners(&path, &std::fs::read_to_string(&path).unwrap()).unwrap() {
            let kernel = &templates.kernels().kernels[&winner.kernel];
            let mut one = Configuration { workgroup: winner.workgroup_size, values: kernel.defaults() };
            for (name, value) in &winner.parameters {
                kernel.set(&mut one.values, name, value, "here").unwrap();
            }
            assert_eq!(kernel.broken(&one).unwrap(), None, "{}: {one:?}", path.display());
            // What its form lacks can be left out.
            let mut own = winner.parameters.clone();
            own.retain(|name, _| kernel.parameters[name].is_of(one.form()));
            foreign += winner.parameters.len() - own.len();
            let mut short = kernel.defaults();
            short.extend(own);
            assert_eq!(short, one.values);
            count += 1;
        }
    }
    assert!(count > 60 && foreign > 60, "{count} winners name {foreign} parameters of other forms");
}

const OWN: &str = r#"[kernel.product]
templates = ["matmul.wgsl"]
workgroups = [[8, 8, 1], [16, 8, 1]]
constraints = ["wg[0] * wg[1] <= 256"]
traits = ["wg[2]"]

[kernel.product.form.direct]
traits = ["wg[1] * rows"]
parameters.rows = { values = [1, 2], default = 1 }

[kernel.product.form.tiled]
traits = ["wg[1] * tm"]
constraints = ["tm * bk <= 64"]
parameters.tm = { values = [4, 8], default = 8 }
parameters.bk = { values = [8, 16], default = 8 }

[kernel.product.form.matrix]
shares = ["bk"]
traits = ["wg[1] * bk"]
"#;

/// What `gpujobs render` says where the kernels are these.
fn said(kernels: &str) -> String {
    let shop = Workshop::new();
    shop.write("own/kernels.toml", kernels);
    shop.write("m.toml", "[matrix]\nbrowser = 'chrome'\nmodel = 'matmul'\n");
    let ended = shop.gpujobs(&["render", "m.toml", "--out", "out", "--shaders", "own"]).expect(2);
    ended.stderr.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

#[test]
fn a_faulty_file_of_ones_own_is_shown_at_its_place() {
    let templates = |text: &str| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("kernels.toml"), text).unwrap();
        Templates::new(None, Some(folder.path()))
    };
    templates(OWN).unwrap();
    for (name, replaced, by) in [
        ("toml_syntax", "[[8, 8, 1], [16, 8, 1]]", ""),
        ("unknown_key", "shares", "share"),
        ("constraint_syntax", "tm * bk <= 64", "tm * bk <="),
        ("constraint_name", "tm * bk <= 64", "tmm * bk <= 64"),
        ("constraint_of_another_form", "wg[0] * wg[1] <= 256", "wg[0] * tm <= 256"),
        ("constraint_value", "tm * bk <= 64", "64 // (bk - 16) >= tm"),
        ("constraint_no_truth", "tm * bk <= 64", "tm * bk"),
        ("constraint_beyond_the_workgroup", "tm * bk <= 64", "wg[3] * bk <= 64"),
        ("trait_zero", "wg[1] * tm", "wg[2] - 1"),
        ("trait_name", "wg[1] * tm", "wg[1] * depth"),
        ("trait_syntax", "wg[1] * tm", "wg[1] +"),
        ("trait_text", "traits = [\"wg[2]\"]", "traits = [\"form\"]"),
        ("trait_missing", "traits = [\"wg[1] * bk\"]", "traits = []"),
        ("default_none_of_the_values", "default = 8 }\nparameters.bk", "default = 16 }\nparameters.bk"),
        ("default_missing", "values = [4, 8], default = 8", "values = [4, 8]"),
        ("declared_twice", "shares = [\"bk\"]", "parameters.bk = { values = [8, 16], default = 8 }"),
        ("shared_by_none", "shares = [\"bk\"]", "shares = [\"bkk\"]"),
    ] {
        assert!(OWN.contains(replaced), "{replaced}");
        insta::assert_snapshot!(name, said(&OWN.replacen(replaced, by, 1)));
    }
}

#[test]
fn a_flat_file_as_before_forms_had_tables_is_read_too() {
    let flat = r#"[kernel.product]
templates = ["matmul.wgsl"]
workgroups = [[8, 8, 1]]
constraints = ["form == 'tiled' or tm == 8"]
[kernel.product.parameters.form]
values = ["direct", "tiled"]
default = "direct"
[kernel.product.parameters.tm]
values = [4, 8]
default = 8
"#;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("kernels.toml"), flat).unwrap();
    let templates = Templates::new(None, Some(folder.path())).unwrap();
    let kernel = &templates.kernels().kernels["product"];
    let axes =
        [vec![AxisValue::Shape([8, 8, 1])], kernel.parameters[0].values.clone(), kernel.parameters[1].values.clone()];
    assert_eq!(kernel.lawful(&axes).unwrap().unwrap().len(), 3);
}

#[test]
fn a_faulty_file_of_winners_is_shown_at_its_place() {
    let shop = Workshop::new();
    shop.write("own/tuned.toml", "[[winner]]\nkernel = \"product\"\ncompiler = \"tnt\"\n");
    shop.write("m.toml", "[matrix]\nbrowser = 'chrome'\nmodel = 'matmul'\n");
    let ended = shop.gpujobs(&["render", "m.toml", "--out", "out", "--shaders", "own"]).expect(2);
    assert!(ended.stderr.contains("own/tuned.toml:3:12") && ended.stderr.contains("tnt"), "{}", ended.stderr);
}

/// Each job's outcome: what its kernels had, or why it can't be.
fn outcomes(more: &str) -> Vec<String> {
    let templates = Templates::new(None, None).unwrap();
    let plan = small(more);
    check(&templates, &plan.manifest, Purpose::Run).unwrap();
    let outcome = |job| match Page::render(&templates, &PageRequest::new(&plan.manifest, job)) {
        Ok(page) => page.tuning(),
        Err(PageError::Render(RenderError::Unsupported { reason, .. })) => format!("unsupported: {reason}"),
        Err(error) => panic!("{error}"),
    };
    plan.jobs.iter().map(|job| format!("{}\n  {}", job.id, outcome(job))).collect()
}

/// A small product in a shape that each form takes.
fn small(more: &str) -> Plan {
    let text = format!(
        "name = 'm'\n[matrix]\nbrowser = 'chrome'\nmodel = 'm'\nworkgroup_size = [8, 8, 1]\n[model.m]\nfile = 'models/matmul.toml'\n\
         params = {{ m = 64, n = 64, k = 64 }}\n{more}"
    );
    Plan::of(Manifest::parse(Path::new("manifests/m.toml"), text, &[]).unwrap())
}

#[test]
fn where_axes_are_crossed_forms_without_the_parameter_are_unsupported() {
    let axes = "[axes]\nform = ['direct', 'tiled']\nbk = [8, 16]\n";
    insta::assert_snapshot!(outcomes(axes).join("\n"));
}

#[test]
fn a_parameter_that_no_job_has_a_form_for_is_an_error() {
    let templates = Templates::new(None, None).unwrap();
    let refused = |more: &str, purpose| match check(&templates, &small(more).manifest, purpose) {
        Err(RenderError::Parameter { place, message, help }) => format!("{place}: {message}\n  {}", help.unwrap()),
        other => panic!("{more} {other:?}"),
    };
    let of_run = |more: &str| refused(more, Purpose::Run);
    let of_tune = |more: &str| refused(more, Purpose::Tune);
    insta::assert_snapshot!(
        [
            of_run("[axes]\nbk = [8, 16]\n"),
            of_run("[axes]\nform = 'direct'\ntm = 4\n"),
            of_run("[compiler.tint.product]\nbk = 8\n"),
            of_run("[compiler.tint.product]\nform = 'matrix'\nlanes = 8\n"),
            of_tune("[tune]\nparameters = { form = 'direct', tm = [4, 8] }\n"),
            of_tune("[tune]\nparameters = ['bk']\n"),
        ]
        .join("\n")
    );
    let fine = |more: &str, purpose| check(&templates, &small(more).manifest, purpose).unwrap();
    for more in [
        // The default of what a form lacks says nothing.
        "[axes]\nbk = 16\n",
        "[axes]\nform = ['direct', 'matrix']\nbk = [8, 16]\n",
        "[compiler.tint.product]\nform = 'tiled'\nbk = 8\n",
        "[compiler.tint.product]\nform = 'tiled'\n[axes]\nbk = [8, 32]\n",
        // Winners may be of any form; Firefox has no job here.
        "[axes]\nbk = 8\n[[matrix.include]]\nworkgroup_size = 'tuned'\nbrowser = 'chrome'\nmodel = 'm'\n",
        "[compiler.naga.product]\nbk = 8\n",
        // Another kernel's parameter, and an axis that is none.
        "[axes]\nkeys = 4\nmine = 3\n",
    ] {
        fine(more, Purpose::Run);
    }
    for more in [
        "[tune]\nparameters = ['form', 'bk']\n",
        "[axes]\nbk = 8\n",
        "[tune]\nparameters = { form = 'matrix', bk = 8 }\n",
    ] {
        fine(more, Purpose::Tune);
    }
}

/// A search leaves out forms that lack what the manifest sets, and not those that lack what it restricts.
#[test]
fn what_is_restricted_for_one_form_leaves_others_as_they_are() {
    let templates = Templates::new(None, None).unwrap();
    let forms = |more: &str| {
        let task = tasks(&small(more), &templates).unwrap().remove(0);
        let form = |point: &Configuration| format!("{} {}", point.form().unwrap(), point.values["bk"]);
        let mut forms: Vec<String> = task.space.points.iter().skip(1).map(form).collect();
        forms.dedup();
        forms.sort_unstable();
        forms.dedup();
        forms
    };
    let tune = "[tune]\nworkgroups = [[8, 8, 1], [16, 8, 1]]\nparameters = { form = ['direct', 'tiled'], bk = 8 }\n";
    assert_eq!(forms(tune), ["direct 16", "tiled 8"]);
    let set = "[axes]\nbk = 8\n[tune]\nworkgroups = [[8, 8, 1], [16, 8, 1]]\nparameters = ['form']\n";
    assert_eq!(forms(set), ["tiled 8"]);
}
