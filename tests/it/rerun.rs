//! A run is repeated from its folder alone: what it was made of lies there, and what is too large for that is known by its digest.
//!
//! Needs Chromium with its driver (`gpujobs setup`); a missing one fails its test.

use std::fs;
use std::path::PathBuf;

use crate::own_shaders::{npy, words};
use crate::support::browser_turn;
use crate::support::traces;
use crate::support::workshop::{Ended, Row, Workshop, rows};

const MANIFEST: &str = "name = 'kept'\n[matrix]\nbrowser = 'chrome'\nmodel = ['own', 'far', 'axpy']\nworkgroup_size = [[64, 1, 1], [32, 1, 1]]\n\
                        [measure]\nsamples = 3\nrounds = 1\nwarmup = 1\nfallback = []\nretries = 0\n";

const MODEL: &str = "family = 'vision'\n[params]\nn = 256\n[[input]]\nname = 'x'\nshape = ['n']\nfile = '../data/x.npy'\n\
                     [[input]]\nname = 'z'\nshape = [300000]\nfile = '../data/z.f32'\n\
                     [[stage]]\nop = 'shifted'\nin = ['x', 'z']\nout = { y = ['n'] }\nexpect = { file = '../data/y.npy' }\n";

const SHADER: &str = "{% set grid = [4, 1, 1] %}\n\
    @group(0) @binding({{ inputs[0].binding }}) var<storage, read> x: array<f32>;\n\
    @group(0) @binding({{ inputs[1].binding }}) var<storage, read> z: array<f32>;\n\
    @group(0) @binding({{ outputs[0].binding }}) var<storage, read_write> y: array<f32>;\n\
    @compute @workgroup_size(64)\n\
    fn main(@builtin(global_invocation_id) id: vec3u) { y[id.x] = x[id.x] + z[id.x]; }\n";

/// A manifest, its model, numbers and a shader, in folders of their own.
fn project() -> Workshop {
    let shop = Workshop::new();
    shop.write("project/manifests/m.toml", MANIFEST);
    shop.write("project/models/own.toml", MODEL);
    shop.write("project/own/shifted.wgsl", SHADER);
    fs::create_dir(shop.path("far")).unwrap();
    let far = shop.path("far/x.npy");
    shop.write("project/models/far.toml", &MODEL.replace("../data/x.npy", far.to_str().unwrap()));
    fs::create_dir(shop.path("project/data")).unwrap();
    let floats = |values: &[f32]| words(values, f32::to_le_bytes);
    let (x, y): (Vec<f32>, Vec<f32>) = (0..256_u16).map(|i| (f32::from(i), f32::from(i) + 0.5)).unzip();
    fs::write(shop.path("project/data/x.npy"), npy("<f4", "(256,)", &floats(&x))).unwrap();
    fs::write(far, npy("<f4", "(256,)", &floats(&x))).unwrap();
    fs::write(shop.path("project/data/y.npy"), npy("<f4", "(256,)", &floats(&y))).unwrap();
    fs::write(shop.path("project/data/z.f32"), floats(&vec![0.5; 300_000])).unwrap();
    shop
}

fn run(shop: &Workshop, arguments: &[&str]) -> Ended {
    let _turn = browser_turn();
    let ended = shop.gpujobs(&[&["run"], arguments].concat());
    traces::assert_none(shop);
    ended
}

/// The one folder below this one.
fn only(shop: &Workshop, out: &str) -> PathBuf {
    let mut folders: Vec<PathBuf> = fs::read_dir(shop.path(out)).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(folders.len(), 1, "{folders:?}");
    folders.remove(0)
}

/// What must be the same again.
fn identity(row: &Row) -> [String; 5] {
    ["job_id", "status", "verified", "shader_digest", "samples"].map(|column| row[column].clone())
}

