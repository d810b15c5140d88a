//! What a stage wrote into a texture, compared with a file without a browser: what a format can't hold, and what was never
//! written.

use std::path::Path;

use gpujobs::graph::{Graph, JobVars, Values};
use gpujobs::manifest::Model;
use gpujobs::reference::{Given, Progress, SENTINEL_BITS, Verdict};
use half::f16;

use crate::support::workshop::Workshop;

/// What is found of a stage's texture, a row of this format, where these bytes of a file are expected.
fn verdict(format: &str, ending: &str, expected: &[u8], got: Values) -> Verdict {
    let shop = Workshop::new();
    let channels = if format.starts_with("rgba") { 4 } else { 1 };
    let width = expected.len() / 4 / channels;
    let text = format!(
        "family = 'vision'\n[[input]]\nname = 'x'\nshape = [1]\n[[stage]]\nop = 'own'\nin = ['x']\n\
         out = {{ y = {{ shape = [1, {width}], texture = '{format}' }} }}\nexpect = {{ file = 'y.{ending}' }}\n"
    );
    let path = shop.write("m.toml", &text);
    std::fs::write(shop.path(&format!("y.{ending}")), expected).unwrap();
    let model = Model::parse("m", Path::new(&path), &text).unwrap();
    let graph = Graph::of(&model, &JobVars::default()).unwrap();
    let mut progress = Progress::begin(&graph);
    let id = graph.stages[0].outputs[0];
    progress.take(&graph, &Given::default(), id, got);
    progress.end(&graph, &Given::default())
}

/// Of floats: whether they are right, or why not.
fn floats<const N: usize>(format: &str, expected: [f32; N], got: [f32; N]) -> Result<(), String> {
    let bytes: Vec<u8> = expected.iter().flat_map(|value| value.to_le_bytes()).collect();
    let verdict = verdict(format, "f32", &bytes, Values::Floats(got.to_vec()));
    match verdict.failure {
        None => Ok(()),
        Some(failure) => Err(failure.reason),
    }
}

const WRONG: &str = "differs from its reference";

#[test]
fn what_is_expected_beyond_a_range_makes_no_tolerance_of_its_own() {
    let expected = [1e6, 0.5, 0.5, -1e6];
    assert_eq!(floats("rgba8unorm", expected, [1.0, 0.5, 0.5, 0.0]), Ok(()));
    assert_eq!(floats("rgba8unorm", expected, [1.0, 0.0, 0.5, 0.0]), Err(WRONG.to_owned()));
    assert_eq!(floats("rgba8snorm", expected, [1.0, 0.5, 0.5, -1.0]), Ok(()));
    assert_eq!(floats("rgba8snorm", expected, [1.0, 0.5, -0.5, -1.0]), Err(WRONG.to_owned()));
}

#[test]
fn beyond_halves_are_the_largest_one_and_infinity() {
    let expected = [7e4, -7e4, 1.0, 1e9];
    let infinite = f32::INFINITY;
    assert_eq!(floats("rgba16float", expected, [65_504.0, -infinite, 1.0, infinite]), Ok(()));
    for got in [[6e4, -infinite, 1.0, infinite], [-infinite, -infinite, 1.0, infinite], [7e4, -7e4, infinite, 7e4]] {
        assert_eq!(floats("rgba16float", expected, got), Err(WRONG.to_owned()), "{got:?}");
    }
}

#[test]
fn texels_of_floats_that_nothing_wrote_are_not_the_nan_that_is_expected() {
    let sentinel = f32::from_bits(SENTINEL_BITS);
    let unwritten = |count: usize| Err(format!("has {count} elements that were never written"));
    assert_eq!(floats("r32float", [f32::NAN, 1.0], [f32::NAN, 1.0]), Ok(()));
    assert_eq!(floats("r32float", [f32::NAN, 1.0], [sentinel, 1.0]), unwritten(1));
    assert_eq!(floats("rgba32float", [f32::NAN; 4], [sentinel; 4]), unwritten(4));
    let bits = SENTINEL_BITS.to_le_bytes();
    let halves = [[bits[0], bits[1]], [bits[2], bits[3]]].map(|half| f16::from_le_bytes(half).to_f32());
    let [low, high] = halves;
    assert_eq!(floats("rgba16float", [low, high, low, high], [low, high, low, high]), unwritten(4));
    // Bytes may be those of the sentinel.
    let bytes = bits.map(|byte| f32::from(byte) / 255.0);
    assert_eq!(floats("rgba8unorm", bytes, bytes), Ok(()));
}

#[test]
fn a_whole_number_that_the_format_cant_hold_is_a_fault_of_the_file() {
    let bytes: Vec<u8> = [7_u32, 300, 255, 0].iter().flat_map(|value| value.to_le_bytes()).collect();
    let found = verdict("rgba8uint", "u32", &bytes, Values::Whole(vec![7, 44, 255, 0]));
    let said = found.failure.unwrap().not_compared().unwrap();
    assert!(said.ends_with("y.u32: it holds 300 at [1], beyond rgba8uint"), "{said}");
}
