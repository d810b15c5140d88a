//! All values of the parameters that kernels declare, at sizes that no tile or vector divides, in real browsers.
//!
//! These need Chromium and Firefox with their drivers (`gpujobs setup`); a missing one fails its test.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt::Write as _;

use gpujobs::manifest::AxisValue;
use gpujobs::render::Templates;
use gpujobs::render::kernels::{Configuration, Kernel};
use indexmap::IndexSet;

use crate::ops::{Sizes, stages};
use crate::support::workshop::{Row, Workshop};

/// Each with the name that its jobs' models begin with.
const SIZES: [(&str, Sizes); 4] =
    [("odd", Sizes::ODD), ("even", Sizes::EVEN), ("prime", Sizes::PRIME), ("one", Sizes::ONE)];

/// The sizes of more than one tile, at which every form meets every workgroup that it takes.
const TILES: &str = "prime";

/// Which parameters each form of a kernel knows: each of their values must have run in it, or those that are named. A kernel
/// without forms has one without a name.
const KNOWS: [(&str, &str, &[&str]); 8] = [
    ("product", "direct", &["thread_rows", "panels", "unroll"]),
    ("product", "tiled", &["tm", "tn", "bk", "lanes", "prefetch", "across", "pad", "swizzle"]),
    ("product", MATRIX, &["sm", "sn", "fragment"]),
    ("rows", "", &["keep", "passes", "turns", "subgroups"]),
    ("elementwise", "", &["turns"]),
    ("attention", "direct", &[]),
    ("attention", "tiled", &["queries=1", "queries=2", "keys"]),
    ("attention", "blocked", &["queries=2", "queries=4", "queries=8"]),
];

/// The form that is left out: it runs on matrix units, which no software adapter has. `half.rs` renders each of its values.
const MATRIX: &str = "matrix";

/// What a shader costs whatever it unrolls, in units of [`unrolled`].
const FIXED: u32 = 64;

fn form(configuration: &Configuration) -> String {
    configuration.values.get("form").map(ToString::to_string).unwrap_or_default()
}

/// What a configuration gives its turn to: its form with each value and with the workgroup, as rows have them in `tuning`.
/// Where there is one tile only, a workgroup may have its turn in any form. What a browser here refuses gives its turn to
/// nothing else: a workgroup of more than 256 threads, and subgroups.
fn turns(configuration: &Configuration, said: &str) -> Vec<String> {
    let form = form(configuration);
    let [x, y, z] = configuration.workgroup;
    let shaped = if said == TILES { form.as_str() } else { "" };
    let workgroup = format!("{shaped} {x}x{y}x{z}");
    let subgroups = configuration.values.get("subgroups") == Some(&AxisValue::Bool(true));
    if x * y * z > 256 {
        return if subgroups { Vec::new() } else { vec![workgroup] };
    }
    if subgroups {
        return vec![format!("{form} subgroups=true")];
    }
    let values = configuration.values.iter().map(|(name, value)| format!("{form} {name}={value}"));
    values.chain([workgroup]).collect()
}

/// The code that a configuration makes templates unroll, which the time of compiling follows: up to eight seconds in
/// `SwiftShader`.
fn unrolled(configuration: &Configuration) -> u32 {
    let number = |name: &str| match configuration.values.get(name) {
        Some(AxisValue::Int(number)) => u32::try_from(*number).unwrap(),
        _ => 1,
    };
    let product = |names: &[&str]| names.iter().map(|name| number(name)).product::<u32>();
    match form(configuration).as_str() {
        "direct" => product(&["thread_rows", "panels", "unroll"]),
        "tiled" => product(&["tm", "tn", "bk", "queries", "keys"]),
        // Each lane has its share of the outputs of all lanes along x.
        "blocked" => 8 * number("queries") * configuration.workgroup[0],
        _ => number("turns"),
    }
}

/// All configurations of a kernel that a software adapter may have.
fn all(kernel: &Kernel) -> Vec<Configuration> {
    let workgroups = kernel.workgroups.iter().map(|shape| AxisValue::Shape(*shape)).collect();
    let values = kernel.parameters.values().map(|parameter| parameter.values.clone());
    let mut all = kernel.lawful(&[workgroups].into_iter().chain(values).collect::<Vec<_>>()).unwrap().unwrap();
    all.retain(|configuration| form(configuration) != MATRIX);
    all
}

