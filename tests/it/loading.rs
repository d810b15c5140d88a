//! The weights of models that lie side by side in one graph, as the encoders of CLIP do, load at the same time or in turn.
//!
//! The last test needs Chromium and Firefox with their drivers (`gpujobs setup`); a missing one fails it.

use std::path::Path;
use std::sync::Arc;

use gpujobs::graph::{Graph, JobVars, TensorRole};
use gpujobs::harness::payload::Payloads;
use gpujobs::manifest::Manifest;
use gpujobs::plan::Plan;
use gpujobs::render::Templates;
use gpujobs::render::page::{Content, Page, PageRequest, Part, StagesPage};

use crate::models::cases;
use crate::support::workshop::{Row, Workshop, is_positive, rows};

/// Both encoders with one layer each.
const CLIP: &str = "[model.clip]\nparams = { tokens = 9, layers = 1, vocab = 50, positions = 9, text_channels = 24, \
     text_heads = 2, image = 32, patch = 16, channels = 24, heads = 2, projection = 12 }\n";

/// The page of a manifest's one job.
fn page(manifest: &str) -> StagesPage {
    let text = format!("name = 'm'\n[matrix]\nbrowser = 'chrome'\nworkgroup_size = [64, 1, 1]\nmodel = {manifest}");
    let manifest = Manifest::parse(Path::new("m.toml"), text, &[]).unwrap_or_else(|error| panic!("{error:?}"));
    let plan = Plan::of(manifest);
    let (templates, job) = (Templates::new(None, None).unwrap(), &plan.jobs[0]);
    let page = Page::render(&templates, &PageRequest::new(&plan.manifest, job)).unwrap();
    match page.content {
        Content::Stages(page) => *page,
        Content::Onnx(_) | Content::Module(_) => panic!("a model of stages"),
    }
}

#[test]
fn stages_that_share_no_tensor_are_apart() {
    for (name, model) in cases() {
        let graph = Graph::of(&model, &JobVars::default()).unwrap();
        let apart = graph.apart();
        assert_eq!(apart.len(), if name == "clip" { 2 } else { 1 }, "{name}");
        let mut all: Vec<usize> = apart.concat();
        assert!(apart.is_sorted() && apart.iter().all(|stages| stages.is_sorted()), "{name}: {apart:?}");
        all.sort_unstable();
        assert_eq!(all, (0..graph.stages.len()).collect::<Vec<_>>(), "{name}");
        for stages in &apart {
            let prefix = |stage: &usize| graph.stages[*stage].name.split('.').next().unwrap().to_owned();
            assert!(name != "clip" || stages.iter().all(|stage| prefix(stage) == prefix(&stages[0])), "{stages:?}");
        }
    }
}

#[test]
fn each_input_and_weight_is_in_one_part() {
    for (model, names) in [
        (format!("'clip'\n{CLIP}"), &["inputs", "weights of text.embeddings", "weights of vision.embeddings"][..]),
        ("'axpy'".to_owned(), &["inputs"]),
        ("'conv1d'".to_owned(), &["inputs", "weights"]),
    ] {
        let page = page(&model);
        let found: Vec<&str> = page.parts.iter().map(|part| part.name.as_str()).collect();
        assert_eq!(found, names, "{model}");
        let mut loaded: Vec<usize> = page.parts.iter().flat_map(|part| part.tensors.clone()).collect();
        loaded.sort_unstable();
        let given = page.graph.tensors.iter().enumerate().filter(|(_, tensor)| tensor.role != TensorRole::Computed);
        assert_eq!(loaded, given.map(|(id, _)| id).collect::<Vec<_>>(), "{model}");
    }
}

#[test]
fn data_is_made_once_for_pages_that_load_it_in_the_same_parts() {
    let payloads = Payloads::default();
    let [clip, again, mut whole] = [(); 3].map(|()| page(&format!("'clip'\n{CLIP}")));
    let tensors = whole.parts.drain(1..).flat_map(|part| part.tensors).collect();
    whole.parts.push(Part { name: "weights".to_owned(), tensors });
    let made = payloads.of(&clip).unwrap();
    assert!(Arc::ptr_eq(&made, &payloads.of(&again).unwrap()), "made once");
    let other = payloads.of(&whole).unwrap();
    assert_eq!((made.parts.len(), other.parts.len()), (3, 2));
    assert_eq!(made.parts[1..].concat(), other.parts[1]);
}

/// When the fetch of a part began and ended, in ms.
fn fetched(part: &Row) -> (f64, f64) {
    let number = |column: &str| part[column].parse::<f64>().unwrap_or_else(|_| panic!("{part:?}"));
    (number("fetch_began_ms"), number("fetch_began_ms") + number("fetch_ms"))
}

#[test]
fn the_encoders_of_clip_load_at_the_same_time_or_in_turn() {
    let shop = Workshop::new();
    // Without the latency a part might be there before the next one is asked for.
    let manifest = format!(
        "name = 'loading'\n[matrix]\nbrowser = ['chrome', 'firefox']\nmodel = 'clip'\nparallel_loading = [true, false]\n\
         [measure]\nwarmup = 0\nsamples = 2\nrounds = 1\nfallback = []\n[serve]\nlatency = '50ms'\n{CLIP}"
    );
    shop.run(&manifest, &[]).expect(0);
    let parts = rows(&shop.run_folder().join("parts.csv"));
    let jobs = shop.jobs();
    assert_eq!((jobs.len(), parts.len()), (4, 4 * 3));
    for job in &jobs {
        assert_eq!((job["status"].as_str(), job["verified"].as_str()), ("ok", "true"), "{job:?}");
        let of_job: Vec<&Row> = parts.iter().filter(|part| part["job_id"] == job["job_id"]).collect();
        let names: Vec<&str> = of_job.iter().map(|part| part["part"].as_str()).collect();
        assert_eq!(names, ["inputs", "weights of text.embeddings", "weights of vision.embeddings"]);
        assert!(of_job.iter().all(|part| is_positive(&part["bytes"]) && is_positive(&part["fetch_ms"])), "{of_job:?}");
        let spans: Vec<(f64, f64)> = of_job.iter().map(|part| fetched(part)).collect();
        if job["parallel_loading"] == "true" {
            let all_asked = spans.iter().map(|(began, _)| *began).fold(0.0, f64::max);
            let first_there = spans.iter().map(|(_, ended)| *ended).fold(f64::INFINITY, f64::min);
            assert!(all_asked < first_there, "each was asked for before any was there: {of_job:?}");
        } else {
            // Cells have six digits.
            let in_turn = spans.windows(2).all(|pair| pair[1].0 > pair[0].1 - 0.05);
            assert!(in_turn, "each was asked for when the one before was there: {of_job:?}");
        }
    }
}