#[test]
fn a_run_is_repeated_from_its_folder_alone() {
    let shop = project();
    let typed = ["project/manifests/m.toml", "--out", "out", "--shaders", "project/own", "--set", "measure.samples=4"];
    run(&shop, &[&typed[..], &["--filter", "workgroup_size=64x1x1"]].concat()).expect(0);
    let first = only(&shop, "out");
    let before: Vec<_> = rows(&first.join("jobs.csv")).iter().map(identity).collect();
    assert_eq!(before.len(), 3, "{before:?}");
    assert!(before.iter().all(|row| row[1..3] == ["ok", "true"] && row[4] == "4"), "{before:?}");

    // Everything is gone, and of the files only the large one is missed.
    fs::rename(shop.path("project"), shop.path("gone")).unwrap();
    let folder = first.to_str().unwrap();
    let toml = first.join("run.toml");
    let again = [toml.to_str().unwrap(), "--out", "again"];
    let missing = shop.gpujobs(&["run", "--from", folder]).expect(2);
    let place = first.join("inputs/data/z.f32");
    assert!(missing.stderr.contains("the file of 1200000 bytes that was"), "{}", missing.stderr);
    let one_line = missing.stderr.replace(['\n', ' ', '│'], "");
    assert!(one_line.contains(&format!("putitat{}", place.display())), "{}", missing.stderr);

    // Back where it was, it is found; or where the message said.
    fs::create_dir_all(shop.path("project/data")).unwrap();
    fs::rename(shop.path("gone/data/z.f32"), shop.path("project/data/z.f32")).unwrap();
    run(&shop, &again).expect(0);
    let second = only(&shop, "again");
    let after: Vec<_> = rows(&second.join("jobs.csv")).iter().map(identity).collect();
    assert_eq!(after, before);

    // The repeated run can be repeated as well, and be narrowed.
    let planned =
        shop.gpujobs(&["plan", "--from", second.to_str().unwrap(), "--filter", "model=own", "--format", "json"]);
    let planned: serde_json::Value = serde_json::from_str(&planned.expect(0).stdout).unwrap();
    assert_eq!(planned.as_array().unwrap().len(), 1, "{planned}");

    // What is no longer what it was is not taken for it; nor is what an absolute path leads to.
    let far = fs::read(shop.path("far/x.npy")).unwrap();
    fs::write(shop.path("far/x.npy"), far.iter().map(|byte| byte ^ 1).collect::<Vec<_>>()).unwrap();
    let changed = shop.gpujobs(&["run", "--from", folder]).expect(2);
    assert!(changed.stderr.contains("far/x.npy has changed since the run"), "{}", changed.stderr);
    fs::write(shop.path("far/x.npy"), far).unwrap();
    fs::write(shop.path("project/data/z.f32"), vec![0; 1_200_000]).unwrap();
    let changed = shop.gpujobs(&["run", "--from", folder]).expect(2);
    assert!(changed.stderr.contains("has changed since the run"), "{}", changed.stderr);
    fs::remove_file(&place).unwrap();
    let changed = shop.gpujobs(&["run", "--from", folder]).expect(2);
    assert!(changed.stderr.contains("has changed since the run"), "{}", changed.stderr);
    fs::write(first.join("inputs/models/own.toml"), "family = 'audio'").unwrap();
    let changed = shop.gpujobs(&["run", "--from", folder]).expect(2);
    assert!(changed.stderr.contains("own.toml has changed"), "{}", changed.stderr);
}

#[test]
fn what_can_not_be_repeated_says_why() {
    let shop = Workshop::new();
    let old = concat!(env!("CARGO_MANIFEST_DIR"), "/results/h100/kernels");
    let ended = shop.gpujobs(&["run", "--from", old]).expect(2);
    assert!(ended.stderr.contains("did not keep what a run was made of"), "{}", ended.stderr);
    assert!(ended.stderr.contains("manifests/"), "{}", ended.stderr);
    let ended = shop.gpujobs(&["run", &format!("{old}/run.toml"), "m.toml"]).expect(2);
    assert!(ended.stderr.contains("is repeated by itself"), "{}", ended.stderr);
    let ended = shop.gpujobs(&["run", "--from", "nowhere"]).expect(2);
    assert!(ended.stderr.contains("is no run folder"), "{}", ended.stderr);
    // A manifest may have any name.
    shop.write("run.toml", "name = 'm'\n[matrix]\nbrowser = 'chrome'\nmodel = 'axpy'\n");
    shop.gpujobs(&["plan", "run.toml"]).expect(0);
}

#[test]
fn a_folder_of_somebody_else_leads_nowhere_else() {
    let shop = Workshop::new();
    let real = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/results/h100/kernels/run.toml")).unwrap();
    for (part, path) in [("manifest", "../m.toml"), ("shaders", "/etc")] {
        let manifest = if part == "manifest" { path } else { "inputs/m.toml" };
        let more = if part == "shaders" { format!("shaders = '{path}'\n") } else { String::new() };
        shop.write("theirs/run.toml", &format!("{real}\n[repeat]\nmanifest = '{manifest}'\n{more}"));
        let ended = shop.gpujobs(&["plan", "--from", "theirs"]).expect(2);
        assert!(ended.stderr.contains("leads out of the run's folder"), "{}", ended.stderr);
    }
    // A folder of it that is a link leads out as well.
    std::os::unix::fs::symlink(shop.path("tmp"), shop.path("theirs/inputs")).unwrap();
    let input = "[[input]]\npath = '/etc/hostname'\nplace = 'inputs/new/x'\nkept = false\n";
    shop.write("theirs/run.toml", &format!("{real}\n[repeat]\nmanifest = 'inputs/m.toml'\n{input}"));
    let ended = shop.gpujobs(&["plan", "--from", "theirs"]).expect(2);
    assert!(ended.stderr.contains("leads out of the run's folder"), "{}", ended.stderr);
    assert!(!shop.path("tmp/new").exists());
    fs::remove_file(shop.path("theirs/inputs")).unwrap();
    let input = "[[input]]\npath = '/etc/hostname'\nplace = 'inputs/../../x'\nkept = false\n";
    shop.write("theirs/run.toml", &format!("{real}\n[repeat]\nmanifest = 'inputs/m.toml'\n{input}"));
    let ended = shop.gpujobs(&["plan", "--from", "theirs"]).expect(2);
    assert!(ended.stderr.contains("leads out of the run's folder"), "{}", ended.stderr);
}