/// For each of the sizes few configurations that give all their turn: one after the other that which has the most new turns
/// for its code. Others at each size, as far as there are others.
fn few(kernel: &Kernel) -> [Vec<Configuration>; SIZES.len()] {
    let all = all(kernel);
    let mut used = HashSet::new();
    SIZES.map(|(said, _)| {
        let mut known = IndexSet::new();
        let mut bit =
            |turn| 1_u128.checked_shl(known.insert_full(turn).0.try_into().unwrap()).expect("at most 128 turns");
        let turns: Vec<u128> =
            all.iter().map(|one| turns(one, said).into_iter().map(&mut bit).fold(0, |all, turn| all | turn)).collect();
        let (mut few, mut seen) = (Vec::new(), 0_u128);
        loop {
            let new = |index: &usize| (turns[*index] & !seen).count_ones();
            let worth = |index: &usize| {
                let one = &all[*index];
                // A long line of threads has each of them copy more, and what lies behind another has its sums merged.
                let [x, y, z] = one.workgroup;
                let plain = Reverse((z, x.max(y)));
                (new(index) * 1_000_000 / (FIXED + unrolled(one)), plain, !used.contains(index), Reverse(*index))
            };
            let Some(best) = (0..all.len()).filter(|index| new(index) > 0).max_by_key(worth) else { return few };
            seen |= turns[best];
            used.insert(best);
            few.push(all[best].clone());
        }
    })
}

/// As TOML has it.
fn written(value: &AxisValue) -> String {
    match value {
        AxisValue::Text(text) => format!("'{text}'"),
        value => value.to_string(),
    }
}

/// The models that a kernel is behind at some sizes, written into the workshop.
fn models(shop: &Workshop, kernel: &Kernel, said: &str, sizes: Sizes) -> Vec<String> {
    // Two of the activations stand for all.
    let plain = |text: &String| !["relu", "quick_gelu", "tanh"].iter().any(|kind| text.contains(kind));
    let of_kernel = |(op, text): &(&str, String)| kernel.templates.contains(&format!("{op}.wgsl")) && plain(text);
    let stages = stages(sizes).into_iter().filter(of_kernel).enumerate();
    stages
        .map(|(index, (op, text))| {
            let name = format!("{said}-{op}-{index}");
            shop.write(&format!("models/{name}.toml"), &text);
            name
        })
        .collect()
}

/// A manifest of one browser: at each size each of its few configurations of every kernel, each with the next of the ops
/// that the kernel is behind, until all of both had their turn.
fn manifest(shop: &Workshop, templates: &Templates, browser: &str) -> String {
    let (mut includes, mut axes) = (String::new(), BTreeMap::new());
    for kernel in templates.kernels().kernels.values() {
        axes.extend(kernel.parameters.iter().map(|(name, declared)| (name, written(&declared.default))));
        for ((said, sizes), configurations) in SIZES.into_iter().zip(few(kernel)) {
            let models = models(shop, kernel, said, sizes);
            let turns = configurations.len().max(models.len());
            for (configuration, model) in configurations.iter().cycle().zip(models.iter().cycle()).take(turns) {
                let shape = configuration.workgroup;
                let _ = write!(
                    includes,
                    "[[matrix.include]]\nbrowser = '{browser}'\nmodel = '{model}'\nworkgroup_size = {shape:?}\n"
                );
                for (parameter, value) in &configuration.values {
                    let _ = writeln!(includes, "{parameter} = {}", written(value));
                }
            }
        }
    }
    let axes: Vec<String> = axes.into_iter().map(|(name, value)| format!("{name} = {value}")).collect();
    format!(
        "name = 'odd-sizes'\n[matrix]\nbrowser = '{browser}'\nmodel = 'axpy'\n{includes}[axes]\n{}\n\
         [measure]\nwarmup = 0\nsamples = 1\nrounds = 1\nretries = 0\nfallback = []\n",
        axes.join("\n")
    )
}

