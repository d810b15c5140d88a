//! A fake is an executor that plays a script: for tests of the dispatcher, which knows no browser.
//!
//! A [`Script`] says what each job and each opening meets, and keeps what was asked of every executor made from it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::executor::{Check, ExecuteError, Executor, OpenError, Opened, Piloted, PreparedJob};
use crate::plan::Cache;
use crate::protocol::adapter::{AdapterFacts, AdapterKind};
use crate::protocol::command::Ask;
use crate::protocol::event::{ClockFacts, ExecutionInfo, RawKernel, RawPhases, RawSample, SampleKind};
use crate::reference::{Spread, Verdict};
use crate::render::page::Page;
use crate::units::Nanos;
use crate::webdriver::RemoteFacts;

/// What one try of a job meets.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// It runs; each sample takes the next of these wall times in ms, over and over.
    Runs(Vec<f64>),
    /// As `Runs`, and each command takes this long as well.
    Slow(Duration, Vec<f64>),
    /// It runs, and needs several inferences in a sample.
    Needs {
        /// How many.
        iterations: u32,
        /// How long one takes.
        ms: f64,
    },
    /// It runs, and its first result takes so many milliseconds.
    Starts(f64),
    /// This browser can't run it.
    Unsupported(String),
    /// Its output is wrong.
    Incorrect(String),
    /// It fails, and the session stays open.
    Failed(String),
    /// The browser is gone before the first result.
    Lost(String),
    /// The browser is gone while samples are taken.
    LostAtSamples(String),
    /// No answer ever comes.
    Silent,
}

/// What is played, and what was asked; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Script(Arc<Mutex<FakeState>>);

#[derive(Debug, Default)]
struct FakeState {
    /// By the beginning of a job's id.
    acts: Vec<(String, VecDeque<Act>)>,
    openings: HashMap<String, VecDeque<Option<OpenError>>>,
    /// The nodes that openings get, in turn.
    nodes: VecDeque<String>,
    calls: Vec<String>,
}

impl Script {
    /// Every job runs and every browser opens, unless a script says otherwise.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The tries of the jobs whose id contains `part` meet these acts in turn; later ones run.
    #[must_use]
    pub fn job(self, part: &str, acts: impl IntoIterator<Item = Act>) -> Self {
        self.lock().acts.push((part.to_owned(), acts.into_iter().collect()));
        self
    }

    /// The openings of a browser meet these errors in turn, or none; later ones go well.
    #[must_use]
    pub fn opening<E: Into<Option<OpenError>>>(self, browser: &str, errors: impl IntoIterator<Item = E>) -> Self {
        self.lock().openings.insert(browser.to_owned(), errors.into_iter().map(Into::into).collect());
        self
    }

    /// Openings get these nodes of a Grid, in turn and over again.
    #[must_use]
    pub fn on_nodes(self, nodes: impl IntoIterator<Item = &'static str>) -> Self {
        self.lock().nodes = nodes.into_iter().map(str::to_owned).collect();
        self
    }

    /// What was asked so far, a line a call.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        self.lock().calls.clone()
    }

    /// The executor of a browser.
    #[must_use]
    pub fn executor(&self, browser: &str) -> Fake {
        Fake {
            script: self.clone(),
            browser: browser.to_owned(),
            open: false,
            remote: None,
            cache: Cache::Warm,
            jobs: HashMap::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, FakeState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, call: String) {
        self.lock().calls.push(call);
    }

    fn act(&self, job: &str) -> Act {
        let mut state = self.lock();
        let acts = state.acts.iter_mut().find(|(part, acts)| job.contains(part.as_str()) && !acts.is_empty());
        acts.and_then(|(_, acts)| acts.pop_front()).unwrap_or(Act::Runs(vec![1.0]))
    }
}

/// An executor that plays its script.
#[derive(Debug)]
pub struct Fake {
    script: Script,
    browser: String,
    open: bool,
    /// The node that the session is on.
    remote: Option<RemoteFacts>,
    cache: Cache,
    jobs: HashMap<u64, (Act, usize)>,
}

impl Executor for Fake {
    async fn open(&mut self, cache: Cache) -> Result<Opened, OpenError> {
        if [cache, self.cache].contains(&Cache::Cold) {
            self.close().await;
        }
        self.cache = cache;
        if !self.open {
            self.script.note(format!("open {}{}", self.browser, if cache == Cache::Cold { " cold" } else { "" }));
            let error = self.script.lock().openings.get_mut(&self.browser).and_then(VecDeque::pop_front);
            if let Some(Some(error)) = error {
                return Err(error);
            }
            self.open = true;
            let mut state = self.script.lock();
            let node = state.nodes.pop_front();
            state.nodes.extend(node.clone());
            self.remote = node.map(|node| RemoteFacts { node: Some(node), ..RemoteFacts::default() });
        }
        Ok(Opened { browser_version: "1".to_owned(), remote: self.remote.clone(), ..Opened::default() })
    }

