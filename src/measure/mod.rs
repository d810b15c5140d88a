//! A measurement is what one job cost, in phases and samples, with the facts that say what really ran.
//!
//! `warmup` says when samples may begin, `sampling` when there are enough, `clock` whether GPU times can be trusted;
//! `memory` says what it holds and whether that grows, `generation` how fast texts go on; `stats` turns samples into figures, `drift` and `modes` see what figures hide. Made by `run` from what `harness`
//! received; used by `record`.

pub mod clock;
pub mod drift;
pub mod generation;
pub mod instances;
pub mod memory;
pub mod modes;
pub mod sampling;
pub mod stats;
pub mod warmup;

use std::collections::BTreeMap;

use crate::harness::executor::{Check, PreparedJob};
use crate::protocol::adapter::{AdapterFacts, AdapterKind};
use crate::protocol::event::{ClockFacts, ExecutionInfo, RawKernel, RawPart, RawPhases, RawSample, SampleKind};
use crate::protocol::memory::GpuMemory;
use crate::reference::Spread;
use crate::units::Nanos;

pub use generation::{TokenTimes, TokenUse};
pub use stats::Summary;

use generation::Generations;

/// What a job that ran to its end cost, and what ran it.
#[derive(Debug, Clone)]
pub struct Measurement {
    /// The adapter, in the browser's words; `None` where no GPU computed.
    pub adapter: Option<AdapterFacts>,
    /// What really ran, beside it.
    pub ran: ExecutionInfo,
    /// How good the session's clocks are.
    pub clocks: ClockFacts,
    /// Start-up, each phase by itself.
    pub phases: Phases,
    /// What each part of the model cost until the first result, where there are parts.
    pub parts: Vec<RawPart>,
    /// What each kernel cost, where that was asked for, or why it is not known.
    pub kernels: Result<Vec<RawKernel>, String>,
    /// Every sample, the first inference and the warm-up included, in the order taken.
    pub samples: Vec<Sample>,
    /// Of a job that generates texts: each inference of its steady samples, with its round.
    generations: Generations,
    /// What the check of the first output said.
    pub check: Check,
    /// Whether the warm-up came to a steady state; `None` where it was too short to say.
    pub settled: Option<bool>,
}

/// What a job's start cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Phases {
    /// `requestAdapter` and `requestDevice`.
    pub device_ready: Nanos,
    /// Fetching and uploading inputs and weights.
    pub model_load: Nanos,
    /// Making all pipelines; overlaps `model_load` where shaders are precompiled, lies inside `first_inference` where not.
    pub shader_compile: Nanos,
    /// From the first dispatch's preparation to its completion.
    pub first_inference: Nanos,
    /// From the job's start to its first output, all of the above included.
    pub time_to_first_result: Nanos,
}

/// One sample; its times are those of one inference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// The round in which it was taken, from 0.
    pub round: u32,
    /// What it counts for.
    pub kind: SampleKind,
    /// By `performance.now` from encoding to completion.
    pub wall: Nanos,
    /// By GPU timestamps around the pass; `None` where the adapter has none.
    pub gpu: Option<Nanos>,
    /// Since the job began.
    pub at: Nanos,
    /// Inferences in the submission, whose time was divided by it.
    pub iterations: u32,
    /// Whether the page was hidden: a browser may slow it down then.
    pub hidden: bool,
    /// What the job held on the GPU after it; `None` where no GPU computed.
    pub gpu_memory: Option<GpuMemory>,
    /// Bytes of its `WebAssembly.Memory`; `None` where it has none.
    pub wasm_bytes: Option<u64>,
    /// When tokens were there, of inferences that generate texts.
    pub tokens: Option<TokenTimes>,
    /// Of a first inference: from the job's start to its output.
    pub time_to_first_result: Option<Nanos>,
}

