//! Texts that go on, in real browsers: what their tokens cost, and that each is held against the reference.
//!
//! These need Chromium and Firefox with their drivers, and the libraries (`gpujobs setup`); a missing one fails its test.

use crate::onnx::{COMPILED_ONCE, NO_FALLBACK, ROOT, assert_right, cells, manifest, source};
use crate::onnx_faults::tampered;
use crate::support::workshop::{Row, Workshop, is_positive};

/// The jobs of the shipped manifest, fewer tokens, and each backend where it is cheap enough, and what else there is to see in one run.
fn depths() -> String {
    let include = |what: &str| format!("[[matrix.include]]\nbrowser = 'chrome'\nbackend = 'wasm'\n{what}\n");
    let shipped = source("manifests/generation.toml").replace("../tests/data", &format!("{ROOT}/tests/data"));
    let more = [
        "[[matrix.exclude]]\nbackend = 'webgpu'\nprompt_tokens = 16\n".to_owned(),
        "[[matrix.exclude]]\nbackend = 'webgpu'\nprompt_tokens = 256\n".to_owned(),
        include("model = 'tiny-gpt2'"),
        include("model = 'tiny-gpt2'\nprompt_tokens = 16\nnew_tokens = 4\nbatch = 2"),
        include("model = 'tiny-gpt2'\nprompt_tokens = 16\nnew_tokens = 1"),
        include("model = 'tiny-gpt2'\nprompt_tokens = 505\nnew_tokens = 8"),
        include("model = 'tiny-bert'\nnew_tokens = 8"),
        include("model = 'tiny-wav2vec2'"),
    ];
    format!("{shipped}{}{COMPILED_ONCE}", more.concat())
}

#[test]
fn a_text_goes_on_at_each_depth_and_each_of_its_tokens_is_verified() {
    let shop = Workshop::new();
    let few = ["samples=1", "rounds=1", "warmup=0"].map(|set| format!("measure.{set}"));
    let sets = ["matrix.new_tokens=8", "matrix.shader_precompilation=false"];
    let sets = few.iter().map(String::as_str).chain(sets).flat_map(|set| ["--set", set]);
    shop.run(&depths(), &sets.collect::<Vec<_>>()).expect(0);
    let jobs = shop.jobs();
    assert_eq!(jobs.len(), 8 + 6);
    let (swept, others) = jobs.split_at(8);
    for row in swept {
        assert_tokens(row, row["prompt_tokens"].parse().unwrap(), 8);
    }
    let depths: Vec<_> = swept.iter().map(|row| cells(row, ["browser", "backend", "prompt_tokens"])).collect();
    for browser in ["chrome", "firefox"] {
        for depth in ["16", "64", "256"] {
            assert!(depths.contains(&[browser, "wasm", depth]), "{depths:?}");
        }
        assert!(depths.contains(&[browser, "webgpu", "64"]), "{depths:?}");
    }

    let [plain, batch, single, long, bert, speech] = others else { panic!("{others:?}") };
    // Its tokenizer has one for the whole word; the model's own options say how many follow.
    assert_tokens(plain, 1, 12);
    assert_eq!(cells(plain, ["prompt_tokens", "new_tokens"]), ["", ""]);
    assert_tokens(batch, 2 * 16, 2 * 4);
    assert_right(single);
    let found = cells(single, ["tokens_in", "tokens_out", "decode_tokens_per_s", "token_median_ms", "token_p95_ms"]);
    assert_eq!(found, ["16", "1", "", "", ""], "{single:?}");
    assert!(is_positive(&single["prefill_tokens_per_s"]), "{single:?}");
    let said = [
        (long, "holds 512 tokens (`n_positions` in its config.json), and 505 of the prompt and 8 new ones are 513"),
        (bert, "the model tiny-bert generates no text, which is what `new_tokens` is about"),
    ];
    for (row, said) in said {
        assert_eq!(cells(row, ["status", "ttft_ms", "tokens_out"]), ["unsupported", "", ""], "{row:?}");
        assert!(row["reason"].contains(said), "{row:?}");
    }
    assert_right(speech);
    assert_eq!(cells(speech, ["tokens_in", "ttft_ms"]), ["", ""]);
    // It hears one second.
    assert_near(number(speech, "real_time_factor"), number(speech, "wall_median_ms") / 1e3);
    assert!(swept.iter().all(|row| row["real_time_factor"].is_empty()));

    let steady = shop.samples().into_iter().filter(|row| row["kind"] == "steady");
    for row in steady.filter(|row| row["job_id"].contains("prompt_tokens")) {
        assert_eq!(is_positive(&row["token_ms"]), !row["job_id"].ends_with("/new_tokens=1"), "{row:?}");
        assert!(is_positive(&row["ttft_ms"]), "{row:?}");
    }
    let run = shop.run_folder();
    let compared = shop
        .gpujobs(&["compare", run.to_str().unwrap(), "--by", "prompt_tokens", "--metric", "decode", "--format", "json"])
        .expect(0);
    let pairs: Vec<serde_json::Value> = serde_json::from_str(&compared.stdout).unwrap();
    let pair = pairs.iter().find(|pair| pair["job"] == "chrome/tiny-gpt2/wasm/64x1x1/lazy/new_tokens=8");
    let pair = pair.unwrap_or_else(|| panic!("{pairs:#?}"));
    for side in ["base", "new"] {
        let depth = pair[side].as_str().unwrap();
        let row =
            swept.iter().find(|row| cells(row, ["browser", "backend", "prompt_tokens"]) == ["chrome", "wasm", depth]);
        let median = pair[format!("{side}_median_ms")].as_f64().unwrap();
        assert_near(median, 1e3 / number(row.unwrap(), "decode_tokens_per_s"));
    }
}

