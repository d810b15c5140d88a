//! The columns of texts that are generated, and of sounds.

use super::super::Column;
use crate::record::cell::CellKind::Float;
use crate::record::cell::{Cell, of};

const INTERVAL: &str = "Its 95 % interval, made as that of `wall_median_ms`.";

pub(super) const COLUMNS: &[Column] = &[
    Column {
        name: "tokens_in",
        unit: "",
        kind: Float,
        doc: "Text generation: tokens of the prompts that an inference was really given, of the whole batch, padding included; \
              the median where inferences differ.",
        cell: |facts| of(facts.tokens.given, Cell::Float),
    },
    Column {
        name: "tokens_out",
        unit: "",
        kind: Float,
        doc: "Tokens that it really made, of the whole batch.",
        cell: |facts| of(facts.tokens.made, Cell::Float),
    },
    Column {
        name: "ttft_ms",
        unit: "ms",
        kind: Float,
        doc: "Time to the first token: from the call, tokenising included, until the page can read the logits of the first token; \
              the median of the steady state's inferences.",
        cell: |facts| of(facts.tokens.first_ms, |times| Cell::Float(times.median)),
    },
    Column {
        name: "ttft_low_ms",
        unit: "ms",
        kind: Float,
        doc: INTERVAL,
        cell: |facts| of(facts.tokens.first_ms.and_then(|times| times.interval), |interval| Cell::Float(interval.0)),
    },
    Column {
        name: "ttft_high_ms",
        unit: "ms",
        kind: Float,
        doc: "The same.",
        cell: |facts| of(facts.tokens.first_ms.and_then(|times| times.interval), |interval| Cell::Float(interval.1)),
    },
    Column {
        name: "prefill_tokens_per_s",
        unit: "1/s",
        kind: Float,
        doc: "`tokens_in` by the time to the first token; the median.",
        cell: |facts| of(facts.tokens.prefill_per_s, Cell::Float),
    },
    Column {
        name: "decode_tokens_per_s",
        unit: "1/s",
        kind: Float,
        doc: "Tokens after the first one, by the time from the first to the last; the median. Empty where only one is made.",
        cell: |facts| of(facts.tokens.decode_per_s, |rates| Cell::Float(rates.median)),
    },
    Column {
        name: "decode_low_tokens_per_s",
        unit: "1/s",
        kind: Float,
        doc: INTERVAL,
        cell: |facts| {
            of(facts.tokens.decode_per_s.and_then(|rates| rates.interval), |interval| Cell::Float(interval.0))
        },
    },
    Column {
        name: "decode_high_tokens_per_s",
        unit: "1/s",
        kind: Float,
        doc: "The same.",
        cell: |facts| {
            of(facts.tokens.decode_per_s.and_then(|rates| rates.interval), |interval| Cell::Float(interval.1))
        },
    },
    Column {
        name: "token_median_ms",
        unit: "ms",
        kind: Float,
        doc: "From one token to the next: the median of all such steps of the steady state. They have no interval of their own, \
              since steps of one text are not independent; a browser's clock may be coarser than a step (`clock_step_us`).",
        cell: |facts| of(facts.tokens.step_median_ms, Cell::Float),
    },
    Column {
        name: "token_p95_ms",
        unit: "ms",
        kind: Float,
        doc: "95 % of these steps took at most that.",
        cell: |facts| of(facts.tokens.step_p95_ms, Cell::Float),
    },
    Column {
        name: "real_time_factor",
        unit: "",
        kind: Float,
        doc: "Tasks of transformers.js that take a sound: wall time of an inference by the length of the sound that it is given, of \
              the whole batch. Below 1 it is faster than the sound plays; some call the inverse of it by the same name.",
        cell: |facts| of(facts.real_time_factor(), Cell::Float),
    },
];