impl Measurement {
    /// Of a job that has given its first, verified result.
    #[must_use]
    pub fn begin(prepared: PreparedJob) -> Self {
        let PreparedJob { adapter, ran, clocks, phases, parts, first, check } = prepared;
        let RawPhases {
            device_ready_ms,
            model_load_ms,
            shader_compile_ms,
            first_inference_ms,
            time_to_first_result_ms,
        } = phases;
        let phases = Phases {
            device_ready: device_ready_ms,
            model_load: model_load_ms,
            shader_compile: shader_compile_ms,
            first_inference: first_inference_ms,
            time_to_first_result: time_to_first_result_ms,
        };
        let mut measurement = Self {
            adapter,
            ran,
            clocks,
            phases,
            parts,
            kernels: Ok(Vec::new()),
            samples: Vec::new(),
            generations: Vec::new(),
            check,
            settled: None,
        };
        measurement.add_first(0, &first, time_to_first_result_ms);
        measurement
    }

    /// Adds the first inference of a job that was made ready anew in a round, and what its check says.
    pub fn add_instance(&mut self, round: u32, prepared: &PreparedJob) {
        self.add_first(round, &prepared.first, prepared.phases.time_to_first_result_ms);
        let (own, found) = (&mut self.check, &prepared.check);
        let unlike = own.output_digest != found.output_digest;
        if found.verdict.verified.is_none() && (own.verdict.verified.is_some() || unlike) {
            own.verdict.verified = None;
            let why = if found.unverified.is_empty() { "nothing to compare it with" } else { &found.unverified };
            let why = if unlike { format!("made ready anew, it gave another output; {why}") } else { why.to_owned() };
            own.unverified = why;
        }
        if let (Some(max_abs), Some(max_rel)) = (found.verdict.max_abs_error, found.verdict.max_rel_error) {
            own.verdict.measured(max_abs, max_rel, 0);
        }
    }

    /// Adds how far outputs of other inferences were from those that were checked.
    pub fn add_spread(&mut self, spread: Spread) {
        let check = &mut self.check;
        check.spread = check.spread.and(spread);
        if check.spread.open && check.verdict.verified.is_some() {
            check.verdict.verified = None;
            "what a stage reads comes out in several ways, and one of its outputs was further from its reference than that allows"
                .clone_into(&mut check.unverified);
        }
    }

    /// Adds the first inference of a job that was made ready in a round.
    fn add_first(&mut self, round: u32, first: &RawSample, time_to_first_result: Nanos) {
        self.add(round, std::slice::from_ref(first));
        if let Some(sample) = self.samples.last_mut() {
            sample.time_to_first_result = Some(time_to_first_result);
        }
    }

    /// Adds what a round brought.
    pub fn add(&mut self, round: u32, raw: &[RawSample]) {
        self.samples.extend(raw.iter().map(|sample| Sample {
            round,
            kind: sample.kind,
            wall: sample.wall_ms,
            gpu: sample.gpu_ms,
            at: sample.at_ms,
            iterations: sample.iterations,
            hidden: sample.hidden,
            gpu_memory: sample.gpu_memory,
            wasm_bytes: sample.wasm_bytes,
            tokens: TokenTimes::of(&sample.generations),
            time_to_first_result: None,
        }));
        let steady = raw.iter().filter(|sample| sample.kind == SampleKind::Steady);
        self.generations.extend(steady.flat_map(|sample| &sample.generations).map(|one| (round, one.clone())));
    }

    /// The most WebAssembly memory that it had, in bytes.
    #[must_use]
    pub fn wasm_bytes(&self) -> Option<u64> {
        self.samples.iter().filter_map(|sample| sample.wasm_bytes).max()
    }

    /// Wall times of the steady state, in milliseconds.
    #[must_use]
    pub fn wall_ms(&self) -> Vec<f64> {
        self.steady().map(|sample| sample.wall.millis()).collect()
    }