fn number(row: &Row, column: &str) -> f64 {
    row[column].parse().unwrap_or_else(|_| panic!("{column}: {row:?}"))
}

#[track_caller]
fn assert_near(found: f64, expected: f64) {
    assert!((found / expected - 1.0).abs() < 1e-3, "{found}, not {expected}");
}

/// A row of one sample with so many tokens, whose figures go together.
#[track_caller]
fn assert_tokens(row: &Row, given: u32, made: u32) {
    assert_right(row);
    let (given, made) = (f64::from(given), f64::from(made));
    assert_eq!((number(row, "tokens_in"), number(row, "tokens_out")), (given, made), "{row:?}");
    let [first, rate, wall] = ["ttft_ms", "decode_tokens_per_s", "wall_median_ms"].map(|column| number(row, column));
    assert_near(number(row, "prefill_tokens_per_s"), given * 1e3 / first);
    let texts = number(row, "batch");
    let all = first + (made - texts) * 1e3 / rate;
    assert!(first > 0.0 && all > first && all < 1.001 * wall, "{first} + {rate}/s in {wall}: {row:?}");
    // Errors don't grow with the depth: far within the tolerance of 1e-4.
    assert!(number(row, "max_rel_error") < 1e-5, "{row:?}");
    let [median, high] = ["token_median_ms", "token_p95_ms"].map(|column| number(row, column));
    assert!(0.0 < median && median <= high && high < wall, "{row:?}");
    assert_eq!(cells(row, ["ttft_low_ms", "decode_high_tokens_per_s"]), ["", ""], "one sample has no interval");
}

#[test]
fn a_wrong_token_is_found_where_it_is() {
    let kept = "fetches: logitsOf(call.fetches) };";
    let wrong = "fetches: logitsOf(call.fetches).map((value) => (inference?.calls === 3 ? wrong(value) : value)) };";
    let wrong_of = "\nconst wrong = (/** @type {any} */ value) => \
                    ({ ...value, data: value.data.map((/** @type {number} */ x) => 1.02 * x) });\n";
    let logits = tampered("harness/generation.js", kept, wrong) + wrong_of;

    // What the fourth call is given is not what the third gave.
    let given = "const given = fix ? fix(feeds) : feeds;";
    let fed = "const given = fed(fix ? fix(feeds) : feeds);";
    let fed_of = "\nfunction fed(/** @type {any} */ feeds) {\n  const past = feeds[\"past_key_values.1.value\"];\n  \
                  if (past?.dims[2] === 18) past.data[5] += 4;\n  return feeds;\n}\n";
    let cache = tampered("harness/watched_sessions.js", given, fed) + fed_of;

    let chosen = "ids.map(Number)";
    let other = "ids.map((id, at) => Number(id) + (at === 17 ? 1 : 0))";
    let choice = tampered("harness/generation.js", chosen, other);

    let backed = "differs from its reference, with which webgpu in chrome agrees";
    for (file, text, token, said) in [
        ("generation.js", logits, 3, backed),
        ("watched_sessions.js", cache, 4, backed),
        ("generation.js", choice, 2, "is largest at "),
    ] {
        let shop = Workshop::new();
        shop.write(&format!("own/harness/{file}"), &text);
        let matrix = "browser = 'chrome'\nmodel = 'tiny-gpt2'\nbackend = 'wasm'\nprompt_tokens = 16\nnew_tokens = 6";
        shop.run(&manifest(matrix, NO_FALLBACK), &["--templates", "own"]).expect(1);
        let row = shop.jobs().remove(0);
        let found = cells(&row, ["status", "verified", "ttft_ms", "decode_tokens_per_s"]);
        assert_eq!(found, ["incorrect", "false", "", ""], "{row:?}");
        let said = format!("stage `token {token} of 6 (onnx/model.onnx)`: `logits` {said}");
        assert!(row["reason"].contains(&said), "{said}: {row:?}");
    }
}
