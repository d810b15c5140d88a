//! First-run figures come from first runs: cold jobs compile each time, warm ones only once, and what a lost try had
//! measured is in no row.
//!
//! These need Chromium and Firefox with their drivers (`gpujobs setup`); a missing one fails its test.

use std::time::{SystemTime, UNIX_EPOCH};

use nix::sys::signal::Signal;

use crate::support::browser_turn;
use crate::support::traces;
use crate::support::workshop::{Row, Workshop, ended};

const MODEL: &str = "family = 'text'\n[params]\nn = 64\n[[input]]\nname = 'x'\nshape = ['n']\n\
    [[stage]]\nop = 'long'\nin = ['x']\nout = { y = ['n'] }\n";

/// A shader that takes about a second to compile and no time to run.
///
/// The function that nothing calls is work for the browser's own compiler only, the statements of `main` are work for
/// the graphics driver as well: which of the two a browser keeps differs (see [`kept`]).
const LONG: &str = "{% set threads = wg[0] * wg[1] * wg[2] %}
{% set grid = [ceil_div(outputs[0].len, threads), 1, 1] %}
{% macro steps(count) %}{% for step in range(count) %}
    s = s * {{ 0.5 + step / 10000 }} + a * a;
    if (s > {{ step }}.5) { s = s - {{ step }}.25; }
{% endfor %}{% endmacro %}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
fn uncalled(a: f32) -> f32 {
    var s = a;
    {{ steps(UNCALLED) }}
    return s;
}
@compute @workgroup_size({{ wg | join(', ') }})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
    let i = group.x * {{ threads }}u + thread;
    if (i >= {{ outputs[0].len }}u) { return; }
    let a = x[i];
    var s = a;
    {{ steps(LIVE) }}
    y[i] = s;
}
";

/// The phase that a browser's cache shortens.
///
/// Chromium keeps what Dawn has translated; `SwiftShader`, below it, keeps nothing. Firefox keeps nothing itself and
/// translates every time; what shortens its next run is the cache of Mesa, which compiles at the first dispatch.
fn kept(browser: &str) -> &'static str {
    if browser == "chrome" { "shader_compile_ms" } else { "first_inference_ms" }
}

/// Runs one job several times, as far as its shader goes; how long each run compiled, ms.
fn compiled(browser: &str, cache: &str, turns: &[u32]) -> Vec<f64> {
    let shop = Workshop::new();
    shop.write("models/long.toml", MODEL);
    // Most of the work is put where this browser's cache saves it.
    let (uncalled, live) = if browser == "chrome" { ("4000", "200") } else { ("400", "800") };
    shop.write("own/long.wgsl", &LONG.replace("UNCALLED", uncalled).replace("LIVE", live));
    let manifest = format!(
        "name = 'caches'\nshaders = 'own'\n[matrix]\nbrowser = '{browser}'\nmodel = 'long'\ncache = '{cache}'\n\
         [axes]\nturn = {turns:?}\n\
         [measure]\nwarmup = 0\nsamples = 1\nrounds = 1\nretries = 0\nfallback = []\n"
    );
    shop.run(&manifest, &[]).expect(0);
    let jobs = shop.jobs();
    assert!(jobs.iter().all(|job| job["shader_digest"] == jobs[0]["shader_digest"]), "one and the same shader");
    let samples = shop.samples();
    for job in &jobs {
        assert_eq!(job["cache"], cache);
        first_is_first(job, &samples);
    }
    jobs.iter().map(|job| job[kept(browser)].parse().unwrap()).collect()
}

/// A row has one first sample, and it is that one's time which the row shows.
fn first_is_first(job: &Row, samples: &[Row]) {
    let of_job = samples.iter().filter(|sample| sample["job_id"] == job["job_id"]);
    let kinds: Vec<(&str, &str)> = of_job.map(|sample| (sample["kind"].as_str(), sample["wall_ms"].as_str())).collect();
    assert_eq!(kinds[0], ("first", job["first_inference_ms"].as_str()));
    assert!(kinds[1..].iter().all(|(kind, _)| *kind != "first"), "{kinds:?}");
}