    /// The summary of wall or GPU times of the steady state, in milliseconds, with an interval that covers another
    /// making-ready of the job; `None` where there are none, or none of the GPU's that are trusted.
    #[must_use]
    pub fn summary(&self, gpu: bool) -> Option<Summary> {
        // Empty where the GPU's clock is not trusted.
        if gpu && self.gpu_ms().is_empty() {
            return None;
        }
        let time = |sample: &Sample| if gpu { sample.gpu } else { Some(sample.wall) };
        self.of_instances(self.steady().filter_map(|sample| Some((sample.round, time(sample)?.millis()))))
    }

    /// The summary of values that were observed in rounds, with an interval that covers another making-ready of the job.
    fn of_instances(&self, observed: impl IntoIterator<Item = (u32, f64)>) -> Option<Summary> {
        let begun: Vec<u32> = self
            .samples
            .iter()
            .filter(|sample| sample.time_to_first_result.is_some())
            .map(|sample| sample.round)
            .collect();
        let mut values: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
        for (round, value) in observed {
            values.entry(instances::instance_of(round, begun.iter().copied())).or_default().push(value);
        }
        let values: Vec<Vec<f64>> = values.into_values().collect();
        let hardware = self.adapter.as_ref().is_some_and(|adapter| adapter.kind == AdapterKind::Hardware);
        let summary = Summary::of(&values.concat())?;
        Some(instances::with_interval_of_instances(summary, &values, instances::assumed_spread(hardware)))
    }

    /// Wall times of single inferences, each waited for, in milliseconds. Where a steady sample holds one inference it is
    /// one of these, and no others are taken.
    #[must_use]
    pub fn latency_ms(&self) -> Vec<f64> {
        if self.iterations() == Some(1) {
            return self.wall_ms();
        }
        let taken = self.samples.iter().filter(|sample| sample.kind == SampleKind::Latency);
        taken.map(|sample| sample.wall.millis()).collect()
    }

    /// Wall times of single inferences, each awaited as an application does that only awaits, in milliseconds.
    #[must_use]
    pub fn latency_raw_ms(&self) -> Vec<f64> {
        let taken = self.samples.iter().filter(|sample| sample.kind == SampleKind::LatencyRaw);
        taken.map(|sample| sample.wall.millis()).collect()
    }

    /// Inferences in each steady sample; `None` before there is one.
    #[must_use]
    pub fn iterations(&self) -> Option<u32> {
        self.steady().next().map(|sample| sample.iterations)
    }

    /// GPU times of the steady state in milliseconds, empty unless every sample has one and the clock is trusted.
    #[must_use]
    pub fn gpu_ms(&self) -> Vec<f64> {
        if clock::demotion(self).is_some() {
            return Vec::new();
        }
        self.steady().map(|sample| sample.gpu.map(Nanos::millis)).collect::<Option<_>>().unwrap_or_default()
    }

    /// The times that decide whether there are enough samples: the GPU's own where there are any.
    #[must_use]
    pub fn deciding_ms(&self) -> Vec<f64> {
        let gpu = self.gpu_ms();
        if gpu.is_empty() { self.wall_ms() } else { gpu }
    }

    /// The least time of an inference while it was warmed up, in milliseconds, the GPU's own where the last one's is
    /// trusted: short samples hold more of what disturbs them. `None` before there is one.
    #[must_use]
    pub fn least_warmup_ms(&self) -> Option<f64> {
        let warmups = || self.samples.iter().filter(|sample| sample.kind == SampleKind::Warmup);
        let last = Sample { kind: SampleKind::Steady, ..*warmups().next_back()? };
        let believed = clock::demotion(&Self { samples: vec![last], ..self.clone() }).is_none();
        let time = |sample: &Sample| sample.gpu.filter(|_| believed).unwrap_or(sample.wall).millis();
        warmups().map(time).min_by(f64::total_cmp)
    }

    /// How many inferences were run to warm up.
    #[must_use]
    pub fn warmups(&self) -> usize {
        self.samples.iter().filter(|sample| sample.kind == SampleKind::Warmup).count()
    }

    fn steady(&self) -> impl Iterator<Item = &Sample> {
        self.samples.iter().filter(|sample| sample.kind == SampleKind::Steady)
    }
}