    async fn prepare(&mut self, page: &Page) -> Result<PreparedJob, ExecuteError> {
        self.script.note(format!("prepare {}", page.job.id));
        let act = self.script.act(&page.job.id.0);
        self.jobs.insert(page.number, (act.clone(), 0));
        match act {
            Act::Runs(_) | Act::Slow(..) | Act::Needs { .. } | Act::LostAtSamples(_) => Ok(prepared()),
            Act::Starts(ms) => {
                let mut prepared = prepared();
                prepared.phases.time_to_first_result_ms = Nanos::from_millis_f64(ms);
                Ok(prepared)
            }
            Act::Unsupported(message) => Err(ExecuteError::Unsupported(message)),
            Act::Incorrect(message) => Err(ExecuteError::Incorrect { message, check: None }),
            Act::Failed(message) => Err(ExecuteError::Failed(message)),
            Act::Lost(message) => Err(ExecuteError::Lost(message)),
            Act::Silent => std::future::pending().await,
        }
    }

    async fn pilot(&mut self, number: u64) -> Result<Piloted, ExecuteError> {
        self.script.note(format!("pilot {number}"));
        let Some((act, _)) = self.jobs.get(&number) else {
            return Err(ExecuteError::Lost(format!("job {number} is not there")));
        };
        let (iterations, inference_ms) = match act {
            Act::Runs(times) | Act::Slow(_, times) => (1, times[0]),
            Act::Needs { iterations, ms } => (*iterations, *ms),
            _ => (1, 1.0),
        };
        let samples = vec![sample(SampleKind::Warmup, inference_ms, 1)];
        Ok(Piloted { iterations, inference: Nanos::from_millis_f64(inference_ms), samples })
    }

    async fn measure(&mut self, number: u64, asks: &[Ask]) -> Result<Vec<RawSample>, ExecuteError> {
        let counts = |kind: SampleKind| asks.iter().filter(|ask| ask.kind == kind).map(|ask| ask.count).sum::<u32>();
        let steady = counts(SampleKind::Steady);
        self.script.note(format!("measure {}+{steady} of {number}", counts(SampleKind::Warmup)));
        let (times, taken) = match self.jobs.get_mut(&number) {
            Some((Act::Runs(times), taken)) => (times.clone(), taken),
            Some((Act::Needs { ms, .. }, taken)) => (vec![*ms], taken),
            Some((Act::Slow(each, times), taken)) => {
                tokio::time::sleep(*each).await;
                (times.clone(), taken)
            }
            Some((Act::Starts(_), taken)) => (vec![1.0], taken),
            // Warming up goes well.
            Some((Act::LostAtSamples(_), taken)) if steady == 0 => (vec![1.0], taken),
            Some((Act::LostAtSamples(message), _)) => return Err(ExecuteError::Lost(message.clone())),
            _ => return Err(ExecuteError::Lost(format!("job {number} is not there"))),
        };
        let mut all = Vec::new();
        for ask in asks {
            for _ in 0..ask.count {
                let counts = ask.kind == SampleKind::Steady;
                let time = if counts { times[*taken % times.len()] } else { times[0] };
                all.push(sample(ask.kind, time, ask.iterations));
                *taken += usize::from(counts);
            }
        }
        Ok(all)
    }

    async fn profile(&mut self, number: u64) -> Result<Vec<RawKernel>, ExecuteError> {
        self.script.note(format!("profile {number}"));
        Ok(vec![RawKernel { name: "kernel".to_owned(), op: "op".to_owned(), dispatches: 1.0, gpu_ms: Nanos(1000) }])
    }

    async fn release(&mut self, number: u64) {
        self.jobs.remove(&number);
    }

    fn beside(&self, _: u64) -> Option<String> {
        None
    }

    fn spread(&self, _: u64) -> Spread {
        Spread::default()
    }

    async fn weigh(&mut self, _: u64) -> Option<u64> {
        None
    }

    fn resident(&self) -> Option<u64> {
        None
    }

    async fn close(&mut self) {
        self.jobs.clear();
        if self.open {
            self.script.note(format!("close {}", self.browser));
            self.open = false;
        }
    }
}

fn sample(kind: SampleKind, wall_ms: f64, iterations: u32) -> RawSample {
    RawSample {
        kind,
        wall_ms: Nanos::from_millis_f64(wall_ms),
        gpu_ms: None,
        at_ms: Nanos::default(),
        iterations,
        hidden: false,
        gpu_memory: None,
        wasm_bytes: None,
        generations: Vec::new(),
    }
}

/// A first result that was checked and is right.
#[must_use]
pub fn prepared() -> PreparedJob {
    let ms = Nanos::from_millis_f64(1.0);
    PreparedJob {
        adapter: Some(AdapterFacts {
            vendor: "fake".to_owned(),
            architecture: String::new(),
            device: String::new(),
            description: String::new(),
            backend: String::new(),
            driver: String::new(),
            kind: AdapterKind::Software,
        }),
        ran: ExecutionInfo::default(),
        parts: Vec::new(),
        clocks: ClockFacts {
            clock_step_us: 5.0,
            timestamp_step_ns: None,
            timestamp_drift_percent: None,
            empty_submit_ms: Some(0.1),
            empty_submit_raw_ms: Some(0.1),
        },
        phases: RawPhases {
            device_ready_ms: ms,
            model_load_ms: ms,
            shader_compile_ms: ms,
            first_inference_ms: ms,
            time_to_first_result_ms: ms,
        },
        first: sample(SampleKind::First, 1.0, 1),
        check: Check {
            verdict: Verdict { max_abs_error: Some(0.0), max_rel_error: Some(0.0), ..Verdict::default() },
            reference: "rust".to_owned(),
            unverified: String::new(),
            spread: Spread::default(),
            random: false,
            flops: None,
            output_digest: "0123456789abcdef".to_owned(),
            outputs: Vec::new(),
        },
    }
}