/// Of runs after the first, which has more to make besides (a session's first device, a driver's own caches). A machine that
/// does something else makes any of them slower and none faster: the fastest ones are compared.
fn again_only_where_cold(browser: &str) {
    let (warm, cold) = (compiled(browser, "warm", &[1, 2, 3]), compiled(browser, "cold", &[1, 2]));
    let fastest = |runs: &[f64]| runs[1..].iter().copied().fold(f64::INFINITY, f64::min);
    let (first, again) = (warm[0], fastest(&warm));
    assert!(again * 2.0 < first && again * 3.0 < fastest(&cold), "warm {warm:?}, cold {cold:?}");
}

#[test]
fn in_chromium_the_second_run_compiles_again_only_where_it_is_cold() {
    again_only_where_cold("chrome");
}

#[test]
fn in_firefox_the_second_run_compiles_again_only_where_it_is_cold() {
    again_only_where_cold("firefox");
}

#[test]
fn a_warm_job_does_not_run_in_the_session_of_a_cold_one() {
    let shop = Workshop::new();
    let manifest = "name = 'both'\n[matrix]\nbrowser = 'chrome'\nmodel = 'axpy'\nworkgroup_size = [[64, 1, 1], [8, 1, 1]]\n\
        cache = ['cold', 'warm']\n[measure]\nwarmup = 0\nsamples = 1\nrounds = 1\nretries = 0\nfallback = []\n";
    shop.run(manifest, &[]).expect(0);
    assert_eq!(shop.column("cache"), ["cold", "warm", "cold", "warm"]);
    let mut starts = shop.column("session_start_ms");
    starts.sort();
    starts.dedup();
    assert_eq!(starts.len(), 4, "each has a session of its own: {starts:?}");
}

/// Milliseconds since 1970.
fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()
}

/// Kills the driver after the first sample of a run whose pages report, for the moment of each sample, the time of day since
/// `begin`: so each tells which try it is of.
fn only_the_last_try(browser: &str, driver: &str, measure: &str) {
    let _turn = browser_turn();
    let shop = Workshop::new();
    let begin = now();
    let mut text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/harness/engine_wgsl.js")).unwrap();
    let mark = format!("atMs: Date.now() - {begin},");
    for (from, to) in [
        ("atMs: timeToFirstResultMs,", mark.as_str()),
        ("atMs: performance.now() - how.began,", mark.as_str()),
        ("wallMs = performance.now() - began;", "wallMs = performance.now() - began; console.log('sampled');"),
    ] {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    shop.write("own/harness/engine_wgsl.js", &text);
    let manifest = format!(
        "name = 'retried'\n[matrix]\nbrowser = '{browser}'\nmodel = 'axpy'\nworkgroup_size = [[64, 1, 1], [8, 1, 1]]\n\
         [measure]\nwarmup = 0\nretries = 1\nfallback = []\n{measure}\n"
    );
    shop.write("m.toml", &manifest);
    let mut child = shop.command(&["run", "m.toml", "--out", "out", "--templates", "own"]).spawn().unwrap();
    shop.wait_for(&mut child, &format!("logs/{browser}.log"), "sampled");
    let marked = |id: &u32| traces::command_line(*id).contains(driver);
    traces::processes(&shop.path("tmp")).into_iter().filter(marked).for_each(|id| traces::signal(id, Signal::SIGKILL));
    let killed = now() - begin;
    let ended = ended(child).expect(0);
    assert!(ended.stderr.contains("trying again: "), "{}", ended.stderr);
    traces::assert_none(&shop);

    let samples = shop.samples();
    let jobs = shop.jobs();
    let steady = samples.iter().filter(|sample| sample["kind"] == "steady").count();
    assert_eq!((jobs.len(), steady), (2, 2 * 300));
    assert!(jobs.iter().any(|job| job["attempts"] == "2"), "{jobs:?}");
    for job in &jobs {
        first_is_first(job, &samples);
    }
    for sample in &samples {
        let at: f64 = sample["at_ms"].parse().unwrap();
        assert!(at >= f64::from(u32::try_from(killed).unwrap()), "measured before {killed}: {sample:?}");
    }
}

#[test]
fn a_job_that_is_tried_again_by_itself_keeps_nothing_of_its_lost_try() {
    only_the_last_try("chrome", "chromedriver", "samples = 300\nrounds = 1");
}

#[test]
fn jobs_of_a_group_that_are_tried_again_keep_nothing_of_their_lost_tries() {
    only_the_last_try("firefox", "geckodriver", "samples = 300\nrounds = 3");
}
