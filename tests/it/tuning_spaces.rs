//! The space of a kernel: what a search may try.

use std::collections::HashSet;

use gpujobs::manifest::{AxisValue, Manifest};
use gpujobs::plan::Plan;
use gpujobs::render::kernels::Configuration;
use gpujobs::render::page::{Page, PageRequest};
use gpujobs::render::space::check;
use gpujobs::render::{RenderError, Templates};
use gpujobs::tune::tasks::{TuneTask, tasks};

use crate::tuning::{SMALL, product, task};

#[test]
fn a_space_has_what_holds_the_rules_once_and_the_default_first() {
    let space = task(&product(SMALL)).space;
    assert_eq!((space.kernel.as_str(), space.size.as_slice()), ("product", [64, 64, 64].as_slice()));
    assert_eq!(space.points.len(), 1 + 8, "{:#?}", space.points);
    let default = &space.points[0];
    assert_eq!((default.workgroup, &default.values["form"]), ([64, 1, 1], &AxisValue::Text("direct".to_owned())));
    let distinct: HashSet<Vec<usize>> = (0..9).map(|point| space.coordinates(point)).collect();
    assert_eq!(distinct.len(), 9);
    // A direct form knows none of the parameters of a tiled one.
    let direct =
        task(&product("parameters = { form = 'direct', tm = [4, 8], pad = [0, 1] }\nworkgroups = [8, 8, 1]")).space;
    assert_eq!(direct.points.len(), 2);
}

#[test]
fn a_space_leaves_out_what_comes_out_the_same() {
    // Vectors between rows, and the order of tiles, do not change a product of a single row of tiles as text does.
    let templates = Templates::new(None, None).unwrap();
    let plan = product("parameters = ['thread_rows', 'panels', 'unroll']\nworkgroups = [[8, 8, 1], [64, 1, 1]]");
    let task = task(&plan);
    let texts: HashSet<String> = (0..task.space.points.len())
        .map(|point| {
            let (job, overrides) = (task.job(point), [task.kernel_override(point)]);
            let request = PageRequest { overrides: &overrides, ..PageRequest::new(&plan.manifest, &job) };
            let page = Page::render(&templates, &request).unwrap();
            page.shader_digest().unwrap()
        })
        .collect();
    assert_eq!(texts.len(), task.space.points.len(), "each is another program");
    let ids: HashSet<String> = (0..task.space.points.len()).map(|point| task.job(point).id.0).collect();
    assert_eq!(ids.len(), task.space.points.len(), "with another id");
}

#[test]
fn what_kernels_do_not_declare_is_an_error_with_its_remedy() {
    let templates = Templates::new(None, None).unwrap();
    let told = |tune: &str| {
        let error = check(&templates, &product(tune).manifest.tune).unwrap_err();
        let RenderError::Parameter { place, message, help } = error else { panic!("{error}") };
        format!("{place}: {message}\n  {}", help.unwrap())
    };
    insta::assert_snapshot!(
        [
            told("kernel = 'prodct'"),
            told("kernel = 'product'\nparameters = ['tmm']"),
            told("parameters = ['tmm']"),
            told("parameters = { tm = [4, 5] }"),
            told("kernel = 'rows'\nparameters = { tm = 4 }"),
        ]
        .join("\n")
    );
}

#[test]
fn the_spaces_for_a_large_gpu_are_small_enough_to_be_tried_in_full() {
    let templates = Templates::new(None, None).unwrap();
    for name in ["matmul", "conv1d"] {
        let path = format!("manifests/h200/tune-{name}.toml");
        let plan = Plan::of(Manifest::load(path.as_ref(), &[]).unwrap());
        check(&templates, &plan.manifest.tune).unwrap();
        let tasks = tasks(&plan, &templates).unwrap();
        assert_eq!(tasks.len(), 2, "one in each browser");
        for TuneTask { base, space, .. } in tasks {
            let (size, limit) = (space.points.len(), plan.manifest.tune.limit(space.points.len()));
            assert!((100..=150).contains(&size), "{name} has {size} in {}", base.axes.browser);
            assert!(limit * 100 <= 15 * size && limit >= 12, "{limit} of {size}");
        }
    }
}

#[test]
fn workgroups_are_told_apart_by_what_their_kernel_says() {
    let templates = Templates::new(None, None).unwrap();
    for (name, kernel) in &templates.kernels().kernels {
        let shapes = kernel.workgroups.iter().map(|shape| AxisValue::Shape(*shape)).collect();
        let few = |values: &Vec<AxisValue>| values.iter().take(2).cloned().collect();
        let axes: Vec<Vec<AxisValue>> =
            std::iter::once(shapes).chain(kernel.parameters.values().map(|parameter| few(&parameter.values))).collect();
        let points = kernel.lawful(&axes).unwrap().unwrap();
        let traits = kernel.traits_of(&points).unwrap();
        let count = if name == "product" { 4 } else { 3 };
        assert!(traits.len() == points.len() && traits.iter().all(|found| found.len() == count), "{name}");
    }
    // 16x8 threads with 4 rows and 8 columns each: 32 rows, 128 columns, 128 threads, no shared depth.
    let space = task(&product(SMALL)).space;
    let is_it = |point: &&Configuration| {
        point.workgroup == [16, 8, 1]
            && point.values["tm"] == AxisValue::Int(4)
            && point.values["tn"] == AxisValue::Int(8)
    };
    let place = space.points.iter().position(|point| is_it(&point)).unwrap();
    assert_eq!(space.traits[place], [5.0, 7.0, 7.0, 0.0]);
}