/// The turns that jobs had, as `SIZE KERNEL FORM VALUE`, all of whose outputs were verified. Subgroups in Firefox, and a
/// workgroup of more threads than the adapter allows (256 in `SwiftShader`), must be refused for that; nothing else may be.
fn verified(jobs: &[Row]) -> BTreeSet<String> {
    let mut ran = BTreeSet::new();
    for job in jobs.iter().filter(|job| job["model"] != "axpy") {
        let size = job["model"].split('-').next().unwrap();
        // What is never rendered has no `tuning`.
        if job["browser"] == "firefox" && job["axis_subgroups"] == "true" {
            assert_eq!(job["status"], "unsupported", "{job:?}");
            assert!(job["reason"].contains("needs subgroups, which this browser's compiler does not have"), "{job:?}");
            ran.insert(format!("{size} rows  subgroups=true"));
            continue;
        }
        // `product 64x1x1 form=direct …`: what the shader was rendered with.
        let (kernel, words) = job["tuning"].split_once(' ').unwrap_or_else(|| panic!("{job:?}"));
        let mut words: Vec<&str> = words.split(' ').collect();
        let form = words.iter().find_map(|word| word.strip_prefix("form=")).unwrap_or_default();
        if job["status"] == "unsupported" && job["workgroup_x"] == "512" {
            assert!(job["reason"].contains("allows 256 (maxComputeInvocationsPerWorkgroup)"), "{job:?}");
            words.truncate(1);
        } else {
            assert_eq!((job["status"].as_str(), job["verified"].as_str()), ("ok", "true"), "{job:?}");
        }
        ran.extend(words.iter().map(|word| format!("{size} {kernel} {form} {word}")));
    }
    ran
}

/// Every value of every parameter, and every workgroup, must have been verified at every size, and each value in each form
/// that knows it. Said for a kernel's own declarations, not for the configurations that were chosen out of them.
fn complete(templates: &Templates, ran: &BTreeSet<String>) {
    let mut missing = Vec::new();
    for (name, kernel) in &templates.kernels().kernels {
        let forms: Vec<_> = KNOWS.iter().filter(|(kernel, ..)| kernel == name).collect();
        let known: BTreeSet<&str> =
            forms.iter().flat_map(|(.., known)| *known).map(|known| known.split('=').next().unwrap()).collect();
        let declared: BTreeSet<&str> =
            kernel.parameters.keys().map(String::as_str).filter(|parameter| *parameter != "form").collect();
        assert_eq!(known, declared, "each parameter of {name} belongs to a form");
        let count = kernel.parameters.get("form").map_or(1, |form| form.values.len());
        assert_eq!(forms.len(), count, "the forms of {name}");
        for (size, _) in SIZES {
            for (_, form, known) in forms.iter().filter(|(_, form, _)| *form != MATRIX) {
                for parameter in *known {
                    if parameter.contains('=') {
                        missing.push(format!("{size} {name} {form} {parameter}"));
                        continue;
                    }
                    let values = kernel.parameters[*parameter].values.iter();
                    missing.extend(values.map(|value| format!("{size} {name} {form} {parameter}={value}")));
                }
            }
            for [x, y, z] in &kernel.workgroups {
                let in_form =
                    |(_, form, _): &&&(&str, &str, &[&str])| ran.contains(&format!("{size} {name} {form} {x}x{y}x{z}"));
                if !forms.iter().any(|form| in_form(&form)) {
                    missing.push(format!("{size} {name} {x}x{y}x{z}"));
                }
            }
        }
    }
    // Where edges of tiles differ, each form must have run with all that it takes.
    for (name, kernel) in &templates.kernels().kernels {
        missing
            .extend(all(kernel).iter().flat_map(|one| turns(one, TILES)).map(|turn| format!("{TILES} {name} {turn}")));
    }
    missing.retain(|turn| !ran.contains(turn));
    assert!(missing.is_empty(), "never verified: {missing:#?}");
}

fn every_value_of_every_parameter_verifies(browser: &str) {
    let templates = Templates::new(None, None).unwrap();
    let shop = Workshop::new();
    let manifest = manifest(&shop, &templates, browser);
    let ended = shop.run(&manifest, &["--quiet"]);
    let jobs = shop.jobs();
    let ran = verified(&jobs);
    ended.expect(0);
    complete(&templates, &ran);
    let configurations: BTreeSet<&str> = jobs.iter().map(|job| job["tuning"].as_str()).collect();
    println!("{browser}: {} jobs, {} configurations, {} turns", jobs.len(), configurations.len(), ran.len());
}

#[test]
fn every_value_of_every_parameter_verifies_in_chromium() {
    every_value_of_every_parameter_verifies("chrome");
}

#[test]
fn every_value_of_every_parameter_verifies_in_firefox() {
    every_value_of_every_parameter_verifies("firefox");
}
